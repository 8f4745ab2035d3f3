package store_test

import (
	"bytes"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"facegate/store"
	"facegate/store/audit"
	"facegate/store/storetest"
)

// TestFacesOff turns faces off and on, twice each, and looks over a restart.
func TestFacesOff(t *testing.T) {
	dir := t.TempDir()
	now := storetest.Now()
	s := openAt(t, dir, &now)
	if s.Faces().Off() != nil {
		t.Error("faces are off at first")
	}
	must(t, s.Faces().TurnOn(1000))
	must(t, s.Faces().TurnOff("a film", 1000))
	since := now.Unix()
	now = now.Add(time.Hour)
	must(t, s.Faces().TurnOff("another film", 1001))
	must(t, s.Close())

	s = openAt(t, dir, &now)
	if off := s.Faces().Off(); off == nil || *off != (store.FacesOff{Since: since, By: 1000, Reason: "a film"}) {
		t.Errorf("after a restart: %+v", off)
	}
	must(t, s.Faces().TurnOn(1001))
	must(t, s.Faces().TurnOn(1001))
	if s.Faces().Off() != nil {
		t.Error("faces stay off")
	}
	mustSay(t, s, "created", "faces-off", "faces-on")
	l, err := s.Log().Read()
	must(t, err)
	if e := l.Records[2].Entry; e.Actor != 1001 || e.Kind != audit.FacesOn {
		t.Errorf("the last entry is %+v", e)
	}
}

// No bit of any record can be changed, and no two exchanged.
func TestRecordsAreSealed(t *testing.T) {
	dir := t.TempDir()
	mixed(t, dir).Close()
	before := files(t, dir)
	sealed := rows(t, dir, "faces.db", "records")
	ids := slices.SortedFunc(maps.Keys(sealed), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	refused := func(name string, changed map[[16]byte][]byte) {
		t.Helper()
		dir := lay(t, before)
		putRows(t, filepath.Join(dir, "faces.db"), changed)
		putRows(t, filepath.Join(dir, "faces.copy.db"), changed)
		if s, err := store.Open(storetest.Options(dir)); !errors.Is(err, store.ErrDamaged) {
			s.Close()
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, id := range ids {
		step := 101
		if slow() {
			step = 1
		}
		for bit := 0; bit < 8*len(sealed[id]); bit += step {
			flipped := bytes.Clone(sealed[id])
			flipped[bit/8] ^= 1 << (bit % 8)
			refused("a bit flipped", map[[16]byte][]byte{id: flipped})
		}
		other := ids[(i+1)%len(ids)]
		refused("two swapped", map[[16]byte][]byte{id: sealed[other], other: sealed[id]})
		refused("cut", map[[16]byte][]byte{id: sealed[id][:len(sealed[id])-1]})
	}
}

func putRows(t *testing.T, path string, rows map[[16]byte][]byte) {
	t.Helper()
	db, err := bolt.Open(path, 0, &bolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(func(tx *bolt.Tx) error {
		for id, row := range rows {
			if err := tx.Bucket([]byte("records")).Put(id[:], row); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
