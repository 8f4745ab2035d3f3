package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
)

// TestTarget checks which gate the flags name.
func TestTarget(t *testing.T) {
	site := gatetest.NewSite(t)
	config, none := site.WriteConfig(t, nil), site.Path("none.yaml")
	broken := site.Path("broken.yaml")
	must(t, os.WriteFile(broken, []byte("profil: lab\n"), 0o600))
	for _, tt := range []struct {
		name    string
		flags   gateFlags
		usual   string
		socket  string
		records bool // of the gate can be opened while it does not run
		err     error
		advice  string
	}{
		{"nothing, and there is a usual one", gateFlags{}, config, site.Socket(), true, nil, ""},
		{"nothing, and there is none", gateFlags{}, none, "", false, errNoGate, "--socket PATH"},
		{"a socket alone", gateFlags{Socket: "/s"}, config, "/s", false, nil, ""},
		{"a configuration alone", gateFlags{Config: config}, none, site.Socket(), true, nil, ""},
		{"both", gateFlags{Socket: "/s", Config: config}, none, "/s", true, nil, ""},
		{"a configuration that is not there", gateFlags{Config: none}, config, "", false, os.ErrNotExist, "facegate init"},
		{"a configuration with a fault", gateFlags{Config: broken}, config, "", false, errAny, "--socket PATH"},
	} {
		g, err := tt.flags.target(tt.usual)
		if (err == nil) != (tt.err == nil) || tt.err != errAny && !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
		}
		if !strings.Contains(hint.Of(err), tt.advice) {
			t.Errorf("%s: the advice is %q", tt.name, hint.Of(err))
		}
		if g.socket != tt.socket || (g.config != nil) != tt.records {
			t.Errorf("%s: named %+v", tt.name, g)
		}
	}
}

var errAny = errors.New("any")

// TestSamePlace compares paths, of files that need not be there.
func TestSamePlace(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "run"), 0o700))
	must(t, os.Symlink("run", filepath.Join(dir, "link")))
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"run/a", "run/./a", true},
		{"run/a", "link/a", true},
		{"run/a", "link/b", false},
		{"run/a", "a", false},
		{"run", "link", true},
		{"", "", true},
	} {
		if got := samePlace(filepath.Join(dir, tt.a), filepath.Join(dir, tt.b)); got != tt.same {
			t.Errorf("%q and %q: %v", tt.a, tt.b, got)
		}
	}
}

// TestTwoGates asks two gates of one machine, each with a person of the same label, by socket, by configuration, and by
// those of two of them.
func TestTwoGates(t *testing.T) {
	front, back := gatetest.NewSite(t), gatetest.NewSite(t)
	named := gatetest.Settings{"gate": "back"}
	frontFile, backFile := front.WriteConfig(t, nil), back.WriteConfig(t, named)
	frontGate, backGate := startLive(t, front, nil), startLive(t, back, named)
	for _, l := range []*live{frontGate, backGate} {
		if p := l.enroll(t, "p01"); p.code != exitOK {
			t.Fatal(p.err)
		}
	}
	do := func(args ...string) printout { return facegate(t.Context(), args...) }
	count := func(want int, args ...string) {
		t.Helper()
		var all []people.Person
		do(append([]string{"people", "--json"}, args...)...).decode(t, &all)
		if len(all) != want {
			t.Errorf("%v: %d people", args, len(all))
		}
	}

	do("status", "--config", backFile).want(t, exitOK, "back of test", "")
	do("erase", "p01", "--yes", "--config", backFile).want(t, exitOK, "p01 is erased", "")
	count(0, "--socket", back.Socket())
	count(1, "--socket", front.Socket())
	count(1, "--config", frontFile)

	for _, args := range [][]string{
		{"people"},
		{"erase", "p01", "--yes"},
		{"status"},
		{"door", "test"},
		{"audit", "verify"},
		{"epoch", "begin"},
		{"enroll", "p02", "--consent", "form", "--age", "adult"},
		{"person", "pass", "p01", "--yes", "--png", back.Path("1.png")},
	} {
		p := do(append(args, "--socket", front.Socket(), "--config", backFile)...)
		p.want(t, exitUsage, "", "at whose socket "+back.Socket()+" answers gate back of test (records in "+back.State()+")")
		p.want(t, exitUsage, "", "at "+front.Socket()+" answers gate front of test (records in "+front.State()+")")
		p.want(t, exitUsage, "", "to do: the gate is running, ask it: --socket "+back.Socket())
	}

	backGate.stop()
	count(0, "--config", backFile)
	do("people", "--socket", back.Socket()).want(t, exitNotRunning, "", "--config FILE")
	do("erase", "p01", "--yes", "--socket", back.Socket()).want(t, exitNotRunning, "", "nothing answers at "+back.Socket())
	do("people", "--socket", front.Socket(), "--config", backFile).want(t, exitUsage, "", back.Socket()+" answers nothing; at ")
	do("people", "--socket", back.Socket(), "--config", frontFile).want(t, exitUsage, "", "at "+back.Socket()+" answers nothing")

	// A configuration that was changed while the gate ran.
	moved := front.WriteConfig(t, gatetest.Settings{"control": "{socket: " + front.Path("new.sock") + `, group: ""}`})
	do("people", "--config", moved).want(t, exitFailed, "", "to do: the gate is running, and nothing answers at "+front.Path("new.sock"))
	do("people", "--socket", front.Socket(), "--config", moved).want(t, exitOK, "p01", "")
	front.WriteConfig(t, nil)

	// A configuration that was made of another one, with the same socket.
	twin := gatetest.NewSite(t)
	twinFile := twin.WriteConfig(t, gatetest.Settings{"control": "{socket: " + front.Socket() + `, group: ""}`})
	do("erase", "p01", "--yes", "--config", twinFile).want(t, exitUsage, "", "to do: restart the gate if its configuration has changed, or give each")
	count(1, "--config", frontFile)
}
