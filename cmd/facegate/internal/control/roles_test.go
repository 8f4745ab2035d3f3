package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
)

// staff is an authority of two groups with the numbers 100 and 200.
func staff() *authority {
	return &authority{
		names: Groups{"desk", "tools"}, ids: map[roles]uint32{office: 100, technician: 200}, self: 7,
		asked: make(map[string]asking),
	}
}

// The people of the matrix.
var crew = map[string]peer{
	"stranger":   {uid: 1000, gid: 1000},
	"office":     {uid: 1001, gid: 1001, groups: []uint32{4, 100}},
	"technician": {uid: 1002, gid: 200},
	"both":       {uid: 1003, gid: 100, groups: []uint32{200}},
	"root":       {uid: 0},
	"service":    {uid: 7, gid: 7},
}

// TestRights has everybody ask for everything. A request that is new has to be added here, with who may make it.
func TestRights(t *testing.T) {
	all := []string{"both", "office", "root", "service", "stranger", "technician"}
	staffed := []string{"both", "office", "root", "service", "technician"}
	desk := []string{"both", "office", "root", "service"}
	things := []string{"both", "root", "service", "technician"}
	together := []string{"both", "root", "service"}
	want := map[string][]string{
		"GET /status": all, "GET /clock": all, "GET /process": all, "GET /device": all, "GET /audit": staffed, "GET /audit/checkpoint": staffed, "POST /audit/request": staffed, "POST /audit/cosigned": staffed, "GET /epoch": staffed,
		"GET /people": desk, "GET /receipts": desk, "POST /receipts/fetched": desk, "POST /receipts/prove": staffed, "POST /erase": together, "POST /erase/own": desk, "POST /erase/withdrawn": desk,
		"POST /person": desk, "POST /form": desk, "POST /join": desk, "POST /relabel": desk, "POST /groups": desk, "POST /pass": desk, "POST /pin": desk, "POST /pin/remove": desk, "POST /pin/number": desk, "POST /pin/renumber": desk, "POST /enrol": desk, "POST /card/add": desk, "POST /card/remove": desk,
		"GET /visits": desk, "POST /visits/revoke": desk, "POST /visits/show": desk, "POST /offices": desk, "POST /offices/remove": desk,
		"GET /operators": staffed, "POST /operators": things, "POST /operators/remove": things,
		"GET /door": things, "POST /door/test": things, "POST /door/hold": things, "POST /door/release": things, "POST /door/watch": things, "POST /mqtt/forget": things, "POST /camera/aim": things, "POST /camera/test": things, "POST /camera/prompt": things, "POST /camera/calibrate": things, "POST /clock/confirm": things, "POST /lockout/reset": things, "POST /epoch/begin": things,
		"POST /epoch/end": together, "POST /templates/destroy": together, "POST /templates/destroy/end": staffed,
		"POST /faces/off": staffed, "POST /faces/on": things, "POST /backup": staffed,
	}
	routes := (&Server{}).routes()
	var patterns []string
	for _, r := range routes {
		patterns = append(patterns, r.pattern)
	}
	if slices.Sort(patterns); !slices.Equal(patterns, slices.Sorted(maps.Keys(want))) {
		t.Errorf("the requests are %q, not %q", patterns, slices.Sorted(maps.Keys(want)))
	}
	for _, r := range routes {
		s := &Server{authority: staff()}
		r.serve = func(http.ResponseWriter, *http.Request) {}
		handler := s.permitted(r)
		var may []string
		for name, p := range crew {
			s.authority.asked = make(map[string]asking)
			w := httptest.NewRecorder()
			handler(w, httptest.NewRequest("", "/", nil).WithContext(context.WithValue(t.Context(), peerKey{}, p)))
			if w.Code == http.StatusOK {
				may = append(may, name)
			} else if !strings.Contains(w.Body.String(), `"hint":`) {
				t.Errorf("%s refuses %s without advice: %s", r.pattern, name, w.Body)
			}
		}
		if slices.Sort(may); !slices.Equal(may, want[r.pattern]) {
			t.Errorf("%s may be asked by %q, want %q", r.pattern, may, want[r.pattern])
		}
	}
	if (&Server{authority: staff()}).authority.permit("x", 0, crew["root"], time.Now()) == nil {
		t.Error("a request without a right is root's")
	}
}

// TestWithoutGroups checks that everybody who may use the socket may do everything where no group is named.
func TestWithoutGroups(t *testing.T) {
	a, err := newAuthority(Groups{}, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, needs := range []right{everybodys, offices, technicians, eithers, bothsTogether, officesTogether} {
		if err := a.permit("x", needs, crew["stranger"], time.Now()); err != nil {
			t.Errorf("right %d: %v", needs, err)
		}
	}
}

func TestUnknownGroup(t *testing.T) {
	_, err := newAuthority(Groups{"no-such-group", "no-such-group-either"}, 7)
	if err == nil || !strings.Contains(hint.Of(err), "groupadd --system no-such-group") {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
}

// TestSecondPerson gives orders that two people have to give.
func TestSecondPerson(t *testing.T) {
	start := time.Now()
	desk, desk2, tools := crew["office"], peer{uid: 1004, groups: []uint32{100}}, crew["technician"]
	turncoat := peer{uid: desk.uid, groups: []uint32{200}}
	type step struct {
		by    peer
		order string
		after time.Duration
		done  bool
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"two people", []step{{desk, "a", 0, false}, {tools, "a", 9 * time.Minute, true}}},
		{"the other way round", []step{{tools, "a", 0, false}, {desk, "a", time.Second, true}}},
		{"once done it begins anew", []step{{desk, "a", 0, false}, {tools, "a", 1, true}, {desk, "a", 2, false}}},
		{"one person twice", []step{{desk, "a", 0, false}, {desk, "a", time.Second, false}}},
		{"one person who changes groups", []step{{desk, "a", 0, false}, {turncoat, "a", time.Second, false}}},
		{"two of one role", []step{{desk, "a", 0, false}, {desk2, "a", time.Second, false}}},
		{"too late", []step{{desk, "a", 0, false}, {tools, "a", 10 * time.Minute, false}, {desk, "a", 11 * time.Minute, true}}},
		{"another order", []step{{desk, "a", 0, false}, {tools, "b", time.Second, false}}},
	} {
		a := staff()
		for i, s := range tt.steps {
			err := a.permit(s.order, bothsTogether, s.by, start.Add(s.after))
			if (err == nil) != s.done || err != nil && (!errors.Is(err, ErrPending) || hint.Of(err) == "") {
				t.Errorf("%s, step %d: %v", tt.name, i+1, err)
			}
		}
	}
	for _, needs := range []right{bothsTogether, officesTogether} {
		if err := staff().permit("a", needs, crew["stranger"], start); !errors.Is(err, ErrForbidden) {
			t.Errorf("a stranger begins: %v", err)
		}
	}
	for _, tt := range []struct {
		name  string
		by    []peer
		wants []bool
	}{
		{"two of the office", []peer{desk, desk, desk2}, []bool{false, false, true}},
		{"the office and a technician", []peer{tools, desk}, []bool{false, true}},
		{"two technicians", []peer{tools, {uid: 1005, gid: 200}}, []bool{false, false}},
	} {
		a := staff()
		for i, by := range tt.by {
			if err := a.permit("a", officesTogether, by, start); (err == nil) != tt.wants[i] {
				t.Errorf("for one person, %s, step %d: %v", tt.name, i+1, err)
			}
		}
	}
}

// TestSecondPersonForTheSame checks that an order waits for the same order about the same person.
func TestSecondPersonForTheSame(t *testing.T) {
	s := &Server{authority: staff()}
	handler := s.permitted(route{"POST /erase", officesTogether, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }})
	give := func(by, body string) (int, string) {
		w := httptest.NewRecorder()
		handler(w, httptest.NewRequest("", "/", strings.NewReader(body)).WithContext(context.WithValue(t.Context(), peerKey{}, crew[by])))
		return w.Code, w.Body.String()
	}
	for i, step := range []struct {
		by, body string
		done     bool
	}{
		{"office", "ada", false}, {"technician", "eve", false}, {"technician", "ada", true}, {"office", "eve", true}, {"both", "zoe", true},
	} {
		if code, body := give(step.by, step.body); (code == http.StatusOK && body == step.body) != step.done {
			t.Errorf("step %d: %d %s", i+1, code, body)
		}
	}
}

// TestPeer checks what the kernel says of a program that connects, with the groups that it has.
func TestPeer(t *testing.T) {
	if path := os.Getenv("FACEGATE_TEST_CONNECT"); path != "" {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1)) // until it was looked at
		t.Log(err)
		return
	}
	dir, err := os.MkdirTemp("", "facegate-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestPeer$")
	cmd.Env = append(os.Environ(), "FACEGATE_TEST_CONNECT="+path)
	want := peer{uid: uint32(os.Getuid()), gid: uint32(os.Getgid())}
	if os.Getuid() == 0 {
		var many []uint32
		for id := range uint32(300) { // more than are asked for at first
			many = append(many, 5000+id)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1234, Gid: 2345, Groups: many}}
		want = peer{uid: 1234, gid: 2345, groups: many}
		for _, p := range []string{dir, path} {
			if err := os.Chmod(p, 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Start(); err != nil {
		t.Skip(err) // such as where no user may be changed to
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	got, _ := withPeer(t.Context(), conn).Value(peerKey{}).(peer)
	conn.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got.uid != want.uid || got.gid != want.gid || int(got.pid) != cmd.Process.Pid {
		t.Errorf("the peer is %+v, want %+v", got, want)
	}
	if want.groups != nil && !slices.Equal(got.groups, want.groups) {
		t.Errorf("its groups are %v", got.groups)
	}
}

// TestRolesOfThisMachine finds the groups by their names.
func TestRolesOfThisMachine(t *testing.T) {
	own, err := user.LookupGroupId("0")
	if err != nil {
		t.Skip(err)
	}
	a, err := newAuthority(Groups{own.Name, own.Name}, 7)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.rolesOf(peer{uid: 1000, gid: 1000, groups: []uint32{0}}); got != both {
		t.Errorf("a member has %d", got)
	}
}

// TestErrorsOverTheSocket checks that a client tells a refusal from a lack of rights.
func TestErrorsOverTheSocket(t *testing.T) {
	for _, kind := range []error{ErrForbidden, ErrPending, ErrRefused, people.ErrOwed} {
		sent := hint.Wrap(fmt.Errorf("%w: ada is in another group", kind), "ask eve")
		got := failureOf(sent).err()
		if !errors.Is(got, kind) || got.Error() != sent.Error() || hint.Of(got) != "ask eve" {
			t.Errorf("%v came as %v, hint %q", sent, got, hint.Of(got))
		}
	}
}
