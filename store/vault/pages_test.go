package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"facegate/store/durable"
)

// A file that checkPages passes neither makes bbolt panic nor leads it outside the file.
func FuzzCheckPages(f *testing.F) {
	f.Add([]byte{})
	for _, n := range []int{0, 1, 40} {
		dir := f.TempDir()
		db, err := bolt.Open(filepath.Join(dir, "x.db"), 0o600, nil)
		must(f, err)
		must(f, db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("rows"))
			for i := range n {
				key := binary.BigEndian.AppendUint64(nil, uint64(i))
				err = errors.Join(err, b.Put(key, bytes.Repeat([]byte{byte(i)}, 300)))
			}
			return err
		}))
		must(f, db.Close())
		data, err := os.ReadFile(filepath.Join(dir, "x.db"))
		must(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if checkPages(data) != nil {
			return
		}
		path := filepath.Join(t.TempDir(), "x.db")
		must(t, os.WriteFile(path, data, 0o600))
		v := New(Options{Name: "x", Disk: durable.OS{}})
		db, err := v.openBolt(path, 0)
		must(t, err)
		defer db.close()
		v.db = db
		must(t, v.view(func(tx *bolt.Tx) error {
			for err := range tx.Check() {
				// Pages that no one uses are a waste and no danger.
				if !bytes.Contains([]byte(err.Error()), []byte("unreachable unfreed")) {
					t.Error(err)
				}
			}
			return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
				return b.ForEach(func(_, _ []byte) error { return nil })
			})
		}))
	})
}
