package codereader_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/codereader"
	"facegate/device"
	"facegate/device/reader"
	"facegate/device/reader/readertest"
)

// TestContract holds the camera to what every reader at the door must keep.
func TestContract(t *testing.T) {
	readertest.Run(t, func(t *testing.T) readertest.Bench {
		box := device.NewMailbox()
		r := codereader.New(codereader.Parts{Mailbox: box, MaxAge: time.Minute, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		return readertest.Bench{
			Source: r, Name: reader.Camera, Kind: reader.Code,
			Show: func(t *testing.T, n int) []byte {
				text := token[:31] + string("ABCDEFGH"[n])
				if err := box.Put(device.Frame{Format: device.JPEG, Data: picture(t, text, nil), Time: time.Now()}); err != nil {
					t.Fatal(err)
				}
				return []byte(text)
			},
		}
	})
}
