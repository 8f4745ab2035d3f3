package keypad_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/device/keypad"
)

var start = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)

// typed presses keys, a second apart, and returns what was typed before each Enter. A dot is a pause in which all is forgotten, a
// comma one that is just short enough.
func typed(keys string) (all []string) {
	var p keypad.Pad
	now := start
	for _, key := range []byte(keys) {
		switch now = now.Add(time.Second); key {
		case '.':
			now = now.Add(keypad.Pause - time.Second)
		case ',':
			now = now.Add(keypad.Pause - 3*time.Second)
		default:
			if value := p.Press(key, now); value != nil {
				all = append(all, string(value))
			}
		}
	}
	return all
}

func TestPress(t *testing.T) {
	for _, tt := range []struct{ name, keys, want string }{
		{"number and PIN", "4711*271828#", "4711*271828"},
		{"PIN", "271828#", "271828"},
		{"one after the other", "271828#4711*314159#", "271828 4711*314159"},
		{"nothing", "#", ""},
		{"no end", "271828", ""},
		{"cleared", "4711*27C271828#", "271828"},
		{"cleared by two stars", "4711**271828#", "271828"},
		{"cleared by a star too many", "4711***271828#", "271828"},
		{"cleared first", "*271828#", "271828"},
		{"a key that is none", "27\n1 8x28#", "271828"},
		{"a pause", "4711*27.1828#", "1828"},
		{"a pause that is short enough", "4711*27,1828#", "4711*271828"},
		{"left standing", "4711*.271828#", "271828"},
		{"too slow as a whole", "1,2,3,4,5,6,7,8,9#", "89"},
		{"too much", strings.Repeat("1", 99) + "#", strings.Repeat("1", 22)},
		{"after too much", strings.Repeat("1", 30) + "#271828#", strings.Repeat("1", 22) + " 271828"},
	} {
		if got := strings.Join(typed(tt.keys), " "); got != tt.want {
			t.Errorf("%s: %q is %q, want %q", tt.name, tt.keys, got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	for value, want := range map[string]string{
		"4711*271828": "4711 271828", "271828": " 271828", "0*0": "0 0", "12345678*123456789012": "12345678 123456789012",
		"": "", "*": "", "4711*": "", "*271828": "", "4711*27*18": "", "2718a8": "", "27 828": "", "٢٧١٨٢٨": "", "4711#271828": "",
		"123456789*271828": "", "1234567890123": "", "4711*1234567890123": "",
	} {
		got, err := keypad.Parse([]byte(value))
		if want == "" {
			if !errors.Is(err, keypad.ErrTyped) || got.PIN != nil {
				t.Errorf("%q is %+v, %v", value, got, err)
			}
			continue
		}
		if err != nil || got.Number+" "+string(got.PIN) != want {
			t.Errorf("%q is %+v, %v", value, got, err)
		}
	}
}

// The PIN is nowhere but in the value, so that who clears the one has cleared the other.
func TestParsedLiesInTheValue(t *testing.T) {
	value := []byte("4711*271828")
	got, err := keypad.Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	if clear(value); !bytes.Equal(got.PIN, make([]byte, 6)) {
		t.Errorf("%q is left", got.PIN)
	}
}

// TestAnyKeys presses any keys at any times. What comes of them is a suffix of what was pressed within the time that it is held,
// and nothing goes on with what was typed before Enter.
func TestAnyKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p keypad.Pad
		now, held := start, "" // since Enter, Clear or a pause
		for range rapid.IntRange(0, 60).Draw(t, "keys") {
			key := rapid.SampledFrom([]byte("0123456789**#C")).Draw(t, "key")
			pause := rapid.SampledFrom([]time.Duration{0, time.Second, keypad.Pause - 1, keypad.Pause}).Draw(t, "pause")
			if now = now.Add(pause); pause >= keypad.Pause {
				held = ""
			}
			value := p.Press(key, now)
			if key != keypad.Enter {
				if value != nil {
					t.Fatalf("%c ends %q", key, value)
				}
				if held += string(key); key == keypad.Clear {
					held = ""
				}
				continue
			}
			if typed, err := keypad.Parse(value); err == nil && !strings.HasSuffix(held, string(value)) {
				t.Fatalf("%+v was typed, of %q", typed, held)
			}
			if held = ""; !p.Due().IsZero() {
				t.Fatal("something is held after Enter")
			}
		}
		if due := p.Due(); !due.IsZero() {
			if due.After(now.Add(keypad.Pause)) || !due.After(now) {
				t.Fatalf("held for %v", due.Sub(now))
			}
			if p.Lapse(due); p != (keypad.Pad{}) {
				t.Fatal("something is held for longer")
			}
		}
	})
}

// TestNothingIsLeft looks for a PIN in the Pad after each way in which it ends.
func TestNothingIsLeft(t *testing.T) {
	for name, end := range map[string]func(p *keypad.Pad){
		"Enter": func(p *keypad.Pad) { clear(p.Press(keypad.Enter, start)) },
		"Clear": func(p *keypad.Pad) { p.Press(keypad.Clear, start) },
		"stars": func(p *keypad.Pad) { p.Press(keypad.Star, start); p.Press(keypad.Star, start) },
		"pause": func(p *keypad.Pad) { p.Lapse(start.Add(keypad.Pause)) },
		"whole": func(p *keypad.Pad) { p.Lapse(start.Add(keypad.Whole)) },
	} {
		var p keypad.Pad
		for _, key := range []byte("4711*271828") {
			p.Press(key, start)
		}
		if p == (keypad.Pad{}) {
			t.Fatal("nothing is held before")
		}
		if end(&p); p != (keypad.Pad{}) {
			t.Errorf("%s: %+v is left", name, p)
		}
	}
}

// FuzzParse has anything typed. What is accepted is digits, and no more than a person can have.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"4711*271828", "271828", "*", "1**2", "٢*٧"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		got, err := keypad.Parse(value)
		if err != nil {
			return
		}
		again := string(got.PIN)
		if got.Number != "" {
			again = got.Number + "*" + again
		}
		if again != string(value) || len(got.PIN) > keypad.MaxPIN || len(got.Number) > keypad.MaxNumber || strings.Trim(got.Number+string(got.PIN), "0123456789") != "" {
			t.Errorf("%q is %+v", value, got)
		}
	})
}
