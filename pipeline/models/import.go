package models

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/models/onnx"
)

// Import looks through src for files of the manifest and copies them into dst, which it makes if need be. It goes by
// content alone: a file may have any name, lie in any folder below src, or inside a .tgz archive such as an npm
// package; src may also be such a file itself. What can be made of a file for an older OpenCV is made. Nothing but a file
// whose SHA-256 the manifest knows is ever written.
//
// A file that was never tried is handed to try, and passed over if it is not the network that it has to be.
//
// Import returns the models it found, in the order of the manifest, and ErrNoMatch if there were none. It tells
// progress line by line.
func (m *Manifest) Import(src string, dst Dir, try Trial, progress io.Writer) ([]Model, error) {
	if err := dst.Make(); err != nil {
		return nil, err
	}
	c := newCollector(m.models, dst, try, progress)
	if err := c.walk(src); err != nil {
		return nil, hint.Wrap(fmt.Errorf("models: import %s: %w", src, err),
			"check that %s is there and readable, and that %s can be written and has room", src, dst)
	}
	if len(c.found) == 0 {
		return nil, hint.Wrap(fmt.Errorf("models: import %s: %w", src, ErrNoMatch),
			"facegate models list names the files that count, with their SHA-256")
	}
	return slices.DeleteFunc(m.Models(), func(m Model) bool { return !c.has(m) }), nil
}

// A Trial opens a file that was never tried, and says why it is not the network that it has to be. It opens it in a process of
// its own: a damaged network ends the process.
type Trial func(m Model, data []byte) error

// A collector takes the files it wants out of whatever it is shown.
type collector struct {
	wanted   []wanted
	dst      Dir
	try      Trial
	progress io.Writer
	found    map[string]bool // by SHA-256
}

// A wanted file is one of a model.
type wanted struct {
	File
	of Model
}

// newCollector returns a collector of all files of some models.
func newCollector(models []Model, dst Dir, try Trial, progress io.Writer) *collector {
	c := &collector{dst: dst, try: try, progress: progress, found: make(map[string]bool)}
	for _, m := range models {
		for _, f := range m.Files {
			c.wanted = append(c.wanted, wanted{f, m})
		}
	}
	return c
}

// has reports whether the collector has found a file of m.
func (c *collector) has(m Model) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return c.found[f.SHA256] })
}

// errStore is wrapped by what goes wrong on the side of the folder of models.
var errStore = errors.New("cannot store the model")

// walk shows the collector every file at or below root. Trouble with one of them does not keep it from the others: a
// memory stick may well hold folders that nobody but root may read.
func (c *collector) walk(root string) error {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = c.entry(name)
		}
		if err == nil || name == root || errors.Is(err, errStore) {
			return err
		}
		show.Fprintf(c.progress, "facegate: passed over %s: %v\n", show.Foreign(name), show.Error(err))
		return nil
	})
}

// entry takes the model that a file is, or the models inside an archive.
func (c *collector) entry(name string) error {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	archive := slices.Contains([]string{".tgz", ".gz"}, filepath.Ext(name))
	if !archive && !c.sized(info.Size()) {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if !archive {
		return c.take(info.Size(), f)
	}
	return unpack(f, func(_ string, size int64, r io.Reader) error {
		if !c.sized(size) {
			return nil
		}
		return c.take(size, r)
	})
}

func (c *collector) sized(size int64) bool {
	return slices.ContainsFunc(c.wanted, func(f wanted) bool { return f.Size == size })
}

// take stores the size bytes of r if they are a wanted file that is not there yet.
func (c *collector) take(size int64, r io.Reader) error {
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return err
	}
	_, err := c.keep(data)
	return err
}

// keep stores what is a wanted file that is not there yet, and what can be made of it. It reports whether data is wanted.
func (c *collector) keep(data []byte) (bool, error) {
	hash := sum(data)
	i := slices.IndexFunc(c.wanted, func(f wanted) bool { return f.SHA256 == hash })
	if i < 0 || c.found[hash] {
		return i >= 0, nil
	}
	f := c.wanted[i]
	if status, _ := c.dst.verifyFile(f.File); status == OK {
		show.Fprintf(c.progress, "facegate: %s is there already\n", f.File.File)
	} else if err := c.store(f, data); err != nil {
		return true, err
	}
	c.found[hash] = true
	return true, c.derive(f.File, data)
}

// store writes a file, after its trial if it was never tried.
func (c *collector) store(f wanted, data []byte) error {
	if f.OpenCV == "" && len(f.of.Answer) > 0 {
		if err := c.try(f.of, data); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrOther, f.File.File, err)
		}
	}
	if err := c.dst.write(f.File, data); err != nil {
		return fmt.Errorf("%w %s: %w", errStore, f.File.File, err)
	}
	show.Fprintf(c.progress, "facegate: %s verified and stored (%.1f MB)\n", f.File.File, megabytes(f.Size))
	return nil
}

// derive stores what is made of a file that was kept, if it is what the manifest says.
func (c *collector) derive(of File, data []byte) error {
	for _, f := range c.wanted {
		if f.MadeFrom != of.SHA256 {
			continue
		}
		made, err := onnx.ClipAttributes(data)
		if err != nil {
			return fmt.Errorf("make %s: %w", f.File.File, err)
		}
		if known, err := c.keep(made); err != nil || !known {
			return errors.Join(err, fmt.Errorf("make %s: %w", f.File.File, ErrHash))
		}
	}
	return nil
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// maxUnpacked bounds what an archive may grow to, in bytes, so that a small hostile one cannot keep a board busy.
const maxUnpacked = 1 << 30

// unpack shows each regular file of a gzipped tar archive to visit. It writes nothing itself.
func unpack(r io.Reader, visit func(name string, size int64, r io.Reader) error) error {
	gz, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	archive := tar.NewReader(io.LimitReader(gz, maxUnpacked))
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := visit(header.Name, header.Size, archive); err != nil {
			return err
		}
	}
}
