package homeassistant_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The rules of Home Assistant, as its integration mqtt has them for a device that is discovered by one message. A key that Home
// Assistant does not know refuses the whole message, or is dropped without a word; here both are faults.

// An object is what a JSON object may and has to have. Every value is checked by the rule of its key.
type object struct {
	required []string
	keys     map[string]rule
}

// A rule says what is wrong with a value.
type rule func(value any) error

// check says what is wrong with value, each with its path.
func (o object) check(path string, value any) (faults []string) {
	fields, ok := value.(map[string]any)
	if !ok {
		return []string{path + ": is no object"}
	}
	for _, key := range o.required {
		if _, ok := fields[key]; !ok {
			faults = append(faults, path+"."+key+": is missing")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		r, known := o.keys[key]
		if !known {
			faults = append(faults, path+"."+key+": is unknown")
			continue
		}
		if err := r(fields[key]); err != nil {
			faults = append(faults, fmt.Sprintf("%s.%s: %v", path, key, err))
		}
	}
	return faults
}

// nested is the rule that a value is an object, or each of a list is.
func nested(o object) rule {
	return func(value any) error {
		if faults := o.check("", value); len(faults) > 0 {
			return fmt.Errorf("%s", strings.Join(faults, ", "))
		}
		return nil
	}
}

func each(r rule) rule {
	return func(value any) error {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			return fmt.Errorf("%v is no list of something", value)
		}
		for _, v := range list {
			if err := r(v); err != nil {
				return err
			}
		}
		return nil
	}
}

func text(value any) error {
	if s, ok := value.(string); !ok || s == "" {
		return fmt.Errorf("%v is no text", value)
	}
	return nil
}

// topic is one to subscribe to, here without wildcards.
func topic(value any) error {
	s, ok := value.(string)
	if !ok || s == "" || len(s) > 65535 || strings.ContainsAny(s, "+#\x00") {
		return fmt.Errorf("%v is no topic", value)
	}
	return nil
}

func template(value any) error {
	s, ok := value.(string)
	if !ok || strings.Count(s, "{{") != 1 || strings.Count(s, "}}") != 1 {
		return fmt.Errorf("%v is no template", value)
	}
	return nil
}

func yesOrNo(value any) error {
	if _, ok := value.(bool); !ok {
		return fmt.Errorf("%v is neither true nor false", value)
	}
	return nil
}

func among(words ...string) rule {
	return func(value any) error {
		if s, ok := value.(string); !ok || !slices.Contains(words, s) {
			return fmt.Errorf("%v is none of %q", value, words)
		}
		return nil
	}
}

func whole(from, to float64) rule {
	return func(value any) error {
		if n, ok := value.(float64); !ok || n < from || n > to || n != float64(int(n)) {
			return fmt.Errorf("%v is no whole number from %v to %v", value, from, to)
		}
		return nil
	}
}

func address(value any) error {
	if s, ok := value.(string); !ok || !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
		return fmt.Errorf("%v is no address of a page", value)
	}
	return nil
}

var deviceRules = object{
	required: []string{"identifiers", "name"}, // or connections, which a gate has none of
	keys: map[string]rule{
		"identifiers": each(text), "name": text, "manufacturer": text, "model": text, "model_id": text, "hw_version": text,
		"sw_version": text, "serial_number": text, "suggested_area": text, "via_device": text, "configuration_url": address,
	},
}

var originRules = object{
	required: []string{"name"},
	keys:     map[string]rule{"name": text, "sw_version": text, "support_url": address},
}

var availabilityRules = object{
	required: []string{"topic"},
	keys: map[string]rule{
		"topic": topic, "payload_available": text, "payload_not_available": text, "value_template": template,
	},
}

// shared are the keys of every entity, from 2024.11 to those that know no object_id any more.
var shared = map[string]rule{
	"platform": among("binary_sensor", "event", "button", "lock"), "unique_id": text, "name": text, "icon": text,
	"enabled_by_default": yesOrNo, "entity_category": among("diagnostic"), // "config" is for what is written to
	"availability": each(nested(availabilityRules)), "availability_mode": among("all", "any", "latest"),
	"availability_topic": topic, "availability_template": template, "payload_available": text, "payload_not_available": text,
	"json_attributes_topic": topic, "json_attributes_template": template, "qos": whole(0, 2), "encoding": text,
}

var componentRules = map[string]object{
	"lock": lockRules,
	"binary_sensor": {
		required: []string{"platform", "unique_id", "state_topic"},
		keys: with(shared, map[string]rule{
			"state_topic": topic, "value_template": template, "payload_on": text, "payload_off": text,
			"expire_after": whole(1, 1<<31), "off_delay": whole(0, 1<<31), "force_update": yesOrNo,
			"device_class": among("battery", "battery_charging", "carbon_monoxide", "cold", "connectivity", "door", "garage_door",
				"gas", "heat", "light", "lock", "moisture", "motion", "moving", "occupancy", "opening", "plug", "power", "presence",
				"problem", "running", "safety", "smoke", "sound", "tamper", "update", "vibration", "window"),
		}),
	},
	"event": {
		required: []string{"platform", "unique_id", "state_topic", "event_types"},
		keys: with(shared, map[string]rule{
			"state_topic": topic, "value_template": template, "event_types": each(text),
			"device_class": among("button", "doorbell", "motion"),
		}),
	},
	"button": {
		required: []string{"platform", "unique_id", "command_topic"},
		keys: with(shared, map[string]rule{
			"command_topic": topic, "command_template": template, "payload_press": text, "retain": yesOrNo,
			"device_class": among("identify", "restart", "update"),
		}),
	},
}

var lockRules = object{
	required: []string{"platform", "unique_id", "command_topic"},
	keys: with(shared, map[string]rule{
		"command_topic": topic, "command_template": template, "code_format": text, "state_topic": topic, "value_template": template,
		"payload_lock": text, "payload_unlock": text, "payload_open": text, "payload_reset": text,
		"state_locked": text, "state_locking": text, "state_unlocked": text, "state_unlocking": text, "state_open": text,
		"state_opening": text, "state_jammed": text, "optimistic": yesOrNo, "retain": yesOrNo,
	}),
}

func with(a, b map[string]rule) map[string]rule {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

var messageRules = object{
	required: []string{"device", "origin", "components"},
	keys: map[string]rule{
		"device": nested(deviceRules), "origin": nested(originRules), "components": components,
		"availability": each(nested(availabilityRules)), "availability_mode": among("all", "any", "latest"),
		"availability_topic": topic, "availability_template": template, "payload_available": text, "payload_not_available": text,
		"state_topic": topic, "command_topic": topic, "qos": whole(0, 2), "encoding": text,
	},
}

// components are the entities by their ids. One with its platform alone is removed.
func components(value any) error {
	all, ok := value.(map[string]any)
	if !ok || len(all) == 0 {
		return fmt.Errorf("there is no component")
	}
	var faults []string
	unique := map[any]bool{}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		fields, _ := all[id].(map[string]any)
		platform, _ := fields["platform"].(string)
		rules, known := componentRules[platform]
		switch {
		case !known:
			faults = append(faults, fmt.Sprintf("%s: the platform %q is unknown", id, platform))
		case len(fields) > 1:
			faults = append(faults, rules.check(id, fields)...)
			if unique[fields["unique_id"]] {
				faults = append(faults, id+": its unique_id is that of another")
			}
			unique[fields["unique_id"]] = true
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s", strings.Join(faults, ", "))
	}
	return nil
}

// discoveryTopic is where Home Assistant looks for devices, below its prefix.
var discoveryTopic = regexp.MustCompile(`^device/[a-zA-Z0-9_-]+/config$`)

// short are the abbreviations that Home Assistant takes for keys in use here. One message has them everywhere or, as ours, nowhere.
var short = []string{
	"dev", "o", "cmps", "avty", "avty_t", "avty_tpl", "p", "uniq_id", "stat_t", "val_tpl", "dev_cla", "ent_cat", "pl_on", "pl_off",
	"evt_typ", "exp_aft", "cmd_t", "pl_prs", "pl_unlk", "opt", "ret", "ids", "mf", "mdl", "sw", "url", "t",
}

// faults says what is wrong with a message.
func faults(payload []byte) []string {
	var m any
	if err := json.Unmarshal(payload, &m); err != nil {
		return []string{err.Error()}
	}
	return messageRules.check("", m)
}
