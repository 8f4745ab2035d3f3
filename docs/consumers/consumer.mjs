// Hands on every passage of every gate exactly once and in order, and says which are missing, in a file: see passes.mjs, which belongs
// beside this one.
//
//   npm install --ignore-scripts mqtt@5.16.0
//   node consumer.mjs mqtts://broker.example:8883 passes.jsonl
//
// MQTT_USER and MQTT_PASSWORD are its account at the broker, MQTT_CA is the file of the authority that has signed the broker's
// certificate, MQTT_CLIENT_ID names its session, and PATIENCE_MS is how long it waits for what is missing before it says so.
import fs from 'node:fs'
import mqtt from 'mqtt'
import { passesIn } from './passes.mjs'

const [url, file] = process.argv.slice(2)
if (!file) {
  console.error('usage: node consumer.mjs URL FILE')
  process.exit(2)
}
const { MQTT_USER: username, MQTT_PASSWORD: password, MQTT_CA: authority } = process.env
const clientId = process.env.MQTT_CLIENT_ID ?? 'building-passes'
const passes = passesIn(file, Number(process.env.PATIENCE_MS ?? 60_000))

const client = mqtt.connect(url, {
  clientId, clean: false, username, password, ca: authority && fs.readFileSync(authority), protocolVersion: 4, reconnectPeriod: 1000,
})
client.on('connect', () => client.subscribe('facegate/+/+/pass', { qos: 1 }))
client.on('error', (error) => console.error(`consumer: ${error.message}`))

// The broker is told that an event has arrived when it is on disk, and not before. Else what a power cut takes would be gone.
client.handleMessage = (packet, acknowledge) => {
  let event = null
  try {
    event = JSON.parse(packet.payload)
  } catch {
    console.error(`consumer: no JSON on ${packet.topic}`)
  }
  const [, site, gate] = packet.topic.split('/')
  if (event?.schema?.startsWith('pass/')) passes.take(`${site}/${gate}`, event)
  acknowledge()
}
