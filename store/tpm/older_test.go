package tpm_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/anchor"
	"facegate/store/audit"
	"facegate/store/storetest"
	"facegate/store/tpm"
	"facegate/store/tpm/tpmtest"
)

// A gate is a board with a TPM, and a disk with all that a gate keeps: databases, keyrings, the anchor and the sealed key.
type gate struct {
	board    *tpmtest.TPM
	disk     string
	receipts *[][]byte // of all that were erased
}

// newGate returns a gate that has enrolled these people.
func newGate(t *testing.T, people ...string) gate {
	t.Helper()
	g := gate{tpmtest.New(t), filepath.Join(t.TempDir(), "disk"), new([][]byte)}
	must(t, os.Mkdir(g.disk, 0o700))
	must(t, os.Rename(create(t, g.board.Chip), g.key()))
	s := g.open(t)
	for _, label := range people {
		e := store.Enrolment{
			Label: label, Consent: storetest.Consent(), Expires: storetest.Now().AddDate(1, 0, 0), By: 1000,
			Made: template.Made{Scheme: template.SchemeS1, Epoch: 1},
		}
		e.Consent.Reference = "form " + label
		_, err := s.Enrol(e)
		must(t, err)
	}
	must(t, s.Close())
	return g
}

func (g gate) key() string { return filepath.Join(g.disk, "device.key") }

// options are for a store that asks the TPM for its key, and tells it what it destroys.
func (g gate) options() store.Options {
	o := storetest.Options(filepath.Join(g.disk, "state"))
	key := g.board.Key(g.key())
	o.KeyDir, o.AnchorDir = filepath.Join(g.disk, "keys"), filepath.Join(g.disk, "anchor")
	o.Keys, o.Anchors = key, []anchor.Place{key.Counter()}
	return o
}

// open opens the store after a restart of the board.
func (g gate) open(t *testing.T) *store.Store {
	t.Helper()
	g.board.Restart(t)
	s, err := store.Open(g.options())
	must(t, err)
	return s
}

// image returns a copy of the whole disk.
func (g gate) image(t *testing.T) (copied string) {
	t.Helper()
	copied = filepath.Join(t.TempDir(), "image")
	must(t, os.CopyFS(copied, os.DirFS(g.disk)))
	return copied
}

// putBack writes the disk from an image.
func (g gate) putBack(t *testing.T, image string) {
	t.Helper()
	must(t, os.RemoveAll(g.disk))
	must(t, os.CopyFS(g.disk, os.DirFS(image)))
	must(t, os.Chmod(g.key(), 0o600))
}

// erase erases people, and stops the gate.
func (g gate) erase(t *testing.T, people ...string) {
	t.Helper()
	s := g.open(t)
	for _, label := range people {
		e, err := s.Erase(store.ByLabel(label), audit.Requested, 1000)
		must(t, err)
		*g.receipts = append(*g.receipts, e.Receipt)
	}
	must(t, s.Close())
}

// mustBe checks who is listed, and whether an older copy was found.
func (g gate) mustBe(t *testing.T, older bool, people ...string) {
	t.Helper()
	s := g.open(t)
	defer s.Close()
	if found := s.Faces().Older(); (found != nil) != older || older && (!found.Unknown || s.Faces().Off() == nil) {
		t.Errorf("older: %+v, want %v", found, older)
	}
	if err := s.Faces().TurnOn(1000); older && !errors.Is(err, store.ErrOlder) {
		t.Errorf("faces on: %v", err)
	}
	all, err := s.People()
	must(t, err)
	var labels []string
	for _, p := range all {
		labels = append(labels, p.Label)
	}
	slices.Sort(labels)
	if !slices.Equal(labels, people) {
		t.Errorf("%v are listed, want %v", labels, people)
	}
}

// restore brings back from the gate's own backup whoever is not erased, by all receipts that there are.
func (g gate) restore(t *testing.T) {
	t.Helper()
	s := g.open(t)
	b, err := s.Backup(1000)
	must(t, errors.Join(err, s.Close()))
	_, err = store.Restore(g.options(), b.Data, store.Proof{Receipts: *g.receipts, Keys: store.BringBack}, 1000)
	must(t, err)
}

// TestRestartedGate goes on as it was.
func TestRestartedGate(t *testing.T) {
	g := newGate(t, "ann", "bob", "cid")
	g.erase(t, "ann")
	g.mustBe(t, false, "bob", "cid")
	g.erase(t, "bob")
	g.mustBe(t, false, "cid")
}

// TestOlderDisk puts an older image of the whole disk back, with databases, keyrings and anchor of one time: the counter alone has gone
// on. No face is looked at from then on, however often the board is restarted, until the records are restored.
func TestOlderDisk(t *testing.T) {
	g := newGate(t, "ann", "bob", "cid")
	before := g.image(t)
	g.erase(t, "ann")
	between := g.image(t)
	g.erase(t, "bob")
	for _, back := range []struct {
		image  string
		people []string
	}{{between, []string{"bob", "cid"}}, {before, []string{"ann", "bob", "cid"}}} {
		g.putBack(t, back.image)
		g.mustBe(t, true, back.people...)
		g.mustBe(t, true, back.people...)
	}
	g.restore(t)
	g.mustBe(t, false, "cid")
	g.erase(t, "cid")
	g.mustBe(t, false)
}

// TestOlderDiskWithoutItsCounter removes the counter besides, or has somebody make another in its place.
func TestOlderDiskWithoutItsCounter(t *testing.T) {
	for name, put := range map[string]func(*testing.T, transport.TPM, tpm2.TPMHandle, []byte){
		"removed":           func(*testing.T, transport.TPM, tpm2.TPMHandle, []byte) {},
		"of somebody else":  func(t *testing.T, to transport.TPM, at tpm2.TPMHandle, _ []byte) { begin(t, to, at, []byte("another")) },
		"with its password": begin,
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, "ann", "bob")
			before := g.image(t)
			g.erase(t, "ann")
			g.putBack(t, before)
			replace(t, g.board, g.board.Key(g.key()), put)
			g.mustBe(t, true, "ann", "bob")
		})
	}
}

// TestClonedDisk starts a copy of the disk on another board, which has been a gate too. It opens on its own.
func TestClonedDisk(t *testing.T) {
	g, other := newGate(t, "ann"), newGate(t, "dan")
	other.putBack(t, g.image(t))
	other.board.Restart(t)
	if s, err := store.Open(other.options()); !errors.Is(err, store.ErrKey) || !errors.Is(err, tpm.ErrElsewhere) {
		t.Errorf("opened: %v, %v", s != nil, err)
	}
	g.mustBe(t, false, "ann")
}

// TestPowerCutBeforeTheCount takes the power when the list of what was erased is on the disk, and the TPM has not counted: the next
// start counts, and finds nothing wrong.
func TestPowerCutBeforeTheCount(t *testing.T) {
	g := newGate(t, "ann", "bob")
	s := g.open(t)
	g.board.Stop()
	if _, err := s.Erase(store.ByLabel("ann"), audit.Requested, 1000); err == nil {
		t.Error("it is erased, and the TPM has not counted")
	}
	_ = s.Close() // as after a power cut, what was not done is done at the next start
	g.mustBe(t, false, "bob")
	image := g.image(t)
	g.erase(t, "bob")
	g.putBack(t, image)
	g.mustBe(t, true, "bob")
}
