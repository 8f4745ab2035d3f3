package device_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"facegate/device"
)

func frame(seq uint64, data ...byte) device.Frame {
	return device.Frame{Format: device.JPEG, Data: data, Width: 8, Height: 8, Seq: seq, Time: time.Now()}
}

func put(t *testing.T, box *device.Mailbox, f device.Frame) {
	t.Helper()
	if err := box.Put(f); err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, box *device.Mailbox) device.Frame {
	t.Helper()
	f, err := box.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMailboxKeepsTheNewest(t *testing.T) {
	box := device.NewMailbox()
	data := []byte{1}
	put(t, box, device.Frame{Data: data, Seq: 1})
	data[0] = 9 // the source uses its memory again
	if f := take(t, box); f.Seq != 1 || f.Data[0] != 1 {
		t.Errorf("frame %d with data %v, want 1 with [1]", f.Seq, f.Data)
	}
	for seq := uint64(2); seq <= 5; seq++ {
		put(t, box, frame(seq, byte(seq)))
	}
	if f := take(t, box); f.Seq != 5 || f.Data[0] != 5 {
		t.Errorf("frame %d with data %v, want 5 with [5]", f.Seq, f.Data)
	}
	if n := box.Dropped(); n != 3 {
		t.Errorf("%d dropped, want 3", n)
	}
}

func TestMailboxTakeWaitsForANewerFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := device.NewMailbox()
		put(t, box, frame(1, 1))
		take(t, box)
		began := time.Now()
		time.AfterFunc(time.Second, func() { _ = box.Put(frame(2, 2)) })
		if f := take(t, box); f.Seq != 2 || time.Since(began) != time.Second {
			t.Errorf("frame %d after %v, want 2 after 1s", f.Seq, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := box.Take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Take: %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestMailboxEnd(t *testing.T) {
	box := device.NewMailbox()
	put(t, box, frame(1, 1))
	box.End()
	if f := take(t, box); f.Seq != 1 {
		t.Errorf("frame %d, want the last, 1", f.Seq)
	}
	for range 2 {
		if _, err := box.Take(t.Context()); !errors.Is(err, device.ErrEnd) {
			t.Errorf("Take: %v, want %v", err, device.ErrEnd)
		}
	}
	if err := box.Put(frame(2, 2)); !errors.Is(err, device.ErrEnd) {
		t.Errorf("Put: %v, want %v", err, device.ErrEnd)
	}
}

func TestMailboxEndWakesTheTaker(t *testing.T) {
	for name, end := range map[string]func(*device.Mailbox){"End": (*device.Mailbox).End, "Close": (*device.Mailbox).Close} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := device.NewMailbox()
				time.AfterFunc(time.Second, func() { end(box) })
				if _, err := box.Take(t.Context()); !errors.Is(err, device.ErrEnd) {
					t.Errorf("Take: %v, want %v", err, device.ErrEnd)
				}
			})
		})
	}
}

func TestMailboxClose(t *testing.T) {
	box := device.NewMailbox()
	put(t, box, frame(1, 1))
	box.Close()
	if f, err := box.Take(t.Context()); !errors.Is(err, device.ErrEnd) {
		t.Errorf("Take: frame %d, %v; want %v", f.Seq, err, device.ErrEnd)
	}
}

func TestMailboxRefuses(t *testing.T) {
	box := device.NewMailbox()
	put(t, box, frame(1, 1))
	for _, n := range []int{0, device.MaxBytes + 1} {
		if err := box.Put(device.Frame{Data: make([]byte, n)}); !errors.Is(err, device.ErrFrameSize) {
			t.Errorf("Put of %d bytes: %v, want %v", n, err, device.ErrFrameSize)
		}
	}
	put(t, box, device.Frame{Data: make([]byte, device.MaxBytes), Seq: 2})
	if f := take(t, box); f.Seq != 2 || len(f.Data) != device.MaxBytes {
		t.Errorf("frame %d of %d bytes, want 2 of %d", f.Seq, len(f.Data), device.MaxBytes)
	}
}

// TestMailboxForgets looks at the memory of a frame after each way in which a frame is done with.
func TestMailboxForgets(t *testing.T) {
	face := bytes.Repeat([]byte("face"), 100)
	tests := []struct {
		name string
		do   func(t *testing.T, box *device.Mailbox)
	}{
		{"next take", func(t *testing.T, box *device.Mailbox) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := box.Take(ctx); err == nil {
				t.Error("a frame from nowhere")
			}
		}},
		{"shorter frame", func(t *testing.T, box *device.Mailbox) {
			take2(t, box, frame(2, make([]byte, 10)...))
			put(t, box, frame(3, make([]byte, 10)...))
		}},
		{"longer frame", func(t *testing.T, box *device.Mailbox) {
			take2(t, box, frame(2, make([]byte, 10)...))
			put(t, box, frame(3, make([]byte, 10_000)...))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			box := device.NewMailbox()
			put(t, box, device.Frame{Data: face, Seq: 1})
			memory := take(t, box).Data
			if !bytes.Equal(memory, face) {
				t.Fatal("the frame is not what was put")
			}
			tt.do(t, box)
			if bytes.Contains(memory, []byte("face")) {
				t.Error("the old frame is still in memory")
			}
		})
	}
}

func take2(t *testing.T, box *device.Mailbox, f device.Frame) {
	t.Helper()
	put(t, box, f)
	take(t, box)
}

// TestMailboxForgetsWaiting looks at a waiting frame through the memory that the mailbox gave to the taker before.
func TestMailboxForgetsWaiting(t *testing.T) {
	tests := []struct {
		name string
		do   func(t *testing.T, box *device.Mailbox)
	}{
		{"Close", func(_ *testing.T, box *device.Mailbox) { box.Close() }},
		{"shorter frame", func(t *testing.T, box *device.Mailbox) { put(t, box, frame(9, 0)) }},
		{"longer frame", func(t *testing.T, box *device.Mailbox) { put(t, box, frame(9, make([]byte, 10_000)...)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			box := device.NewMailbox()
			put(t, box, frame(1, make([]byte, 400)...))
			memory := take(t, box).Data
			take2(t, box, frame(2, make([]byte, 400)...)) // memory is now the one for the next frame
			put(t, box, device.Frame{Data: bytes.Repeat([]byte("face"), 100), Seq: 3})
			if !bytes.Contains(memory, []byte("face")) {
				t.Fatal("the test looks at the wrong memory")
			}
			tt.do(t, box)
			if bytes.Contains(memory, []byte("face")) {
				t.Error("the waiting frame is still in memory")
			}
		})
	}
}

func TestMailboxDoesNotAllocate(t *testing.T) {
	box := device.NewMailbox()
	large, small := frame(1, make([]byte, 100_000)...), frame(2, make([]byte, 50_000)...)
	n := testing.AllocsPerRun(100, func() {
		for _, f := range []device.Frame{large, small, large} {
			if err := box.Put(f); err != nil {
				t.Fatal(err)
			}
			if _, err := box.Take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a round, want 0", n)
	}
}

// TestMailboxConcurrent checks that a frame is never torn and never older than the one before.
func TestMailboxConcurrent(t *testing.T) {
	const frames = 20_000
	box := device.NewMailbox()
	var wg sync.WaitGroup
	wg.Go(func() {
		for seq := uint64(1); seq <= frames; seq++ {
			n := 100 + int(seq)%400
			if err := box.Put(device.Frame{Data: bytes.Repeat([]byte{byte(seq)}, n), Seq: seq}); err != nil {
				t.Error(err)
			}
		}
		box.End()
	})
	var last, taken uint64
	for {
		f, err := box.Take(t.Context())
		if errors.Is(err, device.ErrEnd) {
			break
		}
		if f.Seq <= last {
			t.Fatalf("frame %d after %d", f.Seq, last)
		}
		if want := bytes.Repeat([]byte{byte(f.Seq)}, 100+int(f.Seq)%400); !bytes.Equal(f.Data, want) {
			t.Fatalf("frame %d is torn", f.Seq)
		}
		last = f.Seq
		taken++
	}
	wg.Wait()
	if last != frames || taken+box.Dropped() != frames {
		t.Errorf("last frame %d, %d taken and %d dropped; want the last to be %d and as many in all",
			last, taken, box.Dropped(), frames)
	}
}

func BenchmarkMailbox(b *testing.B) {
	box := device.NewMailbox()
	f := device.Frame{Data: make([]byte, 2*1280*720)}
	b.SetBytes(int64(len(f.Data)))
	for b.Loop() {
		if err := box.Put(f); err != nil {
			b.Fatal(err)
		}
		if _, err := box.Take(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
