// Package mqttwatch says in words what the topics of a gate carry, and what is wrong with it: a message of another form than the gate's,
// and numbers that are missing or come again. It is handed messages, and knows no broker.
package mqttwatch

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"facegate/configs/show"
	"facegate/pipeline/publish"
)

// A Line is what is said of one message.
type Line struct {
	At       time.Time       `json:"at"`    // when it was heard
	Topic    string          `json:"topic"` // below facegate/<site>/<gate>/
	QoS      byte            `json:"qos"`
	Retained bool            `json:"retained"` // it was said before
	Says     string          `json:"says"`     // in words
	Payload  json.RawMessage `json:"payload"`  // as it is, or as a string if it is no JSON
	Missing  uint64          `json:"missing"`  // events that should have come before it
	Again    bool            `json:"again"`    // its number was heard before
	Notes    []string        `json:"notes"`    // on its number; never null
	Faults   []string        `json:"faults"`   // what is wrong with its form; never null
}

// A Watch hears the messages of one gate, in their order.
type Watch struct {
	topics []publish.Topic
	counts map[string]*sequence // by the topic that is counted

	missing uint64
}

// New returns a Watch that has heard nothing.
func New() *Watch {
	w := &Watch{topics: publish.Topics()}
	w.Begin()
	return w
}

// Begin says that a connection begins: what came before it was not heard, and is not missing.
func (w *Watch) Begin() { w.counts = map[string]*sequence{} }

// Missing returns how many events and alarms should have come, on all connections, and have not. What comes out of its order is not missing.
func (w *Watch) Missing() uint64 { return w.missing }

// Hear returns what is to be said of a message that is heard at a time.
func (w *Watch) Hear(h publish.Heard, at time.Time) Line {
	l := Line{At: at, Topic: h.Topic, QoS: h.QoS, Retained: h.Retained, Payload: raw(h.Payload), Notes: []string{}, Faults: []string{}}
	i := slices.IndexFunc(w.topics, func(t publish.Topic) bool { return t.Has(h.Topic) })
	if i < 0 {
		l.Says, l.Faults = string(show.Foreign(string(h.Payload))), []string{"it is on no topic of a gate"}
		return l
	}
	t := w.topics[i]
	value, faults := read(t, h.Payload)
	l.Faults = append(append(l.Faults, faults...), carriage(t, h)...)
	if l.Says = say(t, value); l.Says == "" || len(faults) > 0 {
		l.Says = string(show.Foreign(string(h.Payload)))
	}
	if n, ok := numberOf(value); ok && len(faults) == 0 && t.QoS > 0 {
		w.count(&l, n)
	}
	return l
}

// count holds the number of a message against those before it.
func (w *Watch) count(l *Line, n number) {
	s, begun := w.counts[l.Topic]
	if !begun {
		s = &sequence{}
		w.counts[l.Topic] = s
	}
	if s.misses(n) {
		w.missing--
	}
	var note string
	if l.Missing, l.Again, note = s.next(n); note != "" {
		l.Notes = append(l.Notes, note)
	}
	w.missing += l.Missing
}

// carriage says what is wrong with how a message came.
func carriage(t publish.Topic, h publish.Heard) (faults []string) {
	if h.QoS != t.QoS {
		faults = append(faults, fmt.Sprintf("it came at QoS %d, and the gate says it at %d", h.QoS, t.QoS))
	}
	if h.Retained && !t.Retained {
		faults = append(faults, "the broker retains it: whoever comes later takes it for new")
	}
	return faults
}

// raw returns a payload as JSON.
func raw(payload []byte) json.RawMessage {
	if json.Valid(payload) {
		return payload
	}
	text := string(payload)
	if !utf8.ValidString(text) {
		text = string(show.Whole(text))
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return quoted
}
