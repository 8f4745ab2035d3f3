package publish

import (
	"slices"
	"testing"
	"time"
)

// FirstBroker returns the broker that a gate tries first.
func FirstBroker(cfg Config) string { return cfg.inTurn()[0].String() }

// TestTurns goes round brokers that fail, and serve from time to time.
func TestTurns(t *testing.T) {
	ms := time.Millisecond
	for _, test := range []struct {
		name    string
		brokers int
		lasted  []bool // of each turn
		pauses  []time.Duration
	}{
		{"one", 1, []bool{false, false, false}, []time.Duration{250 * ms, 500 * ms, 1000 * ms}},
		{"one that served", 1, []bool{false, false, true, false}, []time.Duration{250 * ms, 500 * ms, 250 * ms, 500 * ms}},
		{"three", 3, make([]bool, 7), []time.Duration{0, 0, 250 * ms, 0, 0, 500 * ms, 0}},
		{"three, of which the second served", 3, []bool{false, true, false, false, false}, []time.Duration{0, 0, 0, 250 * ms, 0}},
	} {
		turns := newTurns(test.brokers)
		var pauses []time.Duration
		for i, lasted := range test.lasted {
			if turns.at != i%test.brokers {
				t.Errorf("%s: turn %d is of broker %d", test.name, i, turns.at)
			}
			pauses = append(pauses, turns.next(lasted))
		}
		if !slices.Equal(pauses, test.pauses) {
			t.Errorf("%s: pauses %v, want %v", test.name, pauses, test.pauses)
		}
	}
}

// TestStay keeps to a broker that withholds for longer each time that the others do not serve either.
func TestStay(t *testing.T) {
	if one := newTurns(1); one.stay() != forever {
		t.Error("the only broker is left")
	}
	turns := newTurns(2)
	var stays []time.Duration
	for range 14 {
		stays = append(stays, turns.stay())
		turns.next(false)
	}
	if stays[0] != 0 || stays[1] != 0 || stays[2] == 0 || !slices.IsSorted(stays) || stays[13] != time.Minute {
		t.Errorf("it stays for %v", stays)
	}
}
