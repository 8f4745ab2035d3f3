package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"facegate/store"
)

// TestListAloneIsNoFirstStart finds that databases and keyrings were taken away, and not wiped.
func TestListAloneIsNoFirstStart(t *testing.T) {
	o := apart(t)
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0)
	if err := errors.Join(s.Close(), os.RemoveAll(o.Dir)); err != nil {
		t.Fatal(err)
	}
	for name := range files(t, o.KeyDir) {
		if filepath.Ext(name) == ".key" {
			if err := os.Remove(filepath.Join(o.KeyDir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := store.Open(o); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

// TestListLost opens a store whose list is gone, and admits in a restore that nobody can tell.
func TestListLost(t *testing.T) {
	o, b, receipt := backedUp(t)
	for _, name := range []string{"erased.list", "erased.copy.list"} {
		if err := os.Remove(filepath.Join(o.KeyDir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := mustOpenApart(t, o)
	mustBeOlder(t, s, store.Older{From: 2, To: 2 + 1<<10, Unknown: true}, 0, 2, 3)
	if err := errors.Join(s.Close(), os.RemoveAll(o.Dir)); err != nil {
		t.Fatal(err)
	}
	mustRefuseRestore(t, o, b.Data, store.Proof{Replace: true}, store.ErrReceipts)
	if r := mustRestore(t, o, b.Data, store.Proof{Replace: true, Receipts: [][]byte{receipt}}); r.People != 3 || r.Erased != 1 {
		t.Errorf("%+v", r)
	}
}
