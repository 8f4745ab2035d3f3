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
	Unsuited   Status = "unsuited"   // it is there and in order, but this OpenCV does not take it
)

// A Result is the state of one model in a folder.
type Result struct {
	Model  Model
	File   File // that is used, if Status is OK; otherwise the one that Err is about
	Status Status
	Err    error // nil if Status is OK; otherwise with a hint
}

// Verify checks the size and the SHA-256 of the files of each model, reading them piece by piece, until one is in order that
// the given version of OpenCV takes. For version "" all do.
func (d Dir) Verify(models []Model, opencv string) []Result {
	results := make([]Result, len(models))
	for i, m := range models {
		results[i] = d.verify(m, opencv)
	}
	return results
}

// verify returns the first file of m that is in order, or else what is wrong with the first that is there.
func (d Dir) verify(m Model, opencv string) Result {
	worst := Result{Model: m, File: m.Files[0], Status: Missing, Err: d.missing(m.Files[0])}
	for _, f := range m.suited(opencv) {
		switch status, err := d.verifyFile(f); {
		case status == OK:
			return Result{Model: m, File: f, Status: OK}
		case status != Missing && worst.Status == Missing:
			worst = Result{Model: m, File: f, Status: status, Err: err}
		}
	}
	if worst.Status != Missing {
		return worst
	}
	for _, f := range m.Files {
		if status, _ := d.verifyFile(f); status == OK {
			return Result{Model: m, File: f, Status: Unsuited, Err: unsuited(f, opencv)}
		}
	}
	return worst
}

func unsuited(f File, opencv string) error {
	return hint.Wrap(fmt.Errorf("models: %s: %w: it wants OpenCV %s, and this is %s", f.File, ErrOpenCV, f.OpenCV, opencv),
		"run facegate models import on that file: what this OpenCV takes is made of it, where that can be done")
}

func (d Dir) verifyFile(m File) (Status, error) {
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

// ReadVerified returns the content of the file of a model that Verify finds in order, and which that is. What is returned is
// what was hashed: a file that changes meanwhile cannot slip in. Where none is there it gives ErrMissing, where one differs
// ErrHash, and where this OpenCV takes none of those that are there ErrOpenCV.
func (d Dir) ReadVerified(m Model, opencv string) ([]byte, File, error) {
	for _, f := range m.suited(opencv) {
		if data, err := d.read(f); err == nil {
			return data, f, nil
		}
	}
	r := d.verify(m, opencv)
	if r.Err == nil {
		r.Err = d.missing(r.File) // it has come this very moment
	}
	return nil, r.File, r.Err
}

func (d Dir) read(m File) ([]byte, error) {
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

// open opens a file if it is a regular file of the right size.
func (d Dir) open(m File) (*os.File, Status, error) {
	path := filepath.Join(string(d), m.File)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Missing, d.missing(m)
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

func (d Dir) missing(m File) error {
	return hint.Wrap(fmt.Errorf("models: %s: %w", filepath.Join(string(d), m.File), ErrMissing),
		"run facegate models fetch or facegate models import DIR")
}

func (d Dir) mismatch(m File, format string, args ...any) error {
	path := filepath.Join(string(d), m.File)
	return hint.Wrap(fmt.Errorf("models: %s has %s: %w", path, fmt.Sprintf(format, args...), ErrHash),
		"delete %s, then run facegate models fetch or facegate models import DIR; "+
			"the manifest wants %d bytes with SHA-256 %s", path, m.Size, m.SHA256)
}

// Make makes the folder where it is missing, for everybody to read, whatever the umask of whoever fetches: the gate is another user.
func (d Dir) Make() error {
	if _, err := os.Stat(string(d)); err == nil {
		return nil
	}
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return fmt.Errorf("models: %w", err)
	}
	return os.Chmod(string(d), 0o755)
}

// write stores the content of a file under its name, for everybody to read. A power cut leaves the old file or the new one.
func (d Dir) write(m File, data []byte) error {
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
