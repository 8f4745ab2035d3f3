package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/storetest"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	mustEnrol(t, s, 0)
	if _, err := store.Open(storetest.Options(dir)); !errors.Is(err, store.ErrInUse) || hint.Of(err) == "" {
		t.Errorf("while open: %v", err)
	}
	s.Close()
	o := storetest.Options(dir)
	o.Keys = storetest.Key{2}
	if _, err := store.Open(o); !errors.Is(err, store.ErrDamaged) || hint.Of(err) == "" {
		t.Errorf("with another device key: %v", err)
	}
	o.Keys = store.KeyFile(filepath.Join(dir, "none"))
	if _, err := store.Open(o); !errors.Is(err, store.ErrKey) || hint.Of(err) == "" {
		t.Errorf("without a device key: %v", err)
	}
}

func TestOptionsAreRequired(t *testing.T) {
	for name, edit := range map[string]func(*store.Options){
		"idle":    func(o *store.Options) { o.Retention.Idle = 0 },
		"access":  func(o *store.Options) { o.Retention.Access = 0 },
		"records": func(o *store.Options) { o.Retention.Records = -1 },
	} {
		o := storetest.Options(t.TempDir())
		edit(&o)
		if _, err := store.Open(o); !errors.Is(err, store.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUsedKeyAndNoDatabases is damage and no first start: what was there was not erased by the device.
func TestUsedKeyAndNoDatabases(t *testing.T) {
	o := apart(t)
	s := mustOpenApart(t, o)
	mustEnrol(t, s, 0)
	if err := errors.Join(s.Close(), os.RemoveAll(o.Dir)); err != nil {
		t.Fatal(err)
	}
	keys := files(t, o.KeyDir)
	for range 2 {
		if _, err := store.Open(o); !errors.Is(err, store.ErrDamaged) {
			t.Fatalf("got %v", err)
		}
		if left := files(t, o.Dir); len(left) > 0 {
			t.Errorf("%d files were made", len(left))
		}
	}
	if now := files(t, o.KeyDir); len(now) != len(keys) || string(now["people.key"]) != string(keys["people.key"]) {
		t.Error("the keyrings were changed")
	}
}

// A store of another version is refused, says so, and is left as it is. One file that says so is a damaged one.
func TestAnotherVersion(t *testing.T) {
	sound, want := sound(t)
	form := regexp.MustCompile(`^facegate keyring (\d+)\n`)
	ours, err := strconv.Atoi(string(form.FindSubmatch(sound["people.key"])[1]))
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []int{ours - 1, ours + 1} {
		other := maps.Clone(sound)
		for name, data := range other {
			if strings.HasSuffix(name, ".key") {
				other[name] = form.ReplaceAll(data, fmt.Appendf(nil, "facegate keyring %d\n", version))
				if bytes.Equal(other[name], data) {
					t.Fatalf("%s does not begin with a version", name)
				}
			}
		}
		dir := lay(t, other)
		_, err := store.Open(storetest.Options(dir))
		if !errors.Is(err, store.ErrVersion) || errors.Is(err, store.ErrDamaged) || hint.Of(err) == "" {
			t.Errorf("version %d: %v", version, err)
		}
		if !maps.EqualFunc(other, files(t, dir), bytes.Equal) {
			t.Errorf("version %d: files were changed", version)
		}
		if err := store.CheckKeyrings(dir, dir, storetest.Key{1}); !errors.Is(err, store.ErrVersion) {
			t.Errorf("version %d is checked: %v", version, err)
		}
		one := maps.Clone(sound)
		one["people.key"] = other["people.key"]
		if mended, refused := mustRefuseOrAgree(t, lay(t, one), "one file", want); refused || len(mended) != 1 {
			t.Errorf("one file of version %d: refused %v, mended %v", version, refused, mended)
		}
	}
}
