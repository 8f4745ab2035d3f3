package publish

import "time"

// AlarmSchema names the version of Alarm.
const AlarmSchema = "alarm/2"

// Duress is the type of the alarm that somebody was forced to ask for the door, and said so by what they typed.
const Duress EventType = "duress"

// An Alarm is told to building systems alone: nothing at the door differs. It has no subject either: whoever was forced is seen
// by those who come to help. It is not on the topic of an Event, and counts apart, so that the passage beside it is told as any other.
type Alarm struct {
	Schema   string    `json:"schema" jsonschema:"enum=alarm/2"`
	Type     EventType `json:"event_type" jsonschema:"enum=duress"`
	Store    string    `json:"store" jsonschema:"pattern=^[0-9a-f]{16}$"`                 // as that of an Event
	Seq      uint64    `json:"seq" jsonschema:"minimum=1"`                                // counts the alarms of a store from 1
	Boot     string    `json:"boot" jsonschema:"pattern=^[0-9a-f]{16}$"`                  // as that of an Event
	Time     string    `json:"ts" jsonschema:"format=date-time,pattern=\\.[0-9]{3}Z$"`    // when it was asked: as that of an Event
	Clock    Clock     `json:"clock"`                                                     // whether ts can be trusted
	Door     string    `json:"door" jsonschema:"maxLength=128,pattern=^[^\\x00-\\x1f]+$"` // the configured name of the door
	Replayed bool      `json:"replayed"`                                                  // it waited for a connection, or may have been sent before
}

// Duress returns the alarm that somebody was forced to ask for the door at the given time.
func (s Source) Duress(at time.Time) Alarm {
	return Alarm{Schema: AlarmSchema, Type: Duress, Time: s.At(at), Clock: s.Clock(), Door: s.Door}
}
