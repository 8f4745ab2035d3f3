package publish

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A message is what the outbox holds: an event, and the topic of the gate that it goes to; or an alarm; or both, which then wait and
// count as one.
type message struct {
	Topic string `json:"topic,omitempty"`
	Event Event  `json:"event,omitzero"`
	Alarm *Alarm `json:"alarm,omitempty"`
	After uint64 `json:"after,omitempty"` // of an alarm by itself: seq of the newest event
}

// place returns the seq of the newest event before the message, and the store of that.
func (m message) place() (after uint64, store string) {
	switch {
	case m.Topic != "":
		return m.Event.Seq - 1, m.Event.Store
	case m.Alarm != nil:
		return m.After, m.Alarm.Store
	}
	return 0, ""
}

var errNothing = errors.New("there is nothing to tell")

func decode(msg []byte) (m message, err error) {
	if err := json.Unmarshal(msg, &m); err != nil {
		return message{}, err
	}
	switch {
	case m.Topic != pass && (m.Topic != "" || m.Alarm == nil):
		err = fmt.Errorf("there is no topic %q", m.Topic)
	case m.Topic == "" && m.Event != Event{}:
		err = errors.New("an event has no topic")
	}
	return m, err
}

// Decode reads what an outbox holds of an event. What is of another form, or an alarm alone, is an error.
func Decode(msg []byte) (topic string, e Event, err error) {
	m, err := decode(msg)
	if err == nil && m.Topic == "" {
		err = errNothing
	}
	if err != nil {
		return "", Event{}, err
	}
	return m.Topic, m.Event, nil
}

// A sending is a payload and where it goes.
type sending struct {
	topic   string // of the gate
	payload []byte
	seq     uint64 // of an event, 0 for what is none
}

// onWire returns what is sent of a message, in order. An alarm goes first.
func onWire(msg []byte, replayed bool) (all []sending, err error) {
	m, err := decode(msg)
	if err != nil {
		return nil, err
	}
	add := func(topic string, v any, seq uint64) {
		payload, wrong := json.Marshal(v)
		all, err = append(all, sending{topic, payload, seq}), errors.Join(err, wrong)
	}
	if m.Alarm != nil {
		m.Alarm.Replayed = replayed
		add(duress, *m.Alarm, 0)
	}
	if m.Topic == pass {
		m.Event.Replayed = replayed
		add(pass, m.Event, m.Event.Seq)
	}
	return all, err
}
