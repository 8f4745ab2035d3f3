// Counts passages by gate, store and seq, so that each is written once and in order, and what is missing is said. The consumers beside
// it hand it what they are sent, and acknowledge when take has returned.
//
// FILE has a line for each passage, {"gate": "hq/north", "event": {...}}, and one for each gap, {"gate", "store", "missing": [from, to]}.
// That file is the effect and the place in the count in one: whatever the power does, a passage either stands there and is counted, or
// comes again. Whoever does more than write a line, such as to insert into a database, does that and moves the place in one transaction.
import fs from 'node:fs'

// passesIn goes on with what FILE says. patience is how long it waits for what is missing before it says so, in milliseconds.
export function passesIn(file, patience) {
  // The count of one store of one gate. What comes before its turn waits in early, and on disk in FILE.early.
  const counts = new Map() // by gate and store: {gate, store, next, missing: [[from, to]], early: Map, late: timer}

  function countOf(gate, store, seq) {
    const key = `${gate} ${store}`
    if (!counts.has(key)) {
      // Of a gate that is new here the first that comes is the first. A gate that was wiped counts from 1 in another store.
      const known = [...counts.values()].some((c) => c.gate === gate)
      counts.set(key, { gate, store, next: known ? 1 : seq, missing: [], early: new Map(), late: null })
    }
    return counts.get(key)
  }

  // note moves a count past what a line of FILE says.
  function note({ gate, store, event, missing }) {
    const c = countOf(gate, store ?? event.store, missing ? missing[0] : event.seq)
    if (missing) {
      c.missing.push(missing)
      c.next = missing[1] + 1
    } else if (event.seq >= c.next) {
      c.next = event.seq + 1
    } else {
      found(c, event.seq)
    }
  }

  function write(line) {
    append(file, line)
    note(line)
  }

  // found takes a number out of what is missing, and says whether it was.
  function found(c, seq) {
    const gap = c.missing.find(([from, to]) => from <= seq && seq <= to)
    if (!gap) return false
    c.missing.splice(c.missing.indexOf(gap), 1, [gap[0], seq - 1], [seq + 1, gap[1]])
    c.missing = c.missing.filter(([from, to]) => from <= to)
    return true
  }

  // take has an event on disk when it returns, if it was not there before.
  function take(gate, event) {
    const c = countOf(gate, event.store, event.seq)
    if (event.seq < c.next) { // a repeat, or one that came after all
      if (c.missing.some(([from, to]) => from <= event.seq && event.seq <= to)) write({ gate, event })
      return
    }
    if (event.seq === c.next) {
      write({ gate, event })
      return settle(c)
    }
    if (!c.early.has(event.seq)) {
      append(`${file}.early`, { gate, event })
      c.early.set(event.seq, event)
    }
    wait(c)
  }

  function wait(c) {
    c.late ??= setTimeout(giveUp, patience, c)
  }

  // settle hands on what has waited for its turn.
  function settle(c) {
    for (; c.early.has(c.next);) {
      const event = c.early.get(c.next)
      c.early.delete(c.next)
      write({ gate: c.gate, event })
    }
    clearTimeout(c.late)
    c.late = null
    if (c.early.size > 0) return wait(c)
    if ([...counts.values()].every((other) => other.early.size === 0)) fs.rmSync(`${file}.early`, { force: true })
  }

  // giveUp says what is missing before the first that waits.
  function giveUp(c) {
    write({ gate: c.gate, store: c.store, missing: [c.next, Math.min(...c.early.keys()) - 1] })
    settle(c)
  }

  lines(file).forEach(note)
  for (const { gate, event } of lines(`${file}.early`)) {
    const c = countOf(gate, event.store, event.seq)
    if (event.seq >= c.next) c.early.set(event.seq, event)
  }
  counts.forEach(settle)
  return { take }
}

// What was written before is where it goes on. A line that a power cut has torn was acknowledged to nobody.
function lines(name) {
  if (!fs.existsSync(name)) return []
  const text = fs.readFileSync(name, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) fs.truncateSync(name, Buffer.byteLength(whole))
  return whole.split('\n').filter(Boolean).map((line) => JSON.parse(line))
}

function append(name, line) {
  const f = fs.openSync(name, 'a')
  fs.writeSync(f, JSON.stringify(line) + '\n')
  fs.fdatasyncSync(f)
  fs.closeSync(f)
}
