package delivery_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/delivery"
	"facegate/configs/hint"
	"facegate/store/durable/durabletest"
)

// text is as much of a receipt as a delivery reads.
const text = `{"receipt":{"id":"00112233445566778899aabbccddeeff"}}`

// TestDeliver checks that the gate is told of a receipt once it is on disk, and not otherwise.
func TestDeliver(t *testing.T) {
	gone := errors.New("the gate is gone")
	for _, tt := range []struct {
		name    string
		text    string
		broken  error // the disk
		told    error // what the gate answers
		fetched bool
		left    string // in the file after a power cut; "" for no file
		advice  string
	}{
		{"a receipt", text, nil, nil, true, text, ""},
		{"none", "", nil, nil, false, "", ""},
		{"a broken disk", text, errors.New("input/output error"), nil, false, "", "facegate receipt fetch DIR"},
		{"the gate is gone", text, nil, gone, true, text, "another copy"},
		{"no receipt", "{", nil, nil, false, "{", "another copy"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			disk, path := &durabletest.Disk{Broken: tt.broken}, filepath.Join(t.TempDir(), "r.json")
			paper, err := delivery.NewPaper(disk, path)
			if err != nil {
				t.Fatal(err)
			}
			fetched := false
			err = paper.Deliver(tt.text, func(id string) error {
				if data, _ := os.ReadFile(path); string(data) != text || id != "00112233445566778899aabbccddeeff" {
					t.Errorf("told of %s while the file holds %q", id, data)
				}
				fetched = true
				return tt.told
			})
			if (err == nil) != (tt.advice == "") || !strings.Contains(hint.Of(err), tt.advice) || !errors.Is(err, tt.told) && tt.told != nil {
				t.Errorf("error %v, hint %q", err, hint.Of(err))
			}
			disk.PowerCut(t)
			if data, _ := os.ReadFile(path); fetched != tt.fetched || string(data) != tt.left {
				t.Errorf("told: %v, left %q", fetched, data)
			}
		})
	}
}

// TestNoPaper checks that the gate keeps a receipt that is printed.
func TestNoPaper(t *testing.T) {
	paper, err := delivery.NewPaper(new(durabletest.Disk), "")
	if paper != nil || err != nil {
		t.Fatalf("made %v, %v", paper, err)
	}
	told := func(string) error { t.Error("the gate was told"); return nil }
	if err := errors.Join(paper.Deliver(text, told), paper.Discard()); err != nil {
		t.Error(err)
	}
}

// TestCollect checks that a receipt is on disk before the gate is told of it, and that what cannot be told ends the collection.
func TestCollect(t *testing.T) {
	disk, dir := new(durabletest.Disk), t.TempDir()
	second := strings.Replace(text, "0011", "ffee", 1)
	gone, told := errors.New("the gate is gone"), 0
	files, err := delivery.Collect(disk, dir, []string{text, second}, func(string) error {
		if told++; told == 2 {
			return gone
		}
		return nil
	})
	want := filepath.Join(dir, "00112233445566778899aabbccddeeff.receipt.txt")
	if len(files) != 1 || files[0] != want || !errors.Is(err, gone) {
		t.Errorf("collected %v, %v", files, err)
	}
	disk.PowerCut(t)
	if data, err := os.ReadFile(want); string(data) != text {
		t.Errorf("after a power cut: %q, %v", data, err)
	}
}
