package needle_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"facegate/cmd/facegate/internal/needle"
)

// TestText finds a text in whatever form it has come into the middle of another.
func TestText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.TrimSpace(rapid.StringMatching(`[a-zäéß李\x{200d}"<&\\][ -~a-zäéß李]{9,20}[a-z李]`).Draw(t, "text"))
		asJSON, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		search := needle.NewSearch(needle.Text("a name", text))
		for _, form := range []string{
			text, strings.ToLower(text), strings.ToUpper(text), strings.ReplaceAll(text, "\u200d", ""),
			string(asJSON), fmt.Sprintf("%q %+q", text, text), url.QueryEscape(text), url.PathEscape(text), fmt.Sprintf("%x", text),
			base64.StdEncoding.EncodeToString([]byte("x" + text + "yz")), base64.StdEncoding.EncodeToString([]byte("xy" + text + "z")),
		} {
			if len(search.Find([]byte("odd"+form+"even"))) == 0 {
				t.Fatalf("%q is not found as %q", text, form)
			}
		}
		if found := search.Find([]byte("the quick brown fox")); len(found) > 0 {
			t.Fatalf("%q is found where it is not: %s", text, found)
		}
	})
}

// TestShort finds a short word where it is one, and no number that every page has.
func TestShort(t *testing.T) {
	search := needle.NewSearch(append(needle.Text("a name", "Li"), needle.Text("a name", "李")...))
	for text, want := range map[string]int{
		"Li": 1, "with Li, and LI and li": 3, "Linux runs on lithium": 0, "Li1": 0, "王李娜": 1, "": 0,
	} {
		n := 0
		for range search.All([]byte(text)) {
			n++
		}
		if n != want {
			t.Errorf("found %d times in %q, want %d", n, text, want)
		}
	}
	for text, want := range map[string]bool{"12": false, "4711": false, "47110": true, " ": false, "ok": true} {
		if got := len(needle.Text("a name", text)) > 0; got != want {
			t.Errorf("%q is looked for: %v", text, got)
		}
	}
}
