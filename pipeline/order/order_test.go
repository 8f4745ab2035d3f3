package order_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/pipeline/order"
)

// key returns the key of operator or device n.
func key(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func public(n byte) ed25519.PublicKey { return key(n).Public().(ed25519.PublicKey) }

var (
	north = order.Gate{Site: "lime court", Name: "north", Device: public(9)}
	south = order.Gate{Site: "lime court", Name: "south", Device: public(9)}
	twin  = order.Gate{Site: "lime court", Name: "north", Device: public(8)} // of the same name, elsewhere
)

func morning() order.Order {
	at := time.Date(2026, 11, 27, 8, 0, 0, 125e6, time.UTC)
	return order.Order{Key: order.KeyOf(public(1)), Issued: at, Expires: at.Add(order.MaxLife), Nonce: order.Nonce{1, 2, 3, 4, 5, 6, 7, 8}}
}

func sign(tb testing.TB, n byte, g order.Gate, o order.Order) []byte {
	tb.Helper()
	payload, err := order.Sign(key(n), g, o)
	if err != nil {
		tb.Fatal(err)
	}
	return payload
}

// TestKnownOrder holds the form of an order to one that was written down.
func TestKnownOrder(t *testing.T) {
	payload := sign(t, 1, north, morning())
	const want = `{"schema":"open/1","gate":"lime court/north","device":"%s","key":"%s",` +
		`"issued":"2026-11-27T08:00:00.125Z","expires":"2026-11-27T08:00:10.125Z","nonce":"0102030405060708","signature":"%s"}`
	var w order.Open
	if err := json.Unmarshal(payload, &w); err != nil {
		t.Fatal(err)
	}
	if got := string(payload); got != fmt.Sprintf(want, north.ID(), order.KeyOf(public(1)), w.Signature) || len(payload) > order.MaxSize {
		t.Errorf("%s", got)
	}
	// The signature is of what the head of the package says, to the byte.
	id := order.KeyOf(public(1))
	message := slices.Concat([]byte("facegate open order 1\x00"), public(9), id[:],
		[]byte{0, 0, 0x01, 0xa2, 0x1c, 0x04, 0xb4, 0x7d}, []byte{0, 0, 0x01, 0xa2, 0x1c, 0x04, 0xdb, 0x8d},
		[]byte{1, 2, 3, 4, 5, 6, 7, 8}, []byte("lime court/north"))
	signature, err := hex.DecodeString(w.Signature)
	if err != nil || !ed25519.Verify(public(1), message, signature) {
		t.Errorf("the signature is of something else than %x", message)
	}
}

// TestVerify reads what was signed, at the gate that it is for and at others.
func TestVerify(t *testing.T) {
	s, err := order.Parse(sign(t, 1, north, morning()))
	if err != nil || s.Order != morning() || s.ID().Key() != morning().Key {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, tt := range []struct {
		name   string
		public ed25519.PublicKey
		gate   order.Gate
		want   error
	}{
		{"its gate", public(1), north, nil},
		{"another gate", public(1), south, order.ErrGate},
		{"a gate of that name elsewhere", public(1), twin, order.ErrGate},
		{"another operator", public(2), north, order.ErrSignature},
		{"half a key", public(1)[:16], north, order.ErrSignature},
	} {
		if err := s.Verify(tt.public, tt.gate); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestChanged changes each text of an order to another one that can stand there: it is signed no more, or is for another gate.
func TestChanged(t *testing.T) {
	other := morning()
	other.Issued, other.Expires = other.Issued.Add(time.Millisecond), other.Expires.Add(-time.Millisecond)
	other.Nonce[0]++
	var was, is map[string]string
	for payload, into := range map[string]*map[string]string{
		string(sign(t, 1, north, morning())): &was, string(sign(t, 2, order.Gate{Site: "a", Name: "b", Device: public(7)}, other)): &is,
	} {
		if err := json.Unmarshal([]byte(payload), into); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range is {
		if name == "schema" {
			continue
		}
		changed := map[string]string{}
		for k, v := range was {
			changed[k] = v
		}
		changed[name] = text
		payload, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		s, err := order.Parse(payload)
		if err == nil {
			err = s.Verify(public(1), north)
		}
		if !errors.Is(err, order.ErrSignature) && !errors.Is(err, order.ErrGate) {
			t.Errorf("with another %s: %v", name, err)
		}
	}
}

// TestStrict refuses what is no order in its one form.
func TestStrict(t *testing.T) {
	good := string(sign(t, 1, north, morning()))
	with := func(old, now string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("an order has no %s", old)
		}
		return strings.Replace(good, old, now, 1)
	}
	if _, err := order.Parse([]byte(" " + good + "\n")); err != nil {
		t.Errorf("with spaces around it: %v", err)
	}
	for name, payload := range map[string]string{
		"nothing": "", "no JSON": "open", "a text": `"open"`, "null": "null", "a list": "[" + good + "]", "cut off": good[:len(good)-1],
		"an unknown key":       with(`{`, `{"who":"me",`),
		"a key in capitals":    with(`"gate"`, `"Gate"`),
		"a key twice":          with(`{`, `{"gate":"x",`),
		"a key twice, spelt":   with(`{`, `{"g\u0061te":"x",`),
		"a key too few":        with(`"gate":"lime court/north",`, ""),
		"a number":             with(`"nonce":"0102030405060708"`, `"nonce":102030405060708`),
		"an object":            with(`"lime court/north"`, `{}`),
		"more after it":        good + "{}",
		"something after it":   good + "x",
		"another schema":       with("open/1", "open/2"),
		"a long nonce":         with("0102030405060708", "010203040506070800"),
		"a short nonce":        with("0102030405060708", "01"),
		"capital digits":       with("0102030405060708", "0A02030405060708"),
		"a time without its Z": with("08:00:00.125Z", "08:00:00.125"),
		"a time elsewhere":     with("08:00:00.125Z", "09:00:00.125+01:00"),
		"a time to the second": with("08:00:00.125Z", "08:00:00Z"),
		"a time with a comma":  with("08:00:00.125Z", "08:00:00,125Z"),
		"no life":              with("08:00:10.125Z", "08:00:00.125Z"),
		"a life backwards":     with("08:00:10.125Z", "07:59:59.125Z"),
		"a long life":          with("08:00:10.125Z", "08:00:10.126Z"),
		"too long":             good + strings.Repeat(" ", order.MaxSize),
	} {
		if _, err := order.Parse([]byte(payload)); !errors.Is(err, order.ErrForm) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "who") || strings.Contains(err.Error(), "lime") {
			t.Errorf("%s: the error repeats what was sent: %v", name, err)
		}
	}
}

// TestTerms refuses to sign what no gate takes.
func TestTerms(t *testing.T) {
	for name, change := range map[string]func(*order.Order){
		"a long life":      func(o *order.Order) { o.Expires = o.Expires.Add(time.Millisecond) },
		"no life":          func(o *order.Order) { o.Expires = o.Issued },
		"half a time unit": func(o *order.Order) { o.Issued = o.Issued.Add(time.Microsecond) },
		"before 1970":      func(o *order.Order) { o.Issued, o.Expires = time.Unix(-5, 0), time.Unix(-1, 0) },
	} {
		o := morning()
		change(&o)
		if _, err := order.Sign(key(1), north, o); !errors.Is(err, order.ErrTerms) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := order.Sign(key(1), order.Gate{Site: "a", Name: "b"}, morning()); !errors.Is(err, order.ErrTerms) {
		t.Errorf("for no device: %v", err)
	}
}

// TestReplies writes and reads each answer, and refuses what is none.
func TestReplies(t *testing.T) {
	for _, why := range append(order.Reasons(), "") {
		payload, err := order.Answer(order.Nonce{7}, why)
		if err != nil {
			t.Fatal(err)
		}
		if n, got, err := order.ReadReply(payload); n != (order.Nonce{7}) || got != why || err != nil {
			t.Errorf("%s is read as %v, %q, %v", payload, n, got, err)
		}
	}
	for _, payload := range []string{
		"", "{}", "null", `{"schema":"reply/2","nonce":"0700000000000000","result":"opened","reason":null}`,
		`{"schema":"reply/1","nonce":"07","result":"opened","reason":null}`,
		`{"schema":"reply/1","nonce":"0700000000000000","result":"opened","reason":"expired"}`,
		`{"schema":"reply/1","nonce":"0700000000000000","result":"refused","reason":null}`,
		`{"schema":"reply/1","nonce":"0700000000000000","result":"","reason":null}`,
	} {
		if _, _, err := order.ReadReply([]byte(payload)); !errors.Is(err, order.ErrReply) {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

// TestNonce draws one, and fails without randomness.
func TestNonce(t *testing.T) {
	if n, err := order.NewNonce(strings.NewReader("12345678")); err != nil || n.String() != "3132333435363738" {
		t.Errorf("%v, %v", n, err)
	}
	if _, err := order.NewNonce(strings.NewReader("1")); err == nil {
		t.Error("one is drawn from nothing")
	}
}

// FuzzOrder looks for a payload that is read as an order and has another form, or passes for signed by somebody who has not.
func FuzzOrder(f *testing.F) {
	good := sign(f, 1, north, morning())
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte("north"), []byte("south")))
	f.Add([]byte(`{"schema":"open/1","schema":"open/1"}`))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := order.Parse(payload)
		if err != nil {
			if !errors.Is(err, order.ErrForm) {
				t.Errorf("%v", err)
			}
			return
		}
		if life := s.Expires.Sub(s.Issued); life <= 0 || life > order.MaxLife || len(payload) > order.MaxSize {
			t.Errorf("an order of %d bytes lives for %v", len(payload), life)
		}
		if s.Verify(public(2), north) == nil || s.Verify(public(1), south) == nil || s.Verify(public(1), twin) == nil {
			t.Errorf("%q passes for signed", payload)
		}
		if s.Verify(public(1), north) == nil && s.Order != morning() {
			t.Errorf("%q passes for signed", payload)
		}
	})
}
