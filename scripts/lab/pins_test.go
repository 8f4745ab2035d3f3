package lab

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A change is what was seen at the pin of the relay from outside of the gate.
type change struct {
	at     time.Time
	active bool // the relay pulls in
}

// pins are the pins of the board, seen and driven from outside of the gate.
type pins interface {
	changes() []change // of the relay's, since the start
	drive(t *testing.T, pin int, high bool)
}

// lookEvery is how often the pins are looked at, and so how exactly the times of their changes are known. A time is that of the
// board, whose clock goes slower than the host's.
const lookEvery = 10 * time.Millisecond

// A watch notes the changes of the relay's pin.
type watch struct {
	mu   sync.Mutex
	seen []change // guarded by mu
}

// run looks until the test is over. look returns the levels that the pin has taken since it was called before, or just the one
// that it has.
func (w *watch) run(t *testing.T, look func() []bool) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			for _, active := range look() {
				w.note(change{time.Now(), active})
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		wg.Wait()
	})
}

// note adds a change, unless it is none.
func (w *watch) note(c change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == 0 && !c.active || len(w.seen) > 0 && w.seen[len(w.seen)-1].active == c.active {
		return
	}
	w.seen = append(w.seen, c)
}

func (w *watch) changes() []change {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// hostPins are those that QEMU reports to the host: scripts/lab/emulate. It is asked on the console.
type hostPins struct {
	watch
	relay int
	asked int // changes that the host has told, of all pins

	asking  sync.Mutex // guards what follows
	tty     *os.File
	answers *bufio.Reader
}

func newHostPins(t *testing.T, relay int) *hostPins {
	t.Helper()
	tty, err := os.OpenFile("/dev/"+strings.Split(os.Getenv("tty"), ",")[0], os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	mode, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	mode.Lflag &^= unix.ICANON | unix.ECHO // a line may be longer than the kernel would edit
	if err := unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, mode); err != nil {
		t.Fatal(err)
	}
	p := &hostPins{relay: relay, tty: tty, answers: bufio.NewReader(tty)}
	p.run(t, func() []bool { return p.look(t) })
	return p
}

func (p *hostPins) look(t *testing.T) (levels []bool) {
	a := p.ask(t, fmt.Sprintf("changes %d", p.asked))
	p.asked += len(a.Changes)
	for _, c := range a.Changes {
		if c.Pin == p.relay {
			levels = append(levels, c.Level == "1")
		}
	}
	return levels
}

func (p *hostPins) drive(t *testing.T, pin int, high bool) {
	t.Helper()
	p.ask(t, fmt.Sprintf("drive %d %s", pin, digit(high)))
}

// An answer is what the host says.
type answer struct {
	Changes []struct {
		Pin   int
		Level string
	}
	Error string
}

func (p *hostPins) ask(t *testing.T, question string) (a answer) {
	t.Helper()
	p.asking.Lock()
	defer p.asking.Unlock()
	fmt.Printf("lab asks: %s\n", question)
	line, err := p.answers.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil || a.Error != "" {
		t.Errorf("the host answers %q to %q: %v", line, question, err)
	}
	return a
}

func digit(high bool) string {
	if high {
		return "1"
	}
	return "0"
}

// simPins are those of the kernel's simulated controller (Documentation/admin-guide/gpio/gpio-sim.rst), as its files tell
// another program than the gate.
type simPins struct {
	watch
	dir string // of the chip
}

func newSimPins(t *testing.T, relay int) *simPins {
	t.Helper()
	chips, err := filepath.Glob("/sys/devices/platform/gpio-sim.0/gpiochip*/sim_gpio0")
	if err != nil || len(chips) != 1 {
		t.Fatalf("the simulated controller is at %q, %v", chips, err)
	}
	p := &simPins{dir: filepath.Dir(chips[0])}
	p.run(t, func() []bool {
		level, err := os.ReadFile(p.file(relay, "value"))
		if err != nil {
			t.Error(err)
		}
		return []bool{strings.TrimSpace(string(level)) == "1"}
	})
	return p
}

func (p *simPins) file(pin int, name string) string {
	return filepath.Join(p.dir, fmt.Sprintf("sim_gpio%d", pin), name)
}

func (p *simPins) drive(t *testing.T, pin int, high bool) {
	t.Helper()
	level := "pull-down"
	if high {
		level = "pull-up"
	}
	if err := os.WriteFile(p.file(pin, "pull"), []byte(level), 0o644); err != nil {
		t.Fatal(err)
	}
}

// filePins are those of a simulated board, a folder with a file for each line.
type filePins struct {
	watch
	dir string
}

func newFilePins(t *testing.T, dir string) *filePins {
	p := &filePins{dir: dir}
	p.run(t, func() []bool {
		level, _ := os.ReadFile(filepath.Join(dir, "RELAY")) // which may not be there yet, or not any more
		return []bool{strings.TrimSpace(string(level)) == "1"}
	})
	return p
}

func (p *filePins) drive(t *testing.T, pin int, high bool) {
	t.Helper()
	name := map[int]string{contactPin: "CONTACT", exitPin: "EXIT"}[pin]
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(digit(high)), 0o644); err != nil {
		t.Fatal(err)
	}
}
