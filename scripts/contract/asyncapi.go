package main

import (
	"encoding/json"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"

	"facegate/pipeline/publish"
)

// The contract as a whole is numbered by what a building system has to change for it: the first number rises where it has to, the
// second where it may. Each JSON payload has a version of its own as well, in its field schema.
const version = "1.2.0"

const title = "facegate: what a gate tells a building, and what it takes from it"

// about is what holds for all topics.
const about = `One gate guards one door. It speaks on topics of its own below facegate/<site>/<gate>/, over MQTT 3.1.1.

What is said of a passage never tells whose it was. No message has a field that is not listed here, and every text is one of a list
or has a form, but for the names that the operator gave to site, gate and door.

What is sent at QoS 1 arrives at least once. A consumer drops repeats and finds gaps by store and seq; see docs/events.md.`

// headOf is what stands above the generated file.
const headOf = "# Written by make generate from the Go types of pipeline/publish: change those, and not this file.\n"

// An object of AsyncAPI or of JSON. Its keys come out in the order of the alphabet.
type object map[string]any

// A document is an AsyncAPI 3 document, in the order in which people read one.
type document struct {
	AsyncAPI   string     `json:"asyncapi"`
	Info       object     `json:"info"`
	Content    string     `json:"defaultContentType"`
	Servers    object     `json:"servers"`
	Channels   object     `json:"channels"`
	Operations object     `json:"operations"`
	Components components `json:"components"`
}

type components struct {
	Messages map[string]message `json:"messages"`
}

// A message is a payload and how it is written.
type message struct {
	Name        string         `json:"name"`
	Summary     string         `json:"summary,omitempty"`
	ContentType string         `json:"contentType,omitempty"`
	Payload     *messageSchema `json:"payload,omitempty"`
}

type messageSchema struct {
	Format string             `json:"schemaFormat"`
	Schema *jsonschema.Schema `json:"schema"`
}

// describe returns the AsyncAPI document.
func describe(topics []publish.Topic, payloads map[string]payload) ([]byte, error) {
	d := document{
		AsyncAPI: "3.0.0",
		Info: object{
			"title": title, "version": version, "description": about,
			"license": object{"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
		},
		Content:    "application/json",
		Servers:    object{"broker": broker()},
		Channels:   object{},
		Operations: object{},
		Components: components{map[string]message{}},
	}
	for _, t := range topics {
		d.add(t, payloads[t.Name])
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	text, err = yaml.JSONToYAML(text)
	return append([]byte(headOf), text...), err
}

// bindings is what MQTT has and AsyncAPI does not.
func bindings(mqtt object) object {
	mqtt["bindingVersion"] = "0.2.0"
	return object{"mqtt": mqtt}
}

func broker() object {
	return object{
		"host": "127.0.0.1:1883", "protocol": "mqtt", "protocolVersion": "3.1.1",
		"description": "The broker of the site; its address is an example. Gate and building are both its clients.",
		"bindings": bindings(object{"cleanSession": false, "lastWill": object{
			"topic": address("availability"), "message": string(publish.Offline), "qos": 1, "retain": true,
		}}),
	}
}

// address returns a topic as a consumer sees it.
func address(topic string) string {
	if strings.HasPrefix(topic, "{") { // it is not below those of the gate
		return topic
	}
	return "facegate/{site}/{gate}/" + topic
}

// id returns the name of a topic in the document.
func id(t publish.Topic) string {
	return strings.NewReplacer("/", "-", "{", "", "}", "").Replace(t.Name)
}

// parameters returns what the places of an address stand for.
func parameters(address string) object {
	all := object{}
	for name, says := range map[string]string{
		"site":   "The configured name of the building.",
		"gate":   "The configured name of the gate, which no other gate of the building has.",
		"prefix": "The configured discovery prefix of Home Assistant.",
		"id":     "What Home Assistant knows the gate by, which follows from site and gate.",

		"witness":    "8 hexadecimal digits: the id of the key of a witness (https://c2sp.org/signed-note).",
		"connection": "16 hexadecimal digits, others on each connection of the gate to the broker. Home Assistant learns them of the gate.",
	} {
		if strings.Contains(address, "{"+name+"}") {
			all[name] = object{"description": says}
		}
	}
	return all
}

// add adds a topic, and who speaks on it: the gate sends, or receives.
func (d *document) add(t publish.Topic, p payload) {
	id := id(t)
	d.Components.Messages[p.name] = messageOf(p)
	d.Channels[id] = object{
		"address": address(t.Name), "title": t.Name, "description": t.Doc,
		"messages":   object{p.name: reference("components/messages/" + p.name)},
		"parameters": parameters(address(t.Name)),
	}
	action := "send"
	if t.From != publish.Gate {
		action = "receive"
	}
	d.Operations[action+"-"+id] = object{
		"action": action, "channel": reference("channels/" + id), "summary": t.Doc,
		"messages": []object{reference("channels/" + id + "/messages/" + p.name)},
		"bindings": bindings(object{"qos": t.QoS, "retain": t.Retained}),
	}
}

func reference(to string) object { return object{"$ref": "#/" + to} }

func messageOf(p payload) message {
	if p.schema == nil {
		return message{Name: p.name}
	}
	m := message{
		Name: p.name, Summary: p.schema.Description, ContentType: "application/json",
		Payload: &messageSchema{"application/schema+json;version=draft-2020-12", p.schema},
	}
	if p.text {
		m.ContentType = "text/plain"
	}
	return m
}
