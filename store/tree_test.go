package store_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store"
	"facegate/store/audit"
	"facegate/store/checkpoint"
	"facegate/store/storetest"
)

// A witness signs what it is shown, if three implementations agree that it goes on from what it has signed last.
type witness struct {
	*torchwood.CosignatureSigner
	key  ed25519.PrivateKey
	tree tlog.Tree
}

func newWitness(tb testing.TB, name string) *witness {
	tb.Helper()
	seed := sha256.Sum256([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	s, err := torchwood.NewCosignatureSigner(name, key)
	must(tb, err)
	return &witness{CosignatureSigner: s, key: key}
}

// device returns what requires of a note that the device of s has signed it.
func device(tb testing.TB, s *store.Store) torchwood.Policy {
	tb.Helper()
	v, err := checkpoint.Verifier(s.Device().PublicKey)
	must(tb, err)
	return torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v))
}

// read checks what the log of s asks of w, and returns the tree with the checkpoint.
func (w *witness) read(tb testing.TB, s *store.Store) (tlog.Tree, []byte) {
	tb.Helper()
	body, err := s.Log().Request(w.Verifier())
	must(tb, err)
	head, signed, _ := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	if want := fmt.Sprint("old ", w.tree.N); lines[0] != want {
		tb.Fatalf("the request begins with %q, want %q", lines[0], want)
	}
	c, _, err := torchwood.VerifyCheckpoint([]byte(signed), device(tb, s))
	must(tb, err)
	if w.tree.N > 0 {
		mustGrow(tb, w.tree, c.Tree, hashes(tb, lines[1:]))
	} else if len(lines) > 1 {
		tb.Errorf("a proof from nothing: %q", lines)
	}
	return c.Tree, []byte(signed)
}

// cosign has w sign the tree of s, and returns what it has signed.
func (w *witness) cosign(tb testing.TB, s *store.Store) []byte {
	tb.Helper()
	tree, signed := w.read(tb, s)
	w.tree = tree
	v, err := checkpoint.Verifier(s.Device().PublicKey)
	must(tb, err)
	n, err := note.Open(signed, note.VerifierList(v))
	must(tb, err)
	cosigned, err := note.Sign(n, w)
	must(tb, err)
	return cosigned
}

// cosignAt has w sign the tree of s at a time, Unix time in seconds, whatever its clock says.
func (w *witness) cosignAt(tb testing.TB, s *store.Store, at int64) []byte {
	tb.Helper()
	v, err := checkpoint.Verifier(s.Device().PublicKey)
	must(tb, err)
	signed, err := s.Log().Checkpoint()
	must(tb, err)
	n, err := note.Open(signed, note.VerifierList(v))
	must(tb, err)
	cosigned, err := note.Sign(n, timed{w.CosignatureSigner, w.key, at})
	must(tb, err)
	return cosigned
}

// A timed witness signs as if it were a certain time.
type timed struct {
	note.Signer
	key ed25519.PrivateKey
	at  int64
}

func (t timed) Sign(text []byte) ([]byte, error) {
	sig := ed25519.Sign(t.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", t.at, text))
	return append(binary.BigEndian.AppendUint64(nil, uint64(t.at)), sig...), nil
}

// witnessed has w sign the tree of s, and s take that in.
func (w *witness) witnessed(tb testing.TB, s *store.Store) []byte {
	tb.Helper()
	cosigned := w.cosign(tb, s)
	must(tb, s.Log().Witnessed(storetest.Now(), cosigned, w.Verifier()))
	return cosigned
}

func hashes(tb testing.TB, lines []string) (all []tlog.Hash) {
	tb.Helper()
	for _, line := range lines {
		h, err := tlog.ParseHash(line)
		must(tb, err)
		all = append(all, h)
	}
	return all
}

func slicesOf(all []tlog.Hash) (out [][]byte) {
	for _, h := range all {
		out = append(out, h[:])
	}
	return out
}

// mustGrow fails the test unless everybody who can tell says that one tree goes on from the other.
func mustGrow(tb testing.TB, from, to tlog.Tree, path []tlog.Hash) {
	tb.Helper()
	must(tb, tlog.CheckTree(path, to.N, to.Hash, from.N, from.Hash))
	must(tb, proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(from.N), uint64(to.N), slicesOf(path), from.Hash[:], to.Hash[:]))
}

// mustProve fails the test unless everybody who can tell says that s can prove a receipt, under a policy besides that of the device. It
// returns the proof.
func mustProve(tb testing.TB, s *store.Store, line []byte, witnesses ...*witness) []byte {
	tb.Helper()
	proven, err := s.Log().Prove(line)
	must(tb, err)
	leaf, err := torchwood.ProofExtraData(proven)
	must(tb, err)
	policies := []torchwood.Policy{device(tb, s)}
	for _, w := range witnesses {
		policies = append(policies, torchwood.SingleVerifierPolicy(w.Verifier()))
	}
	must(tb, torchwood.VerifyProof(torchwood.ThresholdPolicy(len(policies), policies...), tlog.RecordHash(leaf), proven))

	head, signed, _ := strings.Cut(string(proven), "\n\n")
	lines := strings.Split(head, "\n")
	n, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	must(tb, err)
	path := hashes(tb, lines[3:])
	c, _, err := torchwood.VerifyCheckpoint([]byte(signed), device(tb, s))
	must(tb, err)
	must(tb, tlog.CheckRecord(path, c.N, c.Hash, n, tlog.RecordHash(leaf)))
	must(tb, proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(n), uint64(c.N), rfc6962.DefaultHasher.HashLeaf(leaf), slicesOf(path), c.Hash[:]))

	e, err := audit.EntryOf(leaf)
	must(tb, err)
	if e.Kind != audit.ReceiptIssued || e.Digest != sha256.Sum256(line) || e.Subject != (audit.Subject{}) {
		tb.Errorf("the leaf is %+v", e)
	}
	return proven
}

func treeOf(tb testing.TB, s *store.Store, signed []byte) tlog.Tree {
	tb.Helper()
	c, _, err := torchwood.VerifyCheckpoint(signed, device(tb, s))
	must(tb, err)
	return c.Tree
}

// TestOthersProve grows logs by whatever comes, with visits, pruning and restarts in between. What was shown of it at any time is
// proved to whoever has seen it, by code of others.
func TestOthersProve(t *testing.T) {
	seeds := uint64(3)
	if slow() {
		seeds = 200
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(seed, 14))
		now := storetest.Now()
		dir := t.TempDir()
		s := openAt(t, dir, &now)
		often, seldom := newWitness(t, "often.example"), newWitness(t, "seldom.example")
		var receipts [][]byte
		var seen []tlog.Tree
		next := 0
		for range 60 {
			switch rnd.IntN(10) {
			case 0, 1, 2:
				must(t, s.Log().Access(now))
			case 3, 4:
				m := membership(next)
				m.Expires = now.AddDate(5, 0, 0)
				_, err := s.Join(m)
				must(t, err)
				next++
			case 5:
				people, err := s.People()
				must(t, err)
				if len(people) > 0 {
					e, err := s.Erase(store.ByLabel(people[0].Label), audit.Requested, 1000)
					must(t, err)
					receipts = append(receipts, e.Receipt)
				}
			case 6:
				now = now.Add(time.Duration(rnd.IntN(40)) * oneDay)
				_, err := s.Retention().Prune()
				must(t, err)
			case 7:
				must(t, s.Close())
				s = openAt(t, dir, &now)
			case 8:
				signed, err := s.Log().Checkpoint()
				must(t, err)
				seen = append(seen, treeOf(t, s, signed))
				often.witnessed(t, s)
			case 9:
				if rnd.IntN(5) == 0 {
					seldom.witnessed(t, s)
				}
			}
		}
		often.witnessed(t, s)
		seldom.witnessed(t, s)
		l := mustAudit(t, s)
		must(t, l.Verify())
		for _, tree := range seen {
			must(t, l.Holds(tree))
		}
		for _, line := range receipts {
			mustProve(t, s, line, often, seldom)
		}
		must(t, s.Close())
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A proof is of the checkpoint that most witnesses have signed.
func TestProof(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustEnrol(t, s, upTo(4)...)
	one, other := newWitness(t, "one.example"), newWitness(t, "other.example")
	early := one.witnessed(t, s)
	erase := func(n int) []byte {
		e, err := s.Erase(store.ByLabel(labelOf(n)), audit.Requested, 1000)
		must(t, err)
		return e.Receipt
	}
	first := erase(0)
	if p := mustProve(t, s, first); bytes.Contains(p, []byte(one.Name())) {
		t.Error("a witness has signed an erasure before it was")
	}
	one.witnessed(t, s)
	mustProve(t, s, first, one)
	other.witnessed(t, s)
	both := mustProve(t, s, first, one, other)
	second := erase(1)
	mustProve(t, s, second)
	one.witnessed(t, s)
	mustProve(t, s, second, one)
	if p := mustProve(t, s, first, one, other); !bytes.Equal(p, both) {
		t.Error("the second has signed more, and what both have signed is gone")
	}

	// An older answer, such as one that a broker has kept, says where the next request begins and takes nothing away.
	must(t, s.Log().Witnessed(storetest.Now(), early, one.Verifier()))
	newest := one.tree
	one.tree = treeOf(t, s, early)
	one.read(t, s)
	one.tree = newest
	mustProve(t, s, second, one)
	must(t, s.Close())

	s = mustOpen(t, dir)
	defer s.Close()
	mustProve(t, s, second, one)
	one.tree = tlog.Tree{}
	must(t, s.Log().Witnessed(storetest.Now(), nil, one.Verifier()))
	one.read(t, s) // from nothing
	mustProve(t, s, second, one)
	one.witnessed(t, s)
	signed, err := s.Log().Checkpoint()
	must(t, err)
	if _, n, err := checkpoint.Open(signed, s.Device().PublicKey, one.Verifier(), other.Verifier()); err != nil || len(n.Sigs) != 2 {
		t.Errorf("the checkpoint is signed by %d of the device and one witness: %v", len(n.Sigs), err)
	}
}

func TestNoProof(t *testing.T) {
	now := storetest.Now()
	s := openAt(t, t.TempDir(), &now)
	mustEnrol(t, s, 0, 1)
	e, err := s.Erase(store.ByLabel(labelOf(0)), audit.Requested, 1000)
	must(t, err)
	mustProve(t, s, e.Receipt)
	if _, err := s.Log().Prove(bytes.Replace(e.Receipt, []byte(`"number":1`), []byte(`"number":2`), 1)); err == nil {
		t.Error("a receipt that was changed is proved")
	}
	elsewhere := mustOpen(t, t.TempDir())
	defer elsewhere.Close()
	mustEnrol(t, elsewhere, 0, 1, 2)
	other, err := elsewhere.Erase(store.ByLabel(labelOf(0)), audit.Requested, 1000)
	must(t, err)
	if _, err := s.Log().Prove(other.Receipt); !errors.Is(err, store.ErrNoEntry) {
		t.Errorf("a receipt of another log of this device: %v", err)
	}
	now = now.AddDate(4, 0, 0)
	_, err = s.Retention().Prune()
	must(t, err)
	if _, err := s.Log().Prove(e.Receipt); !errors.Is(err, store.ErrNoEntry) {
		t.Errorf("a receipt whose entry was dropped: %v", err)
	}
}

// Of two cosignatures of one tree the later is kept, and shown, though a broker gives the earlier again.
func TestWitnessedAgain(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	w := newWitness(t, "one.example")
	early, late := w.cosignAt(t, s, 1_700_000_000), w.cosignAt(t, s, 1_700_003_600)
	for _, signed := range [][]byte{early, late, early} {
		must(t, s.Log().Witnessed(storetest.Now(), signed, w.Verifier()))
	}
	if _, at, err := s.Log().Cosigned(w.Verifier()); err != nil || at.Unix() != 1_700_003_600 {
		t.Errorf("cosigned at %v, %v", at, err)
	}
	if shown, err := s.Log().Checkpoint(); err != nil || !bytes.Equal(shown, late) {
		t.Errorf("%q is shown, %v, want %q", shown, err, late)
	}
}

// What is not a witness's word is refused, and changes nothing.
func TestWitnessedRefuses(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	defer s.Close()
	mustEnrol(t, s, 0)
	w, stranger := newWitness(t, "one.example"), newWitness(t, "stranger.example")
	signed, err := s.Log().Checkpoint()
	must(t, err)
	good := string(w.cosign(t, s))
	strangers := stranger.cosign(t, s)
	w.tree = tlog.Tree{}
	begin := strings.LastIndex(good, " ") + 1
	sig, err := base64.StdEncoding.DecodeString(strings.TrimSpace(good[begin:]))
	must(t, err)
	sig[len(sig)-1] ^= 1
	for name, tt := range map[string]struct {
		note string
		want error
	}{
		"no note":                  {"hello", checkpoint.ErrForm},
		"nobody's":                 {string(signed), store.ErrCosignature},
		"a stranger's":             {string(strangers), store.ErrCosignature},
		"another signature":        {good[:begin] + base64.StdEncoding.EncodeToString(sig) + "\n", checkpoint.ErrSignature},
		"with another time":        {string(w.cosignAt(t, s, 1<<62)), checkpoint.ErrForm},
		"without the device's":     {strings.Replace(good, "— "+checkpoint.Origin(s.Device().PublicKey), "— x", 1), checkpoint.ErrSignature},
		"of a tree that is not so": {strings.Replace(good, "\n2\n", "\n1\n", 1), checkpoint.ErrSignature},
	} {
		if err := s.Log().Witnessed(storetest.Now(), []byte(tt.note), w.Verifier()); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if again, err := s.Log().Checkpoint(); err != nil || !bytes.Equal(again, signed) {
		t.Errorf("the checkpoint is %q, %v", again, err)
	}
	w.read(t, s) // from nothing
	mustSay(t, s, "created", "enrolled")
}

// An older copy of the files is put back, goes on by itself, and hears of what the witness has.
func TestRollbackSeen(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustEnrol(t, s, 0, 1)
	w := newWitness(t, "one.example")
	early := w.witnessed(t, s)
	must(t, s.Close())
	older := files(t, dir)
	s = mustOpen(t, dir)
	mustErase(t, s, labelOf(0))
	late := w.witnessed(t, s)
	must(t, s.Close())

	for name, tt := range map[string]struct {
		since func(s *store.Store)
	}{
		"shorter": {func(*store.Store) {}},
		"as long": {func(s *store.Store) { mustEnrol(t, s, 2, 3) }},
		"longer":  {func(s *store.Store) { mustEnrol(t, s, 2, 3, 4) }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := lay(t, older)
			s := mustOpen(t, dir)
			tt.since(s)
			seen := func() (n int) {
				for _, kind := range kinds(t, s) {
					if kind == audit.RollbackSeen.String() {
						n++
					}
				}
				return n
			}
			tell := func(signed []byte, want error, entries int) {
				t.Helper()
				if err := s.Log().Witnessed(storetest.Now(), signed, w.Verifier()); !errors.Is(err, want) {
					t.Errorf("told of it: %v, want %v", err, want)
				}
				if n := seen(); n != entries {
					t.Errorf("%d entries, want %d", n, entries)
				}
			}
			tell(early, nil, 0)
			tell(late, store.ErrRolledBack, 1)
			tell(late, store.ErrRolledBack, 1)
			must(t, s.Close())
			s = mustOpen(t, dir)
			defer func() { s.Close() }()
			tell(late, store.ErrRolledBack, 1)
			tell(nil, nil, 1) // the witness was made to forget
			tell(late, store.ErrRolledBack, 2)
			b := mustBackup(t, s)
			must(t, s.Close())
			mustRestore(t, storetest.Options(dir), b.Data, store.Proof{Said: true, Keys: store.BringBack})
			s = mustOpen(t, dir)
			if s.Faces().Older() != nil {
				t.Fatal("it is an older copy still")
			}
			tell(late, store.ErrRolledBack, 3) // it has not forgotten
			if s.Faces().Older() == nil || s.Faces().Off() == nil {
				t.Error("faces are on")
			}
		})
	}
}

// The size of the tree says nothing of who comes and goes.
func TestVisitsAreNotShown(t *testing.T) {
	now := storetest.Now()
	s := openAt(t, t.TempDir(), &now)
	mustEnrol(t, s, 0)
	before, err := s.Log().Checkpoint()
	must(t, err)
	for _, k := range []audit.Kind{audit.DoorForced, audit.Tampered, audit.FireAlarm} {
		must(t, s.Log().Alarm(now, k))
	}
	must(t, errors.Join(s.Log().Access(now), s.Log().Opened(now, 1000), s.Log().Held(now, 1000, time.Minute), s.Log().Released(now, 1000),
		s.Log().Aimed(now, 1000), s.Log().Calibrated(now, 1000), s.Log().Watched(now, 1000)))
	now = now.Add(40 * oneDay)
	if n, err := s.Retention().Prune(); n == 0 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	if after, err := s.Log().Checkpoint(); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the checkpoint was\n%s and is\n%s%v", before, after, err)
	}
	if !slices.Contains(kinds(t, s), "pruned") {
		t.Error("nothing was noted")
	}
}
