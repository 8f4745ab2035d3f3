package order

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// What is wrong with the form of an object. No error repeats what somebody has sent.
var (
	errLong    = fmt.Errorf("it is longer than %d bytes", MaxSize)
	errObject  = errors.New("it is no JSON object of texts")
	errKey     = errors.New("it has a key that an order has not")
	errTwice   = errors.New("it has a key twice")
	errMissing = errors.New("it lacks a key")
	errMore    = errors.New("more follows it")
	errTime    = errors.New("a time is not in its form")
	errNumber  = errors.New("a number is not in its form")
)

// texts reads a JSON object that has each of the keys once, in its own case, with a text, and nothing after it. The decoder of the
// library would take a key in any case, and the last of two.
func texts(payload []byte, into map[string]*string) error {
	if len(payload) > MaxSize {
		return errLong
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return errObject
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := text(d)
		if err != nil {
			return err
		}
		field, known := into[key]
		switch {
		case !known:
			return errKey
		case seen[key]:
			return errTwice
		}
		seen[key] = true
		if *field, err = text(d); err != nil {
			return err
		}
	}
	if last, err := d.Token(); err != nil || last != json.Delim('}') {
		return errObject
	}
	if len(seen) != len(into) {
		return errMissing
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errMore
	}
	return nil
}

// text reads one text.
func text(d *json.Decoder) (string, error) {
	token, err := d.Token()
	if s, ok := token.(string); ok && err == nil {
		return s, nil
	}
	return "", errObject
}

// moment reads a time, in the one form that it has.
func moment(into *time.Time, text string) error {
	t, err := time.Parse(Timestamp, text)
	if err != nil || t.Format(Timestamp) != text {
		return errTime
	}
	*into = t
	return nil
}

// number reads a number of as many bytes, in the one form that it has.
func number(into []byte, text string) error {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(into) || hex.EncodeToString(raw) != text {
		return errNumber
	}
	copy(into, raw)
	return nil
}
