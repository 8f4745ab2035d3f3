package systime_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/systime"
)

// TestUnderTheUnit asks the kernel for the state of its clock in a process under the filter of system calls that systemd makes of the
// shipped unit, and under those of units that forbid it. Nothing that sets the clock gets through.
func TestUnderTheUnit(t *testing.T) {
	outside := answersHere()
	if outside.Ask != 0 {
		t.Skipf("nobody may ask for the state of the clock here: %v", outside.Ask)
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze, which lists what the groups of a filter hold, is not installed (apt-get install systemd)")
	}
	text, err := os.ReadFile("../../../../configs/facegate.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := string(text)
	protected := strings.Replace(unit, "NoNewPrivileges=yes", "NoNewPrivileges=yes\nProtectClock=yes", 1)
	unnamed := strings.Replace(unit, "SystemCallFilter=adjtimex\n", "", 1)
	if unit == protected || unit == unnamed {
		t.Fatal("the unit has other lines")
	}
	known, numbers := groupsOfCalls(t), numbersOfCalls(t)
	for _, test := range []struct {
		name, unit string
		ask        unix.Errno
	}{
		{"the shipped unit", unit, 0},
		{"ProtectClock", protected, unix.EPERM},
		{"the filter without adjtimex", unnamed, unix.EPERM},
		{"both", strings.Replace(unnamed, "NoNewPrivileges=yes", "NoNewPrivileges=yes\nProtectClock=yes", 1), unix.EPERM},
	} {
		got := answersUnder(t, filterOf(t, test.unit, known, numbers))
		if got.Ask != test.ask || got.Set != unix.EPERM {
			t.Errorf("%s: to ask is %v, want %v; to set is %v, want %v", test.name, got.Ask, test.ask, got.Set, unix.EPERM)
		}
		if got.Synced != (outside.Synced && test.ask == 0) {
			t.Errorf("%s: the clock is synced: %v, and without a filter: %v", test.name, got.Synced, outside.Synced)
		}
	}
}

// answers are what a process is told about its clock.
type answers struct {
	Ask, Set unix.Errno
	Synced   bool
}

func answersHere() answers {
	var a answers
	_, err := unix.Adjtimex(new(unix.Timex))
	errors.As(err, &a.Ask)
	errors.As(unix.ClockSettime(unix.CLOCK_REALTIME, &unix.Timespec{Nsec: -1}), &a.Set) // no time, whoever may set one
	a.Synced = systime.New()().Synced
	return a
}

// under names the file of the filter that a child of this test puts on itself.
const under = "FACEGATE_TEST_FILTER"

func answersUnder(t *testing.T, filter []unix.SockFilter) (a answers) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "filter")
	text, err := json.Marshal(filter)
	if err == nil {
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^TestChild$", "-test.v")
	child.Env = append(os.Environ(), under+"="+name)
	out, err := child.CombinedOutput()
	_, said, found := strings.Cut(string(out), "answers: ")
	if said, _, _ = strings.Cut(said, "\n"); err != nil || !found || json.Unmarshal([]byte(said), &a) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return a
}

// TestChild is the process that TestUnderTheUnit starts.
func TestChild(t *testing.T) {
	name := os.Getenv(under)
	if name == "" {
		t.Skip("it is started by TestUnderTheUnit")
	}
	text, err := os.ReadFile(name)
	var filter []unix.SockFilter
	if err == nil {
		err = json.Unmarshal(text, &filter)
	}
	if err == nil {
		err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program))); failed != 0 {
		t.Fatal(failed)
	}
	said, err := json.Marshal(answersHere())
	fmt.Printf("answers: %s\n", said)
	if err != nil {
		t.Fatal(err)
	}
}

// filterOf returns the filter that systemd makes of a unit (systemd.exec(5)): what SystemCallFilter= names is allowed, and ProtectClock=
// takes the group @clock away in any case. All else fails with EPERM.
func filterOf(t *testing.T, unit string, known groups, numbers map[string]uint32) []unix.SockFilter {
	t.Helper()
	allowed := map[uint32]bool{}
	for _, line := range regexp.MustCompile(`(?m)^SystemCallFilter=(.*)$`).FindAllStringSubmatch(unit, -1) {
		for name := range strings.FieldsSeq(line[1]) {
			for _, call := range known.calls(strings.TrimPrefix(name, "~")) {
				if n, ok := numbers[call]; ok {
					allowed[n] = !strings.HasPrefix(name, "~")
				}
			}
		}
	}
	if regexp.MustCompile(`(?m)^ProtectClock=(yes|true|on|1)$`).MatchString(unit) {
		for _, call := range known.calls("@clock") {
			delete(allowed, numbers[call])
		}
	}
	maps.DeleteFunc(allowed, func(_ uint32, on bool) bool { return !on })
	if len(allowed) < 100 {
		t.Fatalf("the filter allows %d calls", len(allowed))
	}
	// The number of the call is the first word of what a filter is shown (seccomp(2)).
	filter := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}}
	for _, n := range slices.Sorted(maps.Keys(allowed)) {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: n},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	}
	return append(filter, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)})
}

// groups are what systemd's names for groups of system calls stand for.
type groups map[string][]string

func groupsOfCalls(t *testing.T) groups {
	t.Helper()
	out, err := exec.Command("systemd-analyze", "--no-pager", "syscall-filter").Output()
	if err != nil {
		t.Fatalf("systemd-analyze syscall-filter: %v", err)
	}
	all, name := groups{}, ""
	for line := range strings.Lines(string(out)) {
		switch member := strings.TrimSpace(line); {
		case strings.HasPrefix(line, "@"):
			name = member
		case strings.HasPrefix(line, " ") && !strings.HasPrefix(member, "#"):
			all[name] = append(all[name], member)
		}
	}
	return all
}

// calls returns the system calls that a name stands for: itself, or those of its group.
func (g groups) calls(name string) (all []string) {
	if !strings.HasPrefix(name, "@") {
		return []string{name}
	}
	for _, member := range g[name] {
		all = append(all, g.calls(member)...)
	}
	return all
}

// numbersOfCalls returns the numbers of the system calls of this kind of machine, from where the library has them.
func numbersOfCalls(t *testing.T) map[string]uint32 {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+runtime.GOARCH+".go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]uint32{}
	for _, m := range regexp.MustCompile(`(?m)^\s+SYS_(\w+)\s+= (\d+)$`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.ToLower(m[1])] = uint32(n)
	}
	return all
}
