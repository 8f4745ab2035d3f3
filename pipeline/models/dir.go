package models

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"facegate/configs/hint"
)

// A Dir is the path of a folder of model files, each under the name that the manifest gives it.
type Dir string

// A Status says what Verify found.
type Status string

// The statuses.
const (
	OK         Status = "ok"
	Missing    Status = "missing"
	WrongSize  Status = "wrong size"
	WrongHash  Status = "wrong hash"
	Unreadable Status = "unreadable" // it is there, but the system refuses to read it
)

// A Result is the state of one model in a folder.
type Result struct {
	Model  Model
	Status Status
	Err    error // nil if Status is OK; otherwise with a hint
}

// Verify checks the size and the SHA-256 of each model, reading files piece by piece.
func (d Dir) Verify(models []Model) []Result {
	results := make([]Result, len(models))
	for i, m := range models {
		status, err := d.verify(m)
		results[i] = Result{Model: m, Status: status, Err: err}
	}
	return results
}

func (d Dir) verify(m Model) (Status, error) {
	f, status, err := d.open(m)
	if err != nil {
		return status, err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return Unreadable, fmt.Errorf("models: read %s: %w", m.File, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != m.SHA256 {
		return WrongHash, d.mismatch(m, "SHA-256 %s", got)
	}
	return OK, nil
}

// ReadVerified returns the content of a model's file after checking its size and SHA-256. What is returned is what was
// hashed: a file that changes meanwhile cannot slip in. A file that is not there gives ErrMissing, one that differs
// ErrHash.
func (d Dir) ReadVerified(m Model) ([]byte, error) {
	f, _, err := d.open(m)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, m.Size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("models: read %s: %w", m.File, err)
	}
	if got := sum(data); got != m.SHA256 {
		return nil, d.mismatch(m, "SHA-256 %s", got)
	}
	return data, nil
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// open opens the file of m if it is a regular file of the right size.
func (d Dir) open(m Model) (*os.File, Status, error) {
	path := filepath.Join(string(d), m.File)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Missing, hint.Wrap(fmt.Errorf("models: %s: %w", path, ErrMissing),
			"run facegate models fetch or facegate models import DIR")
	case err != nil:
		return nil, Unreadable, fmt.Errorf("models: %w", err)
	case !info.Mode().IsRegular() || info.Size() != m.Size:
		return nil, WrongSize, d.mismatch(m, "%d bytes", info.Size())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, Unreadable, hint.Wrap(fmt.Errorf("models: %w", err), "let the user of facegate read %s", path)
	}
	return f, OK, nil
}

func (d Dir) mismatch(m Model, format string, args ...any) error {
	path := filepath.Join(string(d), m.File)
	return hint.Wrap(fmt.Errorf("models: %s has %s: %w", path, fmt.Sprintf(format, args...), ErrHash),
		"delete %s, then run facegate models fetch or facegate models import DIR; "+
			"the manifest wants %d bytes with SHA-256 %s", path, m.Size, m.SHA256)
}

// write stores the content of m under its name, for everybody to read. A power cut leaves the old file or the new one.
func (d Dir) write(m Model, data []byte) error {
	tmp, err := os.CreateTemp(string(d), ".new-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(string(d), m.File))
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return d.sync()
}

// sync makes the renames in the folder last.
func (d Dir) sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
