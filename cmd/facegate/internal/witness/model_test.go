package witness_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"facegate/cmd/facegate/internal/witness"
	"facegate/cmd/facegate/internal/witness/logtest"
)

// consistent checks by code of others that all trees are of one history: that one of histories has both of each two, with a proof.
func consistent(t rapid.TB, tb testing.TB, trees []tlog.Tree, histories []*logtest.Log) {
	for i, a := range trees {
		for _, b := range trees[:i] {
			if !provable(tb, a, b, histories) {
				t.Fatalf("two histories were cosigned: %+v and %+v", a, b)
			}
		}
	}
}

func provable(tb testing.TB, a, b tlog.Tree, histories []*logtest.Log) bool {
	if a.N > b.N {
		a, b = b, a
	}
	for _, h := range histories {
		if b.N > h.Size {
			continue
		}
		var hashes [][]byte
		for _, hash := range h.Proof(tb, a.N, b.N) {
			hashes = append(hashes, hash[:])
		}
		if proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(a.N), uint64(b.N), hashes, a.Hash[:], b.Hash[:]) == nil {
			return true
		}
	}
	return false
}

// TestNeverTwoHistories shows a witness two histories of one log, in every order that comes to mind: sizes that grow and shrink, proofs
// that are right, of the other history or cut off, by each way, with the witness closed between, and many at a time.
func TestNeverTwoHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		same, most := rapid.IntRange(0, 6).Draw(rt, "entries that are the same"), 12
		one, two := logtest.Numbered(t, 1, "entry", same), logtest.Numbered(t, 1, "entry", same)
		for i := same; i < most; i++ {
			one.Append(t, fmt.Sprint("one ", i))
			two.Append(t, fmt.Sprint("two ", i))
		}
		histories := []*logtest.Log{one, two}
		m := &model{tb: t, path: create(t, one), histories: histories}
		m.w = open(t, m.path)
		defer func() { m.w.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"ask":     func(rt *rapid.T) { m.drawn(rt, "http", "broker", "file")() },
			"go on":   m.goOn,
			"at once": m.atOnce,
		})
		consistent(rt, t, m.trees, histories)
	})
}

// A model is a witness that is shown two histories, and what it has cosigned.
type model struct {
	tb        testing.TB
	path      string
	w         *witness.Witness
	histories []*logtest.Log

	mu    sync.Mutex // guards what follows
	trees []tlog.Tree
}

// send leads a request to the witness over HTTP, as it comes by way of a broker, or from a file, for which the witness is started anew. It
// notes what was cosigned.
func (m *model) send(by string, h *logtest.Log, old, n int64, proof tlog.TreeProof) {
	request := logtest.Body(old, proof, h.Checkpoint(m.tb, n))
	var signed []byte
	switch by {
	case "http":
		answer := post(m.w, request)
		if answer.Code != http.StatusOK {
			return
		}
		signed = append(h.Checkpoint(m.tb, n), answer.Body.Bytes()...)
	default:
		if by == "file" {
			m.restart()
		}
		answer, _, err := m.w.Answer(request)
		if err != nil {
			return
		}
		signed = answer
	}
	tree := logtest.Cosigned(m.tb, h, m.w.Verifier(), signed)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trees = append(m.trees, tree)
}

// drawn returns what sends a request of any kind by one of some ways.
func (m *model) drawn(rt *rapid.T, ways ...string) func() {
	i := rapid.IntRange(0, 1).Draw(rt, "history")
	h := m.histories[i]
	n := rapid.Int64Range(0, h.Size).Draw(rt, "size")
	old := rapid.Int64Range(0, n).Draw(rt, "old")
	by := rapid.SampledFrom(ways).Draw(rt, "way")
	proof := h.Proof(m.tb, old, n)
	switch rapid.SampledFrom([]string{"right", "right", "right", "other", "cut", "none"}).Draw(rt, "proof") {
	case "other":
		proof = m.histories[1-i].Proof(m.tb, old, n)
	case "cut":
		proof = proof[min(1, len(proof)):]
	case "none":
		proof = nil
	}
	return func() { m.send(by, h, old, n, proof) }
}

// goOn asks with the size that the witness is at, as a log does that was told it.
func (m *model) goOn(rt *rapid.T) {
	all, _, err := m.w.Logs()
	must(m.tb, err)
	h := m.histories[rapid.IntRange(0, 1).Draw(rt, "history")]
	n := rapid.Int64Range(all[0].Size, h.Size).Draw(rt, "size")
	m.send(rapid.SampledFrom([]string{"http", "broker", "file"}).Draw(rt, "way"), h, all[0].Size, n, h.Proof(m.tb, all[0].Size, n))
}

// atOnce asks several things at a time.
func (m *model) atOnce(rt *rapid.T) {
	var all sync.WaitGroup
	for range rapid.IntRange(2, 6).Draw(rt, "requests") {
		all.Go(m.drawn(rt, "http", "broker"))
	}
	all.Wait()
}

func (m *model) restart() {
	must(m.tb, m.w.Close())
	m.w = open(m.tb, m.path)
}

// TestEveryOrder shows the checkpoints of two short histories in every order and by every way, each with a proof from where the witness is.
func TestEveryOrder(t *testing.T) {
	const orders = 120
	path := create(t)
	m := &model{tb: t, path: path, w: open(t, path)}
	for i := range orders {
		m.histories = []*logtest.Log{logtest.New(t, i, "same", "a", "b"), logtest.New(t, i, "same", "c", "d")}
		m.trees = nil
		one, two := m.histories[0], m.histories[1]
		must(t, m.w.Add(one.Key(t)))
		known := int64(0)
		for at, s := range permuted(i, []shown{{one, 1}, {one, 2}, {one, 3}, {two, 2}, {two, 3}}) {
			old := min(known, s.n)
			m.send([]string{"http", "broker", "file"}[(i+at)%3], s.h, old, s.n, s.h.Proof(t, old, s.n))
			if last := len(m.trees) - 1; last >= 0 {
				known = m.trees[last].N
			}
		}
		consistent(t, t, m.trees, m.histories)
		if len(m.trees) == 0 {
			t.Errorf("order %d: nothing was cosigned", i)
		}
	}
	must(t, m.w.Close())
}

// A shown is a checkpoint of a history.
type shown struct {
	h *logtest.Log
	n int64
}

// permuted returns the permutation of a number.
func permuted(number int, all []shown) (order []shown) {
	for len(all) > 0 {
		at := number % len(all)
		number /= len(all)
		order = append(order, all[at])
		all = append(all[:at:at], all[at+1:]...)
	}
	return order
}
