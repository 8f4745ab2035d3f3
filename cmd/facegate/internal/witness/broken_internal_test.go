package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/store/checkpoint"
)

// TestBroken has a disk that takes no more: nothing that is not on it is cosigned, then or later, and whoever serves ends.
func TestBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "witness.db")
	if err := Create(path, "residents.example/witness", rand.Reader); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	w := &Witness{down: make(chan struct{})}
	w.db, err = bolt.Open(path, 0o600, &bolt.Options{MaxSize: int(info.Size())})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.db.View(w.load); err != nil {
		t.Fatal(err)
	}
	seed := [ed25519.SeedSize]byte{1}
	device := ed25519.NewKeyFromSeed(seed[:])
	vkey, err := checkpoint.Key(device.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(vkey); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(t.Context(), l, slog.New(slog.DiscardHandler)) }()
	signed, err := checkpoint.Sign(tlog.Tree{N: 1, Hash: tlog.RecordHash([]byte("entry"))}, device)
	if err != nil {
		t.Fatal(err)
	}
	request := "old 0\n\n" + string(signed)
	if err := w.update(checkpoint.Origin(device.Public().(ed25519.PublicKey)), func(e *entry) (bool, error) {
		e.Fork = strings.Repeat("x", 1<<20) // more than there is room for
		return true, nil
	}); !errors.Is(err, ErrBroken) {
		t.Fatalf("a commit that has failed: %v", err)
	}
	for range 2 {
		if signed, err := w.AddCheckpoint([]byte(request)); !errors.Is(err, ErrBroken) || signed != nil {
			t.Errorf("%q, %v", signed, err)
		}
	}
	if err := <-ended; !errors.Is(err, ErrBroken) {
		t.Errorf("served until %v", err)
	}
}
