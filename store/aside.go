package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"facegate/store/anchor"
	"facegate/store/durable"
)

// asideName begins the name of a folder, in that of the keyrings, of what was set aside; a number follows.
const asideName = "other-"

// setAside makes way for a first start where another device key was used before, whose databases are gone. What lies in the
// folder of keyrings then opens nothing. It is moved and not destroyed: databases and device key may be elsewhere, as when
// the disk with them was not mounted, and whoever finds them can put all three back.
//
// A keyring or a list of this device key is another thing. Its databases were taken away, and Open says so.
func (s *Store) setAside() error {
	dir := s.people.KeyDir()
	if dir == s.people.Dir() {
		return nil
	}
	r, err := s.recollect()
	if err != nil || !s.foreign(r) {
		return err
	}
	to, err := newFolder(s.disk, filepath.Join(dir, asideName))
	if err != nil {
		return s.people.Failed(err)
	}
	for _, path := range s.keyFiles() {
		err := s.disk.Rename(path, filepath.Join(to, filepath.Base(path)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return s.people.Failed(err)
		}
	}
	if err := errors.Join(s.disk.SyncDir(to), s.disk.SyncDir(dir)); err != nil {
		return s.people.Failed(err)
	}
	if r.foreign() {
		if err := errors.Join(anchor.File(s.disk, to).Remember(r.memory), s.folder.Forget()); err != nil {
			return s.people.Failed(err)
		}
	}
	s.log.Warn("keyrings of another device key are set aside, and the gate begins anew", "folder", to,
		"hint", "if the state folder or the device key is not the right one: stop the gate, put both back, and the keyrings from there")
	return nil
}

// foreign reports whether there are keyrings or tombstones, no databases, and nothing that the device key opens.
func (s *Store) foreign(r recollection) bool {
	rings := 0
	for _, v := range s.vaults() {
		n, foreign := v.Foreign()
		if !foreign {
			return false
		}
		rings += n
	}
	return r.Store == [16]byte{} && (rings > 0 || r.foreign())
}

// keyFiles returns the paths of the keyrings.
func (s *Store) keyFiles() (paths []string) {
	for _, v := range s.vaults() {
		rings := v.Keyrings()
		paths = append(paths, rings[:]...)
	}
	return paths
}

// newFolder makes the first folder that does not exist of those whose names are prefix and a number from 1 on.
func newFolder(disk durable.Disk, prefix string) (string, error) {
	for n := 1; ; n++ {
		path := prefix + strconv.Itoa(n)
		if err := disk.Mkdir(path); !errors.Is(err, os.ErrExist) {
			return path, err
		}
	}
}

// destroyAside destroys what setAside has left in dir.
func destroyAside(disk durable.Disk, dir string) error {
	folders, err := filepath.Glob(filepath.Join(dir, asideName+"*"))
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for _, folder := range folders {
		files, readErr := os.ReadDir(folder)
		err = errors.Join(err, readErr)
		for _, f := range files {
			err = errors.Join(err, durable.Destroy(disk, filepath.Join(folder, f.Name())))
		}
		err = errors.Join(err, os.Remove(folder))
	}
	return err
}
