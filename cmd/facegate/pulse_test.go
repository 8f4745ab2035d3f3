package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/gpio/sim"
	"facegate/pipeline/publish/childtest"
)

const (
	// usualPulse is how long the relay is to be pulled in, and lateMost by how much longer it may be on a machine that is busy
	// with other tests.
	usualPulse = 500 * time.Millisecond
	lateMost   = 2 * time.Second
)

// TestPulseKeepsItsLength has everything but the door go wrong at a gate: the door opens for those who leave, and locks in time.
func TestPulseKeepsItsLength(t *testing.T) {
	hang := filepath.Join(t.TempDir(), "hang")
	must(t, os.WriteFile(hang, nil, 0o600))
	for name, trouble := range map[string]struct {
		env    []string
		camera string
		log    func(t *testing.T) *os.File
	}{
		"none":                      {camera: noCamera},
		"a camera that hangs":       {env: []string{asTroubled + "=" + troubledCamera}, camera: noCamera},
		"eyes that hang":            {env: []string{asHanging + "=" + hang}, camera: fmt.Sprintf(pictures, gatetest.Testdata(t, "walk/p01"))},
		"a log that nobody reads":   {camera: noCamera, log: unreadLog},
		"garbage, and little room":  {env: []string{asTroubled + "=" + troubledMemory, "GOMEMLIMIT=64MiB"}, camera: noCamera},
		"garbage, and frames":       {env: []string{asTroubled + "=" + troubledMemory, "GOMEMLIMIT=64MiB"}, camera: fmt.Sprintf(pictures, gatetest.Testdata(t, "walk/p01"))},
		"one processor and garbage": {env: []string{asTroubled + "=" + troubledMemory, "GOMAXPROCS=1"}, camera: noCamera},
	} {
		t.Run(name, func(t *testing.T) {
			var log *os.File
			if trouble.log != nil {
				log = trouble.log(t)
			}
			board := launchOnBoard(t, trouble.camera, "kind: strike, fail: secure", log, trouble.env...)
			for range 3 {
				must(t, board.Drive("exit", false))
				gatetest.Eventually(t, "the door is open", func() bool { return pulledIn(board) })
				must(t, board.Drive("exit", true))
				gatetest.Eventually(t, "the door is locked", func() bool { return !pulledIn(board) })
			}
			edges := board.edges(t, 6)
			if len(edges) != 6 {
				t.Fatalf("the edges are %v", edges)
			}
			for i := 0; i < len(edges); i += 2 {
				if d := edges[i+1].At - edges[i].At; d < usualPulse/2 || d > usualPulse+lateMost {
					t.Errorf("pulse %d is %v long", i/2+1, d)
				} else {
					t.Logf("pulse %d is %v long", i/2+1, d.Round(time.Millisecond))
				}
			}
		})
	}
}

// unreadLog is a log whose reader is stuck, and whose pipe is full.
func unreadLog(t *testing.T) *os.File {
	t.Helper()
	reader, writer, err := os.Pipe()
	must(t, err)
	t.Cleanup(func() { reader.Close(); writer.Close() })
	fill := exec.Command("head", "-c", "65536", "/dev/zero")
	fill.Stdout = writer
	must(t, fill.Run())
	return writer
}

// An onBoard is a gate in a process of its own, with an exit button on a board.
type onBoard struct {
	sim.Board
	cmd    *exec.Cmd
	config string
	done   chan struct{} // closed when the process has ended
}

func pulledIn(b onBoard) bool {
	high, err := b.Pin("relay")
	return err == nil && high
}

// edges waits until the relay has had at least n edges, and returns them. The board notes an edge a moment after the level.
func (b onBoard) edges(t *testing.T, n int) (all []sim.PinEdge) {
	t.Helper()
	gatetest.Eventually(t, fmt.Sprintf("the relay has %d edges", n), func() (there bool) {
		var err error
		all, err = b.Edges("relay")
		must(t, err)
		return len(all) >= n
	})
	return all
}

// launchOnBoard starts a gate on a board, and waits until it answers.
func launchOnBoard(t *testing.T, camera, door string, log *os.File, env ...string) onBoard {
	t.Helper()
	gatetest.Models(t)
	site := gatetest.NewSite(t)
	board := sim.Board(site.Path("board"))
	must(t, os.Mkdir(string(board), 0o700))
	must(t, board.Drive("exit", true))
	config := site.WriteConfig(t, gatetest.Settings{"camera": camera, "door": fmt.Sprintf(
		"{driver: sim, chip: %s, line: relay, pulse: %v, exit: {line: exit, active_low: true, debounce: 0s}, %s}", board, usualPulse, door)})
	cmd := exec.Command(os.Args[0], "run", "--config", config)
	cmd.Env = append(append(os.Environ(), env...), asProgram+"=1")
	if log != nil {
		cmd.Stderr = log
	}
	must(t, childtest.Start(cmd))
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-done })
	client := control.NewClient(site.Socket())
	gatetest.Eventually(t, "the gate answers", func() bool {
		_, err := client.Status(t.Context())
		return err == nil
	})
	return onBoard{board, cmd, config, done}
}

// TestEndingsReleaseAMagnet ends a gate that holds a door shut with a magnet. Whatever ends it, the door is free after that, and
// as soon as the gate itself can see to it.
func TestEndingsReleaseAMagnet(t *testing.T) {
	t.Parallel()
	panics := filepath.Join(t.TempDir(), "panic")
	ends := map[string]func(t *testing.T, b onBoard){
		"a panic": func(t *testing.T, _ onBoard) { must(t, os.WriteFile(panics, nil, 0o600)) },
	}
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGABRT, syscall.SIGKILL} {
		ends[unix.SignalName(s)] = func(t *testing.T, b onBoard) { must(t, b.cmd.Process.Signal(s)) }
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			os.Remove(panics)
			b := launchOnBoard(t, fmt.Sprintf(pictures, gatetest.Testdata(t, "walk/p01")), "kind: maglock, fail: safe", nil, asPanickingAt+"="+panics)
			gatetest.Eventually(t, "the magnet holds", func() bool { return pulledIn(b) })
			end(t, b)
			select {
			case <-b.done:
			case <-time.After(30 * time.Second):
				t.Fatal("the gate does not end")
			}
			if held := pulledIn(b); held != (name == "SIGKILL") {
				t.Errorf("after the end the magnet holds: %v", held)
			}
			_, err := os.Stat(filepath.Join(filepath.Dir(b.config), "control.crashes"))
			if crashed := err == nil; crashed != (name == "SIGKILL" || name == "a panic") {
				t.Errorf("it counts as a crash: %v", crashed)
			}
			facegate(t.Context(), "door", "safe", "--config", b.config).want(t, exitOK, "the door is free", "")
			if pulledIn(b) {
				t.Error("what follows the end does not release the magnet")
			}
		})
	}
}
