package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"facegate/configs/file"
)

// asideName begins the name of a folder, in that of the keyrings, of what was set aside; a number follows.
const asideName = "other-"

// setAside makes way for a first start where another device key was used before, whose databases are gone. What lies in the
// folder of keyrings then opens nothing. It is moved and not destroyed: databases and device key may be elsewhere, as when
// the disk with them was not mounted, and whoever finds them can put all three back.
//
// A keyring or a list of this device key is another thing. Its databases were taken away, and Open says so.
func (s *Store) setAside() error {
	dir := s.people.keyDir
	if dir == s.people.dir || !s.foreign() {
		return nil
	}
	to, err := newFolder(filepath.Join(dir, asideName))
	if err != nil {
		return s.people.failed(err)
	}
	for _, path := range s.keyFiles() {
		err := os.Rename(path, filepath.Join(to, filepath.Base(path)))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return s.people.failed(err)
		}
	}
	if err := errors.Join(syncDir(to), syncDir(dir)); err != nil {
		return s.people.failed(err)
	}
	s.log.Warn("keyrings of another device key are set aside, and the gate begins anew", "folder", to,
		"hint", "if the state folder or the device key is not the right one: stop the gate, put both back, and the keyrings from there")
	return nil
}

// foreign reports whether there are keyrings, no databases, and nothing that the device key opens.
func (s *Store) foreign() bool {
	rings := 0
	for _, v := range s.vaults() {
		for i, path := range v.ringPaths() {
			if _, err := os.Lstat(v.dbPaths()[i]); !errors.Is(err, os.ErrNotExist) {
				return false
			}
			data, err := file.ReadOwn(path, maxRingFile)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil || !bytes.HasPrefix(data, []byte(ringMagic)) {
				return false
			}
			if _, err := v.loadRing(path); err == nil {
				return false
			}
			rings++
		}
	}
	t, _ := loadTombstones(s.people.keyDir, s.graves)
	return rings > 0 && t.Store == [16]byte{}
}

// keyFiles returns the paths of all that a store keeps in the folder of keyrings.
func (s *Store) keyFiles() (paths []string) {
	for _, v := range s.vaults() {
		rings := v.ringPaths()
		paths = append(paths, rings[:]...)
	}
	lists := tombstonePaths(s.people.keyDir)
	return append(paths, lists[:]...)
}

// newFolder makes the first folder that does not exist of those whose names are prefix and a number from 1 on.
func newFolder(prefix string) (string, error) {
	for n := 1; ; n++ {
		path := prefix + strconv.Itoa(n)
		if err := os.Mkdir(path, 0o700); !errors.Is(err, os.ErrExist) {
			return path, err
		}
	}
}

// destroyAside destroys what setAside has left in dir.
func destroyAside(dir string) error {
	folders, err := filepath.Glob(filepath.Join(dir, asideName+"*"))
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for _, folder := range folders {
		files, readErr := os.ReadDir(folder)
		err = errors.Join(err, readErr)
		for _, f := range files {
			err = errors.Join(err, destroyFile(filepath.Join(folder, f.Name())))
		}
		err = errors.Join(err, os.Remove(folder))
	}
	return err
}
