package sim_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/inputtest"
	"facegate/gpio/linetest"
	"facegate/gpio/sim"
)

var polarities = []bool{false, true} // whether a line is active low

func openOutput(t *testing.T, b sim.Board, w sim.Wire) gpio.Line {
	t.Helper()
	l, err := b.Open(w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func pin(t *testing.T, b sim.Board, name string) bool {
	t.Helper()
	high, err := b.Pin(name)
	if err != nil {
		t.Fatal(err)
	}
	return high
}

func TestBoardContract(t *testing.T) {
	for _, low := range polarities {
		t.Run(fmt.Sprintf("active low %t", low), func(t *testing.T) {
			linetest.Run(t, func(t *testing.T) (gpio.Line, linetest.Probe) {
				b := sim.Board(t.TempDir())
				l := openOutput(t, b, sim.Wire{Name: "relay", ActiveLow: low})
				return l, func() (active, ok bool) { return pin(t, b, "relay") != low, true }
			})
		})
	}
}

func TestBoardInputContract(t *testing.T) {
	for _, low := range polarities {
		for _, debounce := range []time.Duration{0, 5 * time.Millisecond} {
			t.Run(fmt.Sprintf("active low %t, debounce %v", low, debounce), func(t *testing.T) {
				inputtest.Run(t, func(t *testing.T) (gpio.Input, inputtest.Drive) {
					b := sim.Board(t.TempDir())
					in, err := b.OpenInput(sim.Wire{Name: "exit", ActiveLow: low, Debounce: debounce})
					if err != nil {
						t.Fatal(err)
					}
					return in, func(t *testing.T, active bool) {
						t.Helper()
						if err := b.Drive("exit", active != low); err != nil {
							t.Fatal(err)
						}
					}
				})
			})
		}
	}
}

// TestWaysToWrite drives an input as scripts do.
func TestWaysToWrite(t *testing.T) {
	for name, write := range map[string]func(path, text string) error{
		"truncated":       func(path, text string) error { return os.WriteFile(path, []byte(text+"\n"), 0o600) },
		"without newline": func(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) },
		"in place": func(path, text string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte(text), 0)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inputtest.Run(t, func(t *testing.T) (gpio.Input, inputtest.Drive) {
				in, err := sim.Board(dir).OpenInput(sim.Wire{Name: "fire"})
				if err != nil {
					t.Fatal(err)
				}
				drive := func(t *testing.T, active bool) {
					if err := write(filepath.Join(dir, "fire"), map[bool]string{true: "1", false: "0"}[active]); err != nil {
						t.Error(err)
					}
				}
				drive(t, false)
				return in, drive
			})
		})
	}
}

func TestBoardEdges(t *testing.T) {
	b := sim.Board(t.TempDir())
	l := openOutput(t, b, sim.Wire{Name: "relay", ActiveLow: true})
	before := sim.Monotonic()
	for _, active := range []bool{false, true, true, false} {
		if err := l.Set(active); err != nil {
			t.Fatal(err)
		}
	}
	after := sim.Monotonic()
	edges, err := b.Edges("relay")
	if err != nil {
		t.Fatal(err)
	}
	var levels []bool
	for _, e := range edges {
		if e.At < before || e.At > after {
			t.Errorf("an edge at %v, between %v and %v", e.At, before, after)
		}
		before = e.At
		levels = append(levels, e.High)
	}
	if diff := cmp.Diff([]bool{false, true}, levels); diff != "" {
		t.Errorf("levels of the pin (-want +got):\n%s", diff)
	}
}

// TestNeverHalf reads a level from outside while it changes all the time.
func TestNeverHalf(t *testing.T) {
	b := sim.Board(t.TempDir())
	l := openOutput(t, b, sim.Wire{Name: "relay"})
	done := make(chan error, 1)
	go func() {
		for i := range 2000 {
			if err := l.Set(i%2 == 0); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			return
		default:
			if text, err := os.ReadFile(filepath.Join(string(b), "relay")); err != nil || string(text) != "0\n" && string(text) != "1\n" {
				t.Fatalf("%q, %v", text, err)
			}
		}
	}
}

// holderEnv has the folder of a board whose relay the process is to hold.
const holderEnv = "FACEGATE_TEST_HOLDER"

// TestHolder is the other process of TestKilled.
func TestHolder(t *testing.T) {
	dir := os.Getenv(holderEnv)
	if dir == "" {
		t.Skip("it is run by TestKilled")
	}
	l, err := sim.Board(dir).Open(sim.Wire{Name: "relay", Consumer: "other:siren"})
	if err == nil {
		err = l.Set(true)
	}
	fmt.Println("held:", err)
	select {}
}

// TestKilled has a process die that holds an active line.
func TestKilled(t *testing.T) {
	b := sim.Board(t.TempDir())
	other := exec.Command(os.Args[0], "-test.run=^TestHolder$")
	other.Env = append(os.Environ(), holderEnv+"="+string(b))
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil || said != "held: <nil>\n" {
		t.Fatalf("the other process says %q, %v", said, err)
	}
	_, err = b.Open(sim.Wire{Name: "relay"})
	if want := fmt.Sprintf(`in use by "other:siren", process %d`, other.Process.Pid); !errors.Is(err, gpio.ErrInUse) ||
		!strings.Contains(err.Error(), want) || hint.Of(err) == "" {
		t.Errorf("Open of a held line = %v, want %s", err, want)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(); err == nil {
		t.Error("the other process ended by itself")
	}
	if !pin(t, b, "relay") {
		t.Error("the pin fell when its process was killed")
	}
	openOutput(t, b, sim.Wire{Name: "relay"})
	if pin(t, b, "relay") {
		t.Error("the pin is high after it was taken anew")
	}
	if edges, err := b.Edges("relay"); err != nil || len(edges) != 2 {
		t.Errorf("edges %v, %v, want a rise and a fall", edges, err)
	}
}

func TestHeldTwice(t *testing.T) {
	b := sim.Board(t.TempDir())
	openOutput(t, b, sim.Wire{Name: "relay"})
	if _, err := b.OpenInput(sim.Wire{Name: "relay"}); !errors.Is(err, gpio.ErrInUse) {
		t.Errorf("OpenInput of an output = %v, want ErrInUse", err)
	}
}

func TestNoLine(t *testing.T) {
	for _, b := range []sim.Board{sim.Board(filepath.Join(t.TempDir(), "missing")), sim.Board(t.TempDir())} {
		for _, name := range []string{"", "a/b", "..", "relay.edges"} {
			if _, err := b.Open(sim.Wire{Name: name}); !errors.Is(err, sim.ErrNoLine) || hint.Of(err) == "" {
				t.Errorf("Open %q = %v with hint %q, want ErrNoLine with one", name, err, hint.Of(err))
			}
		}
	}
	if _, err := sim.Board("/nowhere").OpenInput(sim.Wire{Name: "exit"}); !errors.Is(err, sim.ErrNoLine) {
		t.Errorf("OpenInput without a folder = %v", err)
	}
}

// TestTornOff has the board go away.
func TestTornOff(t *testing.T) {
	b := sim.Board(t.TempDir())
	l := openOutput(t, b, sim.Wire{Name: "relay"})
	in, err := b.OpenInput(sim.Wire{Name: "exit"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	ended := make(chan error, 1)
	go func() { ended <- in.Watch(t.Context(), func(gpio.Level) {}) }()
	for _, name := range []string{"relay", "exit"} {
		if err := os.Remove(filepath.Join(string(b), name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; !errors.Is(err, os.ErrNotExist) || hint.Of(err) == "" {
		t.Errorf("Watch = %v with hint %q", err, hint.Of(err))
	}
	if err := l.Set(true); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Set = %v", err)
	}
}

// TestLeft leaves an active line to somebody else, which the pin does not show.
func TestLeft(t *testing.T) {
	b, w := sim.Board(t.TempDir()), sim.Wire{Name: "relay", ActiveLow: true}
	l := openOutput(t, b, w)
	if err := l.Set(true); err != nil {
		t.Fatal(err)
	}
	file, err := l.(gpio.Lasting).Leave()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(w); !errors.Is(err, gpio.ErrInUse) {
		t.Errorf("a line that was left can be opened: %v", err)
	}
	linetest.Left(t, l)
	next, err := b.Adopt(w, file)
	if err != nil {
		t.Fatal(err)
	}
	edges, err := b.Edges("relay")
	if err != nil || len(edges) != 1 || pin(t, b, "relay") {
		t.Errorf("after it was taken over the pin is high = %t, with edges %v, %v", pin(t, b, "relay"), edges, err)
	}
	if err := next.Close(); err != nil || !pin(t, b, "relay") {
		t.Errorf("Close = %v", err)
	}
}
