// Package publish tells building systems what happens at a door, and never to whom. It joins three rooms over one connection
// to an MQTT broker: feed delivers what happened, at least once and in order; states tells what is so now; orders takes what is
// asked of the gate. What goes on the wire is written here alone.
package publish

import (
	"slices"
	"time"

	"facegate/configs/passage"
	"facegate/pipeline/attempt"
)

// Schema names the version of Event.
const Schema = "pass/2"

// Timestamp is the layout of Event.Time: RFC 3339 in UTC with milliseconds.
const Timestamp = "2006-01-02T15:04:05.000Z"

// An EventType says what happened at the door, in the vocabulary of BACnet's AccessEvent.
type EventType string

// The events.
const (
	Granted EventType = "granted" // the door was opened for somebody who was recognised
	Opened  EventType = "opened"  // the door was opened, and nobody was recognised
)

// The methods of an opening that nobody asked for by any means.
const (
	Manual   = "manual"   // a technician at the gate itself, for one passage
	Hold     = "hold"     // likewise, for a while
	Exit     = "exit"     // the exit button
	Schedule = "schedule" // the door is open to everybody at this time
	Fire     = "fire"     // the fire alarm
)

// Withheld is the method of a passage where it is not told by what means of theirs somebody has passed.
const Withheld = "withheld"

// Methods lists every method that an event may name. It is a closed set, so that no name or number can take the place of one.
func Methods() (all []string) {
	for _, m := range attempt.All() {
		if name := m.Method(); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return append(all, Manual, Hold, Exit, Schedule, Fire, Withheld)
}

// A Clock says whether the timestamps of events can be trusted; many boards have no battery-backed clock.
type Clock string

// The conditions of the clock.
const (
	Synced Clock = "synced" // a time server has set it
	RTC    Clock = "rtc"    // none has; it goes on while the machine is off, or somebody has confirmed it, and nothing speaks against it
	Guess  Clock = "guess"  // it does not, and may be as late as the machine was off
	Bad    Clock = "bad"    // it says a time that cannot be
)

// An Event is one passage or opening, as it goes on the wire. It has no subject: no name, number, score, picture or pseudonym.
// No field may be added that tells one person from another.
type Event struct {
	Schema    string            `json:"schema" jsonschema:"enum=pass/2"`
	Type      EventType         `json:"event_type" jsonschema:"enum=granted,enum=opened"`
	Store     string            `json:"store" jsonschema:"pattern=^[0-9a-f]{16}$"`                 // 16 hexadecimal digits, others after a wipe
	Seq       uint64            `json:"seq" jsonschema:"minimum=1"`                                // counts the events of a store from 1; a gap means that events were lost
	Boot      string            `json:"boot" jsonschema:"pattern=^[0-9a-f]{16}$"`                  // 16 hexadecimal digits, drawn when the process starts
	Time      string            `json:"ts" jsonschema:"format=date-time,pattern=\\.[0-9]{3}Z$"`    // when it happened: RFC 3339 in UTC, with milliseconds, cut to what the gate is set to
	Clock     Clock             `json:"clock"`                                                     // whether ts can be trusted
	Door      string            `json:"door" jsonschema:"maxLength=128,pattern=^[^\\x00-\\x1f]+$"` // the configured name of the door
	Direction passage.Direction `json:"direction"`                                                 // the configured direction of the door
	Method    string            `json:"method"`                                                    // by what they have shown last, or what has opened the door
	Reason    *string           `json:"reason" jsonschema:"type=null"`                             // why passage was denied; null if it was not
	LatencyMS int64             `json:"latency_ms" jsonschema:"minimum=0,multipleOf=1000"`         // from the frame to the relay, rounded up to a second; 0 if no frame led to it, or with method withheld
	Replayed  bool              `json:"replayed"`                                                  // it waited for a connection, or may have been sent before
}

// A Source makes the events of one door.
type Source struct {
	Door      string            // its name
	Direction passage.Direction // which way it leads
	Clock     func() Clock      // is asked at every event

	Resolution time.Duration // in which times are told; what is finer is cut off. Less than a millisecond is one
	Withhold   bool          // it is not told by what means of theirs somebody has passed, nor how long the gate took
}

// Check says what is wrong with a Source, wrapping ErrConfig.
func (s Source) Check() error {
	switch {
	case !validText(s.Door):
		return badConfig("the door", "Give the door a name, such as main.")
	case s.Direction != passage.In && s.Direction != passage.Out:
		return badConfig("the direction", "Set it to in or out.")
	}
	return nil
}

// Granted returns the event that the door was opened for somebody who was recognised, at the given time, by the given means,
// with the given latency from frame to relay. By an order that nobody has signed it was opened for nobody who was recognised.
func (s Source) Granted(at time.Time, by attempt.Means, latency time.Duration) Event {
	switch {
	case by == attempt.HomeAssistant: // nobody knows whose order it was
		return s.Opened(at, by.Method())
	case s.Withhold && !by.Afar(): // whoever has ordered it has not passed
		return s.event(Granted, at, Withheld, 0) // each means has a latency of its own
	}
	return s.event(Granted, at, by.Method(), latency)
}

// Opened returns the event that the door was opened at the given time for nobody who was recognised, by Manual, Hold, Exit, Schedule or
// Fire, or by the method of attempt.HomeAssistant. It says nothing of whoever pressed a button but when.
func (s Source) Opened(at time.Time, by string) Event { return s.event(Opened, at, by, 0) }

func (s Source) event(what EventType, at time.Time, method string, latency time.Duration) Event {
	return Event{
		Schema: Schema, Type: what, Time: s.At(at), Clock: s.Clock(), Door: s.Door, Direction: s.Direction,
		Method: method, LatencyMS: coarsely(latency).Milliseconds(),
	}
}

// latencyStep is how finely a latency is told. With some people a gate takes a little longer than with others, at each passage: by
// milliseconds they could be told apart (TestPassesCannotBeLinked). A gate answers within the first step, or is too slow.
const latencyStep = time.Second

// coarsely rounds a latency up, so that none is told as 0.
func coarsely(latency time.Duration) time.Duration {
	return (max(latency, 0) + latencyStep - 1).Truncate(latencyStep)
}

// At returns a time as Timestamp, in the resolution of s.
func (s Source) At(t time.Time) string { return At(t.Truncate(s.Resolution)) }

// At returns a time as Timestamp.
func At(t time.Time) string { return t.UTC().Format(Timestamp) }
