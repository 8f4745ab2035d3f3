package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"facegate/configs/show"
)

// ErrKeys says that a request can be read in two ways. The decoder would take the last of two keys, and a key in any case,
// and who looked at the request before it may have taken the other one.
var ErrKeys = errors.New("the keys of the request are not clear")

// decodeObject decodes one JSON object with no unknown keys, each of them once and in its own case, and nothing after it.
func decodeObject(body []byte, v any) error {
	if err := checkKeys(body, namesOf(reflect.TypeOf(v).Elem())); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.Join(errors.New("more follows the first value"), err)
	}
	return err
}

// checkKeys reads the object in body, whose keys have to be names. What else is wrong with it is for the decoder to say.
func checkKeys(body []byte, names map[string]bool) error {
	d := json.NewDecoder(bytes.NewReader(body))
	if first, err := d.Token(); err != nil {
		return err
	} else if first != json.Delim('{') {
		return fmt.Errorf("%w: it is no JSON object", ErrKeys)
	}
	seen := make(map[string]bool)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // of an object, or the decoder has failed
		switch {
		case seen[key]:
			return fmt.Errorf("%w: %s is there twice", ErrKeys, show.Foreign(key))
		case !names[key]:
			return fmt.Errorf("%w: %s is none that this gate knows", ErrKeys, show.Foreign(key))
		}
		seen[key] = true
		if err := d.Decode(new(json.RawMessage)); err != nil {
			return err
		}
	}
	return nil
}

// namesOf returns the keys of a struct, and of those that it embeds.
func namesOf(t reflect.Type) map[string]bool {
	names := make(map[string]bool)
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.Anonymous && name != "-" {
			names[name] = true
		}
	}
	return names
}
