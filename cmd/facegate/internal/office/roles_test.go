package office_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/office"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/law"
	"facegate/pipeline/publish/childtest"
	"facegate/store/audit"
)

// A host answers on a socket for a gate.
type host struct{ *gate }

func (h host) Records(by audit.Actor) (people.Records, error) { return h.house.Register.As(by), nil }
func (h host) Running(audit.Actor) control.Running            { return running{nil, h.gate} }
func (h host) Process() (string, bool)                        { return "test", false }

// A running gate is asked for nothing but its status here, and for captures.
type running struct {
	control.Running
	*gate
}

func (r running) Status(ctx context.Context) (status.Status, error) { return r.gate.Status(ctx) }

func (r running) Enrol(ctx context.Context, q people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error) {
	return r.gate.Enrol(ctx, q, progress)
}

// socketOfOffice names in the environment the socket that TestRoles serves an office for, in a process of another user.
const socketOfOffice = "FACEGATE_TEST_OFFICE"

// TestRoles has people of several groups use a page each. What they may is for the gate to say, to the user of the page.
func TestRoles(t *testing.T) {
	if path := os.Getenv(socketOfOffice); path != "" {
		asProgram(t, path)
		return
	}
	desk, tools := group(t, "games"), group(t, "tape")
	g := newGate(t)
	g.join(t, "Zhang Wei")
	g.enrol(t, "Ada")
	g.enrol(t, "Eve")
	path := answer(t, g, control.Groups{Office: "games", Technician: "tape"})
	one, other := pageOf(t, path, 2001, desk), pageOf(t, path, 2002, desk)
	technician, stranger := pageOf(t, path, 2003, tools), pageOf(t, path, 2004, 2004)

	for what, c := range map[string]*clerk{"technician": technician, "stranger": stranger} {
		code, body := c.get("/")
		want(t, what, code, body, http.StatusForbidden, "You may not do that", "is not in the group games", "ask a member of the group games")
		code, body = c.get("/enrol/en/face")
		want(t, what+" who enrols", code, body, http.StatusForbidden, "You may not do that")
	}
	code, body := one.get("/")
	want(t, "clerk", code, body, http.StatusOK, "3 of 3 people")

	// A consent is withdrawn by one clerk, and a person is erased by two.
	code, body = one.post(one.personOf("Ada") + "/withdraw")
	want(t, "withdraw", code, body, http.StatusOK, "Ada is erased, and does not match any more.", "The signature of this receipt is that of the gate.")
	one.post("/handover")
	at, there := one.personOf("Zhang Wei")+"/erase", other.personOf("Zhang Wei")+"/erase"
	for range 2 {
		code, body = one.post(at)
		want(t, "erase alone", code, body, http.StatusAccepted, "waits for a second person", "another member of the group games, or one of tape,")
	}
	code, body = other.post(other.personOf("Eve") + "/erase")
	want(t, "erase somebody else", code, body, http.StatusAccepted, "waits for a second person")
	code, body = other.post(there)
	want(t, "erase together", code, body, http.StatusOK, "Zhang Wei is erased", "The signature of this receipt is that of the gate.")
	code, body = one.get("/")
	want(t, "the list after it", code, body, http.StatusOK, "1 of 1 people")
}

// group returns the number of a group of Debian's, or skips the test.
func group(t *testing.T, name string) uint32 {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root runs programs of other users")
	}
	found, err := user.LookupGroup(name)
	if err != nil {
		t.Skip(err)
	}
	id, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(id)
}

// answer serves the socket of a gate to every user of this machine, and returns its path.
func answer(t *testing.T, g *gate, groups control.Groups) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "facegate-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	s, err := control.NewServer(host{g}, path, "", groups, time.Minute, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{dir, path} {
		if err := os.Chmod(p, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return path
}

// pageOf opens the page of an office that runs as a user with one group.
func pageOf(t *testing.T, path string, uid, gid uint32) *clerk {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestRoles$")
	cmd.Env = append(os.Environ(), socketOfOffice+"="+path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := childtest.Start(cmd); err != nil {
		t.Skip(err) // such as where no user may be changed to
	}
	t.Cleanup(func() { in.Close(); cmd.Wait() })
	link, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, out)
	return enter(t, strings.TrimSpace(link))
}

// asProgram serves an office as facegate office does, until standard input ends.
func asProgram(t *testing.T, path string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o, err := office.New(office.Parts{
		Machine: fstest.MapFS{},
		Gate:    control.NewClient(path), Told: told(t, law.EU), Listener: l, Idle: time.Hour,
		Link: func(url string) { os.Stdout.WriteString(url + "\n") }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := o.Run(ctx); err != nil {
		t.Error(err)
	}
}
