package lab

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"facegate/scripts/lab/supervise"
)

// A site is how the gate is wired on one board.
type site struct {
	door   string // of its configuration
	pins   pins
	wired  bool // contact and exit button are, and can be driven from outside
	often  int  // kill -9 inside an opening by the exit button
	rounds int  // of coming in by face and by pass in turn, which is measured; without any nobody holds up a pass
}

// The pins of the contact and of the exit button, where they are wired.
const contactPin, exitPin = 1, 2

// inputs is the configuration of contact and exit button. The contact is high while the door is open, the button while it is
// pressed.
const inputs = `, contact: {line: %s, bias: as-is}, exit: {line: %s, active_low: false, bias: as-is}`

// siteOf returns the site of the board that this is.
func siteOf(t *testing.T) (s site) {
	t.Helper()
	switch board := os.Getenv("board"); board {
	case "virt":
		s = site{door: `chip: 9030000.pl061, line: "5"`, pins: newHostPins(t, 5), wired: true, often: 10, rounds: 4}
		s.door += fmt.Sprintf(inputs, `"1", chip: 9030000.pl061`, `"2", chip: 9030000.pl061`)
	case "raspi3b":
		s = site{door: `line: GPIO23`, pins: newHostPins(t, 23)} // TestPulse has its own lines
	case "amd64":
		s = site{door: `line: RELAY`, pins: newSimPins(t, 0), wired: true, often: 10}
		s.door += fmt.Sprintf(inputs, "CONTACT", "EXIT")
	default:
		t.Fatalf("no gate is wired on %q", board)
	}
	return s
}

// pulse is how long the relay is to pull in for somebody.
const pulse = time.Second

const configFile = "/etc/facegate/facegate.yaml"

// config is that of the gate. The pictures are stills, and an emulated processor sees two or three of them in a second. Until the
// gate is restarted for the first time it reads no passes: for faces that have to be followed the processor has no more time.
const config = `
profile: lab
site: lab
gate: %s
door: {driver: cdev, kind: strike, fail: secure, %s, pulse: %v}
passes: {camera: %s}
kiosk: {listen: "unix:%s"}
camera: {device: %s, format: yuyv, width: 640, height: 480, max_age: 3s, frozen_after: 0s}
zone: {min_face: 45}
liveness: {window: 2, active: "off"}
decide: {agree: 2, window: 5s, rearm: 1s}
enrol: {frames: 3, timeout: 60s}
control: {group: ""}
log: {level: info}
`

// recorded returns where a picture of the recordings is: in the root of an emulated board, or on the stick of one that has a disk.
func recorded(path string) string {
	return filepath.Join("/", os.Getenv("FACEGATE_LAB_STICK"), "testdata", path)
}

// nobody is a picture of the place without anybody.
const nobody = "walk/p01/0107.jpg"

// A gate is the shipped program, run as its unit says.
type gate struct {
	t     *testing.T // of the part that is under way
	site  site
	stage *stage
	empty []byte // the picture without anybody
	held  shown  // what people hold to the camera

	watchdog time.Duration // of its unit

	mu     sync.Mutex // guards events
	events []supervise.Event
}

// TestGate has the shipped program serve at a door. Each part goes on where the one before it has left the gate.
func TestGate(t *testing.T) {
	inside(t)
	g := &gate{t: t, site: siteOf(t), empty: picture(t, recorded(nobody))}
	g.stage = newStage(t, g.empty)
	t.Cleanup(func() { g.stage.close() })
	g.start()
	g.goThrough(t, []part{
		{"enrol", g.enrol, true},
		{"stranger", g.stranger, true},
		{"walk up", g.walkUp, true},
		{"exit and contact", g.leave, g.site.wired},
		{"camera replugged, then killed", g.replugged, true},
		{"passes", g.passes, g.site.rounds > 0},
		{"face and pass in turn", g.inTurn, g.site.rounds > 0},
		{"suspended", g.suspended, g.site.wired},
		{"killed, and without faces", g.withoutFaces, g.site.rounds > 0},
		{"killed often", g.killedOften, g.site.wired},
	})
}

// A part is one thing that a gate is tried in.
type part struct {
	name string
	test func(*testing.T)
	here bool // it can be done on this board
}

// goThrough tries a gate in one part after the other, and ends the test with the first that fails.
func (g *gate) goThrough(t *testing.T, parts []part) {
	for _, part := range parts {
		if !part.here {
			continue
		}
		begun := time.Now()
		ok := t.Run(part.name, func(t *testing.T) {
			g.t = t
			part.test(t)
		})
		if g.t = t; !ok {
			t.FailNow()
		}
		fmt.Printf("lab: gate: %s: ok, in %.1f s of the board's time\n", part.name, time.Since(begun).Seconds())
	}
}

// start begins to supervise the gate, until the test is over.
func (g *gate) start() {
	t := g.t
	g.configure(t, "off")
	key := make([]byte, 32)
	rand.Read(key)
	if err := os.WriteFile("/etc/facegate/device.key", key, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/etc/systemd/system/facegate.service")
	if err != nil {
		t.Fatal(err)
	}
	unit, err := supervise.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	g.watchdog = unit.Watchdog
	service := supervise.Service{Unit: unit, Dir: "/run", Log: os.Stdout, Tell: g.tell}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- service.Supervise(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the supervisor: %v", err)
		}
	})
	g.await("the gate is ready", time.Minute, func() bool { return g.count(supervise.Ready) == 1 })
	took := g.last(supervise.Ready).At.Sub(g.last(supervise.Started).At)
	fmt.Printf("lab: gate: ready %.1f s after its start, by the clock of the board\n", took.Seconds())
}

// configure writes the configuration, of which the next start makes what it says. passes is whether they are read: on or off.
func (g *gate) configure(t *testing.T, passes string) {
	t.Helper()
	text := fmt.Appendf(nil, config, os.Getenv("board"), g.site.door, pulse, passes, kioskSocket, looped)
	if err := os.WriteFile(configFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (g *gate) tell(e supervise.Event) {
	fmt.Printf("lab: gate: %s %d %s %s %s %s\n", e.What, e.PID, e.Result, e.Code, e.Status, strings.ReplaceAll(e.Said, "\n", " "))
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, e)
}

// count returns how often something has happened to the service.
func (g *gate) count(what supervise.What) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.events {
		if e.What == what {
			n++
		}
	}
	return n
}

// last returns the last event of a kind.
func (g *gate) last(what supervise.What) supervise.Event {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range slices.Backward(g.events) {
		if e.What == what {
			return e
		}
	}
	return supervise.Event{}
}

// await waits until ok, and ends the test if that takes too long.
func (g *gate) await(what string, patience time.Duration, ok func() bool) {
	g.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.t.Fatalf("after %v it is not so that %s; the relay did %+v", patience, what, g.site.pins.changes())
		}
	}
}

// changes returns how often the relay's pin has changed.
func (g *gate) changes() int { return len(g.site.pins.changes()) }

// rests reports whether the relay has let go.
func (g *gate) rests() bool {
	seen := g.site.pins.changes()
	return len(seen) == 0 || !seen[len(seen)-1].active
}

// clip is the path of a picture of a recording.
func clip(recording string, n int) string {
	return recorded(filepath.Join(recording, fmt.Sprintf("%04d.jpg", n)))
}

// facegate runs the command line, and returns what it prints.
func facegate(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "/usr/bin/facegate", args...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, os.Stdout), os.Stdout
	if err := cmd.Run(); err != nil {
		t.Fatalf("facegate %q: %v", args, err)
	}
	return out.String()
}

// enrol has a person enrolled who has walked up.
func (g *gate) enrol(t *testing.T) {
	leave := g.arrive(t, "p01", 60, 61, 62)
	defer leave()
	facegate(t, "enroll", "p01", "--consent", "form 1", "--age", "adult", "--witness", "lab")
	leave()
	time.Sleep(2 * pulse) // longer than decide.rearm: whoever was just enrolled has to be gone for so long before they are let in
	g.await("the relay rests", 5*time.Second, g.rests)
}

// slides shows the pictures for so long each, again and again until stop is called, and then the empty place.
func (g *gate) slides(each time.Duration, pictures ...[]byte) (stop func()) {
	lively(g.t, true)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer g.stage.show(g.empty)
		for i := 0; ; i++ {
			g.stage.show(pictures[i%len(pictures)])
			select {
			case <-done:
				return
			case <-time.After(each):
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		wg.Wait()
		lively(g.t, false)
	})
}

// arrive has somebody come nearer, and stay until they leave. The pictures of a recording are named by their numbers.
func (g *gate) arrive(t *testing.T, who string, stay ...int) (leave func()) {
	near := pictures(t, who, stay...)
	lively(g.t, true)
	for _, far := range pictures(t, who, 20, 40) {
		g.stage.show(far)
		time.Sleep(300 * time.Millisecond)
	}
	return g.slides(time.Second, near...)
}

// pictures reads pictures of somebody who walks up.
func pictures(t *testing.T, who string, numbers ...int) (list [][]byte) {
	t.Helper()
	for _, n := range numbers {
		list = append(list, picture(t, clip("walk/"+who, n)))
	}
	return list
}

// stranger has somebody walk up who is not enrolled. The gate says that it saw them, and the relay does not move.
func (g *gate) stranger(t *testing.T) {
	before := g.changes()
	leave := g.arrive(t, "s02", 64, 65, 66)
	defer leave()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	aim := exec.CommandContext(ctx, "/usr/bin/facegate", "camera", "aim")
	aim.Stderr = os.Stdout
	seen, err := aim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := aim.Start(); err != nil {
		t.Fatal(err)
	}
	defer aim.Wait()
	defer aim.Process.Signal(syscall.SIGINT)
	if !sees(seen, "near and clear enough") {
		t.Error("in 20 seconds the gate has not seen a face that it could compare")
	}
	time.Sleep(time.Second) // in which it looks at more frames than decide
	if n := g.changes() - before; n != 0 {
		t.Errorf("for a stranger the relay has moved %d times", n)
	}
}

// sees reads until something has the words.
func sees(r io.Reader, words string) bool {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fmt.Println(lines.Text())
		if strings.Contains(lines.Text(), words) {
			return true
		}
	}
	return false
}

// walkUp has the person who is enrolled walk up, stay, and leave: there is one pulse.
func (g *gate) walkUp(t *testing.T) {
	before := g.changes()
	leave := g.arrive(t, "p01", 64, 65, 66)
	defer leave()
	g.await("the relay has pulled in and let go", 20*time.Second, func() bool { return g.changes() >= before+2 })
	time.Sleep(300 * time.Millisecond) // they stand there still
	leave()
	g.onePulse(t, before)
}

// onePulse checks that the relay has given one pulse, and no more, since so many changes.
func (g *gate) onePulse(t *testing.T, before int) {
	t.Helper()
	seen := g.site.pins.changes()[before:]
	took := seen[1].at.Sub(seen[0].at)
	fmt.Printf("lab: gate: a pulse of %.3f s, by the clock of the board\n", took.Seconds())
	if len(seen) != 2 || !seen[0].active || took < pulse-100*time.Millisecond || took > pulse+300*time.Millisecond {
		t.Errorf("the relay did %+v; want one pulse of %v", seen, pulse)
	}
}

// press presses the exit button and waits until the relay pulls in.
func (g *gate) press(t *testing.T) {
	t.Helper()
	before, begun := g.changes(), time.Now()
	g.site.pins.drive(t, exitPin, true)
	g.await("the relay has pulled in for the exit button", 5*time.Second, func() bool { return g.changes() > before })
	g.site.pins.drive(t, exitPin, false)
	fmt.Printf("lab: gate: the relay was seen to pull in %.0f ms after the exit button\n",
		1000*g.site.pins.changes()[before].at.Sub(begun).Seconds())
}

// leave has somebody leave by the exit button: it opens, and the door locks as soon as it is closed behind them.
func (g *gate) leave(t *testing.T) {
	before := g.changes()
	g.press(t)
	g.site.pins.drive(t, contactPin, true)
	time.Sleep(300 * time.Millisecond)
	if n := g.changes() - before; n != 1 {
		t.Errorf("while the door is opened the relay has moved %d times, want 1", n)
	}
	g.site.pins.drive(t, contactPin, false)
	g.await("the relay has let go", 5*time.Second, func() bool { return g.changes() == before+2 })
	seen := g.site.pins.changes()[before:]
	if took := seen[1].at.Sub(seen[0].at); took > pulse-200*time.Millisecond {
		t.Errorf("the door was unlocked for %v, as if nobody had closed it", took)
	}
}

// replugged takes the camera away and gives it back. Then a person gets in, and the gate is killed inside their pulse. It comes
// back as one that reads passes as well.
func (g *gate) replugged(t *testing.T) {
	driver(t, "unbind")
	g.stage.close()
	time.Sleep(1500 * time.Millisecond) // with what came since, p01 has been gone for longer than decide.rearm
	// The gate opens a camera at once when it is back, and then nobody may change the signal.
	pid := g.last(supervise.Ready).PID
	syscall.Kill(pid, syscall.SIGSTOP)
	driver(t, "bind")
	g.stage = newStage(t, g.empty)
	syscall.Kill(pid, syscall.SIGCONT)
	before := g.changes()
	leave := g.arrive(t, "p01", 64, 65, 66)
	defer leave()
	g.await("the relay has pulled in", 20*time.Second, func() bool { return g.changes() > before })
	leave()
	g.configure(t, "on")
	fmt.Printf("lab: gate: safe %.3f s after kill -9, by the clock of the board\n", g.kill(t).Seconds())
}

// safeWithin is how long a relay may stay as it is after its gate was killed.
const safeWithin = 2 * time.Second

// killedOften does so inside openings by the exit button, at a gate that has been without faces since its third crash.
func (g *gate) killedOften(t *testing.T) {
	var worst time.Duration
	for range g.site.often {
		g.press(t)
		worst = max(worst, g.kill(t))
	}
	fmt.Printf("lab: gate: kill -9 inside a pulse %d times: safe each time, after %.3f s at the latest, by the clock of the board\n",
		g.site.often, worst.Seconds())
}

// kill kills the gate while the relay is pulled in, and returns how long it stayed so. The gate is started again.
func (g *gate) kill(t *testing.T) time.Duration {
	t.Helper()
	return g.end(t, syscall.SIGKILL, safeWithin)
}

// suspended suspends the gate inside a pulse. The watchdog ends it.
func (g *gate) suspended(t *testing.T) {
	g.press(t)
	took := g.end(t, syscall.SIGSTOP, g.watchdog+safeWithin)
	fmt.Printf("lab: gate: safe %.3f s after SIGSTOP, with a watchdog of %v, by the clock of the board\n",
		took.Seconds(), g.watchdog)
	if e := g.last(supervise.Ended); e.Result != "watchdog" {
		t.Errorf("the gate has ended by %q, want the watchdog", e.Result)
	}
}

// end sends the gate a signal while the relay is pulled in, and returns how long it stayed so. The gate is started again.
func (g *gate) end(t *testing.T, s syscall.Signal, within time.Duration) time.Duration {
	t.Helper()
	before, lives := g.changes(), g.count(supervise.Ready)
	at := time.Now()
	if err := syscall.Kill(g.last(supervise.Ready).PID, s); err != nil {
		t.Fatal(err)
	}
	if n := len(g.site.pins.changes()); n != before || !g.site.pins.changes()[n-1].active {
		t.Fatalf("the pulse was over when the gate was to be ended: %+v", g.site.pins.changes()[n-1])
	}
	g.await("the relay has let go", within+10*time.Second, func() bool { return g.changes() > before })
	took := g.site.pins.changes()[before].at.Sub(at)
	if took > within {
		t.Errorf("the relay was safe %v after signal %v, want %v at most", took, s, within)
	}
	g.await("the gate is ready again", time.Minute, func() bool { return g.count(supervise.Ready) == lives+1 })
	if n := g.changes() - before; n != 1 {
		t.Errorf("until the gate was ready again the relay has moved %d times, want once", n)
	}
	return took
}
