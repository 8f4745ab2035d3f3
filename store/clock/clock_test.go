package clock_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/store/clock"
	"facegate/store/clock/clocktest"
)

const oneDay = 24 * time.Hour

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// A watch is a Judge of a machine.
type watch struct {
	t *testing.T
	*clocktest.Machine
	judge *clock.Judge
}

func newWatch(t *testing.T) *watch {
	w := &watch{t, clocktest.New(start()), new(clock.Judge)}
	w.judge.Judge(w.Read())
	return w
}

// see lets time pass, and looks every ten minutes.
func (w *watch) see(passes time.Duration) clock.Verdict {
	for ; passes > 10*time.Minute; passes -= 10 * time.Minute {
		w.Pass(10 * time.Minute)
		w.judge.Judge(w.Read())
	}
	w.Pass(passes)
	return w.judge.Judge(w.Read())
}

// restart starts the process anew, with what the judge remembers on disk.
func (w *watch) restart() {
	w.t.Helper()
	text, err := json.Marshal(w.judge.Memory())
	if err != nil {
		w.t.Fatal(err)
	}
	var m clock.Memory
	if err := json.Unmarshal(text, &m); err != nil {
		w.t.Fatal(err)
	}
	w.judge = clock.NewJudge(m)
}

// TestDoubts leads machines to where their clock is believed or not.
func TestDoubts(t *testing.T) {
	for _, tt := range []struct {
		name    string
		do      func(w *watch) clock.Verdict
		doubt   clock.Doubt
		settled bool
		certain time.Duration // behind the true time; none if it is negative
	}{
		{"nothing vouches", func(w *watch) clock.Verdict { return w.see(oneDay) }, clock.Unvouched, false, -1},
		{"steady for long", func(w *watch) clock.Verdict { return w.see(clock.SteadyFor) }, clock.None, true, 0},
		{"almost", func(w *watch) clock.Verdict { return w.see(clock.SteadyFor - time.Second) }, clock.Unvouched, false, -1},
		{"steady, over restarts of the process", func(w *watch) clock.Verdict {
			for range 14 {
				w.see(clock.SteadyFor / 14)
				w.restart()
			}
			return w.see(0)
		}, clock.None, true, 0},
		{"steady, with a step in between", func(w *watch) clock.Verdict {
			w.see(clock.SteadyFor - time.Hour)
			w.Ahead(time.Hour)
			return w.see(oneDay)
		}, clock.Unvouched, false, -1},
		{"steady by day, and off at night", func(w *watch) clock.Verdict {
			for range 14 {
				w.see(12 * time.Hour)
				w.restart()
				w.Restart(12 * time.Hour)
			}
			return w.see(0)
		}, clock.None, true, 14 * 12 * time.Hour},
		{"steady for long, and off for a holiday", func(w *watch) clock.Verdict {
			w.see(clock.SteadyFor - time.Hour)
			w.Restart(10 * oneDay)
			return w.see(2 * time.Hour)
		}, clock.Unvouched, false, -1},
		{"a time server is heard", func(w *watch) clock.Verdict {
			w.Ahead(-200 * oneDay)
			w.see(time.Hour)
			w.Ahead(0)
			w.Sync(true)
			return w.see(time.Minute)
		}, clock.None, false, -1},
		{"a time server is heard for an hour", func(w *watch) clock.Verdict { w.Sync(true); return w.see(2 * time.Hour) }, clock.None, true, 0},
		{"a time server is wrong for a moment", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.Ahead(400 * oneDay)
			w.see(10 * time.Minute)
			w.Ahead(0)
			return w.see(2 * time.Hour)
		}, clock.None, true, 0},
		{"a time server is lost", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.see(2 * time.Hour)
			w.Sync(false)
			return w.see(100 * oneDay)
		}, clock.None, true, 0},
		{"set ahead", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.see(2 * time.Hour)
			w.Ahead(400 * oneDay)
			return w.see(clock.SteadyFor - oneDay)
		}, clock.Stepped, false, 0},
		{"set ahead, and no time server says so", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.see(2 * time.Hour)
			w.Sync(false)
			w.Ahead(400 * oneDay)
			return w.see(100 * oneDay)
		}, clock.Stepped, false, 0},
		{"set back", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.see(2 * time.Hour)
			w.Ahead(-10 * oneDay)
			return w.see(time.Minute)
		}, clock.Stepped, false, 0},
		{"set ahead and back", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.see(2 * time.Hour)
			w.Ahead(400 * oneDay)
			w.see(time.Minute)
			w.Ahead(0)
			return w.see(time.Minute)
		}, clock.None, true, 0},
		{"set ahead while the process was down", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.see(2 * time.Hour)
			w.restart()
			w.Ahead(400 * oneDay)
			return w.see(time.Minute)
		}, clock.Stepped, false, 0},
		{"what was known was wrong", func(w *watch) clock.Verdict { // says the time server, for a week
			w.Ahead(30 * oneDay)
			w.see(clock.SteadyFor)
			w.Ahead(0)
			w.Sync(true)
			return w.see(clock.SteadyFor + time.Hour)
		}, clock.None, true, 0},
		{"after a power cut, without a battery", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.see(2 * time.Hour)
			w.Restart(oneDay)
			w.Ahead(-10 * oneDay)
			return w.see(time.Hour)
		}, clock.Behind, false, oneDay},
		{"after a power cut, with a battery", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.see(2 * time.Hour)
			w.Restart(oneDay)
			return w.see(time.Hour)
		}, clock.Unvouched, false, oneDay},
		{"after a power cut, with a time server", func(w *watch) clock.Verdict {
			w.Sync(true)
			w.see(2 * time.Hour)
			w.Restart(oneDay)
			w.Sync(true)
			return w.see(30 * time.Minute)
		}, clock.None, false, oneDay},
		{"in 1970", func(w *watch) clock.Verdict {
			w.Ahead(time.Unix(0, 0).Sub(w.Now()))
			return w.see(100 * oneDay)
		}, clock.Absurd, false, -1},
		{"confirmed", func(w *watch) clock.Verdict {
			if err := w.judge.Confirm(w.Read()); err != nil {
				w.t.Error(err)
			}
			return w.see(0)
		}, clock.None, true, 0},
		{"confirmed to the hour, and then a time server", func(w *watch) clock.Verdict {
			w.Ahead(-time.Hour)
			if err := w.judge.Confirm(w.Read()); err != nil {
				w.t.Error(err)
			}
			w.see(time.Hour)
			w.Ahead(0)
			w.Sync(true)
			return w.see(2 * time.Hour)
		}, clock.None, true, 0},
		{"confirmed to the hour, then a power cut, and then a time server", func(w *watch) clock.Verdict {
			w.Ahead(time.Hour)
			if err := w.judge.Confirm(w.Read()); err != nil {
				w.t.Error(err)
			}
			w.Restart(time.Minute)
			w.Ahead(0)
			w.Sync(true)
			return w.see(2 * time.Hour)
		}, clock.None, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWatch(t)
			v := tt.do(w)
			if v.Doubt != tt.doubt || v.Settled != tt.settled || v.Right() != (tt.doubt == clock.None) {
				t.Errorf("doubt %v, settled %v; want %v, %v", v.Doubt, v.Settled, tt.doubt, tt.settled)
			}
			if tt.certain < 0 {
				if !v.Certain.IsZero() {
					t.Errorf("certain is %v, and nothing is", v.Certain)
				}
				return
			}
			if behind := w.Now().Sub(v.Certain); behind < tt.certain || behind > tt.certain+time.Second {
				t.Errorf("what is certain is %v behind, want %v", behind, tt.certain)
			}
		})
	}
}

// TestNoMonotonicReading checks that nothing of the times of one process is left by which Go would compare them, rather than
// by the wall clock.
func TestNoMonotonicReading(t *testing.T) {
	judge := new(clock.Judge)
	r := clock.Reading{Wall: time.Now(), Up: time.Hour, Boot: "a", Synced: true}
	v := judge.Judge(r)
	if err := judge.Confirm(r); err != nil {
		t.Fatal(err)
	}
	m := judge.Memory()
	for _, at := range []time.Time{v.Wall, v.Certain, v.Latest, m.Run.Wall, m.Known.Wall, m.Lead.Wall} {
		if at != at.Round(0) {
			t.Errorf("%v has a monotonic reading", at)
		}
	}
}

// TestConfirmRefuses checks that nobody can confirm what cannot be.
func TestConfirmRefuses(t *testing.T) {
	w := newWatch(t)
	w.Ahead(time.Unix(0, 0).Sub(w.Now()))
	if err := w.judge.Confirm(w.Read()); !errors.Is(err, clock.ErrFloor) {
		t.Errorf("error %v", err)
	}
	if v := w.see(0); v.Doubt != clock.Absurd {
		t.Errorf("after that the doubt is %v", v.Doubt)
	}
}

// TestNeverAhead sets clocks, restarts machines and processes at random. As long as nothing vouches for what is wrong, no
// time is certain that has not come; and as long as the machine runs, none is missed that was known.
func TestNeverAhead(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWatch(t)
		known, wrong := false, time.Duration(0) // wrong for so long
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			switch rapid.IntRange(0, 7).Draw(r, "what") {
			case 0:
				w.Ahead(time.Duration(rapid.Int64Range(-int64(2000*oneDay), int64(2000*oneDay)).Draw(r, "ahead")))
				w.Sync(false)
			case 1:
				w.Ahead(time.Duration(rapid.Int64Range(-int64(10*time.Minute), int64(10*time.Minute)).Draw(r, "a little ahead")))
				w.Sync(false)
			case 2:
				w.Ahead(0)
				w.Sync(true)
			case 3:
				w.Restart(time.Duration(rapid.Int64Range(0, int64(3*oneDay)).Draw(r, "off")))
				w.Ahead(-time.Duration(rapid.Int64Range(0, int64(oneDay)).Draw(r, "behind"))) // a battery may be slow
				known = false
			case 4:
				w.restart()
			}
			passes := time.Duration(rapid.Int64Range(0, int64(clock.SteadyFor/8)).Draw(r, "passes"))
			if wrong += passes; w.Wall().Equal(w.Now()) {
				wrong = 0
			} else if wrong >= clock.SteadyFor { // it would be believed
				w.Ahead(0)
				wrong = 0
			}
			v := w.see(passes)
			if v.Certain.After(w.Now()) {
				r.Fatalf("%v is certain, and it is %v: %+v", v.Certain, w.Now(), w.judge.Memory())
			}
			if known = known || v.Settled; known && w.Now().Sub(v.Certain) > time.Hour {
				r.Fatalf("%v is certain, and it is %v: %+v", v.Certain, w.Now(), w.judge.Memory())
			}
			if known && v.Latest.Before(w.Now().Add(-time.Hour)) {
				r.Fatalf("%v is the latest, and it is %v: %+v", v.Latest, w.Now(), w.judge.Memory())
			}
		}
	})
}

// TestTrust has the word for a clock in each of the states that it may be in.
func TestTrust(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	read := func(wall time.Time, synced, kept bool) clock.Reading {
		return clock.Reading{Wall: wall, Up: time.Hour, Boot: "1", Synced: synced, Kept: kept, Past: now.AddDate(0, 0, -7)}
	}
	for _, test := range []struct {
		name string
		at   []clock.Reading
		want clock.Trust
		past time.Time
	}{
		{"a time server", []clock.Reading{read(now, true, false)}, clock.Synced, now},
		{"a clock that is kept", []clock.Reading{read(now, false, true)}, clock.RTC, now.AddDate(0, 0, -7)},
		{"none", []clock.Reading{read(now, false, false)}, clock.Guess, now.AddDate(0, 0, -7)},
		{"before what has passed", []clock.Reading{read(now.AddDate(0, 0, -8), false, true)}, clock.Bad, now.AddDate(0, 0, -7)},
		{"before what has passed, by a time server", []clock.Reading{read(now.AddDate(0, 0, -8), true, true)}, clock.Bad, now.AddDate(0, 0, -7)},
		{"1970", []clock.Reading{read(time.Unix(60, 0), false, false)}, clock.Bad, now.AddDate(0, 0, -7)},
		{"set ahead", []clock.Reading{read(now, true, true), read(now.AddDate(9, 0, 0), false, true)}, clock.Bad, now},
		{"right once, and no server since", []clock.Reading{read(now, true, false), read(now, false, false)}, clock.RTC, now},
	} {
		judge, v := new(clock.Judge), clock.Verdict{}
		for _, r := range test.at {
			v = judge.Judge(r)
		}
		if v.Trust() != test.want || !v.Past.Equal(test.past) {
			t.Errorf("%s: %s, and %v has passed; want %s and %v", test.name, v.Trust(), v.Past, test.want, test.past)
		}
	}
}
