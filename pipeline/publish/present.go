package publish

import (
	"encoding/json"

	"facegate/configs/passage"
)

// The versions of what is told of a gate as it is now.
const (
	HealthSchema = "health/1"
	ModeSchema   = "mode/1"
	InfoSchema   = "info/1"
)

// Unknown is said of what a line would tell that cannot be read. It is said in place of the last thing that the line told.
const Unknown = "UNKNOWN"

// A Lock is how the lock of a door is.
type Lock string

// The states of a lock.
const (
	Locked   Lock = "LOCKED"
	Unlocked Lock = "UNLOCKED"
	Jammed   Lock = "JAMMED" // it cannot be driven, and may be either
)

// A Leaf is how the door itself is, by its contact.
type Leaf string

// The states of a door.
const (
	Open        Leaf = "OPEN"
	Closed      Leaf = "CLOSED"
	LeafUnknown Leaf = Unknown
)

// A Sign is whether something is wrong at the door.
type Sign string

// The signs.
const (
	On          Sign = "ON"
	Off         Sign = "OFF"
	SignUnknown Sign = Unknown
)

// A Door is how a door is. What the door has no line for is "", and nothing is told of it.
type Door struct {
	Lock   Lock
	Leaf   Leaf
	Held   Sign // it stands open for too long
	Forced Sign // it was opened while it was locked, and nothing let it
	Tamper Sign // the housing is open
	Fire   Sign // there is a fire alarm, as far as the gate goes by one
}

// Health is how a gate is. It is told at once when it changes, and every minute at least: a gate that has not been heard of for three
// minutes is gone, whatever its availability says.
type Health struct {
	Schema     string      `json:"schema" jsonschema:"enum=health/1"`
	State      string      `json:"state" jsonschema:"enum=ok,enum=degraded,enum=down"`     // ok, degraded, down: the worst of the conditions
	Conditions []Condition `json:"conditions"`                                             // each once; never null
	Time       string      `json:"ts" jsonschema:"format=date-time,pattern=\\.[0-9]{3}Z$"` // when it was so: RFC 3339 in UTC, with milliseconds, cut to what the gate is set to
	Clock      Clock       `json:"clock"`                                                  // whether ts can be trusted
}

// A Condition is one thing that is not well. Its texts are of closed sets, and none was written by anybody at the gate.
type Condition struct {
	Name  string `json:"name"`
	Part  string `json:"part"`
	State string `json:"state" jsonschema:"enum=degraded,enum=down"` // degraded or down
}

// A Mode is what opens a door now, and within what limits.
type Mode struct {
	Schema    string   `json:"schema" jsonschema:"enum=mode/1"`
	Faces     bool     `json:"faces"`                                                           // a face is looked at
	Ways      []string `json:"ways"`                                                            // methods that open the door now for somebody; those that it takes together are joined by +; never null
	Schedule  string   `json:"schedule" jsonschema:"enum=rules,enum=open,enum=shut,enum=waits"` // rules, open (to everybody), shut (to all), or waits (for the clock)
	Lockdown  bool     `json:"lockdown"`                                                        // every template was destroyed by order, and nobody is captured
	Match     string   `json:"match" jsonschema:"enum=one-to-one,enum=one-to-many"`             // one-to-one or one-to-many
	MaxPeople int      `json:"max_people" jsonschema:"minimum=0"`                               // the most for whom the error rate is covered; 0 for any number
	ValidDays int      `json:"valid_days" jsonschema:"minimum=0"`                               // from capture to the erasure of a template at the latest
	IdleDays  int      `json:"idle_days" jsonschema:"minimum=0"`                                // likewise, from the last pass
}

// Info is what a gate is, which does not change while it runs.
type Info struct {
	Schema    string            `json:"schema" jsonschema:"enum=info/1"`
	Version   string            `json:"version" jsonschema:"pattern=^[0-9A-Za-z.+~-]{1\\,64}$"` // of facegate
	Profile   string            `json:"profile"`                                                // under whose law it works
	Door      string            `json:"door" jsonschema:"maxLength=128,pattern=^[^\\x00-\\x1f]+$"`
	Direction passage.Direction `json:"direction"`
	Schemas   []string          `json:"schemas" jsonschema:"pattern=^[a-z]+/[0-9]+$"` // of what it tells
}

// SetDoor says how the door is now. It waits for nobody, as the others do that set a state.
func (p *Publisher) SetDoor(d Door) {
	for _, s := range []struct{ topic, value string }{ // the lock first: nobody sees a door open that they were not told is unlocked
		{lockState, string(d.Lock)},
		{doorState, string(d.Leaf)},
		{alarmHeld, string(d.Held)},
		{alarmForced, string(d.Forced)},
		{alarmTamper, string(d.Tamper)},
		{alarmFire, string(d.Fire)},
	} {
		if s.value != "" {
			p.states.Set(s.topic, []byte(s.value))
		}
	}
}

// SetHealth says how the gate is now.
func (p *Publisher) SetHealth(h Health) error {
	h.Schema = HealthSchema
	return p.set(healthState, h)
}

// SetMode says what opens the door now.
func (p *Publisher) SetMode(m Mode) error {
	m.Schema = ModeSchema
	return p.set(modeState, m)
}

// SetInfo says what the gate is.
func (p *Publisher) SetInfo(i Info) error {
	i.Schema, i.Schemas = InfoSchema, []string{Schema, AlarmSchema, HealthSchema, ModeSchema, InfoSchema}
	return p.set(infoState, i)
}

func (p *Publisher) set(topic string, v any) error {
	payload, err := json.Marshal(v)
	if err == nil {
		p.states.Set(topic, payload)
	}
	return err
}
