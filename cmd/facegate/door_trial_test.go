package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/doortrial"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
	"facegate/gpio/door"
	"facegate/gpio/door/diagnose"
	"facegate/gpio/sim"
	"facegate/pipeline/publish/childtest"
	"facegate/store/audit"
)

// A technician stands at a door: they read what the command says, answer it, and do what it asks for at the board.
type technician struct {
	t     *testing.T
	board sim.Board
	low   map[string]bool // lines that are inputsWired the wrong way round
	said  bytes.Buffer
	hands sync.WaitGroup
}

// set sets an input.
func (h *technician) set(line string, active bool) {
	if err := h.board.Drive(line, active != h.low[line]); err != nil {
		h.t.Error(err)
	}
}

// Write reads what the command says.
func (h *technician) Write(text []byte) (int, error) {
	switch {
	case strings.Contains(string(text), "One pulse"):
		h.hands.Go(h.goThrough)
	case strings.Contains(string(text), "press the exit button now"):
		h.hands.Go(func() {
			h.set("EXIT", true)
			time.Sleep(300 * time.Millisecond)
			h.set("EXIT", false)
		})
	}
	return h.said.Write(text)
}

// goThrough opens the door when it unlocks, and lets it fall shut.
func (h *technician) goThrough() {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if high, err := h.board.Pin("RELAY"); err == nil && high {
			h.set("CONTACT", true)
			time.Sleep(400 * time.Millisecond)
			h.set("CONTACT", false)
			return
		}
	}
	h.t.Error("the door does not unlock")
}

// test carries out "facegate door test" with more arguments, for a technician who answers yes to everything.
func (h *technician) test(args ...string) printout {
	h.t.Helper()
	var out bytes.Buffer
	in := strings.NewReader(strings.Repeat("y\n", 10))
	code := run(h.t.Context(), append([]string{"door", "test"}, args...), terminal{in: in, out: &out, err: h, asks: true, machine: bare})
	h.hands.Wait()
	return printout{code, out.String(), h.said.String()}
}

// TestDoorTest leads a technician through the test of a running gate on which nothing is wrong, watches it, and reads its status.
func TestDoorTest(t *testing.T) {
	t.Parallel()
	b := launchAt(t, gatetest.NewSite(t), inputsWired+", pulse: 10s, held_warn: 20s, held_after: 30s", nil)
	seen := make(chan printout)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { seen <- facegate(ctx, "door", "watch", "--json", "--socket", b.site.Socket()) }()
	h := &technician{t: t, board: b.board}
	p := h.test("--socket", b.site.Socket())
	for _, line := range []string{"the door was unlocked for ", "it was opened ", "it was shut again ", "the exit button opened it"} {
		p.want(t, exitOK, line, "Is the door shut now?")
	}
	if strings.Contains(p.out, "wrong") {
		t.Errorf("door test says:\n%s", p.out)
	}
	b.awaitLocked("the test is over")
	p = b.do("door", "status")
	if p.out = strings.Join(strings.Fields(p.out), " "); !strings.Contains(p.out, "exit button not pressed, on EXIT") {
		t.Errorf("door status says %s", p.out)
	}
	var d status.Door
	b.do("door", "status", "--json").decode(t, &d)
	if d.Kind != door.Strike || d.Pulse != 10*time.Second || d.Contact != "closed" || len(d.Lines) != 5 || d.Pulses != 2 {
		t.Errorf("door status --json says %+v", d)
	}
	stop()
	checkWatched(t, <-seen)
	b.wantNoted(audit.DoorWatched, audit.DoorWatched, audit.OpenedByHand)
}

// checkWatched wants what happened in a test, in its order.
func checkWatched(t *testing.T, p printout) {
	t.Helper()
	want := []door.What{door.Unlocked, door.Opened, door.Closed, door.ExitAsked, door.Unlocked}
	last := time.Duration(0)
	for line := range strings.Lines(p.out) {
		var m status.DoorMoment
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.Up < last {
			t.Errorf("a moment at %v after %v, %v: %s", m.Up, last, err, line)
		}
		last = m.Up
		if len(want) > 0 && m.What == want[0] {
			want = want[1:]
		}
	}
	if p.code != exitOK || len(want) > 0 {
		t.Errorf("code %d, %q is missing in\n%s%s", p.code, want, p.out, p.err)
	}
}

// bareBoard writes the configuration of a board of which nothing is there but its lines: no key, no networks, no records.
func bareBoard(t *testing.T, site gatetest.Site, door string) (sim.Board, string) {
	t.Helper()
	board := sim.Board(site.Path("board"))
	must(t, os.MkdirAll(string(board), 0o700))
	more := atBoard(site, door, gatetest.Settings{"vision": fmt.Sprintf("{models_dir: %s}", site.Path("none"))})
	must(t, os.RemoveAll(site.Path("device.key")))
	return board, site.WriteConfig(t, more)
}

// TestDoorTestDirect tests doors of boards that are being inputsWired, with a technician at each.
func TestDoorTestDirect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		low  string // the line that is inputsWired the wrong way round
		want []diagnose.Fault
	}{
		{"nothing is wrong", "", nil},
		{"the contact is inverted", "CONTACT", []diagnose.Fault{diagnose.ContactInverted}},
		{"the exit button is inverted", "EXIT", []diagnose.Fault{diagnose.ExitInverted}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			board, config := bareBoard(t, gatetest.NewSite(t), inputsWired+", pulse: 10s, held_warn: 20s, held_after: 30s")
			h := &technician{t: t, board: board, low: map[string]bool{tt.low: true}}
			for _, line := range []string{"CONTACT", "EXIT"} {
				h.set(line, false)
			}
			p := h.test("--direct", "--config", config)
			if (p.code == exitOK) != (tt.want == nil) || strings.Count(p.out, "wrong: ") != len(tt.want) || !strings.Contains(p.out, "unlocked for") {
				t.Errorf("code %d:\n%s\n%s", p.code, p.out, p.err)
			}
			for _, fault := range tt.want {
				if name := "active_low"; !strings.Contains(p.out, name) {
					t.Errorf("%s: no advice about %s:\n%s", fault, name, p.out)
				}
			}
			if high, err := board.Pin("RELAY"); high || err != nil {
				t.Errorf("the door is open after the test: %v", err)
			}
		})
	}
}

// TestDoorTestDirectAlone tests a door without anybody at it, twice: the second time the relay works the other way round.
func TestDoorTestDirectAlone(t *testing.T) {
	t.Parallel()
	for _, fail := range []string{"secure", "safe"} {
		_, config := bareBoard(t, gatetest.NewSite(t), "kind: maglock, pulse: 500ms, fail: "+fail)
		var report doortrial.Report
		facegate(t.Context(), "door", "test", "--direct", "--yes", "--json", "--config", config).decode(t, &report)
		if report.Pulse == nil || report.Pulse.Pulse < 450*time.Millisecond || len(report.Findings) > 0 || report.Before.Kind != door.Maglock {
			t.Errorf("fail %s: %+v", fail, report)
		}
	}
}

// TestDoorTestDirectIsRefused checks that nobody tests lines that a gate holds.
func TestDoorTestDirectIsRefused(t *testing.T) {
	b := launchAt(t, gatetest.NewSite(t), inputsWired, nil)
	facegate(t.Context(), "door", "test", "--direct", "--config", b.config).want(t, exitHeld, "", "systemctl stop facegate")
	facegate(t.Context(), "door", "test", "--direct", "--socket", b.site.Socket()).want(t, exitFailed, "", "--config FILE")
	another := gatetest.NewSite(t)
	config := another.WriteConfig(t, atBoard(b.site, inputsWired, nil))
	facegate(t.Context(), "door", "test", "--direct", "--config", config).want(t, exitHeld, "", "in use by ")
	if len(b.openings()) > 0 || b.unlocked() {
		t.Errorf("the door was open for %v", b.openings())
	}
}

// TestDoorTestDirectInterrupted presses Ctrl-C, and once more, inside the pulse.
func TestDoorTestDirectInterrupted(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM} {
		board, config := bareBoard(t, gatetest.NewSite(t), inputsWired+", pulse: 30s, held_warn: 40s, held_after: 50s")
		cmd := exec.Command(os.Args[0], "door", "test", "--direct", "--yes", "--config", config)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		must(t, childtest.Start(cmd))
		gatetest.Eventually(t, "the door is open", func() bool {
			high, err := board.Pin("RELAY")
			return err == nil && high
		})
		must(t, cmd.Process.Signal(signal))
		cmd.Process.Signal(signal) // it may have ended
		err := cmd.Wait()
		if high, e := board.Pin("RELAY"); high || e != nil {
			t.Errorf("%v: the door is open: %v", signal, e)
		}
		if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(said.String(), "interrupted") {
			t.Errorf("%v: %v\n%s", signal, err, &said)
		}
	}
}

// TestDoorTestDirectIsNoted checks that a stopped gate's audit log has who opened its door, and that its bounds hold.
func TestDoorTestDirectIsNoted(t *testing.T) {
	t.Parallel()
	b := launchAt(t, gatetest.NewSite(t), "pulse: 3s", nil)
	b.stop()
	test := []string{"door", "test", "--direct", "--yes", "--config", b.config}
	facegate(t.Context(), test...).want(t, exitOK, "the door was unlocked for ", "")
	facegate(t.Context(), test...).want(t, exitFailed, "", "to do: wait ")
	b.wantInLog(audit.OpenedByHand)
	must(t, os.Remove(b.site.Path("device.key"))) // nobody can open the records any more
	facegate(t.Context(), test...).want(t, exitOK, "the door was unlocked for ", "the pulse will not be in the audit log")
}
