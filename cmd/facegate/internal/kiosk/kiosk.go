// Package kiosk serves the page of a screen at the door to a browser on the same machine: what to do next, the other ways in,
// and the notice. It knows the steps of package guide, and neither pictures nor people.
//
// The page is plain HTML that follows one stream of server-sent events. An event is the name of a step, and nothing else but, of a
// door that is shut to all, until when. Every connection begins with the step that is shown, so that a screen that was away needs no
// history, and there is none.
package kiosk

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/guide"
	"facegate/cmd/facegate/internal/localweb"
	"facegate/configs/notice"
	"facegate/configs/passage"
	"facegate/configs/words"
)

const (
	maxScreens = 4                // that follow at a time
	aliveEvery = 15 * time.Second // after which a comment says that the stream is still there
)

// Parts are what a Kiosk works with.
type Parts struct {
	Network, Address string        // where it listens: "tcp" or "unix"
	Notices          []notice.Text // in the languages of the screen, the first one first; at least one
	Says             func(notice.Language) words.Words
	Ways             []passage.Way // the other ways in
	Log              *slog.Logger

	Listen func(ctx context.Context, network, address string) (net.Listener, error) // of the machine if it is nil
}

// A Kiosk is the task. Its methods may be called from several goroutines.
type Kiosk struct {
	parts Parts
	pages map[string]page
	site  *localweb.Site

	mu      sync.Mutex // guards what follows
	shown   event
	screens map[screen]struct{}
}

// An event is what a screen is sent: a step, and of guide.Shut a space and until when, where that is known: a time of day of today, such
// as 18:00, or a date and a time, such as 2026-12-28T08:00, by the clock on the wall of the door.
type event string

// A screen is a page that follows. It holds the newest event that was not sent yet.
type screen chan event

// New returns a Kiosk, which shows Wait until it is told more.
func New(p Parts) (*Kiosk, error) {
	all, err := pages(p.Notices, p.Says, p.Ways)
	if err != nil {
		return nil, err
	}
	k := &Kiosk{parts: p, pages: all, shown: event(guide.Wait), screens: make(map[screen]struct{})}
	k.site = localweb.New(localweb.Parts{
		What: "the page of the screen at the door", Key: "kiosk.listen", Usual: "127.0.0.1:8686",
		Network: p.Network, Address: p.Address, Handler: k, Log: p.Log, Listen: p.Listen,
	})
	return k, nil
}

func (k *Kiosk) String() string { return "screen at the door" }

// Ready is closed when Run has begun. No gate waits for its screen.
func (k *Kiosk) Ready() <-chan struct{} { return k.site.Ready() }

// Show has every screen show a step. It waits for none of them.
func (k *Kiosk) Show(s guide.Step) { k.send(event(s)) }

// ShowShut has every screen show, at now, that the door is shut to all until a time in the zone of the door; zero for nobody knows.
func (k *Kiosk) ShowShut(until, now time.Time) {
	e := event(guide.Shut)
	switch now = now.In(until.Location()); {
	case until.IsZero():
	case until.YearDay() == now.YearDay() && until.Year() == now.Year():
		e += event(until.Format(" 15:04"))
	default:
		e += event(until.Format(" 2006-01-02T15:04"))
	}
	k.send(e)
}

func (k *Kiosk) send(e event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e == k.shown {
		return
	}
	k.shown = e
	for c := range k.screens {
		c.put(e)
	}
}

// put replaces what was not sent yet. It is called with the mutex of the Kiosk.
func (s screen) put(e event) {
	select {
	case <-s:
	default:
	}
	s <- e
}

// Watched reports whether a screen follows.
func (k *Kiosk) Watched() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.screens) > 0
}

// Addr returns where the Kiosk listens, nil if it does not.
func (k *Kiosk) Addr() net.Addr { return k.site.Addr() }

// Err says why no page is served, with a hint; nil if one is.
func (k *Kiosk) Err() error { return k.site.Err() }

// Run serves the page until ctx is cancelled. Where it cannot listen it tries again: a door has other ways in than its screen.
func (k *Kiosk) Run(ctx context.Context) error { return k.site.Run(ctx) }
