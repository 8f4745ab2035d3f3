package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/device/replay"
	"facegate/pipeline"
)

// A scene is a clip that is shown to the camera, and what has to come of it.
type scene struct {
	name   string
	clip   func(d *demo) ([][]byte, error)
	act    func(d *demo, ctx context.Context) error // what is done instead, where nothing is to be seen; nil where there is a clip
	passes int                                      // times that the door must open, with one event each
	sees   []pipeline.State                         // one of which some frame must come to; none for any
}

// walk is the clip of somebody who walks up.
func walk(name string) func(*demo) ([][]byte, error) {
	return func(d *demo) ([][]byte, error) { return replay.Load(filepath.Join(d.recordings, "walk", name)) }
}

// spoof is the clip of prints or screens that are held to the camera.
func spoof(names ...string) func(*demo) ([][]byte, error) {
	return func(d *demo) ([][]byte, error) {
		var pictures [][]byte
		for _, n := range names {
			p, err := os.ReadFile(filepath.Join(d.recordings, "spoof", n))
			if err != nil {
				return nil, err
			}
			pictures = append(pictures, p)
		}
		return hold(pictures, 2*time.Second), nil
	}
}

// showAll shows scenes one after the other.
func (d *demo) showAll(ctx context.Context, scenes []scene) error {
	for _, s := range scenes {
		if err := d.show(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// settleTime is how long after a scene its last pulse and event may take.
const settleTime = 1500 * time.Millisecond

// show plays a scene and compares what came of it with what had to.
func (d *demo) show(ctx context.Context, s scene) error {
	perform, err := d.performance(s)
	if err != nil {
		return err
	}
	before, err := fingerprint(filepath.Join(d.dir, "state"))
	if err != nil {
		return err
	}
	edges := len(d.line.Edges())
	d.onlooker.begin()
	if err := perform(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(settleTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	seen := d.onlooker.end()
	after, err := fingerprint(filepath.Join(d.dir, "state"))
	if err != nil {
		return err
	}
	seen.pulses = (len(d.line.Edges()) - edges) / 2
	seen.kept = !bytes.Equal(before, after)
	d.account.scene(s, seen)
	return nil
}

// performance returns what is done in a scene.
func (d *demo) performance(s scene) (func(context.Context) error, error) {
	if s.act != nil {
		return func(ctx context.Context) error { return s.act(d, ctx) }, nil
	}
	frames, err := s.clip(d)
	return func(ctx context.Context) error { return d.stage.Play(ctx, frames) }, err
}

// fingerprint hashes names and contents of all files below dir.
func fingerprint(dir string) ([]byte, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		io.WriteString(h, fmt.Sprintf("%s %d\n", path, len(data)))
		h.Write(data)
		return err
	})
	return h.Sum(nil), err
}

// demoNeeds is how many frames a second have to be looked at for the scenes to come out as they must: from 6 on they do, at
// 4 a face is gone before enough frames of it agree.
const demoNeeds = 6

// A result is one line of the summary.
type result struct {
	Scene    string   `json:"scene"`
	OK       bool     `json:"ok"`
	TooSlow  bool     `json:"too_slow,omitempty"` // not OK, and no wonder: this machine cannot keep up
	FPS      float64  `json:"fps,omitempty"`      // frames with a face that were looked at in a second
	Problems []string `json:"problems,omitempty"`
	Pulses   int      `json:"pulses"`
	Events   int      `json:"events"`
	Passes   []pass   `json:"passes,omitempty"`

	grave bool // something happened that must not, however slow the machine
}

// A pass is the account of one grant: milliseconds from the frame that decided it.
type pass struct {
	DecisionMS float64 `json:"decision_ms"`
	RelayMS    float64 `json:"relay_ms"`
	BrokerMS   float64 `json:"broker_ms"`
}

// An account tells the demo as it goes and keeps the results.
type account struct {
	out     io.Writer
	begun   time.Time
	results []result
}

func newAccount(out io.Writer) *account { return &account{out: out, begun: time.Now()} }

func (a *account) say(format string, args ...any) {
	show.Fprintf(a.out, "%6.2f s  %s\n", time.Since(a.begun).Seconds(), show.Sprintf(format, args...))
}

// add notes what came of a scene, after which the rate of frames is known, or 0.
func (a *account) add(r result, rate float64) {
	r.FPS = math.Round(10*rate) / 10
	// What fails after a scene that was too slow fails because of that: nobody is enrolled.
	r.TooSlow = !r.OK && !r.grave && (rate > 0 && rate < demoNeeds || a.slowest() > 0)
	a.results = append(a.results, r)
}

// slowest returns the lowest rate of the scenes that were too slow, or 0.
func (a *account) slowest() (rate float64) {
	for _, r := range a.results {
		if r.TooSlow && r.FPS > 0 && (rate == 0 || r.FPS < rate) {
			rate = r.FPS
		}
	}
	return rate
}

func (a *account) enrolled(person string, took time.Duration, rate float64, err error) {
	r := result{Scene: "enrol " + person, OK: err == nil}
	if err != nil {
		r.Problems = append(r.Problems, err.Error(), hint.Of(err))
		a.say("enrol %s: FAILED: %v", person, err)
	} else {
		a.say("enrol %s: template hashed, sealed and stored in %.1f s; no picture kept", person, took.Seconds())
	}
	a.add(r, rate)
}

func (a *account) withdrawn(person string, took time.Duration, err error) {
	r := result{Scene: "withdraw " + person, OK: err == nil}
	if err != nil {
		r.Problems = append(r.Problems, err.Error(), hint.Of(err))
		a.say("withdraw %s: FAILED: %v", person, err)
	} else {
		a.say("withdraw %s: erased in %.2f s, the old store key destroyed; the signed receipt and the audit log verify", person, took.Seconds())
	}
	a.add(r, 0)
}

// scene tells what was seen and checks it.
func (a *account) scene(s scene, seen sighting) {
	a.say("scene: %s", s.name)
	for _, c := range seen.changes {
		show.Fprintf(a.out, "          %5.2f s  %s\n", c.at.Seconds(), c.what)
	}
	r := result{Scene: s.name, Pulses: seen.pulses, Events: len(seen.events)}
	for i, g := range seen.grants {
		p := pass{DecisionMS: ms(g.decided), RelayMS: ms(g.opened), BrokerMS: -1}
		if i < len(seen.events) {
			p.BrokerMS = ms(seen.events[i].Sub(g.frame))
		}
		show.Fprintf(a.out, "          frame → decision %.1f ms → relay %.1f ms → broker receipt %.1f ms\n",
			p.DecisionMS, p.RelayMS, p.BrokerMS)
		r.Passes = append(r.Passes, p)
	}
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
		}
	}
	expect(seen.pulses == s.passes, "the door opened %d times instead of %d", seen.pulses, s.passes)
	expect(len(seen.events) == s.passes, "%d events instead of %d", len(seen.events), s.passes)
	expect(len(s.sees) == 0 || slices.ContainsFunc(s.sees, seen.sees), "no frame came to %v", s.sees)
	// Who is let in leaves the day on which they were last seen, and an entry in the audit log that says somebody was.
	expect(s.passes > 0 || !seen.kept, "something was written to the state folder")
	r.OK = len(r.Problems) == 0
	r.grave = seen.pulses > s.passes || len(seen.events) > s.passes || seen.kept && s.passes == 0
	if s.passes == 0 && r.OK {
		show.Fprintln(a.out, "          door stayed locked, no event, nothing kept")
	}
	a.add(r, seen.rate())
}

func (a *account) summary(w *tabwriter.Writer) {
	show.Fprintf(w, "\nSCENE\tRESULT\tDOOR\tEVENTS\tFRAME → RELAY\n")
	for _, r := range a.results {
		outcome, latency := "ok", ""
		switch {
		case r.TooSlow && r.FPS > 0:
			outcome = fmt.Sprintf("too slow: %.1f frames a second", r.FPS)
		case r.TooSlow:
			outcome = "too slow before"
		case !r.OK:
			outcome = fmt.Sprintf("WRONG: %v", r.Problems)
		}
		for _, p := range r.Passes {
			latency += fmt.Sprintf("%.0f ms  ", p.RelayMS)
		}
		show.Fprintf(w, "%s\t%s\t%d\t%d\t%s\n", r.Scene, outcome, r.Pulses, r.Events, latency)
	}
}

var (
	errScene   = errors.New("a scene went wrong")
	errTooSlow = errors.New("this machine is too slow for a gate")
)

func (a *account) verdict() error {
	for _, r := range a.results {
		if !r.OK && !r.TooSlow {
			return fmt.Errorf("%w: %s: %v", errScene, r.Scene, r.Problems)
		}
	}
	if rate := a.slowest(); rate > 0 {
		return hint.Wrap(fmt.Errorf("%w: it manages %.1f frames a second where a face is seen, and needs %d", errTooSlow, rate, demoNeeds),
			"nothing went wrong, but people would have to stand still before the door, or not be let in at all; "+
				"see what else keeps the processor busy, or use a faster board")
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
