// Package goldentest compares what is printed with a file that says what it was when somebody last read it.
package goldentest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Check compares got with a file in the folder testdata, which FACEGATE_UPDATE=1 writes.
func Check(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("FACEGATE_UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// CheckJSON compares value, as indented JSON, with a file as Check does. Numbers have six digits there, since arm64 fuses
// multiplications with additions and so differs in the last ones.
func CheckJSON(t *testing.T, name string, value any) {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var decoded any
	if err := json.Unmarshal(raw, &decoded); err != nil {
		t.Fatal(err)
	}
	raw, err = json.MarshalIndent(rounded(decoded), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	Check(t, name, string(raw)+"\n")
}

// rounded cuts the numbers in a decoded JSON value to six digits.
func rounded(value any) any {
	switch v := value.(type) {
	case float64:
		return json.Number(fmt.Sprintf("%.6g", v))
	case []any:
		for i := range v {
			v[i] = rounded(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = rounded(v[key])
		}
	}
	return value
}
