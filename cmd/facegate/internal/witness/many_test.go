package witness_test

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"facegate/cmd/facegate/internal/witness"
	"facegate/cmd/facegate/internal/witness/logtest"
)

// gates returns so many logs with n entries each, and the file of a witness that follows them.
func gates(tb testing.TB, many, n int) (path string, all []*logtest.Log) {
	tb.Helper()
	path = create(tb)
	w := open(tb, path)
	var keys []string
	for i := range many {
		all = append(all, logtest.Numbered(tb, i, fmt.Sprint("gate ", i), n))
		keys = append(keys, all[i].Key(tb))
	}
	must(tb, w.Add(keys...))
	must(tb, w.Close())
	return path, all
}

// TestThousandGates has a witness with one file follow a thousand gates, some of which ask at a time, one of them for two histories.
func TestThousandGates(t *testing.T) {
	path, all := gates(t, 1000, 3)
	w := open(t, path)
	for i, l := range all {
		if i%10 != 0 {
			continue // those have asked for nothing yet
		}
		_, err := w.AddCheckpoint(l.Request(t, 0, 2))
		must(t, err)
	}
	var some sync.WaitGroup
	for i, l := range all[:40] {
		some.Go(func() {
			old := int64(0)
			if i%10 == 0 {
				old = 2
			}
			if _, err := w.AddCheckpoint(l.Request(t, old, 3)); err != nil {
				t.Errorf("gate %d: %v", i, err)
			}
		})
	}
	some.Wait()
	fork := logtest.Numbered(t, 0, "another gate", 3)
	if _, err := w.AddCheckpoint(fork.Request(t, 3, 3)); !errors.Is(err, witness.ErrFork) {
		t.Errorf("another history: %v", err)
	}
	must(t, w.Close())
	known, _, err := open(t, path).Logs()
	must(t, err)
	sizes := map[int64]int{}
	for _, l := range known {
		sizes[l.Size]++
	}
	if len(known) != 1000 || sizes[3] != 40 || sizes[2] != 96 || sizes[0] != 864 {
		t.Errorf("%d logs, by their sizes %v", len(known), sizes)
	}
}

// BenchmarkThousandGates measures what one cosignature takes of a witness that follows a thousand gates with 10,000 entries each, and how
// much memory and file it needs.
func BenchmarkThousandGates(b *testing.B) {
	path, all := gates(b, 1000, 0)
	long := logtest.Numbered(b, 0, "entry", 10_000)
	all[0] = long
	w := open(b, path)
	for _, l := range all[1:] {
		_, err := w.AddCheckpoint(l.Request(b, 0, 0))
		must(b, err)
	}
	known := int64(0)
	for b.Loop() {
		next := known + 1
		b.StopTimer()
		request := long.Request(b, known, next)
		b.StartTimer()
		_, err := w.AddCheckpoint(request)
		must(b, err)
		known = next
	}
	b.StopTimer()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	info, err := os.Stat(path)
	must(b, err)
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/cosignature")
	b.ReportMetric(float64(info.Size())/1e6, "MB-file")
	b.ReportMetric(float64(m.HeapInuse)/1e6, "MB-heap")
}
