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
)

// Import looks through src for files of the manifest and copies them into dst, which it makes if need be. It goes by
// content alone: a file may have any name, lie in any folder below src, or inside a .tgz archive such as an npm
// package; src may also be such a file itself. Nothing but a file whose SHA-256 the manifest knows is ever written.
//
// Import returns the models it found, in the order of the manifest, and ErrNoMatch if there were none. It tells
// progress line by line.
func (m *Manifest) Import(src string, dst Dir, progress io.Writer) ([]Model, error) {
	if err := os.MkdirAll(string(dst), 0o755); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	c := newCollector(m.models, dst, progress)
	if err := c.walk(src); err != nil {
		return nil, hint.Wrap(fmt.Errorf("models: import %s: %w", src, err),
			"check that %s is there and readable, and that %s can be written and has room", src, dst)
	}
	if len(c.found) == 0 {
		return nil, hint.Wrap(fmt.Errorf("models: import %s: %w", src, ErrNoMatch),
			"facegate models list names the files that count, with their SHA-256")
	}
	return slices.DeleteFunc(m.Models(), func(m Model) bool { return !c.found[m.Name] }), nil
}

// A collector takes the models it wants out of whatever it is shown.
type collector struct {
	wanted   []Model
	dst      Dir
	progress io.Writer
	found    map[string]bool // by model name
}

func newCollector(wanted []Model, dst Dir, progress io.Writer) *collector {
	return &collector{wanted: wanted, dst: dst, progress: progress, found: make(map[string]bool)}
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
	return slices.ContainsFunc(c.wanted, func(m Model) bool { return m.Size == size })
}

// take stores the size bytes of r if they are a wanted model that is not there yet.
func (c *collector) take(size int64, r io.Reader) error {
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return err
	}
	hash := sum(data)
	i := slices.IndexFunc(c.wanted, func(m Model) bool { return m.SHA256 == hash })
	if i < 0 || c.found[c.wanted[i].Name] {
		return nil
	}
	m := c.wanted[i]
	if status, _ := c.dst.verify(m); status == OK {
		show.Fprintf(c.progress, "facegate: %s is there already\n", m.File)
	} else if err := c.dst.write(m, data); err != nil {
		return fmt.Errorf("%w %s: %w", errStore, m.File, err)
	} else {
		show.Fprintf(c.progress, "facegate: %s verified and stored (%.1f MB)\n", m.File, megabytes(m.Size))
	}
	c.found[m.Name] = true
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
