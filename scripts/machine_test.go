package scripts

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// calls are the scripts that a script names with their paths in the source.
var calls = regexp.MustCompile(`scripts/[a-z/]+\.sh`)

// closure returns a script, and all that it calls or takes in, and that those do.
func closure(t *testing.T, script string, seen ...string) []string {
	t.Helper()
	seen = append(seen, script)
	for line := range strings.Lines(readFile(t, filepath.Join("..", script))) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, called := range calls.FindAllString(line, -1) {
			if !slices.Contains(seen, called) {
				seen = closure(t, called, seen...)
			}
		}
	}
	return seen
}

// TestMachineKey changes each of the scripts that put a kernel together, and wants it to be kept under another key. A system is put
// together by fewer.
func TestMachineKey(t *testing.T) {
	scripts := closure(t, "scripts/machine/fetch.sh")
	if len(scripts) < 5 {
		t.Fatalf("a kernel is put together by %v", scripts)
	}
	b := bench{t, t.TempDir()}
	b.write("scripts/machine/key.sh", readFile(t, "machine/key.sh"))
	for _, script := range scripts {
		b.write(script, readFile(t, filepath.Join("..", script)))
	}
	key := func(what string) string {
		out, err := exec.Command(filepath.Join(b.dir, "scripts/machine/key.sh"), what).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", what, err, out)
		}
		return string(out)
	}
	was := map[string]string{"system": key("system"), "kernel": key("kernel")}
	for _, script := range scripts {
		text := readFile(t, filepath.Join("..", script))
		b.write(script, text+"# changed\n")
		for what := range was {
			needed := what == "kernel" || script == "scripts/machine/fetch.sh" || script == "scripts/mirror.sh"
			if changed := key(what) != was[what]; changed != needed {
				t.Errorf("with another %s the %s has another key: %v, want %v", script, what, changed, needed)
			}
		}
		b.write(script, text)
	}
}
