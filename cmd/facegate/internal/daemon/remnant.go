package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/device/probe"
	"facegate/gpio"
	"facegate/pipeline/survey"
	"facegate/store"
	"facegate/store/audit"
)

// ErrDiskBack is returned by Remnant.Run when the disk can be written to again, and New may succeed.
var ErrDiskBack = errors.New("the disk can be written to again")

// LeavesDoor reports whether New failed for want of its records: the disk cannot be written to, or what is on it is damaged. What is
// in order otherwise is a Remnant then, whose exit button and fire alarm work.
func LeavesDoor(err error) bool { return IsDisk(err) || errors.Is(err, store.ErrDamaged) }

// IsDisk reports whether New failed for want of a disk that can be written to.
func IsDisk(err error) bool {
	for _, e := range []error{unix.EROFS, unix.ENOSPC, unix.EDQUOT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// A Remnant is what is left of a gate whose records cannot be opened, because the disk is full or cannot be written to, or they
// are damaged: it keeps the door, for exit button, fire alarm and openings by hand, and says why it looks at no face. A gate that
// failed again and again would let nobody see that, and shut people in.
type Remnant struct {
	name  string  // of the process
	parts *Daemon // line, relay, control socket and log, and nothing else
	hand  *gpio.Hand
	why   error
	every time.Duration // how often the disk is looked at
	ready chan struct{}
}

// diskEvery is how often the disk is looked at.
const diskEvery = 10 * time.Second

// NewRemnant opens what is left of a gate for which New has failed because of why.
func NewRemnant(c *configs.Config, out Outside, version string, why error, log *slog.Logger) (_ *Remnant, err error) {
	d := &Daemon{config: c, version: version, started: time.Now(), log: log, outside: out, line: out.Line}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if err := d.openDoor(); err != nil {
		return nil, err
	}
	advice := adviceDisk
	if !IsDisk(why) {
		advice = hint.Of(why) + "; exit button and fire alarm work meanwhile"
	}
	r := &Remnant{
		name: rand.Text(), parts: d, hand: gpio.NewHand(d.door.ByHand(), nil, d.started), every: diskEvery, ready: make(chan struct{}),
		why: hint.Wrap(fmt.Errorf("no face is looked at, and nobody can be enrolled or erased: %w", why), "%s", advice),
	}
	if err := d.openControl(r, out.Left.Socket); err != nil {
		return nil, err
	}
	return r, nil
}

const adviceDisk = "make room on the disk, or mount it for writing (dmesg says why it is not); the gate then goes on by itself"

// Run runs until ctx is cancelled, which returns nil, or the disk can be written to again, which returns ErrDiskBack. It may
// be called once. When it returns, everything that NewRemnant opened is closed.
func (r *Remnant) Run(ctx context.Context) error {
	d := r.parts
	d.log.Error("the gate is not in service: only the door by hand works", "error", r.why, "hint", hint.Of(r.why))
	watch := &diskWatch{dirs: []string{d.config.StateDir, d.config.KeysDir}, every: r.every, ready: make(chan struct{})}
	tasks := []task{d.door, d.events, d.control, d.watchdog, &announcement{r}}
	if IsDisk(r.why) { // what is damaged does not mend by itself
		tasks = append(tasks, watch)
	}
	err := d.runTasks(ctx, tasks...)
	if err = errors.Join(err, d.close()); err != nil {
		return err
	}
	if watch.back {
		d.log.Info("the disk can be written to again")
		return ErrDiskBack
	}
	return nil
}

// Ready is closed when the socket answers.
func (r *Remnant) Ready() <-chan struct{} { return r.ready }

// Process implements control.Host.
func (r *Remnant) Process() (name string, ends bool) { return r.name, false }

// Records implements control.Host: there are none.
func (r *Remnant) Records(audit.Actor) (people.Records, error) { return nil, r.why }

// Running implements control.Host.
func (r *Remnant) Running(by audit.Actor) control.Running { return left{r, by} }

// left is what a Remnant does for somebody: it tells how it is, and opens the door.
type left struct {
	r  *Remnant
	by audit.Actor
}

// Enrol implements control.Running: it refuses.
func (l left) Enrol(context.Context, people.EnrolRequest, func(people.Progress)) (people.Enrolled, error) {
	return people.Enrolled{}, l.r.why
}

// AddCard implements control.Running: it refuses.
func (l left) AddCard(context.Context, people.CardRequest, func(people.CardWait)) (people.CardAdded, error) {
	return people.CardAdded{}, l.r.why
}

// Calibrate implements control.Running: it refuses.
func (l left) Calibrate(context.Context, status.SurveyPlan, func(status.SurveyStep)) (survey.Report, error) {
	return survey.Report{}, l.r.why
}

// Aim implements control.Running: it refuses.
func (l left) Aim(context.Context, func(status.View)) error { return l.r.why }

// TestCamera implements control.Running: it refuses.
func (l left) TestCamera(context.Context) (probe.Verdict, error) { return probe.Verdict{}, l.r.why }

// Prompt implements control.Running: it refuses.
func (l left) Prompt(context.Context, func(status.Prompt)) error { return l.r.why }

// Status implements control.Running.
func (l left) Status(context.Context) (status.Status, error) { return l.r.Status(), nil }

// Status says how the gate is.
func (r *Remnant) Status() status.Status {
	d, c := r.parts, r.parts.config
	s := status.Status{
		Profile: c.Jurisdiction, Mode: c.Profile().Mode, Version: d.version, Site: c.Site, Gate: c.Gate, StateDir: c.StateDir,
		Started: d.started, Door: told(d.door.Status()),
		FacesOff: &status.FacesOff{Since: d.started.UTC(), Reason: "the records cannot be opened"},
	}
	s.Camera.State, s.Camera.Source = status.CameraOff, "not opened"
	s.MQTT.Err = "the broker is left alone while events cannot be kept"
	s.Health = health.Assess(append(doorHealth(&s), health.Condition{
		Part: health.Disk, State: health.Down, Reason: r.why.Error(), Todo: hint.Of(r.why),
	})...)
	return s
}

// TestDoor implements control.Running. What cannot be written into the audit log is in the log of the service.
func (l left) TestDoor(ctx context.Context) (status.DoorTest, error) {
	d := l.r.parts
	edge, err := l.r.hand.Pulse(time.Now(), func() error {
		d.log.Warn("the door is opened by hand, which the audit log does not hold", "by", people.UserName(l.by))
		return nil
	})
	if err != nil {
		return status.DoorTest{}, doorError(err, "wait until the door is locked (facegate status), then test again")
	}
	return d.awaitPulse(ctx, edge)
}

// An announcement is the task that tells systemd that the process is up, and how it is.
type announcement struct{ r *Remnant }

func (a *announcement) String() string         { return "announcement" }
func (a *announcement) Ready() <-chan struct{} { return a.r.ready }

// Run tells systemd once the socket answers.
func (a *announcement) Run(ctx context.Context) error {
	select {
	case <-a.r.parts.control.Ready():
	case <-ctx.Done():
		return nil
	}
	close(a.r.ready)
	if _, err := sd.SdNotify(false, sd.SdNotifyReady+watchdogIn(0)+"\nSTATUS=faces are off: the records cannot be opened"); err != nil {
		return hint.Wrap(fmt.Errorf("tell systemd: %w", err), "check NOTIFY_SOCKET, or start facegate without it")
	}
	<-ctx.Done()
	return nil
}

// A diskWatch is the task that ends when every folder can be written to.
type diskWatch struct {
	dirs  []string
	every time.Duration
	ready chan struct{}
	back  bool
}

func (w *diskWatch) String() string         { return "disk watch" }
func (w *diskWatch) Ready() <-chan struct{} { return w.ready }

// Run implements task.
func (w *diskWatch) Run(ctx context.Context) error {
	close(w.ready)
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if w.back = w.writable(); w.back {
			return ErrDiskBack
		}
	}
}

// enough is what has to fit on a disk before it is tried again: a store that is made needs half of it.
const enough = 1 << 20

// writable writes into each folder, which may have to be made first, and removes it again.
func (w *diskWatch) writable() bool {
	for _, dir := range w.dirs {
		if os.MkdirAll(dir, 0o700) != nil || !fits(dir) {
			return false
		}
	}
	return true
}

func fits(dir string) bool {
	f, err := os.CreateTemp(dir, ".room-*")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, enough))
	return errors.Join(err, f.Sync(), f.Close()) == nil
}
