package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/control/controltest"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/people/recordstest"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/device/probe"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline/survey"
	"facegate/store"
	"facegate/store/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A twin is a control.Host with records, and without camera, networks and door.
type twin struct {
	recordstest.House
	mu        sync.Mutex // guards what follows
	enrolling bool
	pulses    uint64
	held      bool
	opened    time.Time // last
	calls     int       // for anything but Status

	ends     bool          // it is going to hand over
	appeared chan struct{} // has a token while somebody stands before the camera
	doorHeld chan struct{} // if not nil, TestDoor waits for it
	slow     time.Duration // that an erasure takes
}

// Process is named after the Host: each is one process.
func (g *twin) Process() (name string, ends bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return fmt.Sprintf("%p", g), g.ends
}

func newTwin(t testing.TB) *twin {
	return &twin{House: recordstest.Open(t), appeared: make(chan struct{}, 1)}
}

var errTwin = hint.Wrap(errors.New("the twin refuses"), "ask for something else")

func (g *twin) called() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls++
}

func (g *twin) Records(by audit.Actor) (people.Records, error) {
	g.called()
	return slowly{g.Register.As(by), g.slow}, nil
}

// slowly are records that take their time.
type slowly struct {
	people.Records
	erasure time.Duration
}

func (s slowly) Erase(ctx context.Context, who people.Who, why audit.Reason) (people.Erasure, error) {
	time.Sleep(s.erasure)
	return s.Records.Erase(ctx, who, why)
}

func (g *twin) Running(by audit.Actor) control.Running { return running{g, by} }

type running struct {
	*twin
	by audit.Actor
}

func (g running) AddCard(ctx context.Context, q people.CardRequest, waits func(people.CardWait)) (people.CardAdded, error) {
	g.called()
	if err := g.Register.TakesCard(q); err != nil {
		return people.CardAdded{}, err
	}
	waits(people.CardWait{Readers: []string{"desk"}})
	select {
	case <-g.appeared:
	case <-ctx.Done():
		return people.CardAdded{}, hint.Wrap(errTwin, "show the card sooner")
	}
	q.By = g.by
	return g.Register.AddCard(q, "desk", store.ShownCard{Value: []byte{26, 1, 2, 3}, Secure: true})
}

func (g running) Enrol(ctx context.Context, r people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error) {
	g.called()
	r.By = g.by
	if err := g.begin(r); err != nil {
		return people.Enrolled{}, err
	}
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.enrolling = false
	}()
	progress(people.Progress{State: "nobody", Want: 5})
	select {
	case <-g.appeared:
	case <-ctx.Done():
		return people.Enrolled{}, hint.Wrap(fmt.Errorf("given up: %w", ctx.Err()), "enrol again")
	}
	progress(people.Progress{State: "captured", Taken: 5, Want: 5})
	return g.House.Enrol(r)
}

func (g *twin) begin(r people.EnrolRequest) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.Accepts(r); err != nil {
		return err
	}
	if g.enrolling || g.Store.Faces().Off() != nil {
		return errTwin
	}
	g.enrolling = true
	return nil
}

func (g running) TestCamera(context.Context) (probe.Verdict, error) {
	g.called()
	return probe.Judge(probe.Report{Source: "a camera", Frames: 75, Rate: 15, Grey: 120}, probe.Wanted{FPS: 15}), nil
}

func (g running) Aim(ctx context.Context, view func(status.View)) error {
	g.called()
	view(status.View{Sees: "nobody", Advice: "step in front of the camera"})
	<-ctx.Done()
	return nil
}

func (g running) Prompt(ctx context.Context, show func(status.Prompt)) error {
	g.called()
	show(status.Prompt{Look: "left", Say: "look left"})
	<-ctx.Done()
	return nil
}

func (g running) Calibrate(ctx context.Context, plan status.SurveyPlan, step func(status.SurveyStep)) (survey.Report, error) {
	g.called()
	step(status.SurveyStep{Phase: "empty", Do: "leave the door empty", LeftS: int(plan.Empty.Seconds()), View: status.View{Sees: "nobody"}})
	step(status.SurveyStep{Phase: "occupied", Do: "stand there", LeftS: int(plan.Occupied.Seconds()), View: status.View{Sees: "too far"}})
	s := survey.New()
	return s.Report(survey.Gate{}), ctx.Err()
}

func (g running) Door(context.Context) (status.Door, error) {
	g.called()
	g.mu.Lock()
	defer g.mu.Unlock()
	lines := []door.LineStatus{{Role: "relay", Line: "twin"}, {Role: "contact", Line: "twin"}}
	if g.held {
		return status.Door{Status: door.Status{State: gpio.Unlocked, Why: door.Hold, Lines: lines, Pulses: g.pulses}, Held: "twin", Kind: door.Strike}, nil
	}
	return status.Door{Status: door.Status{State: gpio.Locked, Lines: lines, Pulses: g.pulses}, Kind: door.Strike, Pulse: time.Second}, nil
}

func (g running) WatchDoor(ctx context.Context, show func(status.DoorMoment)) error {
	g.called()
	show(status.DoorMoment{What: status.Level, Line: "relay"})
	<-ctx.Done()
	return nil
}

func (g running) TestDoor(ctx context.Context) (status.DoorTest, error) {
	g.called()
	g.mu.Lock()
	if time.Since(g.opened) < 200*time.Millisecond {
		g.mu.Unlock()
		return status.DoorTest{}, errTwin
	}
	g.opened = time.Now()
	g.pulses++
	held := g.doorHeld
	g.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return status.DoorTest{}, ctx.Err()
		}
	}
	return status.DoorTest{Line: "twin", Pulse: time.Second}, nil
}

func (g running) ForgetMQTT(context.Context) (status.Forgotten, error) {
	g.called()
	return status.Forgotten{Removed: []string{"facegate/hq/north/availability"}, Kept: []string{}, Untold: []string{}}, nil
}

func (g running) HoldDoor(_ context.Context, q status.DoorHold) error {
	g.called()
	g.mu.Lock()
	defer g.mu.Unlock()
	if q.For <= 0 || q.For > 24*time.Hour {
		return errTwin
	}
	g.held = true
	return nil
}

func (g running) ReleaseDoor(context.Context) error {
	g.called()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.held {
		return errTwin
	}
	g.held = false
	return nil
}

func (g running) Status(context.Context) (status.Status, error) { return g.status(), nil }

func (g *twin) status() status.Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.Register.Epoch()
	s := status.Status{
		Site: "twin", Mode: law.OneToMany, Started: time.Now(), Door: door.Status{Pulses: g.pulses},
		People:  status.People{Enrolled: e.Renewed + e.Earlier + e.None, Limit: 10},
		Lockout: status.Lockout{LockedDown: g.Store.Lockdown().InForce()},
	}
	if off := g.Store.Faces().Off(); off != nil {
		s.FacesOff = &status.FacesOff{Since: time.Unix(off.Since, 0), Reason: off.Reason}
	}
	return s
}

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

// A server is a running control.Server.
type server struct {
	socket string
	log    log
	stop   func() // returns when Run has
}

const timeout = 10 * time.Second

func newServer(gate control.Host, socket string, timeout time.Duration, w io.Writer) (*control.Server, error) {
	log := slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return control.NewServer(gate, socket, "", control.Groups{}, timeout, log)
}

func serve(t *testing.T, gate control.Host, timeout time.Duration) *server {
	t.Helper()
	s := &server{socket: filepath.Join(socketDir(t), "s")}
	srv, err := newServer(gate, s.socket, timeout, &s.log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	<-srv.Ready()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// socketDir returns a folder with a path short enough for a socket.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "facegate-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestContract(t *testing.T) {
	controltest.Run(t, func(t *testing.T) controltest.Subject {
		g := newTwin(t)
		return controltest.Subject{
			Socket: serve(t, g, timeout).socket, Site: "twin",
			Appear: func(ctx context.Context) {
				select {
				case g.appeared <- struct{}{}:
				case <-ctx.Done():
				}
			},
		}
	})
}

func TestPeerIsRecorded(t *testing.T) {
	s := serve(t, newTwin(t), timeout)
	if _, err := control.NewClient(s.socket).TestDoor(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("path=/door/test uid=%d pid=%d", os.Getuid(), os.Getpid())
	if !strings.Contains(s.log.String(), want) {
		t.Errorf("no %q in the log:\n%s", want, s.log.String())
	}
}

// TestBadRequests sends what no client of ours would.
func TestBadRequests(t *testing.T) {
	g := newTwin(t)
	s := serve(t, g, timeout)
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: gate\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
			path, len(body), body)
	}
	tests := []struct {
		name, request string
		status        int
	}{
		{"garbage", "\x00\x01\x02 hello\r\n\r\n", http.StatusBadRequest},
		{"no JSON", post("/erase", "label=x"), http.StatusUnprocessableEntity},
		{"no body", post("/enrol", ""), http.StatusUnprocessableEntity},
		{"unknown key", post("/erase", `{"label":"x","force":true}`), http.StatusUnprocessableEntity},
		{"a key twice", post("/erase", `{"label":"x","label":"y"}`), http.StatusUnprocessableEntity},
		{"a key twice, once in escapes", post("/erase", `{"label":"x","l\u0061bel":"y"}`), http.StatusUnprocessableEntity},
		{"a key twice, in two cases", post("/erase", `{"label":"x","Label":"y"}`), http.StatusUnprocessableEntity},
		{"a key in another case", post("/erase", `{"LABEL":"x"}`), http.StatusUnprocessableEntity},
		{"a key with a long s", post("/relabel", `{"label":"x","to":"y","toſ":"z"}`), http.StatusUnprocessableEntity},
		{"null", post("/erase", `null`), http.StatusUnprocessableEntity},
		{"too long where nothing is read", post("/door/test", strings.Repeat(" ", 70000)), http.StatusUnprocessableEntity},
		{"wrong type", post("/erase", `{"label":["x"]}`), http.StatusUnprocessableEntity},
		{"two values", post("/erase", `{"label":"x"}{"label":"y"}`), http.StatusUnprocessableEntity},
		{"rubbish after", post("/erase", `{"label":"x"} rubbish`), http.StatusUnprocessableEntity},
		{"no token", post("/erase", `{"pass":"AAAA"}`), http.StatusUnprocessableEntity},
		{"no pass for a list", post("/pass", `["Ada"]`), http.StatusUnprocessableEntity},
		{"not UTF-8", post("/erase", "{\"label\":\"M\xf6ller\"}"), http.StatusUnprocessableEntity},
		{"lost character", post("/erase", `{"label":"M\ufffdller"}`), http.StatusUnprocessableEntity},
		{"half of a pair", post("/erase", `{"label":"M\ud800ller"}`), http.StatusUnprocessableEntity},
		{"line break", post("/person", `{"label":"M\nller"}`), http.StatusUnprocessableEntity},
		{"direction of writing", post("/relabel", `{"label":"Ada","to":"\u202eadA"}`), http.StatusUnprocessableEntity},
		{"long guardian", post("/enrol", `{"label":"x","guardian":"`+strings.Repeat("x", 65)+`"}`), http.StatusUnprocessableEntity},
		{"too long", post("/enrol", `{"label":"`+strings.Repeat("x", 70000)+`"}`), http.StatusUnprocessableEntity},
		{"endless header", "GET /status HTTP/1.1\r\nX: " + strings.Repeat("x", 2<<20), http.StatusRequestHeaderFieldsTooLarge},
		{"wrong method", "GET /erase HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n", http.StatusMethodNotAllowed},
		{"wrong path", post("/open", ""), http.StatusNotFound},
		{"a picture", post("/enrol", "\xff\xd8\xff\xe0\x00\x10JFIF"), http.StatusUnprocessableEntity},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("unix", s.socket)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			go io.WriteString(conn, tt.request)
			conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			answer, _ := io.ReadAll(conn)
			if !strings.HasPrefix(string(answer), fmt.Sprintf("HTTP/1.1 %d ", tt.status)) {
				t.Errorf("answer %.100q, want status %d", answer, tt.status)
			}
			if tt.status == http.StatusUnprocessableEntity && !strings.Contains(string(answer), `"hint"`) {
				t.Errorf("answer %q has no hint", answer)
			}
		})
	}
	if g.calls != 0 {
		t.Errorf("the gate was asked %d times", g.calls)
	}
	if _, err := control.NewClient(s.socket).Status(t.Context()); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func TestSocket(t *testing.T) {
	group := currentGroup(t)
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		path    string // relative to a new folder
		group   string
		err     error  // nil if it is opened, or
		text    string // part of its text
		hint    string
	}{
		{name: "new", path: "s"},
		{name: "group", path: "s", group: group},
		{name: "left by a dead daemon", path: "s", prepare: leaveSocket},
		{name: "another daemon", path: "s", prepare: occupy, err: control.ErrInUse, hint: "systemctl stop"},
		{name: "a daemon that hangs", path: "s", prepare: clog, err: unix.EAGAIN, hint: "remove it by hand"},
		{name: "a file", path: "s", prepare: writeFile, err: fs.ErrExist, hint: "move it away"},
		{name: "no folder", path: "none/s", err: fs.ErrNotExist, hint: "make the folder"},
		{name: "unknown group", path: "s", group: "no-such-group", text: "no-such-group", hint: "groupadd --system no-such-group"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(socketDir(t), tt.path)
			if tt.prepare != nil {
				tt.prepare(t, path)
			}
			before, _ := os.Lstat(path)
			s, err := control.NewServer(newTwin(t), path, tt.group, control.Groups{}, timeout, slog.New(slog.DiscardHandler))
			if tt.err == nil && tt.text == "" {
				if err != nil {
					t.Fatal(err)
				}
				checkSocket(t, path)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if err := s.Run(ctx); err != nil {
					t.Errorf("Run: %v", err)
				}
				if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("after the end the socket is still there: %v", err)
				}
				return
			}
			if tt.err != nil && !errors.Is(err, tt.err) || err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %v %q", err, tt.err, tt.text)
			}
			if !strings.Contains(hint.Of(err), tt.hint) {
				t.Errorf("hint %q, want %q", hint.Of(err), tt.hint)
			}
			after, _ := os.Lstat(path)
			if (before == nil) != (after == nil) || before != nil && !os.SameFile(before, after) {
				t.Errorf("what was there has changed from %v to %v", before, after)
			}
		})
	}
}

func currentGroup(t *testing.T) string {
	t.Helper()
	g, err := user.LookupGroupId(fmt.Sprint(os.Getgid()))
	if err != nil {
		t.Fatal(err)
	}
	return g.Name
}

func checkSocket(t *testing.T, path string) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != fs.ModeSocket|0o660 || info.Sys().(*syscall.Stat_t).Gid != uint32(os.Getgid()) {
		t.Errorf("the socket has mode %v and group %d", info.Mode(), info.Sys().(*syscall.Stat_t).Gid)
	}
}

// leaveSocket leaves a socket at path at which nobody listens.
func leaveSocket(t *testing.T, path string) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func occupy(t *testing.T, path string) {
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

// clog leaves a socket at path that takes no more connections, as a daemon that hangs would.
func clog(t *testing.T, path string) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for {
		conn, err := net.Dial("unix", path)
		if err != nil {
			return
		}
		t.Cleanup(func() { conn.Close() })
	}
}

func writeFile(t *testing.T, path string) {
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestClientErrors(t *testing.T) {
	dir := socketDir(t)
	dead, mute := filepath.Join(dir, "dead"), filepath.Join(dir, "mute")
	leaveSocket(t, dead)
	l, err := net.Listen("unix", mute)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	tests := []struct {
		name, path string
		err        error
		hint       string
	}{
		{"no socket", filepath.Join(dir, "none"), control.ErrNotRunning, "--socket"},
		{"dead socket", dead, control.ErrNotRunning, "systemctl start facegate"},
		{"daemon dies", mute, control.ErrBroken, "journalctl"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := control.NewClient(tt.path).Status(t.Context())
			if !errors.Is(err, tt.err) || !strings.Contains(hint.Of(err), tt.hint) {
				t.Errorf("error %v, hint %q; want %v and %q", err, hint.Of(err), tt.err, tt.hint)
			}
		})
	}
}

// TestTimeout checks that an enrolment in which nobody appears ends by itself.
func TestTimeout(t *testing.T) {
	s := serve(t, newTwin(t), 50*time.Millisecond)
	request := people.EnrolRequest{Label: "Ada", Consent: "form", Age: "adult"}
	_, err := control.NewClient(s.socket).Enrol(t.Context(), request, func(people.Progress) {})
	if !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), "given up") || hint.Of(err) == "" {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
}

// TestStop checks that what is under way when the server stops is ended and told so, and that no request outlives Run,
// whatever the other end does.
func TestStop(t *testing.T) {
	t.Run("enrolment", func(t *testing.T) {
		s := serve(t, newTwin(t), timeout)
		failed := make(chan error, 1)
		begun := make(chan struct{})
		go func() {
			_, err := control.NewClient(s.socket).Enrol(t.Context(), people.EnrolRequest{Label: "Ada", Consent: "form", Age: "adult"},
				func(people.Progress) { close(begun) })
			failed <- err
		}()
		<-begun
		s.stop()
		if err := <-failed; !errors.Is(err, control.ErrRefused) || hint.Of(err) != "enrol again" {
			t.Errorf("error %v, hint %q", err, hint.Of(err))
		}
	})
	t.Run("door", func(t *testing.T) {
		g := newTwin(t)
		g.doorHeld = make(chan struct{})
		s := serve(t, g, timeout)
		failed := make(chan error, 1)
		go func() {
			_, err := control.NewClient(s.socket).TestDoor(t.Context())
			failed <- err
		}()
		for g.status().Door.Pulses == 0 {
			time.Sleep(time.Millisecond)
		}
		s.stop()
		if err := <-failed; !errors.Is(err, control.ErrRefused) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("erasure", func(t *testing.T) {
		g := newTwin(t)
		if _, err := g.House.Enrol(people.EnrolRequest{Label: "Ada", Consent: "form"}); err != nil {
			t.Fatal(err)
		}
		g.slow = 1500 * time.Millisecond
		s := serve(t, g, timeout)
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			control.NewClient(s.socket).Erase(t.Context(), people.Who{Label: "Ada"}, audit.Requested)
		}()
		for !strings.Contains(s.log.String(), "/erase") {
			time.Sleep(time.Millisecond)
		}
		s.stop()
		if g.status().People.Enrolled != 0 {
			t.Error("Run returned before the erasure was done")
		}
		<-answered
	})
	t.Run("silent client", func(t *testing.T) {
		s := serve(t, newTwin(t), timeout)
		conn, err := net.Dial("unix", s.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "POST /erase HTTP/1.1\r\nHost: gate\r\nContent-Length: 100\r\n\r\n{")
		time.Sleep(50 * time.Millisecond)
		began := time.Now()
		s.stop()
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("stopping took %v", d)
		}
	})
}
