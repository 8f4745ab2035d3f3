package sourcetest

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"facegate/device"
)

// A Loss is a device that goes away and comes back again and again.
type Loss struct {
	Unplug, Plug func()
	Away         time.Duration // each time
	Times        int
	Within       time.Duration // of its return nearly all first frames have to be there, and every one within Latest
}

// Latest is the promise about any return.
const Latest = 5 * time.Second

// What a process may hold more after many losses than after a few, as the collector and the runtime's own descriptors have it.
const (
	spareHeap        = 256 << 10 // bytes
	spareDescriptors = 2
	settled          = 3 // losses, after which everything that is made once has been made
)

// Heals checks that a source is back soon after its device each time, that it says meanwhile that it is lost and what to do, and
// that neither memory nor descriptors grow. It returns how long it took each time.
func Heals(t *testing.T, src device.Source, loss Loss) []time.Duration {
	t.Helper()
	b := newBench(t, src)
	b.after(time.Now())
	var took []time.Duration
	var heap uint64
	var descriptors int
	for i := range settled + loss.Times {
		if i == settled {
			heap, descriptors = held(t)
		}
		loss.Unplug()
		time.Sleep(loss.Away)
		b.lost()
		back := time.Now()
		loss.Plug()
		if d := b.after(back); i >= settled {
			took = append(took, d)
		}
	}
	if h, d := held(t); h > heap+spareHeap || d > descriptors+spareDescriptors {
		t.Errorf("%d bytes and %d descriptors after %d losses, %d and %d after %d", h, d, settled+loss.Times, heap, descriptors, settled)
	}
	judge(t, took, loss)
	return took
}

// judge allows one return in twenty to take longer than it has to: other programs need the processor too.
func judge(t *testing.T, took []time.Duration, loss Loss) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(took))
	nearly, last := sorted[(len(sorted)-1)*95/100], sorted[len(sorted)-1]
	t.Logf("away for %v, %d times: frames after %v, in 95 %% of cases within %v, at the latest after %v",
		loss.Away, len(took), sorted[len(sorted)/2], nearly, last)
	if nearly > loss.Within || last > Latest {
		t.Errorf("frames are back after up to %v and %v, want %v nearly always and %v always", nearly, last, loss.Within, Latest)
	}
}

// held returns the bytes that are in use, and how many descriptors.
func held(t *testing.T) (heap uint64, descriptors int) {
	t.Helper()
	runtime.GC()
	runtime.GC() // finalizers of the first run free more
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return m.HeapAlloc, len(open)
}

// A bench is a Capture at work.
type bench struct {
	t       *testing.T
	ctx     context.Context
	box     *device.Mailbox
	capture *device.Capture
}

func newBench(t *testing.T, src device.Source) *bench {
	ctx, cancel := context.WithCancel(t.Context())
	b := &bench{t: t, ctx: ctx, box: device.NewMailbox()}
	b.capture = device.NewCapture(src, b.box, slog.New(slog.DiscardHandler))
	ended := make(chan error, 1)
	go func() { ended <- b.capture.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return b
}

// after waits for a frame made after at, and returns how much later that was.
func (b *bench) after(at time.Time) time.Duration {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patient)
	defer cancel()
	for {
		f, err := b.box.Take(ctx)
		if err != nil {
			b.t.Fatalf("no frame: %v; %+v", err, b.capture.Status())
		}
		if d := f.Time.Sub(at); d > 0 {
			return d
		}
	}
}

// lost waits until the source says that it is lost, and demands a reason and advice.
func (b *bench) lost() {
	b.t.Helper()
	for ends := time.Now().Add(patient); ; time.Sleep(time.Millisecond) {
		s := b.capture.Status()
		if s.State == device.Lost && s.Error != "" && s.Hint != "" {
			return
		}
		if time.Now().After(ends) {
			b.t.Fatalf("away, the status is %+v; want it lost, with a hint", s)
		}
	}
}
