package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/store/audit"
)

var key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

func public() ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// logOf returns a log of n entries of which the first dropped are gone and the first pruned have lost their body.
func logOf(n, dropped, pruned int) (l audit.Log) {
	var at audit.Head
	for i := range n {
		e := audit.Entry{Seq: uint64(i + 1), Time: int64(1e9 + i), Kind: audit.Access, Actor: audit.Daemon, Salt: [16]byte{byte(i)}}
		r := audit.NewRecord(at, e)
		at = at.Next(r.Hash)
		switch {
		case i < dropped:
			l.Start = audit.SignStart(at, key)
		case i < pruned:
			l.Records = append(l.Records, r.Pruned())
		default:
			l.Records = append(l.Records, r)
		}
	}
	l.End = audit.SignEnd(at, key)
	return l
}

func TestVerify(t *testing.T) {
	// relink gives every record the link that it would have in a chain of its own, as a forger without the key would.
	relink := func(l *audit.Log) {
		at := l.Start.Head
		for i := range l.Records {
			if e := l.Records[i].Entry; e != nil {
				l.Records[i].Hash = e.Hash()
			}
			at = at.Next(l.Records[i].Hash)
			l.Records[i].Link = at.Link
		}
	}
	edit := func(l *audit.Log, i int) {
		e := *l.Records[i].Entry
		e.Count++
		l.Records[i].Entry = &e
	}
	tests := []struct {
		name   string
		change func(l *audit.Log)
		want   error
	}{
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
		{"hash of a pruned one edited", func(l *audit.Log) { l.Records[0].Hash[3] ^= 1 }, audit.ErrEdited},
		{"link edited", func(l *audit.Log) { l.Records[5].Link[3] ^= 1 }, audit.ErrEdited},
		{"last cut off", func(l *audit.Log) { l.Records = l.Records[:len(l.Records)-1] }, audit.ErrTruncated},
		{"all cut off", func(l *audit.Log) { l.Records = nil }, audit.ErrTruncated},
		{"last cut off and an older end", func(l *audit.Log) {
			l.Records = l.Records[:len(l.Records)-1]
			l.End.Head = audit.Head{Seq: l.End.Seq - 1, Link: l.Records[len(l.Records)-1].Link}
		}, audit.ErrSignature},
		{"one too many", func(l *audit.Log) {
			e := audit.Entry{Seq: l.End.Seq + 1}
			l.Records = append(l.Records, audit.NewRecord(l.End.Head, e))
		}, audit.ErrEdited},
		{"an end for a start", func(l *audit.Log) {
			l.Start = audit.SignEnd(audit.Head{Seq: 6, Link: l.Records[3].Link}, key)
			l.Records = l.Records[4:]
		}, audit.ErrSignature},
		{"no start", func(l *audit.Log) { l.Start = audit.Checkpoint{} }, audit.ErrRemoved},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := logOf(12, 2, 5) // entries 3 to 12, of which 3 to 5 are pruned
			tt.change(&l)
			if err := l.Verify(public()); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)).Public().(ed25519.PublicKey)
	for _, public := range []ed25519.PublicKey{other, nil} {
		if err := logOf(3, 0, 0).Verify(public); !errors.Is(err, audit.ErrSignature) {
			t.Errorf("with the key %x: %v", public, err)
		}
	}
}

func TestPruningKeepsTheChain(t *testing.T) {
	for dropped := range 6 {
		for pruned := dropped; pruned < 6; pruned++ {
			if err := logOf(5, dropped, pruned).Verify(public()); err != nil {
				t.Errorf("%d dropped, %d pruned: %v", dropped, pruned, err)
			}
		}
	}
}

// TestHolds holds logs against places of this one and of others, whatever was dropped since.
func TestHolds(t *testing.T) {
	whole := logOf(9, 0, 0)
	places := []audit.Head{{}}
	for _, r := range whole.Records {
		places = append(places, audit.Head{Seq: r.Seq, Link: r.Link})
	}
	for dropped := range 6 {
		l := logOf(7, dropped, dropped+1)
		for n, place := range places {
			held, err := l.Holds(place)
			switch {
			case n > 7 && !errors.Is(err, audit.ErrOlder):
				t.Errorf("%d dropped, place %d: %v", dropped, n, err)
			case n <= 7 && (err != nil || held != (n >= dropped)):
				t.Errorf("%d dropped, place %d: %v, %v", dropped, n, held, err)
			}
			place.Link[3] ^= 1
			if _, err := l.Holds(place); n >= dropped && n <= 7 && !errors.Is(err, audit.ErrAnother) {
				t.Errorf("%d dropped, place %d of another log: %v", dropped, n, err)
			}
		}
	}
	if err := whole.End.VerifyEnd(public()); err != nil {
		t.Error(err)
	}
	if err := logOf(7, 3, 3).Start.VerifyEnd(public()); !errors.Is(err, audit.ErrSignature) {
		t.Errorf("a start passes for an end: %v", err)
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

func span(first, last audit.Kind) (kinds []audit.Kind) {
	for k := first; k <= last; k++ {
		kinds = append(kinds, k)
	}
	return kinds
}

func TestNames(t *testing.T) {
	for _, k := range slices.Concat(span(audit.Created, audit.Reopened), span(audit.EpochBegun, audit.FilingReached)) {
		if s := k.String(); s == "" || s[0] == 'u' {
			t.Errorf("kind %d has no name", k)
		}
	}
	if audit.Reason(0).String() != "" || audit.Idle.String() != "idle" || audit.Kind(200).String() != "unknown-200" {
		t.Error("names differ")
	}
}
