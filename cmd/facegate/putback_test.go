package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/store/clock/clocktest"
)

// A keptGate is the files of a gate that stands still, of which somebody takes copies.
type keptGate struct {
	t        *testing.T
	site     gatetest.Site
	config   string
	ann, bob string // their passes
	backup   string // from before Bob was erased
	receipt  string // of that
	before   string // a copy of all folders, likewise
}

// do carries out a command on the gate.
func (g *keptGate) do(args ...string) printout {
	g.t.Helper()
	return facegate(g.t.Context(), append(args, "--config", g.config)...)
}

// keepGate makes a gate with two people, of whom Bob is erased, and copies everything before.
func keepGate(t *testing.T) *keptGate {
	t.Helper()
	site := gatetest.NewSite(t)
	g := &keptGate{
		t: t, site: site, config: site.WriteConfig(t, nil), ann: site.Path("ann.png"), bob: site.Path("bob.png"),
		backup: site.Path("gate.backup"), receipt: site.Path("receipt"), before: filepath.Join(t.TempDir(), "before"),
	}
	begun(t, site.Config(t, nil))
	g.do("clock", "confirm", "--yes").want(t, exitOK, "right", "")
	for name, pass := range map[string]string{"Ann": g.ann, "Bob": g.bob} {
		g.do("person", "add", name, "--until", "2040-01-31", "--reference", "contract "+name, "--pass", pass).want(t, exitOK, name, "")
	}
	g.do("backup", "create", g.backup).want(t, exitOK, "holds 2 people", "")
	for _, folder := range []string{site.State(), site.Keyrings(), site.Anchor()} {
		must(t, os.CopyFS(filepath.Join(g.before, filepath.Base(folder)), os.DirFS(folder)))
	}
	g.do("erase", "Bob", "--yes", "--receipt", g.receipt).want(t, exitOK, "erased", "")
	return g
}

// putBack puts the copies of folders in their place.
func (g *keptGate) putBack(folders ...string) {
	g.t.Helper()
	for _, folder := range folders {
		must(g.t, os.RemoveAll(folder))
		must(g.t, os.CopyFS(folder, os.DirFS(filepath.Join(g.before, filepath.Base(folder)))))
		must(g.t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return os.Chmod(path, 0o600)
		}))
		must(g.t, os.Chmod(folder, 0o700))
	}
}

// withoutBob checks that Ann is on the list, and Bob is not, and that his pass is nobody's.
func (g *keptGate) withoutBob() {
	g.t.Helper()
	var all []people.Person
	g.do("people", "--json").decode(g.t, &all)
	if len(all) != 1 || all[0].Label != "Ann" {
		g.t.Errorf("on the list are %+v", all)
	}
	g.do("erase", "--pass", g.bob, "--yes").want(g.t, exitFailed, "", "to do: ")
}

// advises checks that a refusal names the one way back, and that nobody is told to copy files.
func (p printout) advises(t *testing.T) {
	t.Helper()
	p.want(t, exitFailed, "", "facegate backup restore FILE")
	for _, word := range []string{"last good copy", ".db and .key", "put back the"} {
		if strings.Contains(p.err, word) {
			t.Errorf("it is advised to copy files: %s", p.err)
		}
	}
}

// TestPutBack puts back copies of folders, as somebody does who has an afternoon at the gate (A01), and goes the way back.
func TestPutBack(t *testing.T) {
	g := keepGate(t)
	g.putBack(g.site.State(), g.site.Keyrings())
	g.withoutBob()
	g.do("audit", "verify").want(t, exitOK, "the audit log is whole", "")
	g.do("audit", "verify", "--receipt", g.receipt).want(t, exitFailed, "", "another log than the one that was seen")
	g.do("faces", "on").advises(t)

	l := startLive(t, g.site, nil)
	var s status.Status
	l.do(t, "status", "--json").decode(t, &s)
	if s.Older == nil || s.Older.From != 0 || s.Older.To != 1 || s.Older.Unknown {
		t.Errorf("the status says of the copy that was put back: %+v", s.Older)
	}
	p := l.do(t, "status")
	p.want(t, p.code, "an older copy of the records was put back", "")
	p.want(t, p.code, "facegate backup restore FILE", "")
	l.stop()

	g.do("backup", "restore", g.backup).want(t, exitOK, "1 were erased", "")
	g.withoutBob()
	l = startLive(t, g.site, nil)
	s = status.Status{}
	l.do(t, "status", "--json").decode(t, &s)
	if s.Older != nil || s.FacesOff != nil {
		t.Errorf("after the restore: %+v, %+v", s.Older, s.FacesOff)
	}
	l.stop()
}

// TestDamagedAndCopied damages the records, and does what the error says (A01b): the one thing that it says is to restore a backup.
func TestDamagedAndCopied(t *testing.T) {
	g := keepGate(t)
	for _, name := range []string{"faces.db", "faces.copy.db"} {
		must(t, os.Truncate(filepath.Join(g.site.State(), name), 100))
	}
	g.do("people").advises(t)
	g.do("backup", "restore", g.backup, "--yes").want(t, exitOK, "1 were erased", "")
	g.withoutBob()
}

// TestEmptied takes the records away (A04), with their keyrings or without: the key was used before, and it is no first start.
func TestEmptied(t *testing.T) {
	g := keepGate(t)
	for _, folders := range [][]string{{g.site.State()}, {g.site.State(), g.site.Keyrings()}} {
		for _, folder := range folders {
			must(t, os.RemoveAll(folder))
		}
		remnant, stop := context.WithCancel(t.Context())
		ended := make(chan printout, 1)
		go func() { ended <- facegate(remnant, "run", "--config", g.config) }() // without its records it keeps the door
		gatetest.Eventually(t, "what is left of the gate says what to do", func() bool {
			return strings.Contains(g.do("status").out, "facegate backup restore FILE")
		})
		stop()
		<-ended
		g.do("people").advises(t)
	}
	g.do("backup", "restore", g.backup, "--yes").want(t, exitOK, "1 were erased", "")
	g.withoutBob()
}

// TestCloned puts back everything that is on a memory card, the anchor as well. Nothing on the board tells. What the person holds does.
func TestCloned(t *testing.T) {
	g := keepGate(t)
	g.putBack(g.site.State(), g.site.Keyrings(), g.site.Anchor())
	g.do("people").want(t, exitOK, "Bob", "")
	g.do("audit", "verify").want(t, exitOK, "the audit log is whole", "")
	g.do("audit", "verify", "--receipt", g.receipt).want(t, exitFailed, "", "it was put back, or begun anew")
}

// TestOneRunIn2038 has a gate run once with a clock that is twelve years ahead, and then right (A02): nobody is erased, and no entry of the
// audit log is dropped.
func TestOneRunIn2038(t *testing.T) {
	g := keepGate(t)
	machine := clocktest.New(time.Now())
	for _, ahead := range []time.Duration{12 * 365 * 24 * time.Hour, 0} {
		machine.Ahead(ahead)
		d, err := daemon.New(g.site.Config(t, nil), daemon.Outside{Source: gatetest.Stage(t), Clock: machine.Read}, "test", discard)
		must(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		<-d.Ready()
		stop()
		must(t, <-ended)
		machine.Restart(time.Hour)
	}
	g.do("clock", "confirm", "--yes").want(t, exitOK, "right", "")
	g.withoutBob()
	g.do("audit", "verify", "--receipt", g.receipt).want(t, exitOK, "it goes on from all that was seen before", "")
}
