package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"facegate/configs/file"
	"facegate/store/durable"
	"facegate/store/seal"
)

// A reserve is a file that takes up its room before there is need of it: what is owed can be written there on a disk that
// is full. It is overwritten in place. It holds the same twice, and the one is on disk before the other is touched, so that
// a power cut leaves one of them. Both are sealed, and always of one length: without the device key the file tells neither
// who is in it, nor whether anybody is.
//
// A file system that writes everything to a new place, such as btrfs, needs room for this too. A disk that cannot be written
// to has no reserve.
type reserve struct {
	path string
	key  [32]byte
	rand io.Reader
	disk durable.Disk
	seq  uint64 // of what is on disk, which counts up
	made bool   // the file is there, in its full length
}

// marks are what a reserve holds.
type marks struct {
	Seq  uint64
	Each [maxOwed]mark // the rest is zeros
}

const (
	reserveName = "owed"

	// maxOwed is how many marks there is room for.
	maxOwed = 480

	// slotSize is the length of one of the two, whatever is in it: a nonce, the marks and a tag.
	slotSize = 24 + 8 + maxOwed*(16+4+1+4+8) + 16
)

var errReserveFull = fmt.Errorf("more than %d erasures are owed", maxOwed)

func newReserve(dir string, device [32]byte, rand io.Reader, disk durable.Disk) *reserve {
	return &reserve{path: filepath.Join(dir, reserveName), key: seal.Derive(device, "facegate owed 1"), rand: rand, disk: disk}
}

func slotLabel(slot int) string { return fmt.Sprintf("facegate owed slot %d", slot) }

// load returns what is owed. It is an error if there was a reserve and it cannot be read: it is made anew by save.
func (r *reserve) load() ([]mark, error) {
	data, err := file.ReadOwn(r.path, 2*slotSize)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	r.made = len(data) == 2*slotSize
	var newest marks
	for slot := range len(data) / slotSize {
		plain, err := seal.Open(r.key, slotLabel(slot), data[slot*slotSize:(slot+1)*slotSize])
		if err != nil {
			continue
		}
		var m marks
		if n, err := binary.Decode(plain, binary.BigEndian, &m); err == nil && n == len(plain) && m.Seq > newest.Seq {
			newest = m
		}
		clear(plain)
	}
	if newest.Seq == 0 {
		return nil, fmt.Errorf("store: %s: %w", r.path, seal.ErrSealed)
	}
	r.seq = newest.Seq
	var owed []mark
	for _, m := range newest.Each {
		if m != (mark{}) {
			owed = append(owed, m)
		}
	}
	return owed, nil
}

// save makes owed what the reserve holds. It is on disk twice when save returns.
func (r *reserve) save(owed []mark) error {
	if len(owed) > maxOwed {
		return fmt.Errorf("store: %w", errReserveFull)
	}
	next := marks{Seq: r.seq + 1}
	copy(next.Each[:], owed)
	plain, err := binary.Append(nil, binary.BigEndian, next)
	if err != nil {
		return err
	}
	defer clear(plain)
	var slots [2][]byte
	for slot := range slots {
		if slots[slot], err = seal.Value(r.key, r.rand, slotLabel(slot), plain); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	if r.made {
		err = r.overwrite(slots)
	} else {
		err = durable.Replace(r.disk, r.path, bytes.Join(slots[:], nil))
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	r.seq, r.made = next.Seq, true
	return nil
}

// overwrite writes the slots where they lie, one after the other.
func (r *reserve) overwrite(slots [2][]byte) error {
	f, err := durable.OpenOld(r.path)
	if err != nil {
		return err
	}
	if f == nil {
		r.made = false
		return durable.Replace(r.disk, r.path, bytes.Join(slots[:], nil))
	}
	defer f.Close()
	for slot, sealed := range slots {
		if _, err := f.WriteAt(sealed, int64(slot*slotSize)); err != nil {
			return err
		}
		if err := r.disk.Sync(r.path, f.Sync); err != nil {
			return err
		}
	}
	return nil
}
