// Package storetest opens stores for tests and checks their files afterwards.
package storetest

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"facegate/store"
	"facegate/store/clock/clocktest"
)

// A Key is a device key in memory.
type Key [32]byte

// DeviceKey returns k.
func (k Key) DeviceKey() ([32]byte, error) { return k, nil }

// Class returns "test".
func (Key) Class() string { return "test" }

// Now is the time in a store opened by Open: noon, on a day in 2026.
func Now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// Notice is the one in force in a store opened with Options.
func Notice() store.Notice { return store.Notice{Version: "2026-1", Hash: [32]byte{0xcc}} }

// Consent returns a complete consent to Notice, given an hour before Now, for ten years.
func Consent() store.Consent {
	return store.Consent{
		Notice: Notice(), Purpose: "to open this door", Method: "signed on paper", Witness: "Li Na", AgeBand: store.Adult, ChildAge: 14,
		Given: Now().Add(-time.Hour), Expires: Now().AddDate(10, 0, 0), Reference: "folder 1",
	}
}

// Options returns the options for a store in dir with a fixed key and a fixed time.
func Options(dir string) store.Options {
	const day = 24 * time.Hour
	return store.Options{
		Dir: dir, Keys: Key{1}, Clock: clocktest.Right(Now), Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Notices:   [][32]byte{Notice().Hash},
		Retention: store.RetentionPolicy{Idle: 180 * day, Access: 30 * day, Records: 3 * 365 * day},
	}
}

// Open opens the store in dir. At the end of the test the store is closed and its files go through MustCheck.
func Open(tb testing.TB, dir string) *store.Store {
	tb.Helper()
	s, err := store.Open(Options(dir))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.Close()
		MustCheck(tb, dir)
	})
	return s
}

// MustCheck fails the test if bbolt finds a fault in a database in dir, if a database and its copy do not hold the same, or
// if a file is open to others than its owner.
func MustCheck(tb testing.TB, dir string) {
	tb.Helper()
	rows := make(map[string]map[string]string) // of each database, by table and id
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			tb.Errorf("%s has mode %v", path, info.Mode())
		}
		if filepath.Ext(path) == ".db" {
			rows[path], err = check(tb, path)
		}
		return err
	}); err != nil {
		tb.Error(err)
	}
	for path := range rows {
		if original, ok := strings.CutSuffix(path, ".copy.db"); ok && !maps.Equal(rows[path], rows[original+".db"]) {
			tb.Errorf("%s is not a copy of its original", path)
		}
	}
}

// check returns the rows of a database.
func check(tb testing.TB, path string) (rows map[string]string, err error) {
	db, err := bolt.Open(path, 0, &bolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows = make(map[string]string)
	return rows, db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			tb.Errorf("%s: %v", path, err)
		}
		return tx.ForEach(func(table []byte, b *bolt.Bucket) error {
			return b.ForEach(func(id, row []byte) error {
				rows[fmt.Sprintf("%s %x", table, id)] = string(row)
				return nil
			})
		})
	})
}
