package device_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"facegate/device"
)

// TestTee gives two who look at frames a mailbox each. What one of them does to a frame is unseen by the other, one who looks at
// none holds up nobody, and what nobody took is cleared when the capture ends.
func TestTee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		picture := bytes.Repeat([]byte{7}, 4)
		send := func(ctx context.Context, emit func(device.Frame)) error {
			for seq := range uint64(3) {
				time.Sleep(100 * time.Millisecond)
				emit(device.Frame{Format: device.JPEG, Data: picture, Seq: seq + 1, Time: time.Now()})
			}
			<-ctx.Done()
			return nil
		}
		one, other := device.NewMailbox(), device.NewMailbox()
		c := device.NewCapture(&script{scenes: []scene{send}}, one, slog.New(slog.DiscardHandler))
		c.Tee(other)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()

		mine := take(t, one)
		theirs := take(t, other)
		if mine.Seq != 1 || theirs.Seq != 1 || &mine.Data[0] == &theirs.Data[0] || &mine.Data[0] == &picture[0] {
			t.Errorf("frames %d and %d, of one memory: %v", mine.Seq, theirs.Seq, &mine.Data[0] == &theirs.Data[0])
		}
		clear(mine.Data)
		if !bytes.Equal(theirs.Data, picture) {
			t.Error("what one has cleared is gone for the other")
		}
		for want := range uint64(2) {
			if f := take(t, one); f.Seq != want+2 {
				t.Errorf("frame %d while the other looks at the first, want %d", f.Seq, want+2)
			}
		}
		if other.Dropped() != 1 || one.Dropped() != 0 {
			t.Errorf("%d and %d frames were replaced", one.Dropped(), other.Dropped())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, box := range []*device.Mailbox{one, other} {
			if f, err := box.Take(t.Context()); !errors.Is(err, device.ErrEnd) {
				t.Errorf("after the end: %v, %v", f, err)
			}
		}
	})
}
