package unsigned_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/unsigned"
	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish/orders"
)

var morning = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

// A door answers each attempt with outcome, or opens where that is zero.
type door struct {
	*unsigned.Unsigned
	outcome attempt.Outcome
	asked   []attempt.Attempt
	log     strings.Builder
}

func newDoor() *door {
	d := new(door)
	d.Unsigned = unsigned.New(unsigned.Parts{
		Ask: func(a attempt.Attempt) attempt.Outcome {
			d.asked = append(d.asked, a)
			if d.outcome == (attempt.Outcome{}) {
				return attempt.Outcome{Opened: a.Asked}
			}
			return d.outcome
		},
		Log: slog.New(slog.NewTextHandler(&d.log, nil)),
	})
	return d
}

// says gives an order so long after the morning, and returns why the door stays locked.
func (d *door) says(t *testing.T, word string, after time.Duration) error {
	t.Helper()
	answer, err := d.Carry(t.Context(), orders.Order{Payload: []byte(word), Arrived: morning.Add(after)})
	if answer != nil {
		t.Errorf("%q is answered with %s", word, answer)
	}
	return err
}

// TestWord takes the one word, and nothing that looks like it. What is refused so does not keep the next one waiting.
func TestWord(t *testing.T) {
	d := newDoor()
	for _, word := range []string{
		"", "unlock", "UNLOCK ", "UNLOCK\n", "\x00UNLOCK", "UNLOCKUNLOCK", "LOCK", "OPEN", `"UNLOCK"`, `{"state":"UNLOCK"}`,
	} {
		if err := d.says(t, word, 0); !errors.Is(err, unsigned.ErrWord) {
			t.Errorf("%q: %v", word, err)
		}
	}
	if len(d.asked) > 0 {
		t.Fatalf("asked for %+v", d.asked)
	}
	if err := d.says(t, "UNLOCK", 0); err != nil {
		t.Error(err)
	}
	want := []attempt.Attempt{{Means: attempt.HomeAssistant, Asked: morning, Finding: attempt.Matched}}
	if diff := cmp.Diff(want, d.asked); diff != "" || !strings.Contains(d.log.String(), "nobody has signed") {
		t.Errorf("asked for (-want +got):\n%s\nthe log has\n%s", diff, &d.log)
	}
}

// TestRest floods a door with orders. It is opened once in a rest, and not for those that came meanwhile.
func TestRest(t *testing.T) {
	d := newDoor()
	for i := range 1000 {
		err := d.says(t, "UNLOCK", time.Duration(i)*10*time.Millisecond)
		if opens := i%500 == 0; opens != (err == nil) || !opens && !errors.Is(err, unsigned.ErrRest) {
			t.Errorf("order %d: %v", i, err)
		}
	}
	if len(d.asked) != 2 {
		t.Errorf("asked %d times in 10 s", len(d.asked))
	}
}

// TestPerHour gives orders all day long. No hour has more openings than it may, and none has far fewer.
func TestPerHour(t *testing.T) {
	d := newDoor()
	var opened []time.Duration
	for after := time.Duration(0); after < 24*time.Hour; after += unsigned.Rest {
		switch err := d.says(t, "UNLOCK", after); {
		case err == nil:
			opened = append(opened, after)
		case !errors.Is(err, unsigned.ErrMany):
			t.Fatal(err)
		}
	}
	for i := unsigned.PerHour; i < len(opened); i++ {
		if hour := opened[i] - opened[i-unsigned.PerHour]; hour < time.Hour {
			t.Errorf("%d openings in %v", unsigned.PerHour+1, hour)
		}
	}
	if len(opened) < 24*unsigned.PerHour/2 {
		t.Errorf("opened %d times in a day", len(opened))
	}
}

// TestLocked has the door stay locked for every reason. That counts as no opening, and the next order has to wait all the same.
func TestLocked(t *testing.T) {
	d := newDoor()
	full := hint.Wrap(errors.New("the disk is full"), "make room")
	for reason := attempt.Unproven; reason.String() != ""; reason++ {
		after := time.Duration(reason) * unsigned.Rest
		d.outcome = attempt.Outcome{Reason: reason, Err: full}
		if err := d.says(t, "UNLOCK", after); !errors.Is(err, unsigned.ErrLocked) || !errors.Is(err, full) || hint.Of(err) != "make room" ||
			!strings.Contains(err.Error(), reason.String()) {
			t.Errorf("%v: %v", reason, err)
		}
		if err := d.says(t, "UNLOCK", after+time.Millisecond); !errors.Is(err, unsigned.ErrRest) {
			t.Errorf("at once after %v: %v", reason, err)
		}
	}
	d.outcome = attempt.Outcome{Reason: attempt.Shut}
	for i := range 2 * unsigned.PerHour {
		if err := d.says(t, "UNLOCK", time.Hour+time.Duration(i)*unsigned.Rest); !errors.Is(err, unsigned.ErrLocked) {
			t.Fatalf("order %d to a door that is shut: %v", i, err)
		}
	}
	if d.log.Len() > 0 {
		t.Errorf("the log has\n%s", &d.log)
	}
}
