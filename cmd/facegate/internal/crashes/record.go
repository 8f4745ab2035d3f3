package crashes

import (
	"time"

	"facegate/store/clock"
)

// A Level is how much of a gate is started.
type Level uint8

// The levels, from a whole gate to the least.
const (
	Full      Level = iota
	FacesOff        // no network is loaded, and the camera is opened for passes alone
	CardsOnly       // the camera is not opened at all, nor is the broker spoken to
)

func (l Level) String() string {
	return [...]string{"full", "faces off", "cards only"}[min(l, CardsOnly)]
}

// When a gate does less, and when it tries again to do all.
const (
	Most   = 3                // crashes, and the next start does less
	Within = 10 * time.Minute // if they came within so long
	Steady = time.Hour        // without a crash, and it tries again to do all
)

// A Crash is an end that nobody asked for. It names nobody.
type Crash struct {
	At  time.Time     `json:"at"`
	Up  time.Duration `json:"up"` // of the machine
	Why string        `json:"why"`
}

// A Record is what is known of the ends of one gate since the machine was started. Its zero value is of a gate that never ran.
type Record struct {
	Version int     `json:"version"`
	Boot    string  `json:"boot"` // of the machine
	Level   Level   `json:"level"`
	Crashes []Crash `json:"crashes,omitempty"` // at Level, oldest first
	Last    *Crash  `json:"last,omitempty"`    // the crash that led to Level, nil at Full

	// Running is when a process was started that has not ended as it should. A process that finds it set knows that the one
	// before it has crashed: nothing has to be written in the moment of a crash.
	Running *Start `json:"running,omitempty"`
}

// A Start is the start of a process.
type Start struct {
	At time.Time     `json:"at"`
	Up time.Duration `json:"up"`
}

// version of Record.
const version = 1

// start returns the record after a process was started. If the process before it has crashed, why says of what.
func (r Record) start(now clock.Reading, why string) Record {
	if r.Version != version || r.Boot != now.Boot {
		r = Record{Version: version, Boot: now.Boot}
	}
	if r.Running != nil {
		r = r.crashed(Crash{At: now.Wall, Up: now.Up, Why: why})
	}
	if last, ok := r.last(); r.Level > Full && ok && now.Up-last.Up >= Steady {
		r.Level, r.Crashes, r.Last = Full, nil, nil
	}
	r.Running = &Start{At: now.Wall, Up: now.Up}
	return r
}

// crashed returns the record after a crash.
func (r Record) crashed(c Crash) Record {
	all := []Crash{}
	for _, before := range r.Crashes {
		if c.Up-before.Up < Within {
			all = append(all, before)
		}
	}
	r.Crashes, r.Running = append(all, c), nil
	if len(r.Crashes) >= Most && r.Level < CardsOnly {
		r.Level++
		r.Crashes, r.Last = nil, &c
	}
	return r
}

// last returns the crash that came last.
func (r Record) last() (Crash, bool) {
	switch n := len(r.Crashes); {
	case n > 0:
		return r.Crashes[n-1], true
	case r.Last != nil:
		return *r.Last, true
	}
	return Crash{}, false
}
