package bugreport

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/needle"
)

func secrets(names ...string) (all []needle.Needle) {
	for _, name := range names {
		all = append(all, needle.Text("a name", name)...)
	}
	return all
}

// sample writes a page of every kind of line.
func sample(r *Report, name string) {
	p := r.Page("sample")
	p.Foreign("kernel", "6.12.47 aarch64")
	p.Foreign("camera", "camera of "+name)
	p.Figure("frames", 123456)
	p.Sentence("error", "open "+name+": permission denied")
	p.Values(struct {
		State health.State  `json:"state"`
		Site  string        `json:"site"`
		Names []string      `json:"names"`
		For   time.Duration `json:"for"`
		Named map[string]int
	}{health.OK, name, []string{name, "other"}, time.Minute, map[string]int{name: 1}}, "json", Public{func(string) bool { return true }, func(string) bool { return false }})
	p.Log([]string{
		fmt.Sprintf("time=2026-11-27T12:00:00Z level=INFO msg=%q label=%q", "in service", name),
		fmt.Sprintf("time=2026-11-27T12:00:00Z level=INFO msg=%q", name), name,
	})
}

// TestNamesAreTakenOut writes a report about anybody, also somebody who is called as something is that the program says: the words of
// the program stay, and where the name was nobody can tell it.
func TestNamesAreTakenOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(
			rapid.SampledFrom([]string{"ok", "door", "in service", "locked", "INFO", "sample", "state", "permission denied", "camera of", "true", "1m0s", "123456", "12"}),
			rapid.StringMatching(`[A-Z李][a-zäß李\x{200d}' "\\]{5,20}q`),
		).Draw(t, "name")
		r := New(secrets(name))
		sample(r, name)
		text, err := r.Text()
		if err != nil {
			t.Fatalf("%q breaks a report: %v", name, err)
		}
		for _, want := range []string{"state: ok", "site: <text-1>", "names[1]: <", "msg=in service", "level=INFO"} {
			if !strings.Contains(strings.ReplaceAll(string(text), "<site-1>", "<text-1>"), want) {
				t.Fatalf("of %q the report does not say %q:\n%s", name, want, text)
			}
		}
		if len(name) > 20 && strings.Contains(string(text), name) {
			t.Fatalf("%q is in the report:\n%s", name, text)
		}
	})
}

// TestSecretIsFound writes nothing where a secret has come into a report all the same, and does not say which.
func TestSecretIsFound(t *testing.T) {
	r := New(secrets("Zdenka Poisonova"))
	p := r.Page("sample")
	p.row("name", piece{text: "Zdenka "}, piece{text: "Poisonova"})
	if text, err := r.Text(); !errors.Is(err, ErrSecret) || text != nil || strings.Contains(err.Error(), "Zdenka") {
		t.Errorf("%q, %v", text, err)
	}
	p.lines = nil
	p.row("name", ours("Zdenka "), piece{text: "Poisonova"})
	if _, err := r.Text(); !errors.Is(err, ErrSecret) {
		t.Errorf("a name that begins with a word of the program: %v", err)
	}
	p.lines = nil
	p.Say("Zdenka Poisonova")
	if _, err := r.Text(); err != nil {
		t.Errorf("what the program says is no secret: %v", err)
	}
}

// TestSentence keeps what the program says.
func TestSentence(t *testing.T) {
	for text, want := range map[string]string{
		"in service":  "in service",
		"Ada is here": TakenOut,
		"the gate refused the request: no space left on device": "the gate refused the request: no space left on device",
		"open /etc/facegate/ada.yaml: permission denied":        "open " + TakenOut + ": permission denied",
	} {
		var got strings.Builder
		for _, p := range New(nil).sentence(text) {
			got.WriteString(p.text)
		}
		if got.String() != want {
			t.Errorf("%q becomes %q, want %q", text, &got, want)
		}
	}
}
