package publish

import (
	"slices"
	"strings"

	"facegate/pipeline/order"
	"facegate/pipeline/publish/homeassistant"
)

// The topics of a gate, below facegate/<site>/<gate>/. Topics says what each is for.
const (
	availability = "availability"
	pass         = "pass"
	passLive     = "pass/live"
	duress       = "alarm/duress"
	echo         = "echo"
	lockState    = "lock/state"
	doorState    = "door/state"
	alarmHeld    = "alarm/held/state"
	alarmForced  = "alarm/forced/state"
	alarmTamper  = "alarm/tamper/state"
	alarmFire    = "alarm/fire/state"
	healthState  = "health"
	modeState    = "mode"
	infoState    = "info"
	command      = "cmd/open"
	unsigned     = "cmd/home-assistant/{connection}"
	reply        = "cmd/reply"
	checkpoint   = "audit/checkpoint"
	request      = "audit/checkpoint/{witness}"
	cosignature  = "audit/cosignature/{witness}"
)

// A Party is who speaks on a topic.
type Party string

// The parties.
const (
	Gate     Party = "gate"
	Building Party = "building" // a building system, and whoever else the broker lets
	Witness  Party = "witness"  // who cosigns how far the audit log has come
)

// An Availability is whether a gate is there.
type Availability string

// The availabilities.
const (
	Online  Availability = "online"
	Stopped Availability = "stopped" // ended on purpose
	Offline Availability = "offline" // lost: the broker says it for the gate
)

// A Boot is the id that a process has drawn at its start: 16 hexadecimal digits.
type Boot string

// Pattern is the form of a Boot, a regular expression as JSON Schema has them.
func (Boot) Pattern() string { return "^[0-9a-f]{16}$" }

// An Unsigned is an order that nobody has signed: one word.
type Unsigned string

// A Checkpoint is how far an audit log has come: a signed note of three lines, with the signatures of the gate and of witnesses below
// (https://c2sp.org/tlog-checkpoint).
type Checkpoint string

const (
	hash         = "[A-Za-z0-9+/]{43}="
	signedNote   = "[0-9a-f]{64}\\n(0|[1-9][0-9]{0,18})\\n" + hash + "\\n\\n(— [^ \\n]+ [A-Za-z0-9+/]+={0,2}\\n)+"
	addRequested = "old (0|[1-9][0-9]{0,18})\\n(" + hash + "\\n)*\\n"
)

// Pattern is the form of a Checkpoint, a regular expression as JSON Schema has them.
func (Checkpoint) Pattern() string { return "^" + signedNote + "$" }

// An AddCheckpoint asks a witness to cosign a Checkpoint: the size of the log that it cosigned last, the proof that the log has grown from
// there, and the Checkpoint (https://c2sp.org/tlog-witness, the body of add-checkpoint).
type AddCheckpoint string

// Pattern is the form of an AddCheckpoint, a regular expression as JSON Schema has them.
func (AddCheckpoint) Pattern() string { return "^" + addRequested + signedNote + "$" }

// A Topic is one on which a gate and the building systems speak.
type Topic struct {
	Name     string   // below facegate/<site>/<gate>/; what stands in braces is any one level
	From     Party    // who speaks on it
	QoS      byte     // at which it is said; 1 is at least once
	Retained bool     // the broker keeps what was said last for whoever asks later
	Payload  any      // a zero value: of the type of a JSON object, of a kind of string for the text itself, nil for what is not said yet
	Words    []string // every text that is said, where they are counted
	Doc      string   // a sentence
}

// Topics returns every topic of a gate. The publisher speaks and listens on these alone, in the way that stands here.
func Topics() []Topic {
	return []Topic{
		{availability, Gate, qos, true, Availability(""), words(Online, Stopped, Offline), "Whether the gate is there."},
		{lockState, Gate, qos, true, Lock(""), words(Locked, Unlocked, Jammed), "How the lock is."},
		{doorState, Gate, qos, true, Leaf(""), words(Open, Closed, LeafUnknown), "Whether the door stands open, where it has a contact."},
		{alarmHeld, Gate, qos, true, Sign(""), signs(), "The door stands open for too long."},
		{alarmForced, Gate, qos, true, Sign(""), signs(), "The door was opened while it was locked, and nothing let it."},
		{alarmTamper, Gate, qos, true, Sign(""), signs(), "The housing is open."},
		{alarmFire, Gate, qos, true, Sign(""), signs(), "The fire alarm keeps the door unlocked."},
		{healthState, Gate, qos, true, Health{}, nil, "What is not well at the gate; at least every minute, as a heartbeat."},
		{modeState, Gate, qos, true, Mode{}, nil, "What opens the door now, and within what limits."},
		{infoState, Gate, qos, true, Info{}, nil, "What the gate is."},
		{pass, Gate, qos, false, Event{}, nil, "What happened at the door, at least once and in order, also what happened while the broker was away."},
		{passLive, Gate, 0, false, Event{}, nil, "What happens at the door, as it happens and at most once."},
		{duress, Gate, qos, false, Alarm{}, nil, "Somebody was forced to ask for the door, and said so by what they typed."},
		{echo, Gate, qos, false, Boot(""), nil, "The gate reads it back on each connection, and so sees that the broker keeps nothing from anybody."},
		{command, Building, qos, false, order.Open{}, nil, "A signed order to open the door."},
		{reply, Gate, qos, false, order.Reply{}, nil, "What came of an order."},
		{checkpoint, Gate, qos, true, Checkpoint(""), nil, "How far the audit log has come; at fixed times, whatever has happened, where there are witnesses."},
		{request, Gate, qos, true, AddCheckpoint(""), nil, "The same for one witness, by the id of its key, with the proof that nothing was taken back; at the same times."},
		{cosignature, Witness, qos, true, Checkpoint(""), nil, "How far the audit log has come as that witness knows it, with its cosignature; empty where it knows nothing."},
		{
			unsigned, Building, 0, false, Unsigned(""), words(Unsigned(homeassistant.Unlock)),
			"An unsigned order of Home Assistant, taken only where the operator has said so in so many words.",
		},
	}
}

func signs() []string { return words(On, Off, SignUnknown) }

func words[T ~string](all ...T) (texts []string) {
	for _, w := range all {
		texts = append(texts, string(w))
	}
	return texts
}

// Has reports whether name, below facegate/<site>/<gate>/, is the topic, or one of those that t is.
func (t Topic) Has(name string) bool {
	head, _, several := strings.Cut(t.Name, "{")
	if !several {
		return name == t.Name
	}
	level, ok := strings.CutPrefix(name, head)
	return ok && level != "" && !strings.Contains(level, "/")
}

// of returns the name of the topic that t is for one witness.
func (t Topic) of(witness string) string { return strings.Replace(t.Name, "{witness}", witness, 1) }

// topic returns one of the topics, or the one that name is one of. It panics for a name that is none: whoever reads the table is to know of all that is said.
func (p *Publisher) topic(name string) Topic {
	i := slices.IndexFunc(p.topics, func(t Topic) bool { return t.Name == name || t.Has(name) })
	return p.topics[i]
}
