package audit_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/audit"
)

// kindOf returns the kind of the entry i of a log for tests: every second one is a leaf.
func kindOf(i int) audit.Kind {
	if i%2 == 0 {
		return audit.Joined
	}
	return audit.Access
}

// logOf returns a log of n entries of which the first dropped are gone and the first pruned have lost their body.
func logOf(n, dropped, pruned int) (l audit.Log) {
	var at audit.Head
	l.Tree = audit.EmptyTree()
	for i := range n {
		e := audit.Entry{Seq: uint64(i + 1), Time: int64(1e9 + i), Kind: kindOf(i), Actor: audit.Daemon, Salt: [16]byte{byte(i), byte(i >> 8)}}
		r := audit.NewRecord(at, e)
		at = at.Next(r.Hash)
		switch {
		case i < dropped:
			l.Start = at
		case i < pruned:
			l.Records = append(l.Records, r.Pruned())
		default:
			l.Records = append(l.Records, r)
		}
		leaves, tree, err := audit.Grow(l.Tree, reader(l), []audit.Entry{e})
		if err != nil {
			panic(err) // the leaves are those that were made
		}
		l.Leaves, l.Tree = append(l.Leaves, leaves...), tree
	}
	l.End = at
	return l
}

func reader(l audit.Log) audit.LeafReader {
	return func(n int64) (audit.Leaf, error) { return l.Leaves[n], nil }
}

// A change is what is done to a log of twelve entries, of which 1 and 2 are gone, 3 to 5 have lost their body, and every second one
// is a leaf.
type change struct {
	name string
	do   func(l *audit.Log)
	want error
}

// relink gives every record the link that it would have in a chain of its own, as a forger would.
func relink(l *audit.Log) {
	at := l.Start
	for i := range l.Records {
		if e := l.Records[i].Entry; e != nil {
			l.Records[i].Hash = e.Hash()
		}
		at = at.Next(l.Records[i].Hash)
		l.Records[i].Link = at.Link
	}
}

func edit(l *audit.Log, i int) {
	e := *l.Records[i].Entry
	e.Count++
	l.Records[i].Entry = &e
}

// regrow gives every leaf the hashes that it would have in a tree of its own.
func regrow(l *audit.Log) {
	for n := range l.Leaves {
		hashes, err := tlog.StoredHashesForRecordHash(int64(n), l.Leaves[n].Hashes[0], reader(*l))
		if err != nil {
			panic(err)
		}
		l.Leaves[n].Hashes = hashes
	}
}

func flip(h *tlog.Hash) { h[3] ^= 1 }

var changes = []change{
	{"untouched", func(*audit.Log) {}, nil},
	{"first removed", func(l *audit.Log) { l.Records = l.Records[1:] }, audit.ErrRemoved},
	{"one removed", func(l *audit.Log) { l.Records = slices.Delete(l.Records, 4, 5) }, audit.ErrRemoved},
	{"one doubled", func(l *audit.Log) { l.Records = slices.Insert(l.Records, 4, l.Records[3]) }, audit.ErrReordered},
	{"two swapped", func(l *audit.Log) { l.Records[3], l.Records[4] = l.Records[4], l.Records[3] }, audit.ErrRemoved},
	{"two swapped and renumbered", func(l *audit.Log) {
		l.Records[3], l.Records[4] = l.Records[4], l.Records[3]
		l.Records[3].Seq, l.Records[4].Seq = l.Records[4].Seq, l.Records[3].Seq
	}, audit.ErrEdited},
	{"edited", func(l *audit.Log) { edit(l, 7) }, audit.ErrEdited},
	{"edited and linked anew", func(l *audit.Log) { edit(l, 7); relink(l) }, audit.ErrEdited},
	{"edited and linked anew with the end", func(l *audit.Log) {
		edit(l, 8)
		relink(l)
		l.End.Link = l.Records[len(l.Records)-1].Link
	}, audit.ErrEdited},
	{"hash of a pruned one edited", func(l *audit.Log) { l.Records[0].Hash[3] ^= 1 }, audit.ErrEdited},
	{"link edited", func(l *audit.Log) { l.Records[5].Link[3] ^= 1 }, audit.ErrEdited},
	{"last cut off", func(l *audit.Log) { l.Records = l.Records[:len(l.Records)-1] }, audit.ErrTruncated},
	{"all cut off", func(l *audit.Log) { l.Records = nil }, audit.ErrTruncated},
	{"one too many", func(l *audit.Log) {
		l.Records = append(l.Records, audit.NewRecord(l.End, audit.Entry{Seq: l.End.Seq + 1}))
	}, audit.ErrEdited},
	{"no start", func(l *audit.Log) { l.Start = audit.Head{} }, audit.ErrRemoved},

	{"a leaf too many", func(l *audit.Log) {
		l.Leaves = append(l.Leaves, audit.Leaf{Seq: 12, Hashes: make([]tlog.Hash, 1)})
	}, audit.ErrEdited},
	{"a leaf of an entry that is none", func(l *audit.Log) { l.Leaves[4].Seq = 10 }, audit.ErrRemoved},
	{"a leaf after the end", func(l *audit.Log) { l.Leaves[5].Seq = 13 }, audit.ErrReordered},
	{"a leaf without hashes", func(l *audit.Log) { l.Leaves[5].Hashes = nil }, audit.ErrEdited},
	{"leaf of a pruned entry removed, and the tree made anew", func(l *audit.Log) {
		l.Leaves = slices.Delete(l.Leaves, 1, 2)
		regrow(l)
	}, audit.ErrTruncated},
	{"leaf of a pruned entry edited, and the tree made anew", func(l *audit.Log) { flip(&l.Leaves[1].Hashes[0]); regrow(l) }, audit.ErrEdited},
	{"root edited", func(l *audit.Log) { flip(&l.Tree.Hash) }, audit.ErrEdited},
	{"size edited", func(l *audit.Log) { l.Tree.N++ }, audit.ErrTruncated},
}

func TestVerify(t *testing.T) {
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			l := logOf(12, 2, 5)
			tt.do(&l)
			if err := l.Verify(); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestEveryHash removes, doubles and swaps every leaf of a tree, and edits each of its hashes, whether the bodies are there or not.
func TestEveryHash(t *testing.T) {
	const n = 41
	for _, pruned := range []int{0, n} {
		leaves := len(logOf(n, 0, pruned).Leaves)
		found := func(what string, n int, do func(l *audit.Log)) {
			t.Helper()
			l := logOf(n, 0, pruned)
			if do(&l); l.Verify() == nil {
				t.Errorf("%d pruned: %s, leaf %d of %d: not found", pruned, what, n, leaves)
			}
		}
		for i, leaf := range logOf(n, 0, pruned).Leaves {
			found("removed", n, func(l *audit.Log) { l.Leaves = slices.Delete(l.Leaves, i, i+1) })
			found("doubled", n, func(l *audit.Log) { l.Leaves = slices.Insert(l.Leaves, i, leaf) })
			found("of another entry", n, func(l *audit.Log) { l.Leaves[i].Seq += 100 })
			found("with a hash too many", n, func(l *audit.Log) { l.Leaves[i].Hashes = append(l.Leaves[i].Hashes, tlog.Hash{}) })
			for h := range leaf.Hashes {
				found("a hash edited", n, func(l *audit.Log) { flip(&l.Leaves[i].Hashes[h]) })
				found("hashes cut off", n, func(l *audit.Log) { l.Leaves[i].Hashes = l.Leaves[i].Hashes[:h] })
			}
			for j := range i {
				found("swapped", n, func(l *audit.Log) { l.Leaves[i], l.Leaves[j] = l.Leaves[j], l.Leaves[i] })
				found("hashes swapped", n, func(l *audit.Log) {
					l.Leaves[i].Hashes, l.Leaves[j].Hashes = l.Leaves[j].Hashes, l.Leaves[i].Hashes
				})
			}
		}
	}
}

func TestPruningKeepsTheChain(t *testing.T) {
	for dropped := range 6 {
		for pruned := dropped; pruned < 6; pruned++ {
			if err := logOf(5, dropped, pruned).Verify(); err != nil {
				t.Errorf("%d dropped, %d pruned: %v", dropped, pruned, err)
			}
		}
	}
}

// TestHolds holds logs against trees of this one and of others, whatever was dropped since.
func TestHolds(t *testing.T) {
	var seen []tlog.Tree // by how many entries there were
	for n := range 10 {
		seen = append(seen, logOf(n, 0, 0).Tree)
	}
	for dropped := range 6 {
		l := logOf(7, dropped, dropped+1)
		for n, tree := range seen {
			switch err := l.Holds(tree); {
			case tree.N == 0 && !errors.Is(err, audit.ErrAnother):
				t.Errorf("the tree of nothing: %v", err)
			case tree.N > l.Tree.N && !errors.Is(err, audit.ErrOlder):
				t.Errorf("%d dropped, after entry %d: %v", dropped, n, err)
			case tree.N > 0 && tree.N <= l.Tree.N && err != nil:
				t.Errorf("%d dropped, after entry %d: %v", dropped, n, err)
			}
			flip(&tree.Hash)
			if err := l.Holds(tree); tree.N <= l.Tree.N && !errors.Is(err, audit.ErrAnother) {
				t.Errorf("%d dropped, after entry %d of another log: %v", dropped, n, err)
			}
		}
	}
	if err := logOf(7, 0, 0).Holds(tlog.Tree{N: -1}); !errors.Is(err, audit.ErrAnother) {
		t.Errorf("a negative size: %v", err)
	}
}

// A leaf says nothing of how many entries there are.
func TestLeafHasNoNumber(t *testing.T) {
	e := audit.Entry{Seq: 1, Kind: audit.Erased, Count: 7, Salt: [16]byte{3}}
	other := e
	other.Seq = 1 << 40
	if leaf := e.Leaf(); len(leaf) != audit.LeafSize || !bytes.Equal(leaf, other.Leaf()) {
		t.Errorf("a leaf of %d bytes: %x", len(leaf), leaf)
	}
}

func TestEncoding(t *testing.T) {
	e := audit.Entry{
		Seq: 1 << 40, Time: -5, Kind: audit.Erased, Reason: audit.Idle, Actor: 1000, Count: 7,
		Subject: audit.Subject{1}, Digest: [32]byte{2}, Salt: [16]byte{3},
	}
	r := audit.NewRecord(audit.Head{Seq: e.Seq - 1, Link: [32]byte{9}}, e)
	for _, want := range []audit.Record{r, r.Pruned()} {
		got, err := audit.DecodeRecord(e.Seq, want.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	}
	if _, err := audit.DecodeRecord(1, make([]byte, 65)); err == nil {
		t.Error("a record of 65 bytes was read")
	}
}

func FuzzDecodeLeaf(f *testing.F) {
	for _, l := range logOf(8, 0, 0).Leaves {
		f.Add(l.Append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := audit.DecodeLeaf(data)
		if err == nil && !bytes.Equal(l.Append(nil), data) {
			t.Errorf("%x reads as %+v and writes as %x", data, l, l.Append(nil))
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	r := audit.NewRecord(audit.Head{}, audit.Entry{Seq: 1})
	f.Add(r.Append(nil))
	f.Add(r.Pruned().Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := audit.DecodeRecord(1, data)
		if err == nil && !bytes.Equal(r.Append(nil), data) {
			t.Errorf("%x reads as %+v and writes as %x", data, r, r.Append(nil))
		}
	})
}

// shown says of each kind whether others see that there is one more of it. What happens because somebody comes to the door, or is
// dropped because somebody has come, is not shown.
var shown = map[audit.Kind]bool{
	audit.Created: true, audit.Enrolled: true, audit.Relabelled: true, audit.Erased: true, audit.ReceiptIssued: true,
	audit.LockedDown: true, audit.Reopened: true, audit.PassIssued: true, audit.PassReplaced: true,
	audit.EpochBegun: true, audit.EpochEnded: true, audit.ReassessmentDue: true, audit.Assessed: true, audit.FilingReached: true,
	audit.Mended: true, audit.FacesOff: true, audit.FacesOn: true, audit.ClockConfirmed: true, audit.ClockRight: true,
	audit.FaceChanged: true, audit.BackedUp: true, audit.Restored: true, audit.Joined: true, audit.CredentialIssued: true,
	audit.CredentialRevoked: true, audit.Regrouped: true, audit.OfficeAdded: true, audit.OfficeRemoved: true,
	audit.OperatorAdded: true, audit.OperatorRemoved: true, audit.RollbackSeen: true, audit.FoundOlder: true, audit.Reapplied: true,

	audit.Pruned: false, audit.Access: false, audit.SlowedDown: false, audit.SwitchedOff: false, audit.Reset: false,
	audit.Renewed: false, audit.CredentialUsedUp: false, audit.OpenedByHand: false, audit.OpenedByOrder: false,
	audit.OpenedUnsigned: false, audit.DoorHeld: false, audit.DoorReleased: false, audit.DoorForced: false, audit.DoorWatched: false,
	audit.Tampered: false, audit.FireAlarm: false, audit.Duress: false, audit.VisitRevoked: false, audit.Aimed: false,
	audit.Calibrated: false,
}

func TestShown(t *testing.T) {
	for n := range 256 {
		k := audit.Kind(n)
		want, classified := shown[k]
		switch known := !strings.HasPrefix(k.String(), "unknown-"); {
		case known && !classified:
			t.Errorf("nobody has said whether %v is shown", k)
		case classified && !known:
			t.Errorf("kind %d has no name", k)
		case known && k.Shown() != want:
			t.Errorf("%v is shown: %v", k, k.Shown())
		case known && want && k.ShortLived():
			t.Errorf("%v is of people at the door, and shown", k)
		}
	}
}

func TestNames(t *testing.T) {
	if audit.Reason(0).String() != "" || audit.Idle.String() != "idle" || audit.Kind(200).String() != "unknown-200" {
		t.Error("names differ")
	}
}
