// Package contracttest holds what goes over a broker in a test to the contract that building systems are given, configs/contract: no
// other topic, no other field, no other word. Every broker of the tests is watched by it.
package contracttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// What a message is refused for.
var (
	ErrTopic   = errors.New("the contract has no such topic")
	ErrQoS     = errors.New("the contract has another QoS")
	ErrRetain  = errors.New("the contract has it otherwise about what a broker retains")
	ErrPayload = errors.New("the contract has another payload")
)

// birth is where Home Assistant says that it begins anew. No gate speaks there.
const birth = "homeassistant/status"

// A Message is one that a gate or a building system has published.
type Message struct {
	Topic    string
	Payload  []byte
	QoS      byte
	Retained bool

	// Forwarded says that a subscriber got it. Whoever was subscribed before is not told that a message is retained.
	Forwarded bool
}

// A Contract is that of the AsyncAPI document.
type Contract struct{ channels []channel }

// A channel is a topic of every gate.
type channel struct {
	topic  *regexp.Regexp
	sends  bool // the gate does; what it receives may be of anybody, and is for the gate to refuse
	text   bool
	qos    byte
	retain bool
	schema *jsonschema.Schema // nil where the rules are those of somebody else
}

// Load reads the contract below the top of the source tree, which the working folder is in.
var Load = sync.OnceValues(func() (*Contract, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		text, err := os.ReadFile(filepath.Join(dir, "configs", "contract", "asyncapi.yaml"))
		if err == nil {
			return Read(text)
		}
	}
	return nil, errors.New("configs/contract/asyncapi.yaml is not above the working folder: run make generate")
})

// A reference points to another part of the document.
type reference struct {
	Ref string `json:"$ref"`
}

// An asyncapi is what of the document says what may be said.
type asyncapi struct {
	Channels map[string]struct {
		Address  string               `json:"address"`
		Messages map[string]reference `json:"messages"`
	} `json:"channels"`
	Operations map[string]struct {
		Action   string    `json:"action"`
		Channel  reference `json:"channel"`
		Bindings struct {
			MQTT struct {
				QoS    byte `json:"qos"`
				Retain bool `json:"retain"`
			} `json:"mqtt"`
		} `json:"bindings"`
	} `json:"operations"`
	Components struct {
		Messages map[string]struct {
			ContentType string `json:"contentType"`
			Payload     struct {
				Schema json.RawMessage `json:"schema"`
			} `json:"payload"`
		} `json:"messages"`
	} `json:"components"`
}

// Read reads an AsyncAPI document.
func Read(text []byte) (*Contract, error) {
	text, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	var d asyncapi
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	c := new(Contract)
	for name, op := range d.Operations {
		ch, err := d.channel(strings.TrimPrefix(op.Channel.Ref, "#/channels/"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		ch.sends, ch.qos, ch.retain = op.Action == "send", op.Bindings.MQTT.QoS, op.Bindings.MQTT.Retain
		c.channels = append(c.channels, ch)
	}
	if len(c.channels) == 0 {
		return nil, errors.New("the document has no operation")
	}
	return c, nil
}

// channel reads a channel and what is said on it.
func (d *asyncapi) channel(name string) (ch channel, err error) {
	said := d.Channels[name]
	if len(said.Messages) != 1 {
		return ch, fmt.Errorf("channel %s has %d messages", name, len(said.Messages))
	}
	for _, m := range said.Messages {
		message := d.Components.Messages[strings.TrimPrefix(m.Ref, "#/components/messages/")]
		ch.text = message.ContentType == "text/plain"
		if len(message.Payload.Schema) == 0 {
			continue
		}
		if ch.schema, err = compile(name, message.Payload.Schema); err != nil {
			return ch, err
		}
	}
	levels := strings.Split(said.Address, "/")
	for i, l := range levels {
		if levels[i] = regexp.QuoteMeta(l); strings.HasPrefix(l, "{") {
			levels[i] = "[^/]+"
		}
	}
	ch.topic, err = regexp.Compile("^" + strings.Join(levels, "/") + "$")
	return ch, err
}

func compile(name string, schema []byte) (*jsonschema.Schema, error) {
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:"+name, tree); err != nil {
		return nil, err
	}
	return c.Compile("urn:" + name)
}

// Check says what is wrong with a message.
func (c *Contract) Check(m Message) error {
	if m.Topic == birth {
		return nil
	}
	for _, ch := range c.channels {
		if ch.topic.MatchString(m.Topic) {
			if err := ch.check(m); err != nil {
				return fmt.Errorf("%s: %q: %w", m.Topic, m.Payload, err)
			}
			return nil
		}
	}
	return fmt.Errorf("%s: %q: %w", m.Topic, m.Payload, ErrTopic)
}

func (ch channel) check(m Message) error {
	switch {
	case !ch.sends:
		return nil
	case m.QoS != ch.qos:
		return fmt.Errorf("%w: %d instead of %d", ErrQoS, m.QoS, ch.qos)
	case m.Retained != ch.retain && !(m.Forwarded && ch.retain):
		return fmt.Errorf("%w: retained is %t", ErrRetain, m.Retained)
	case len(m.Payload) == 0 && ch.retain: // it has the broker forget what it retains (MQTT 3.1.1, section 3.3.1.3)
		return nil
	}
	if ch.schema == nil {
		return nil
	}
	value := any(string(m.Payload))
	if !ch.text {
		var err error
		if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(m.Payload)); err != nil {
			return fmt.Errorf("%w: %w", ErrPayload, err)
		}
	}
	if err := ch.schema.Validate(value); err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return nil
}
