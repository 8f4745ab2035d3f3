// Package homeassistant writes the one message by which Home Assistant learns of a gate: a device, what is to be seen of it, and on
// which topics. It sends nothing. The rules are those of the integration mqtt of Home Assistant from 2024.11 on, under "device
// discovery", with its keys written out.
//
//  1. All is to be read alone, unless the gate takes orders of Home Assistant. A lock wants a topic to be ordered on, and so the lock is
//     shown as a binary sensor otherwise.
//  2. What a gate does not have is a component without anything but its platform, which removes it where it was known before. Sensor and
//     lock are two components, of which one is always removed: Home Assistant would keep one whose platform becomes another.
//  3. Nobody who passes is named, and nothing but site and gate tells one building from another.
package homeassistant

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
)

// Birth is what Home Assistant says on StatusTopic when it has started.
const Birth = "online"

// Unlock is what Home Assistant says on Topics.Order to have the door opened.
const Unlock = "UNLOCK"

// StatusTopic returns the topic on which Home Assistant says that it has started.
func StatusTopic(prefix string) string { return prefix + "/status" }

// A Gate is what there is to see of one gate.
type Gate struct {
	Site, Gate string // names, as configured
	Version    string // of the program
	Topics     Topics
	Events     []string // every event_type that is said on Topics.Live
}

// Topics are where a gate says what. One that is "" is of a gate that does not have it. Availability is required.
type Topics struct {
	Availability string // "online", or what else it is; retained
	Lock         string // LOCKED, UNLOCKED, or JAMMED where neither is known; retained
	Order        string // the lock takes Unlock there; "" where it takes no orders of Home Assistant
	Door         string // OPEN, CLOSED or UNKNOWN; retained
	Held         string // ON, OFF or UNKNOWN, like the next three; retained
	Forced       string
	Tamper       string
	Fire         string
	Health       string // a JSON object whose "state" is "ok" as long as nothing is wrong, every minute at least; retained
	Live         string // events as they happen, as JSON objects with an event_type; not retained
}

// qos is how Home Assistant is asked to subscribe. What is said at less comes at less.
const qos = 1

// expiry is how many seconds after its last heartbeat a gate counts as lost, which is three of them. A broker that dies says nothing
// of those that were connected to it.
const expiry = 180

// A message is what is sent.
type message struct {
	Device       device               `json:"device"`
	Origin       origin               `json:"origin"`
	Availability []availability       `json:"availability"`
	Components   map[string]component `json:"components"`
}

type device struct {
	Identifiers  []string `json:"identifiers"`
	Name         string   `json:"name"`
	Manufacturer string   `json:"manufacturer"`
	Model        string   `json:"model"`
	Version      string   `json:"sw_version,omitempty"`
}

type origin struct {
	Name    string `json:"name"`
	Version string `json:"sw_version,omitempty"`
}

type availability struct {
	Topic    string `json:"topic"`
	Template string `json:"value_template"`
}

type component struct {
	Platform string   `json:"platform"`
	UniqueID string   `json:"unique_id,omitempty"`
	Name     string   `json:"name,omitempty"` // "": what Home Assistant calls the class, in the language of whoever looks
	Class    string   `json:"device_class,omitempty"`
	Category string   `json:"entity_category,omitempty"`
	Topic    string   `json:"state_topic,omitempty"`
	Template string   `json:"value_template,omitempty"`
	On       string   `json:"payload_on,omitempty"`  // "": ON
	Off      string   `json:"payload_off,omitempty"` // "": OFF
	Types    []string `json:"event_types,omitempty"`
	Expiry   int      `json:"expire_after,omitempty"` // seconds
	QoS      int      `json:"qos,omitempty"`

	// Of a lock alone. Home Assistant believes what the lock says, and has the broker retain no order.
	Command    string `json:"command_topic,omitempty"`
	Unlock     string `json:"payload_unlock,omitempty"`
	Optimistic *bool  `json:"optimistic,omitempty"`
	Retain     *bool  `json:"retain,omitempty"`
}

// Home Assistant knows one word for a device that is there and one for one that is not, and leaves all as it is after any other.
const (
	onlyOnline = "{{ 'online' if value == 'online' else 'offline' }}"
	known      = "{{ 'None' if value in ['JAMMED', 'UNKNOWN'] else value }}" // None is a state that is not known
	problem    = "{{ 'OFF' if value_json.state == 'ok' else 'ON' }}"
)

// Discovery returns the message, which is to be retained.
func (g Gate) Discovery() ([]byte, error) {
	t, id := g.Topics, g.ID()
	sensor := func(topic string, c component) component {
		c.Topic, c.Template = topic, cmp.Or(c.Template, known)
		return c.on("binary_sensor", id)
	}
	lock, opener := t.Lock, ""
	if t.Order != "" {
		lock, opener = "", t.Lock
	}
	all := map[string]component{
		"lock":   sensor(lock, component{UniqueID: "lock", Class: "lock", On: "UNLOCKED", Off: "LOCKED"}),
		"opener": ordered(t.Order, component{UniqueID: "opener", Topic: opener}).on("lock", id),
		"door":   sensor(t.Door, component{UniqueID: "door", Class: "door", On: "OPEN", Off: "CLOSED"}),
		"held":   sensor(t.Held, component{UniqueID: "held", Class: "problem", Name: "Held open"}),
		"forced": sensor(t.Forced, component{UniqueID: "forced", Class: "safety", Name: "Forced open"}),
		"tamper": sensor(t.Tamper, component{UniqueID: "tamper", Class: "tamper", Category: "diagnostic"}),
		"fire":   sensor(t.Fire, component{UniqueID: "fire", Class: "safety", Name: "Fire alarm"}),
		"health": sensor(t.Health, component{UniqueID: "health", Class: "problem", Category: "diagnostic", Template: problem, Expiry: expiry}),
		"pass":   component{UniqueID: "pass", Name: "Passage", Topic: t.Live, Types: g.Events}.on("event", id),
	}
	return json.Marshal(message{
		Device: device{
			Identifiers: []string{id}, Name: g.Site + " " + g.Gate, Manufacturer: "facegate", Model: "face gate", Version: g.Version,
		},
		Origin:       origin{Name: "facegate", Version: g.Version},
		Availability: []availability{{t.Availability, onlyOnline}},
		Components:   all,
	})
}

// ordered completes a lock that takes orders on a topic.
func ordered(on string, c component) component {
	c.Command, c.Unlock, c.Optimistic, c.Retain = on, Unlock, new(bool), new(bool)
	return c
}

// on completes a component of a platform and a device. One without a topic becomes what removes it.
func (c component) on(platform, device string) component {
	if c.Topic == "" {
		return component{Platform: platform}
	}
	c.Platform, c.UniqueID, c.QoS = platform, device+"_"+c.UniqueID, qos
	if c.Command != "" {
		c.QoS = 0 // at which it also orders: no broker keeps for later what is said at less than 1
	}
	return c
}

// Topic returns where the message goes.
func (g Gate) Topic(prefix string) string { return prefix + "/device/" + g.ID() + "/config" }

// plain are names that can stand in an ID: Home Assistant takes letters, digits, "_" and "-", and here "_" ends a name.
var plain = regexp.MustCompile(`^[a-zA-Z0-9-]{1,24}$`)

// ID returns what Home Assistant knows the gate by. It follows from the names of site and gate alone, and no two pairs of those share
// one. So a board that is replaced stays the same gate.
func (g Gate) ID() string {
	if plain.MatchString(g.Site) && plain.MatchString(g.Gate) {
		return "facegate_" + g.Site + "_" + g.Gate
	}
	return fmt.Sprintf("facegate_%x", sha256.Sum256([]byte(g.Site+"/"+g.Gate)))[:len("facegate_")+16]
}
