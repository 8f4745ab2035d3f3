// Command standin is a gate for tests of the package, small and without networks. The last line of its own file says how it goes:
// well, ends at once, hangs before it answers, dies again and again, or is down.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// answers is where a gate that is up keeps its process and the exit code of status --check.
const answers = "/run/facegate/up"

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	if len(args) == 0 {
		return 2
	}
	switch args[0] {
	case "run":
		return gate(how())
	case "status":
		return status(slices.Contains(args, "--check"))
	case "wipe":
		return wipe(args[len(args)-1])
	case "man":
		fmt.Println(".TH FACEGATE 1\n.SH NAME\nfacegate \\- a stand-in")
		return 0
	default: // completion
		fmt.Println("#", args)
		return 0
	}
}

// how returns the last line of this program's file.
func how() string {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(self[max(0, len(self)-200):])), "\n")
	return lines[len(lines)-1]
}

func gate(how string) int {
	up := func(code int) {
		text := fmt.Sprintf("%d %d", os.Getpid(), code)
		if err := os.WriteFile(answers, []byte(text), 0o644); err != nil {
			panic(err)
		}
	}
	switch how {
	case "ends":
		return 1
	case "hangs":
	case "dies":
		up(0)
		time.Sleep(700 * time.Millisecond)
		return 1
	case "down":
		up(2)
	default:
		up(0)
	}
	time.Sleep(time.Hour)
	return 0
}

// status answers as facegate does: 0, or 3 if the gate is not running; with check the code of the gate, or 2.
func status(check bool) int {
	text, err := os.ReadFile(answers)
	pid, code, _ := strings.Cut(string(text), " ")
	process, _ := strconv.Atoi(pid)
	alive := err == nil && process > 0 && syscall.Kill(process, 0) == nil
	n, _ := strconv.Atoi(code)
	switch {
	case !alive && check:
		n = 2
	case !alive:
		return 3
	case !check:
		return 0
	}
	fmt.Println([]string{"ok", "degraded", "down", "unknown"}[n])
	return n
}

// wipe removes the records, and leaves the key file, which lies in a folder of root's.
func wipe(certificate string) int {
	records, err := filepath.Glob("/var/lib/facegate/*.db")
	for _, r := range records {
		if err := os.Remove(r); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	if err != nil || os.WriteFile(certificate, fmt.Appendf(nil, "wiped %d by %d\n", len(records), os.Geteuid()), 0o600) != nil {
		return 1
	}
	return 1 // as the key file could not be removed
}
