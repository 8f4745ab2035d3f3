package chosen_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/chosen"
	"facegate/configs/hint"
)

// TestCheck checks that only what would weaken a gate is refused.
func TestCheck(t *testing.T) {
	good, own, other := []string{"a", "b"}, []string{"c"}, []string{"d"}
	for _, test := range []struct {
		name     string
		had, now []string
		weaker   bool
	}{
		{"a gate that never ran", nil, own, false},
		{"as before", good, good, false},
		{"better than before", own, good, false},
		{"another of the same kind", own, other, false},
		{"weaker", good, own, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if test.had != nil {
				if err := chosen.Keep(dir, test.had); err != nil {
					t.Fatal(err)
				}
			}
			err := chosen.Check(dir, "/models", test.now, good)
			if errors.Is(err, chosen.ErrWeaker) != test.weaker || err != nil != test.weaker {
				t.Fatal(err)
			}
			if test.weaker && !strings.Contains(hint.Of(err), "facegate models import FROM --dir /models") {
				t.Errorf("the advice is %q", hint.Of(err))
			}
		})
	}
}

// TestDamaged checks that what cannot be read is not taken for a gate that never ran.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "liveness.json")
	if err := os.WriteFile(path, []byte("["), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := chosen.Check(dir, "/models", []string{"c"}, []string{"a"}); err == nil || !strings.Contains(hint.Of(err), "remove "+path) {
		t.Errorf("%v, %q", err, hint.Of(err))
	}
}

// TestForget leaves nothing of a gate that is wiped, also where it has never run.
func TestForget(t *testing.T) {
	dir := t.TempDir()
	if err := chosen.Keep(dir, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := chosen.Forget(dir); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}
