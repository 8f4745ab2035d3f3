package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
)

// The layout of a bbolt file (go.etcd.io/bbolt/internal/common). All numbers are in the order of the processor, which is
// little-endian wherever this program runs.
const (
	pageHeader  = 16 // id u64, flags u16, count u16, overflow u32
	pageElement = 16 // branch: pos u32, ksize u32, page u64; leaf: flags u32, pos u32, ksize u32, vsize u32
	bucketValue = 16 // root u64, sequence u64; root 0 means that a page follows in the value itself

	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10

	boltMagic   = 0xED0CDAED
	boltVersion = 2
)

// checkPages reports whether bbolt can use the file data without harm. bbolt trusts its file: a page that lies about
// itself makes it panic, read outside the mapping, go round in circles or ask for all memory, of which only the first can
// be recovered from. Beside that, checkPages wants both meta pages whole, where bbolt makes do with one: the other is one
// commit older, and to open it would take back, without a word, what was acknowledged last. A meta page fits in a disk
// sector, so that a power cut does not tear it.
func checkPages(data []byte) error {
	c := checker{data: data}
	if err := c.meta(); err != nil {
		return err
	}
	c.seen = make([]bool, c.high)
	if err := c.freelist(); err != nil {
		return err
	}
	return c.bucket(c.root, true)
}

type checker struct {
	data     []byte
	size     uint64 // of a page
	high     uint64 // pages in use are below
	root     uint64 // page of the root bucket
	freePage uint64 // page of the free list
	seen     []bool // pages accounted for; each may be so once
}

// meta reads the newer of the two meta pages.
func (c *checker) meta() error {
	if len(c.data) < pageHeader+64 {
		return errors.New("no meta page")
	}
	c.size = uint64(binary.LittleEndian.Uint32(c.data[pageHeader+8:]))
	if c.size < 1024 || c.size&(c.size-1) != 0 || uint64(len(c.data)) < 2*c.size {
		return fmt.Errorf("%d bytes with pages of %d", len(c.data), c.size)
	}
	var newest uint64
	for id := range uint64(2) {
		page := c.data[id*c.size : (id+1)*c.size]
		m := page[pageHeader : pageHeader+64]
		sum := fnv.New64a()
		sum.Write(m[:56])
		if binary.LittleEndian.Uint64(page) != id || binary.LittleEndian.Uint16(page[8:]) != metaPage ||
			binary.LittleEndian.Uint32(m) != boltMagic || binary.LittleEndian.Uint32(m[4:]) != boltVersion ||
			uint64(binary.LittleEndian.Uint32(m[8:])) != c.size || binary.LittleEndian.Uint64(m[56:]) != sum.Sum64() {
			return fmt.Errorf("meta page %d is damaged", id)
		}
		if tx := binary.LittleEndian.Uint64(m[48:]); id == 0 || tx > newest {
			newest = tx
			c.root = binary.LittleEndian.Uint64(m[16:])
			c.freePage = binary.LittleEndian.Uint64(m[32:])
			c.high = binary.LittleEndian.Uint64(m[40:])
		}
	}
	if c.high > uint64(len(c.data))/c.size {
		return fmt.Errorf("%d pages in use, and only %d in the file", c.high, uint64(len(c.data))/c.size)
	}
	return nil
}

// page returns the page id with its overflow pages, its flags and its count.
func (c *checker) page(id uint64) (page []byte, flags uint16, count int, err error) {
	if id < 2 || id >= c.high {
		return nil, 0, 0, fmt.Errorf("no page %d", id)
	}
	page = c.data[id*c.size:]
	overflow := uint64(binary.LittleEndian.Uint32(page[12:]))
	if binary.LittleEndian.Uint64(page) != id || id+overflow >= c.high {
		return nil, 0, 0, fmt.Errorf("page %d has a damaged header", id)
	}
	for i := id; i <= id+overflow; i++ {
		if err := c.account(i); err != nil {
			return nil, 0, 0, err
		}
	}
	return page[:(1+overflow)*c.size], binary.LittleEndian.Uint16(page[8:]), int(binary.LittleEndian.Uint16(page[10:])), nil
}

func (c *checker) account(id uint64) error {
	if id < 2 || id >= c.high || c.seen[id] {
		return fmt.Errorf("page %d is not there or used twice", id)
	}
	c.seen[id] = true
	return nil
}

func (c *checker) freelist() error {
	page, flags, count, err := c.page(c.freePage)
	if err != nil {
		return err
	}
	if flags != freelistPage {
		return errors.New("the free list is damaged")
	}
	ids := page[pageHeader:]
	n := uint64(count)
	if n == 0xFFFF { // too many for the header: the first entry has the number
		n = binary.LittleEndian.Uint64(ids)
		ids = ids[8:]
	}
	if n > uint64(len(ids))/8 {
		return fmt.Errorf("the free list of %d pages does not fit its own", n)
	}
	for i := range n {
		if err := c.account(binary.LittleEndian.Uint64(ids[i*8:])); err != nil {
			return err
		}
	}
	return nil
}

// bucket checks the tree at page root. Only the top bucket has buckets in it.
func (c *checker) bucket(root uint64, top bool) error {
	var last []byte
	return c.tree(root, nil, &last, top)
}

// tree checks the page id and all below it. Their keys must ascend from *last, and be no less than lower.
func (c *checker) tree(id uint64, lower []byte, last *[]byte, top bool) error {
	page, flags, count, err := c.page(id)
	if err != nil {
		return err
	}
	switch flags {
	case leafPage:
		return c.leaf(page, count, lower, last, top)
	case branchPage:
		return c.branch(page, count, lower, last, top)
	}
	return fmt.Errorf("page %d is of no known kind", id)
}

func (c *checker) branch(page []byte, count int, lower []byte, last *[]byte, top bool) error {
	if count == 0 {
		return errors.New("a branch without leaves")
	}
	for i := range count {
		element, err := elementAt(page, i)
		if err != nil {
			return err
		}
		pos, size := binary.LittleEndian.Uint32(element), binary.LittleEndian.Uint32(element[4:])
		key, err := cut(element, pos, size)
		if err != nil {
			return err
		}
		if bytes.Compare(key, lower) < 0 || *last != nil && bytes.Compare(key, *last) <= 0 {
			return errors.New("keys out of order")
		}
		if err := c.tree(binary.LittleEndian.Uint64(element[8:]), key, last, top); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) leaf(page []byte, count int, lower []byte, last *[]byte, top bool) error {
	for i := range count {
		element, err := elementAt(page, i)
		if err != nil {
			return err
		}
		flags, pos := binary.LittleEndian.Uint32(element), binary.LittleEndian.Uint32(element[4:])
		ksize, vsize := binary.LittleEndian.Uint32(element[8:]), binary.LittleEndian.Uint32(element[12:])
		key, err := cut(element, pos, ksize)
		if err != nil {
			return err
		}
		if len(key) == 0 || bytes.Compare(key, lower) < 0 || bytes.Compare(key, *last) <= 0 {
			return errors.New("keys out of order")
		}
		*last = key
		value, err := cut(element[pos:], ksize, vsize)
		if err != nil {
			return err
		}
		switch {
		case flags == 0 && !top:
		case flags == 1 && top:
			err = c.nested(value)
		default:
			err = errors.New("a value where a bucket belongs, or a bucket where a value belongs")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nested checks the bucket that value describes or, if it is small, contains.
func (c *checker) nested(value []byte) error {
	if len(value) < bucketValue {
		return errors.New("a bucket without a root")
	}
	if root := binary.LittleEndian.Uint64(value); root != 0 {
		return c.bucket(root, false)
	}
	page := value[bucketValue:]
	if len(page) < pageHeader || binary.LittleEndian.Uint16(page[8:]) != leafPage {
		return errors.New("a bucket without a page")
	}
	var last []byte
	return c.leaf(page, int(binary.LittleEndian.Uint16(page[10:])), nil, &last, false)
}

// elementAt returns the page from its element i on; positions in the element count from there.
func elementAt(page []byte, i int) ([]byte, error) {
	if at := pageHeader + i*pageElement; at+pageElement <= len(page) {
		return page[at:], nil
	}
	return nil, errors.New("more elements than the page has room for")
}

// cut returns size bytes of b from pos on.
func cut(b []byte, pos, size uint32) ([]byte, error) {
	if uint64(pos)+uint64(size) > uint64(len(b)) {
		return nil, errors.New("an element reaches beyond its page")
	}
	return b[pos : pos+size], nil
}
