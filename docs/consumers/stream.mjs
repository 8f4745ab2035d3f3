// Does what consumer.mjs does with the stream of a cluster (docs/fleet.md), for whoever is away for a week, or comes new: it reads what it
// has missed and goes on with what comes, all of it from there. passes.mjs belongs beside it.
//
//   npm install --ignore-scripts @nats-io/transport-node@3.4.0 @nats-io/jetstream@3.4.0
//   node stream.mjs tls://a.example:4222,tls://b.example:4222,tls://c.example:4222 passes.jsonl
//
// NATS_CA is the file of the authority that has signed the nodes' certificates, NATS_CERT and NATS_KEY are its own certificate with its
// key; NATS_USER and NATS_PASSWORD are its account where it has none. NATS_DURABLE names its place in the stream, which the nodes keep,
// and PATIENCE_MS is how long it waits for what is missing before it says so.
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { passesIn } from './passes.mjs'

const [urls, file] = process.argv.slice(2)
if (!file) {
  console.error('usage: node stream.mjs URL,URL... FILE')
  process.exit(2)
}
const { NATS_USER: user, NATS_PASSWORD: pass, NATS_CA: caFile, NATS_CERT: certFile, NATS_KEY: keyFile } = process.env
const place = process.env.NATS_DURABLE ?? 'building-passes'
const passes = passesIn(file, Number(process.env.PATIENCE_MS ?? 60_000))

// read takes passages, from the first that was never acknowledged, until its place is gone, as when the stream was made anew. A new place
// is at the start of the stream, and what FILE has is a repeat there.
async function read(connection) {
  const { consumers } = await jetstreamManager(connection, { checkAPI: false }) // which an archive may not
  // What it had and did not acknowledge when it was ended comes again after ack_wait, in nanoseconds. So it takes no more than it can
  // write in that time.
  await consumers.add('PASSES', { durable_name: place, ack_policy: 'explicit', ack_wait: 5e9, deliver_policy: 'all' })
  const consumer = await jetstream(connection).consumers.get('PASSES', place)
  for await (const message of await consumer.consume({ max_messages: 100, abort_on_missing_resource: true })) {
    const [, site, gate] = message.subject.split('.')
    passes.take(`${site}/${gate}`, message.json())
    message.ack() // when it is on disk, and not before: else what a power cut takes would be gone
  }
}

const tls = caFile ? { caFile, certFile, keyFile } : undefined
for (let connection = null; ; await sleep(1000)) {
  try {
    connection ??= await connect({ servers: urls.split(','), user, pass, tls, maxReconnectAttempts: -1, reconnectTimeWait: 1000 })
    await read(connection)
  } catch (error) {
    console.error(`consumer: ${error.message}`)
  }
}
