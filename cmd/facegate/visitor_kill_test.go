package main

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/gpio/sim"
	"facegate/pipeline/publish/childtest"
)

// present puts the picture of a pass before a camera, whose pictures are in a folder.
func present(t *testing.T, folder, pass string) {
	t.Helper()
	file, err := os.Open(pass)
	must(t, err)
	defer file.Close()
	code, err := png.Decode(file)
	must(t, err)
	frame := image.NewGray(image.Rect(0, 0, 640, 480))
	draw.Draw(frame, frame.Bounds(), image.NewUniform(color.Gray{Y: 200}), image.Point{}, draw.Src)
	draw.Draw(frame, code.Bounds().Add(image.Pt(120, 40)), code, code.Bounds().Min, draw.Src)
	out, err := os.Create(filepath.Join(folder, "1.jpg"))
	must(t, err)
	defer out.Close()
	must(t, jpeg.Encode(out, frame, nil))
}

// A killable gate is a program at a door on a board, whose levels outlive it, that is killed and started again.
type killable struct {
	t      *testing.T
	site   gatetest.Site
	board  sim.Board
	config string
	client *control.Client
	cmd    *exec.Cmd
}

func newKillable(t *testing.T) *killable {
	t.Helper()
	gatetest.Models(t)
	site := gatetest.NewSite(t)
	k := &killable{t: t, site: site, board: sim.Board(site.Path("board")), client: control.NewClient(site.Socket())}
	for _, dir := range []string{string(k.board), site.Path("held")} {
		must(t, os.Mkdir(dir, 0o700))
	}
	more := gatetest.Settings{
		"camera": fmt.Sprintf("{source: replay, path: %s, loop: true, frozen_after: 0s}", site.Path("held")), "passes": "{camera: on}",
		"alternatives": "[qr, key]", "door": fmt.Sprintf("{driver: sim, chip: %s, line: relay, kind: strike, fail: secure, pulse: 30s}", k.board),
	}
	k.config = site.WriteConfig(t, more)
	begun(t, site.Config(t, more))
	facegate(t.Context(), "clock", "confirm", "--yes", "--config", k.config).want(t, exitOK, "right", "")
	t.Cleanup(k.kill)
	return k
}

// start starts the gate, at a door that is locked, and waits until it answers.
func (k *killable) start() {
	k.t.Helper()
	must(k.t, k.board.Drive("relay", false))
	os.Remove(k.site.Path("control.crashes")) // which would have it leave parts of itself out
	k.cmd = exec.Command(os.Args[0], "run", "--config", k.config)
	k.cmd.Env = append(os.Environ(), asProgram+"=1")
	must(k.t, childtest.Start(k.cmd))
	gatetest.Eventually(k.t, "the gate answers", func() bool {
		_, err := k.client.Status(k.t.Context())
		return err == nil
	})
}

func (k *killable) kill() {
	if k.cmd != nil {
		k.cmd.Process.Kill()
		k.cmd.Wait()
		k.cmd = nil
	}
}

// opened reports whether the door opens within a time.
func (k *killable) opened(within time.Duration) bool {
	k.t.Helper()
	for until := time.Now().Add(within); ; time.Sleep(time.Millisecond) {
		open, err := k.board.Pin("relay")
		must(k.t, err)
		if open || time.Now().After(until) {
			return open
		}
	}
}

// TestVisitorKill kills the gate with a pass that opens once before its camera, about when it takes the use and opens the door, and
// starts it again with the same pass: the door opens once at the most. With FACEGATE_SLOW there are 1,000 rounds, at four gates.
func TestVisitorKill(t *testing.T) {
	gates, rounds := 1, 1
	if os.Getenv("FACEGATE_SLOW") != "" {
		gates, rounds = 4, 250
	}
	for gate := range gates {
		t.Run(fmt.Sprint("gate ", gate), func(t *testing.T) {
			t.Parallel()
			killedWithPass(t, rounds)
		})
	}
}

func killedWithPass(t *testing.T, rounds int) {
	k := newKillable(t)
	o := newOfficeDesk(t, k.config)
	facegate(t.Context(), "pass", "key", "add", "desk", o.key+".pub", "--config", k.config).want(t, exitOK, "desk is registered", "")
	var v people.Visits
	facegate(t.Context(), "pass", "list", "--config", k.config, "--json").decode(t, &v)
	first, second, usual := 0, 0, 10*time.Second // how long it takes until a door opens
	for round := range rounds {
		present(t, k.site.Path("held"), o.issue(fmt.Sprint("pass ", round), "--gate", v.Gate, "--for", "2h", "--uses", "1"))
		k.start()
		began := time.Now()
		before := k.opened(usual)
		if round == 0 {
			if !before {
				t.Fatal("the pass does not open the door at all")
			}
			usual = time.Since(began)
		}
		k.kill()
		before = before || k.opened(0)

		k.start()
		after := k.opened(usual + 2*time.Second)
		k.kill()
		if before && after {
			t.Fatalf("round %d: a pass that opens once has opened twice", round)
		}
		if before {
			first++
		}
		if after {
			second++
		}
		usual = usual*3/4 + time.Duration(rand.Int64N(int64(usual)))/2 // so that the kill falls before and after
	}
	t.Logf("%d rounds: opened before the kill %d times, after it %d times, never %d times", rounds, first, second, rounds-first-second)
}
