// Package vaulttest damages vaults for tests.
package vaulttest

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

// Rows are the sealed rows of an open vault. It is an interface because tests inside package vault use it too.
type Rows interface {
	Each(table string, f func(id [16]byte, row []byte) error) error
}

// Rot damages the sealed rows of a table of an open vault where they lie in the file at path.
func Rot(t testing.TB, v Rows, path, table string) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, v.Each(table, func(_ [16]byte, sealed []byte) error {
		rotten := bytes.Clone(sealed)
		rotten[len(rotten)-1] ^= 1
		data = bytes.ReplaceAll(data, sealed, rotten)
		return nil
	}))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(data, 0)
	must(t, errors.Join(err, f.Close()))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
