package mqttwatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"facegate/configs/passage"
	"facegate/configs/show"
	"facegate/pipeline/order"
	"facegate/pipeline/publish"
)

// read reads a payload as the type that its topic has, nil for a topic that has none yet, and says what is wrong with it.
func read(t publish.Topic, payload []byte) (value any, faults []string) {
	if t.Payload == nil {
		return nil, nil
	}
	of := reflect.New(reflect.TypeOf(t.Payload))
	if of.Elem().Kind() == reflect.String {
		of.Elem().SetString(string(payload))
		return of.Elem().Interface(), wordFaults(t, string(payload))
	}
	if faults = fieldFaults(of.Interface(), payload); len(faults) > 0 {
		return nil, faults
	}
	value = of.Elem().Interface()
	return value, append(valueFaults(value), orderFaults(value, payload)...)
}

// noteForms are the forms of what is signed, which may be removed, and is empty then.
var noteForms = map[reflect.Type]*regexp.Regexp{
	reflect.TypeFor[publish.Checkpoint]():    regexp.MustCompile(publish.Checkpoint("").Pattern()),
	reflect.TypeFor[publish.AddCheckpoint](): regexp.MustCompile(publish.AddCheckpoint("").Pattern()),
}

// wordFaults says what is wrong with a payload that is a word.
func wordFaults(t publish.Topic, text string) []string {
	if _, isID := t.Payload.(publish.Boot); isID && !isHex(text) {
		return []string{fmt.Sprintf("%q is no id of 16 hexadecimal digits", show.Foreign(text))}
	}
	if form, ok := noteForms[reflect.TypeOf(t.Payload)]; ok && text != "" && !form.MatchString(text) {
		return []string{"it is no signed note of the form of this topic"}
	}
	if t.Words != nil && !slices.Contains(t.Words, text) {
		return []string{fmt.Sprintf("%q is none of %s", show.Foreign(text), strings.Join(t.Words, ", "))}
	}
	return nil
}

// fieldFaults reads a payload into of, a pointer to the type of its topic. A payload with other fields than the gate writes, or fewer,
// is of another form.
func fieldFaults(of any, payload []byte) []string {
	in := json.NewDecoder(bytes.NewReader(payload))
	in.DisallowUnknownFields()
	if err := in.Decode(of); err != nil {
		return []string{"it is not of the form of this topic: " + string(show.Foreign(err.Error()))}
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return []string{"something follows its end"}
	}
	written, err := json.Marshal(of)
	if err != nil {
		return []string{"it is not of the form of this topic: " + string(show.Foreign(err.Error()))}
	}
	var is, want map[string]any
	if json.Unmarshal(payload, &is) != nil || json.Unmarshal(written, &want) != nil {
		return []string{"it is no JSON object"}
	}
	if reflect.DeepEqual(is, want) {
		return nil
	}
	var other []string
	for _, field := range slices.Sorted(maps.Keys(want)) {
		if v, ok := is[field]; !ok || !reflect.DeepEqual(v, want[field]) {
			other = append(other, field)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(is)) {
		if _, ok := want[field]; !ok {
			other = append(other, field)
		}
	}
	return []string{"these fields are missing or of another form: " + string(show.Foreign(strings.Join(other, ", ")))}
}

// valueFaults says which values are none that the gate says.
func valueFaults(v any) (faults []string) {
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, string(show.Foreign(fmt.Sprintf(format, args...))))
		}
	}
	stamped := func(schema, want, store, boot, at string, seq uint64) {
		refuse(schema != want, "its schema is %q, and this facegate knows %q", schema, want)
		refuse(!isHex(store) || !isHex(boot), "store %q or boot %q is no id of 16 hexadecimal digits", store, boot)
		refuse(!isTime(at), "%q is no time in UTC", at)
		refuse(seq == 0, "its number is 0")
	}
	switch m := v.(type) {
	case publish.Event:
		stamped(m.Schema, publish.Schema, m.Store, m.Boot, m.Time, m.Seq)
		refuse(m.Type != publish.Granted && m.Type != publish.Opened, "there is no event %q", m.Type)
		refuse(!slices.Contains(publish.Methods(), m.Method), "there is no method %q", m.Method)
		refuse(m.Direction != passage.In && m.Direction != passage.Out, "there is no direction %q", m.Direction)
		refuse(m.LatencyMS < 0, "its latency is negative")
	case publish.Alarm:
		stamped(m.Schema, publish.AlarmSchema, m.Store, m.Boot, m.Time, m.Seq)
		refuse(m.Type != publish.Duress, "there is no alarm %q", m.Type)
	case publish.Health:
		refuse(m.Schema != publish.HealthSchema, "its schema is %q, and this facegate knows %q", m.Schema, publish.HealthSchema)
		refuse(!isTime(m.Time), "%q is no time in UTC", m.Time)
	case publish.Mode:
		refuse(m.Schema != publish.ModeSchema, "its schema is %q, and this facegate knows %q", m.Schema, publish.ModeSchema)
	case publish.Info:
		refuse(m.Schema != publish.InfoSchema, "its schema is %q, and this facegate knows %q", m.Schema, publish.InfoSchema)
	}
	return faults
}

// orderFaults says why what is an order, or the answer to one, is none. Who has signed it, the gate alone can tell.
func orderFaults(v any, payload []byte) []string {
	var err error
	switch v.(type) {
	case order.Open:
		_, err = order.Parse(payload)
	case order.Reply:
		_, _, err = order.ReadReply(payload)
	}
	if err == nil {
		return nil
	}
	return []string{string(show.Foreign(err.Error()))}
}

// isHex reports whether an id is 16 hexadecimal digits.
func isHex(s string) bool { return len(s) == 16 && strings.Trim(s, "0123456789abcdef") == "" }

// isTime reports whether a text is a time in UTC (RFC 3339).
func isTime(s string) bool {
	at, err := time.Parse(time.RFC3339, s)
	return err == nil && at.Location() == time.UTC
}
