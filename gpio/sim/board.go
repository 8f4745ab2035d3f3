package sim

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
)

// ErrNoLine is the reason for which a Board has no such line.
var ErrNoLine = errors.New("the simulated board has no such line")

// A Board is a folder that behaves like a board with GPIO, so that what a process does to its lines is seen from outside of
// it. Each line is a file of the name of the line, which has the level of the pin: "0" or "1". An output keeps its level
// when its process dies, as on a Raspberry Pi.
//
// Beside the file NAME, NAME.edges has the changes that outputs have made to the pin, one a line: nanoseconds on the
// monotonic clock, and the level since then. NAME.holder is locked (flock(2)) by the process that holds the line, and names it.
type Board string

// A Wire says which line of a Board to use and how.
type Wire struct {
	Name      string
	ActiveLow bool          // the line is active at level 0
	Consumer  string        // who uses it, for others to read; empty for "facegate:relay"
	Debounce  time.Duration // of an input
}

// pin returns the level of the pin for a logical level, or the logical level for that of the pin.
func (w Wire) pin(level bool) bool { return level != w.ActiveLow }

// Open takes an output and drives it inactive. Its errors wrap ErrNoLine or gpio.ErrInUse, or are those of files.
func (b Board) Open(w Wire) (gpio.Line, error) {
	p, err := b.claim(w)
	if err != nil {
		return nil, err
	}
	o := &output{pin: p}
	if err := o.Set(false); err != nil {
		return nil, errors.Join(err, p.holder.Close())
	}
	return o, nil
}

// Adopt takes over an output that the process before this one has left as file. Its level does not change.
func (b Board) Adopt(w Wire, file *os.File) (gpio.Line, error) {
	p, err := b.take(w, file)
	if err != nil {
		return nil, err
	}
	return &output{pin: p}, nil
}

// claim takes a line that nobody has left to this process.
func (b Board) claim(w Wire) (*pin, error) {
	holder, err := b.holder(w.Name)
	if err != nil {
		return nil, err
	}
	return b.take(w, holder)
}

// holder opens the file that is locked by who has the line.
func (b Board) holder(name string) (*os.File, error) {
	if err := b.check(name); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(string(b), name+".holder"), os.O_RDWR|os.O_CREATE, 0o666)
}

// take locks a line for this process.
func (b Board) take(w Wire, holder *os.File) (*pin, error) {
	p := &pin{Wire: w, path: filepath.Join(string(b), w.Name), holder: holder}
	err := p.claim()
	if err == nil {
		p.high, err = b.plug(w)
	}
	if err != nil {
		return nil, errors.Join(err, holder.Close())
	}
	return p, nil
}

// plug returns the level of a pin, which is made inactive if there is none yet.
func (b Board) plug(w Wire) (high bool, err error) {
	if high, err = b.Pin(w.Name); errors.Is(err, fs.ErrNotExist) {
		high = w.pin(false)
		return high, b.Drive(w.Name, high)
	}
	return high, err
}

// check says whether the board can have a line of the name.
func (b Board) check(name string) error {
	if name == "" || name != filepath.Base(name) || strings.Contains(name, ".") {
		return hint.Wrap(fmt.Errorf("%w: %q is no name of one", ErrNoLine, name), "Name the line as its file in the folder, without a dot.")
	}
	if at, err := os.Stat(string(b)); err != nil || !at.IsDir() {
		return hint.Wrap(fmt.Errorf("%w: there is no folder %s", ErrNoLine, string(b)), "Make the folder of the simulated board: mkdir -p %s", string(b))
	}
	return nil
}

// Pin returns the level of a pin.
func (b Board) Pin(name string) (high bool, err error) {
	return readPin(filepath.Join(string(b), name))
}

// Drive sets the level of a pin from outside.
func (b Board) Drive(name string, high bool) error {
	path := filepath.Join(string(b), name)
	f, err := os.CreateTemp(string(b), name+".*.new")
	if err != nil {
		return err
	}
	_, err = f.WriteString(digit(high) + "\n")
	if err = errors.Join(err, f.Chmod(0o666), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// A PinEdge is one change of the level of a pin.
type PinEdge struct {
	At   time.Duration // on the monotonic clock of the machine, as Monotonic
	High bool          // since then
}

// Edges returns the changes that outputs have made to a pin, oldest first.
func (b Board) Edges(name string) (edges []PinEdge, err error) {
	text, err := os.ReadFile(filepath.Join(string(b), name+".edges"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		var e PinEdge
		var level int
		if _, err := fmt.Sscanf(line, "%d %d\n", &e.At, &level); err != nil {
			return nil, fmt.Errorf("%s.edges: %q: %w", name, line, err)
		}
		e.High = level == 1
		edges = append(edges, e)
	}
	return edges, nil
}

// Monotonic reads the monotonic clock of the machine, which is the same for all of its processes.
func Monotonic() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(fmt.Sprintf("sim: the system has no monotonic clock: %v", err)) // every Linux has one
	}
	return time.Duration(t.Nano())
}

// A pin is a line that this process holds.
type pin struct {
	Wire
	path   string
	holder *os.File // locked
	high   bool     // the level that an output has last set
}

// claim locks the line for this process, or says who has it.
func (p *pin) claim() error {
	fd := int(p.holder.Fd())
	err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		name, err := os.ReadFile(p.path + ".holder")
		by := strings.TrimSpace(string(name))
		return errors.Join(err, hint.Wrap(fmt.Errorf("gpio: request %v: %w by %s", p, gpio.ErrInUse, by),
			"Stop what uses the line, or use another line."))
	}
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%q, process %d\n", cmp.Or(p.Consumer, "facegate:relay"), os.Getpid())
	if err := p.holder.Truncate(0); err != nil {
		return err
	}
	_, err = p.holder.WriteAt([]byte(name), 0)
	return err
}

func (p *pin) String() string { return p.Name + " on " + filepath.Dir(p.path) }

// get returns the logical level.
func (p *pin) get() (active bool, err error) {
	high, err := readPin(p.path)
	return p.pin(high), err
}

// errHalf is the end of a read in the middle of somebody's write.
var errHalf = errors.New("the level is being written")

// readPin returns the level that a file has.
func readPin(path string) (high bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	switch level := strings.TrimSpace(string(text)); level {
	case "0", "1":
		return level == "1", nil
	case "":
		return false, errHalf
	default:
		return false, fmt.Errorf("%s has %.20q, which is no level", path, level)
	}
}

var _ gpio.Lasting = (*output)(nil)

// An output is an output of a Board.
type output struct {
	pin    *pin
	mu     sync.Mutex // guards what follows, and the order of the levels
	closed bool
}

func (o *output) Set(active bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return gpio.ErrClosed
	}
	return o.set(active)
}

// set writes one byte in place, of which no reader sees a half.
func (o *output) set(active bool) error {
	high := o.pin.Wire.pin(active)
	f, err := os.OpenFile(o.pin.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(digit(high)), 0)
	at := Monotonic()
	if err = errors.Join(err, f.Close()); err != nil || high == o.pin.high {
		return err
	}
	o.pin.high = high
	return o.note(at, high)
}

// note adds a change to those of the line.
func (o *output) note(at time.Duration, high bool) error {
	f, err := os.OpenFile(o.pin.path+".edges", os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d %s\n", at, digit(high))
	return errors.Join(err, f.Close())
}

func (o *output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return gpio.ErrClosed
	}
	o.closed = true
	return errors.Join(o.set(false), o.pin.holder.Close())
}

// Leave implements gpio.Lasting.
func (o *output) Leave() (*os.File, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, gpio.ErrClosed
	}
	o.closed = true
	return o.pin.holder, nil
}

func (o *output) String() string { return o.pin.String() }

func digit(high bool) string {
	if high {
		return "1"
	}
	return "0"
}
