// Package clocktest has machines whose clocks do what a test wants.
package clocktest

import (
	"fmt"
	"sync"
	"time"

	"facegate/store/clock"
)

// Right returns the clocks of a machine that runs since 1970, and has a time server: its wall clock says now, always.
func Right(now func() time.Time) clock.Source {
	return func() clock.Reading {
		at := now()
		return clock.Reading{Wall: at, Up: time.Duration(at.Unix())*time.Second + time.Duration(at.Nanosecond()), Boot: "1970", Synced: true}
	}
}

// A Machine has a wall clock that can be set, and knows what time it really is. It is safe for concurrent use.
type Machine struct {
	mu      sync.Mutex // guards what follows
	now     time.Time
	started time.Time
	boots   int
	ahead   time.Duration
	synced  bool
}

// New returns a Machine that was started at now, with a wall clock that is right and that nothing vouches for.
func New(now time.Time) *Machine { return &Machine{now: now, started: now} }

// Read is the clock.Source of m.
func (m *Machine) Read() clock.Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	return clock.Reading{
		Wall: m.now.Add(m.ahead), Up: m.now.Sub(m.started), Boot: fmt.Sprint("boot ", m.boots), Synced: m.synced,
	}
}

// Now returns what time it really is.
func (m *Machine) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Wall returns what the wall clock says.
func (m *Machine) Wall() time.Time { return m.Read().Wall }

// Pass lets time pass.
func (m *Machine) Pass(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

// Ahead sets the wall clock so far ahead of the time; 0 sets it right.
func (m *Machine) Ahead(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead = d
}

// Sync says whether the kernel vouches for the wall clock from now on.
func (m *Machine) Sync(synced bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.synced = synced
}

// Restart turns the machine off for so long. A kernel that was just started vouches for nothing.
func (m *Machine) Restart(off time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(off)
	m.started, m.synced = m.now, false
	m.boots++
}
