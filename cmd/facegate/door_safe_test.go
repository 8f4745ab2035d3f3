package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/driven"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/gpio/sim"
)

// A board is a simulated board whose lines a gate has left as it died: each is active.
type board struct {
	sim.Board
	t     *testing.T
	site  gatetest.Site
	lines map[string]bool // by name, and whether it is active at low level
}

// wired is a door with all that a gate drives.
const wired = "line: relay, fail: %s, led_red: {line: red}, led_green: {line: green, active_low: true}, buzzer: {line: buzzer}, contact: {line: contact}"

func newBoard(t *testing.T) *board {
	b := &board{t: t, site: gatetest.NewSite(t), lines: map[string]bool{
		"relay": false, "red": false, "green": true, "buzzer": false, "left": false, "right": false,
	}}
	b.Board = sim.Board(b.site.Path("board"))
	must(t, os.Mkdir(string(b.Board), 0o700))
	b.dies()
	return b
}

// dies leaves every line active.
func (b *board) dies() {
	b.t.Helper()
	for name, low := range b.lines {
		must(b.t, b.Drive(name, !low))
	}
}

// config writes the configuration of the gate.
func (b *board) config(door string) string {
	return b.site.WriteConfig(b.t, gatetest.Settings{
		"door": "{driver: sim, chip: " + string(b.Board) + ", " + door + "}", "prompt": "{led_left: left, led_right: right}",
		"key_file": "/nonexistent/key", // is not needed
	})
}

// safe has every line made safe, twice, and wants them to be, apart from those named.
func (b *board) safe(config, want string, but ...string) {
	b.t.Helper()
	for range 2 {
		facegate(b.t.Context(), "door", "safe", "--config", config).want(b.t, exitOK, want, "")
		b.want(but...)
	}
}

// want wants every line to be safe, apart from those named, and none to have been made active.
func (b *board) want(but ...string) {
	b.t.Helper()
	for name, low := range b.lines {
		high, err := b.Pin(name)
		if active := high != low; err != nil || active != strings.Contains(strings.Join(but, " "), name) {
			b.t.Errorf("%s is active: %v, %v", name, active, err)
		}
		edges, err := b.Edges(name)
		for _, e := range edges {
			if e.High != low || err != nil {
				b.t.Errorf("%s was made active: %v, %v", name, edges, err)
			}
		}
	}
}

// leave leaves word of the lines, as a gate does that runs with this configuration.
func (b *board) leave(config string) {
	b.t.Helper()
	c, err := configFlag{config}.load()
	must(b.t, err)
	must(b.t, driven.Keep(daemon.Outputs(c, config)))
}

func TestDoorSafeReleasesAll(t *testing.T) {
	for fail, door := range map[string]string{"secure": "the door is locked", "safe": "the door is free"} {
		b := newBoard(t)
		config := b.config(strings.Replace(wired, "%s", fail, 1))
		b.safe(config, door)
		b.dies()
		b.leave(config)
		b.safe(config, door)
		var r released
		p := facegate(t.Context(), "door", "safe", "--json", "--config", config)
		unmarshal(t, p.out, &r)
		if p.code != exitOK || len(r.Safe) != len(b.lines) || "the door is "+r.Door != door {
			t.Errorf("code %d: %+v", p.code, r)
		}
	}
}

// TestDoorSafeWithoutConfiguration spoils the configuration in every way while the gate runs, which has left word of its lines.
func TestDoorSafeWithoutConfiguration(t *testing.T) {
	const before = "line: relay, fail: safe, led_red: {line: red}, led_green: {line: green, active_low: true}, buzzer: {line: buzzer}, contact: {line: contact}"
	for name, spoil := range map[string]func(t *testing.T, b *board, config string){
		"it is gone":    func(t *testing.T, _ *board, config string) { must(t, os.Remove(config)) },
		"it is no text": func(t *testing.T, _ *board, config string) { must(t, os.WriteFile(config, []byte{0xff, 0}, 0o600)) },
		"it is a folder": func(t *testing.T, _ *board, config string) {
			must(t, os.Remove(config))
			must(t, os.Mkdir(config, 0o700))
		},
		"it is half": func(t *testing.T, _ *board, config string) {
			must(t, os.WriteFile(config, []byte("door: {driver"), 0o600))
		},
		"it is empty":      func(t *testing.T, _ *board, config string) { must(t, os.WriteFile(config, nil, 0o600)) },
		"a typing error":   func(t *testing.T, b *board, _ string) { b.config("lien: relay") },
		"another line":     func(t *testing.T, b *board, _ string) { b.config("line: other, fail: secure") },
		"another polarity": func(t *testing.T, b *board, _ string) { b.config("line: other, active_low: true") },
		"the door is cdev": func(t *testing.T, b *board, config string) {
			must(t, os.WriteFile(config, []byte("door: {driver: cdev}"), 0o600))
		},
		"the socket is gone": func(t *testing.T, b *board, config string) {
			replaceIn(t, config, b.site.Socket(), "/nonexistent/control.sock")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBoard(t)
			config := b.config(before)
			b.leave(config)
			spoil(t, b, config)
			t.Setenv("RUNTIME_DIRECTORY", filepath.Dir(b.site.Socket()))
			p := facegate(t.Context(), "door", "safe", "--config", config)
			b.want()
			p.want(t, exitOK, "the door is free", "")
		})
	}
}

// replaceIn replaces text in a file.
func replaceIn(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o600))
}

// TestDoorSafeWithoutWord makes mistakes in a configuration of a gate that has left no word of its lines.
func TestDoorSafeWithoutWord(t *testing.T) {
	b := newBoard(t)
	config := b.config(strings.Replace(wired, "%s", "secure", 1))
	replaceIn(t, config, "site: test", "site: {}")
	b.safe(config, "the gate would not start with its configuration")
	b.dies()
	replaceIn(t, config, "line: relay", "lien: relay")
	facegate(t.Context(), "door", "safe", "--config", config).want(t, exitFailed, "", "lock the door by hand")
}

// TestDoorSafeWhileTheGateRuns finds a line held by somebody else: it is left alone, and the others are made safe.
func TestDoorSafeWhileTheGateRuns(t *testing.T) {
	b := newBoard(t)
	config := b.config(strings.Replace(wired, "%s", "secure", 1))
	held, err := b.Open(sim.Wire{Name: "relay", Consumer: "facegate:relay"})
	must(t, err)
	must(t, held.Set(true))
	p := facegate(t.Context(), "door", "safe", "--config", config)
	p.want(t, exitHeld, "safe level", "systemctl stop facegate")
	p.want(t, exitHeld, "safe level", "facegate:relay")
	if strings.Contains(p.out, "the door is") {
		t.Errorf("it says what the door is:\n%s", p.out)
	}
	for name := range b.lines {
		if high, err := b.Pin(name); err != nil || (high != b.lines[name]) != (name == "relay") {
			t.Errorf("%s is at %v, %v", name, high, err)
		}
	}
	must(t, held.Close())
	facegate(t.Context(), "door", "safe", "--config", config).want(t, exitOK, "the door is locked", "")
}

// TestGateLeavesWord runs a gate, which leaves word of its lines, and releases the line that it drove before. It has no device key,
// and so it is a door alone.
func TestGateLeavesWord(t *testing.T) {
	b := newBoard(t)
	config := b.config("line: relay, fail: safe")
	b.leave(config)
	config = b.config("line: red, fail: secure")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan printout, 1)
	go func() { ended <- facegate(ctx, "run", "--config", config) }()
	gatetest.Eventually(t, "the gate leaves word", func() bool {
		l, err := driven.Of(b.site.Socket())
		return err == nil && l.Relay.Line == "red" && l.Config == config && !l.Safe
	})
	stop()
	(<-ended).want(t, exitOK, "", "/nonexistent/key")
	b.want("green", "buzzer")
}
