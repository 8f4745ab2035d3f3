package publish

import (
	"encoding/json"
	"fmt"
)

// A message is what the outbox holds: an event, and the topic of the gate that it goes to.
type message struct {
	Topic string `json:"topic"`
	Event Event  `json:"event"`
}

func encode(topic string, e Event) ([]byte, error) { return json.Marshal(message{topic, e}) }

// Decode reads what an outbox holds. What is of another form is an error.
func Decode(msg []byte) (topic string, e Event, err error) {
	var m message
	if err := json.Unmarshal(msg, &m); err != nil {
		return "", Event{}, err
	}
	if m.Topic != pass {
		return "", Event{}, fmt.Errorf("there is no topic %q", m.Topic)
	}
	return m.Topic, m.Event, nil
}

// onWire returns what is sent of a message.
func onWire(msg []byte, replayed bool) (topic string, payload []byte, err error) {
	topic, e, err := Decode(msg)
	if err != nil {
		return "", nil, err
	}
	e.Replayed = replayed
	payload, err = json.Marshal(e)
	return topic, payload, err
}
