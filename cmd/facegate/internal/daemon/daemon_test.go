package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/control/controltest"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/device"
	"facegate/device/replay"
	"facegate/gpio"
	"facegate/gpio/sim"
	"facegate/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A log can be read while it is written.
type log struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *log) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// A running is a daemon that runs before a stage.
type running struct {
	*daemon.Daemon
	client *control.Client
	stage  *replay.Stage
	line   *sim.Line
	log    *log
	stop   func() // returns when Run has
}

// start runs a daemon at site until the test is over or stop is called.
func start(t *testing.T, site gatetest.Site, more gatetest.Settings, out daemon.Outside) *running {
	t.Helper()
	r := &running{client: control.NewClient(site.Socket()), stage: gatetest.Stage(t), line: sim.New(), log: new(log)}
	out.Line = r.line
	if out.Source == nil {
		out.Source = r.stage
	}
	if out.Clock == nil {
		out.Clock = gatetest.TimeServer()
	}
	var err error
	if r.Daemon, err = daemon.New(site.Config(t, more), out, "test", r.log.logger()); err != nil {
		t.Fatalf("%v\nto do: %s", err, hint.Of(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(r.stop)
	select {
	case <-r.Ready():
	case <-time.After(20 * time.Second):
		t.Fatalf("not in service:\n%s", r.log)
	}
	return r
}

// appear has a person stand before the camera until ctx is done.
func (r *running) appear(t *testing.T, ctx context.Context, person string) {
	pose := gatetest.Pose(t, person)
	for ctx.Err() == nil {
		if err := r.stage.Play(ctx, pose); err != nil && !errors.Is(err, ctx.Err()) {
			t.Error(err)
			return
		}
	}
}

func TestContract(t *testing.T) {
	for _, mode := range []law.Mode{law.OneToMany, law.OneToOne} {
		t.Run(string(mode), func(t *testing.T) {
			controltest.Run(t, func(t *testing.T) controltest.Subject {
				site := gatetest.NewSite(t)
				r := start(t, site, gatetest.Settings{"match": fmt.Sprintf("{mode: %s}", mode)}, daemon.Outside{})
				return controltest.Subject{
					Socket: site.Socket(), Site: "test", Appear: func(ctx context.Context) { r.appear(t, ctx, "p01") },
				}
			})
		})
	}
}

// TestNewRefuses checks that a gate that cannot work says why and what to do, with the door at its safe level.
func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, s gatetest.Site) gatetest.Settings
		err     error
		text    string
		hint    string
	}{
		{
			name: "no device key", err: store.ErrKey, hint: "facegate key create",
			prepare: func(t *testing.T, s gatetest.Site) gatetest.Settings {
				must(t, os.Remove(s.Path("device.key")))
				return nil
			},
		},
		{
			name: "device key for all to read", err: store.ErrKey, hint: "chmod 0600",
			prepare: func(t *testing.T, s gatetest.Site) gatetest.Settings {
				must(t, os.Chmod(s.Path("device.key"), 0o644))
				return nil
			},
		},
		{
			name: "another device key", err: store.ErrDamaged, hint: "device key",
			prepare: func(t *testing.T, s gatetest.Site) gatetest.Settings {
				fill(t, s)
				must(t, os.WriteFile(s.Path("device.key"), bytes.Repeat([]byte{7}, 32), 0o600))
				return nil
			},
		},
		{
			name: "people truncated", err: store.ErrDamaged, hint: "facegate backup restore",
			prepare: func(t *testing.T, s gatetest.Site) gatetest.Settings {
				fill(t, s)
				must(t, os.Truncate(filepath.Join(s.State(), "people.db"), 10_000))
				must(t, os.Truncate(filepath.Join(s.State(), "people.copy.db"), 10_000))
				return nil
			},
		},
		{
			name: "faces empty", err: store.ErrDamaged, hint: "facegate backup restore",
			prepare: func(t *testing.T, s gatetest.Site) gatetest.Settings {
				fill(t, s)
				must(t, os.Truncate(filepath.Join(s.State(), "faces.db"), 0))
				must(t, os.Truncate(filepath.Join(s.State(), "faces.copy.db"), 0))
				return nil
			},
		},
		{
			name: "a database missing", err: store.ErrDamaged, hint: "facegate backup restore",
			prepare: func(t *testing.T, s gatetest.Site) gatetest.Settings {
				fill(t, s)
				must(t, os.Remove(filepath.Join(s.State(), "faces.db")))
				must(t, os.Remove(filepath.Join(s.State(), "faces.copy.db")))
				return nil
			},
		},
		{
			name: "no recording", err: fs.ErrNotExist, hint: "folder of JPEG files",
			prepare: func(*testing.T, gatetest.Site) gatetest.Settings {
				return gatetest.Settings{"camera": "{source: replay, path: /nonexistent}"}
			},
		},
		{
			name: "state folder for everybody", err: store.ErrFolder, hint: "chmod 0700",
			prepare: func(t *testing.T, s gatetest.Site) gatetest.Settings {
				must(t, os.Mkdir(s.State(), 0o700))
				must(t, os.Chmod(s.State(), 0o777))
				return nil
			},
		},
		{
			name: "unknown group", text: "no-such-group", hint: "groupadd",
			prepare: func(_ *testing.T, s gatetest.Site) gatetest.Settings {
				return gatetest.Settings{"control": fmt.Sprintf("{socket: %s, group: no-such-group}", s.Socket())}
			},
		},
		{
			name: "same state folder", err: store.ErrInUse, hint: "stop the other facegate",
			prepare: func(t *testing.T, s gatetest.Site) gatetest.Settings {
				start(t, s, nil, daemon.Outside{})
				return gatetest.Settings{"control": fmt.Sprintf("{socket: %s, group: ''}", s.Path("other.sock"))}
			},
		},
		{
			name: "same socket", err: control.ErrInUse, hint: "control.socket",
			prepare: func(t *testing.T, s gatetest.Site) gatetest.Settings {
				start(t, s, nil, daemon.Outside{})
				return gatetest.Settings{"state_dir": s.Path("other"), "anchor_dir": s.Path("other-anchor")}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			site := gatetest.NewSite(t)
			config := site.Config(t, tt.prepare(t, site))
			line := sim.New()
			must(t, line.Set(true)) // as a crashed predecessor may have left it
			out := daemon.Outside{Line: line}
			if config.Camera.Source == "v4l2" {
				out.Source = gatetest.Stage(t)
			}
			_, err := daemon.New(config, out, "test", slog.New(slog.DiscardHandler))
			if err == nil || tt.err != nil && !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %v %q", err, tt.err, tt.text)
			}
			if !strings.Contains(hint.Of(err), tt.hint) {
				t.Errorf("hint %q, want %q", hint.Of(err), tt.hint)
			}
			if line.Active() {
				t.Error("the door is open")
			}
			if err := line.Set(false); !errors.Is(err, gpio.ErrClosed) {
				t.Errorf("the line is not released: %v", err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fill has a daemon make its databases.
func fill(t *testing.T, s gatetest.Site) { start(t, s, nil, daemon.Outside{}).stop() }

func flipByte(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	data[len(data)/2] ^= 1
	must(t, os.WriteFile(path, data, 0o600))
}

// TestLineFails checks that a door that cannot be locked is not put into service, and that the error says so.
func TestLineFails(t *testing.T) {
	site := gatetest.NewSite(t)
	line := sim.New()
	broken := errors.New("input/output error")
	line.Fail(broken)
	_, err := daemon.New(site.Config(t, nil), daemon.Outside{Line: line}, "test", slog.New(slog.DiscardHandler))
	if !errors.Is(err, broken) || !strings.Contains(hint.Of(err), "door may be open") {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
}

// A lost source is a camera that is not there.
type lost struct{}

func (lost) String() string { return "camera /dev/none" }

func (lost) Stream(context.Context, func(device.Frame)) error {
	return device.AsFinal(hint.Wrap(fs.ErrNotExist, "plug the camera in"))
}

// TestNothingThere checks that a gate without camera and broker is in service for its technicians, and says what is
// missing.
func TestNothingThere(t *testing.T) {
	t.Parallel()
	r := start(t, gatetest.NewSite(t), nil, daemon.Outside{Source: lost{}})
	var s status.Status
	gatetest.Eventually(t, "camera and broker are missed", func() bool {
		var err error
		if s, err = r.client.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s.Camera.Error != "" && s.MQTT.Err != ""
	})
	if s.Camera.State != device.Lost || s.Camera.Hint == "" || s.MQTT.Connected || s.MQTT.Hint == "" ||
		s.Door.State != gpio.Locked {
		t.Errorf("status is %+v", s)
	}
	camera, broker := conditionsOf(s.Health, health.Camera), conditionsOf(s.Health, health.Broker)
	if s.Health.State != health.Down || len(camera) != 1 || camera[0].State != health.Down || camera[0].Todo != s.Camera.Hint ||
		len(broker) != 1 || broker[0].State != health.Degraded || broker[0].Todo != s.MQTT.Hint {
		t.Errorf("health is %+v", s.Health)
	}
	if _, err := r.client.TestDoor(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(r.line.Edges()); n != 2 {
		t.Errorf("%d edges of the door line", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := r.client.Enrol(ctx, people.EnrolRequest{Label: "Ada", Consent: "form", Age: "adult"}, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an enrolment without a camera: %v", err)
	}
}

// TestRecordingEnds checks that a gate ends without an error when its recording does.
func TestRecordingEnds(t *testing.T) {
	site := gatetest.NewSite(t)
	pictures, err := os.ReadDir(gatetest.Testdata(t, "walk/p01"))
	must(t, err)
	var clip bytes.Buffer
	for _, p := range pictures[100:] {
		data, err := os.ReadFile(gatetest.Testdata(t, "walk/p01/"+p.Name()))
		must(t, err)
		clip.Write(data)
	}
	l := new(log)
	d, err := daemon.New(site.Config(t, gatetest.Settings{"camera": `{source: replay, path: "-", fps: 60, max_age: 3s}`}),
		daemon.Outside{Stdin: &clip}, "test", l.logger())
	must(t, err)
	if err := d.Run(t.Context()); err != nil {
		t.Errorf("Run: %v", err)
	}
	if s := d.Status(); s.Camera.Frames != 8 || s.Camera.State != device.Ended {
		t.Errorf("the camera's status is %+v", s.Camera)
	}
	if !strings.Contains(l.String(), "the recording has ended") {
		t.Errorf("the log does not say so:\n%s", l)
	}
}

// TestStop checks that a daemon stops at once, whatever it is asked to do, and leaves the door locked.
func TestStop(t *testing.T) {
	tests := []struct {
		name string
		ask  func(ctx context.Context, c *control.Client) error
		busy func(t *testing.T, r *running) bool // whether it is under way
	}{
		{"nothing under way", nil, nil},
		{
			"enrolment",
			func(ctx context.Context, c *control.Client) error {
				_, err := c.Enrol(ctx, people.EnrolRequest{Label: "Ada", Consent: "form", Age: "adult"}, func(people.Progress) {})
				return err
			},
			func(t *testing.T, r *running) bool { return strings.Contains(r.log.String(), "path=/enrol") },
		},
		{
			"pulse",
			func(ctx context.Context, c *control.Client) error { _, err := c.TestDoor(ctx); return err },
			func(t *testing.T, r *running) bool { return r.line.Active() },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			site := gatetest.NewSite(t)
			r := start(t, site, gatetest.Settings{"door": "{driver: sim, pulse: 30s}"}, daemon.Outside{})
			asked := make(chan error, 1)
			if tt.ask == nil {
				close(asked)
			} else {
				go func() { asked <- tt.ask(t.Context(), r.client) }()
				gatetest.Eventually(t, tt.name+" is under way", func() bool { return tt.busy(t, r) })
			}
			began := time.Now()
			r.stop()
			if d := time.Since(began); d > 2*time.Second {
				t.Errorf("stopping took %v", d)
			}
			if err := <-asked; tt.ask != nil && (!errors.Is(err, control.ErrRefused) || hint.Of(err) == "") {
				t.Errorf("whoever asked was told %v, hint %q", err, hint.Of(err))
			}
			if r.line.Active() {
				t.Error("the door is open")
			}
			if _, err := os.Lstat(site.Socket()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket: %v", err)
			}
			start(t, site, nil, daemon.Outside{}) // all is released
		})
	}
}

// TestLockFailsAtStop checks that a daemon that could not lock its door does not pretend to have ended well.
func TestLockFailsAtStop(t *testing.T) {
	site := gatetest.NewSite(t)
	line := sim.New()
	out := daemon.Outside{Line: line, Source: gatetest.Stage(t)}
	d, err := daemon.New(site.Config(t, nil), out, "test", slog.New(slog.DiscardHandler))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	<-d.Ready()
	broken := errors.New("input/output error")
	line.Fail(broken)
	cancel()
	if err := <-done; !errors.Is(err, broken) || !strings.Contains(hint.Of(err), "door may be open") {
		t.Errorf("Run: %v, hint %q", err, hint.Of(err))
	}
}

// TestNotify checks what systemd is told (sd_notify(3)).
func TestNotify(t *testing.T) {
	path := filepath.Join(gatetest.NewSite(t).Dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	start(t, gatetest.NewSite(t), nil, daemon.Outside{}).stop()
	var told []string
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	for len(told) < 2 {
		buf := make([]byte, 100)
		n, err := conn.Read(buf)
		must(t, err)
		told = append(told, string(buf[:n]))
	}
	if !slices.Equal(told, []string{"READY=1", "STOPPING=1"}) {
		t.Errorf("systemd was told %q", told)
	}
}

// TestFeeds checks that the watchdog of systemd is fed for as long as the gate runs, and waits as long as the unit says.
func TestFeeds(t *testing.T) {
	path := filepath.Join(gatetest.NewSite(t).Dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "7000000")
	r := start(t, gatetest.NewSite(t), nil, daemon.Outside{})
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	fed := 0
	for ready := false; fed < 3; {
		buf := make([]byte, 100)
		n, err := conn.Read(buf)
		must(t, err)
		switch told := string(buf[:n]); told {
		case "READY=1\nWATCHDOG_USEC=7000000":
			ready = true
		case "WATCHDOG=1":
			if ready {
				fed++
			}
		default:
			t.Errorf("systemd was told %q", told)
		}
	}
	r.stop()
}

// TestStartLimit checks that a fresh process has as long for its start as systemd gives a first one.
func TestStartLimit(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(gatetest.Root(t), "configs", "facegate.service"))
	must(t, err)
	if want := fmt.Sprintf("\nTimeoutStartSec=%d\n", int(daemon.StartLimit.Seconds())); !strings.Contains(string(text), want) {
		t.Errorf("the unit does not have %q", want)
	}
}

// TestMended damages a file of a store: the gate serves, and says what happened.
func TestMended(t *testing.T) {
	site := gatetest.NewSite(t)
	fill(t, site)
	must(t, os.Truncate(filepath.Join(site.State(), "faces.db"), 9000))
	r := start(t, site, nil, daemon.Outside{})
	s, err := r.client.Status(t.Context())
	must(t, err)
	disk := conditionsOf(s.Health, health.Disk)
	if len(disk) != 1 || !strings.Contains(disk[0].Reason, "faces.db was damaged") || s.Epoch.Number != 1 {
		t.Errorf("health: %+v, epoch %+v", s.Health, s.Epoch)
	}
	if !strings.Contains(r.log.String(), "restored from its copy") {
		t.Errorf("the log does not say so:\n%s", r.log)
	}
}
