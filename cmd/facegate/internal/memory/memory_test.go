package memory_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/memory"
)

// asSealed is set in the environment of a process that seals and locks itself and says what the kernel makes of it.
const asSealed = "FACEGATE_TEST_SEALED"

func TestMain(m *testing.M) {
	switch os.Getenv(asSealed) {
	case "":
		os.Exit(m.Run())
	case "small":
		if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{Cur: 1 << 16, Max: 1 << 16}); err != nil {
			panic(err)
		}
	}
	report()
	os.Exit(0)
}

func report() {
	sealed, locked := memory.Seal(), memory.Lock()
	touched := make([]byte, 10<<20)
	for i := range touched {
		touched[i] = 1
	}
	for range 100 { // what is locked can be given back and taken anew
		more := make([]byte, 1<<20)
		touched[len(more)] = more[0]
	}
	status, _ := os.ReadFile("/proc/self/status")
	dumpable, _, _ := unix.Syscall(unix.SYS_PRCTL, unix.PR_GET_DUMPABLE, 0, 0)
	var core unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_CORE, &core)
	fmt.Printf("sealed: %v\nlimit: %v\nlocked: %v\n%sdumpable: %d\ncore: %d %d\n",
		sealed, errors.Is(locked, memory.ErrLimit), locked, status, dumpable, core.Cur, core.Max)
}

func TestSealAndLock(t *testing.T) {
	kB := regexp.MustCompile(`(?m)^VmLck:\s+(\d+) kB$`)
	for how, limited := range map[string]bool{"as it is": false, "small": os.Geteuid() != 0} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), asSealed+"="+how)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, want := range []string{`sealed: <nil>`, `dumpable: 0`, `core: 0 0`} {
			if !regexp.MustCompile("(?m)^" + want + "$").Match(out) {
				t.Errorf("%s: there is no line %q in:\n%s", how, want, out)
			}
		}
		if regexp.MustCompile("(?m)^limit: true$").Match(out) {
			if !limited && how == "small" {
				t.Errorf("root was refused:\n%s", out)
			}
			continue // this user may not lock
		}
		m := kB.FindSubmatch(out)
		if m == nil || !regexp.MustCompile("(?m)^locked: <nil>$").Match(out) {
			t.Fatalf("%s:\n%s", how, out)
		}
		if n, err := strconv.Atoi(string(m[1])); err != nil || n < 10<<10 {
			t.Errorf("%s: %s kB are locked", how, m[1])
		}
	}
}

func TestSwappable(t *testing.T) {
	const heading, on = "Filename Type Size Used Priority\n", "/var/swap file 102396 0 -2\n"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	const limit = "sys/fs/cgroup/system.slice/facegate.service/memory.swap.max"
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  bool
	}{
		"a kernel without swap": {fstest.MapFS{}, false},
		"swap off":              {fstest.MapFS{"proc/swaps": file(heading)}, false},
		"swap on, no group":     {fstest.MapFS{"proc/swaps": file(heading + on)}, true},
		"swap on, controller off": {fstest.MapFS{
			"proc/swaps": file(heading + on), "proc/self/cgroup": file("0::/system.slice/facegate.service\n"),
		}, true},
		"swap on, forbidden": {fstest.MapFS{
			"proc/swaps": file(heading + on), "proc/self/cgroup": file("0::/system.slice/facegate.service\n"), limit: file("0\n"),
		}, false},
		"swap on, forbidden further up": {fstest.MapFS{
			"proc/swaps": file(heading + on), "proc/self/cgroup": file("0::/system.slice/facegate.service\n"), limit: file("max\n"),
			"sys/fs/cgroup/system.slice/memory.swap.max": file("0\n"),
		}, false},
		"swap on, allowed": {fstest.MapFS{
			"proc/swaps": file(heading + on), "proc/self/cgroup": file("0::/system.slice/facegate.service\n"), limit: file("max\n"),
		}, true},
		"swap on, groups of the old kind": {fstest.MapFS{
			"proc/swaps": file(heading + on), "proc/self/cgroup": file("4:memory:/system.slice/facegate.service\n"),
		}, true},
	} {
		if got, err := memory.Swappable(c.files); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
