// Package publish tells building systems who may not be named: it turns a decision into an anonymous pass event, keeps
// it in an outbox, and delivers it to an MQTT broker at least once and in order.
package publish

import (
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"facegate/configs/passage"
)

// Schema names the version of Event.
const Schema = "pass/1"

// Timestamp is the layout of Event.Time: RFC 3339 in UTC with milliseconds.
const Timestamp = "2006-01-02T15:04:05.000Z"

// An EventType says what happened at the door, in the vocabulary of BACnet's AccessEvent.
type EventType string

// The events.
const (
	Granted EventType = "granted" // the door was opened for somebody who was recognised
	Opened  EventType = "opened"  // the door was opened by hand, on the order of a technician
)

// A Method says by what means somebody asked for passage. It is a closed set, so that no name or number can take its
// place in an event.
type Method string

// The methods.
const (
	Face   Method = "face"   // a face was recognised
	Manual Method = "manual" // nobody was: the door was opened by hand
)

func (m Method) valid() bool { return m == Face || m == Manual }

// A Clock says whether the timestamps of events can be trusted; many boards have no battery-backed clock.
type Clock string

// The conditions of the clock.
const (
	Synced   Clock = "synced"
	Unsynced Clock = "unsynced"
)

// An Event is one passage or opening, as it goes on the wire. It has no subject: no name, number, score, picture or pseudonym, and
// no field may be added that tells one person from another.
type Event struct {
	Schema    string            `json:"schema"`
	Type      EventType         `json:"event_type"`
	Seq       uint64            `json:"seq"`        // counts the events of one boot from 1; a gap means that events were lost
	Boot      string            `json:"boot"`       // 4 hexadecimal digits, drawn when the process starts
	Time      string            `json:"ts"`         // when it happened, as Timestamp
	Clock     Clock             `json:"clock"`      // whether Time can be trusted
	Door      string            `json:"door"`       // the configured name of the door
	Direction passage.Direction `json:"direction"`  // the configured direction of the door
	Method    Method            `json:"method"`     // the means that was used
	Reason    *string           `json:"reason"`     // why passage was denied; null if it was not
	LatencyMS int64             `json:"latency_ms"` // from the frame to the relay, in milliseconds; 0 if no frame led to it
	Replayed  bool              `json:"replayed"`   // it waited for a connection, or may have been sent before
}

// newBoot draws the Boot of a process.
func newBoot(rand io.Reader) (string, error) {
	var b [2]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("publish: draw a boot id: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

func timestamp(t time.Time) string { return t.UTC().Format(Timestamp) }
