package main

import (
	"strings"
	"testing"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/people"
)

// TestSecondInWords checks what whoever enrols is told of a face that opens nothing alone, and that nobody else is named.
func TestSecondInWords(t *testing.T) {
	for _, tt := range []struct {
		second people.Second
		pass   bool
		want   []string
		not    string
	}{
		{"", false, nil, "face"},
		{people.SecondAge, true, []string{"under 14", "together with this pass"}, "facegate person pass"},
		{people.SecondNear, true, []string{"too near to that of somebody enrolled", "nobody is told whose", "never alone"}, "facegate person pass"},
		{people.SecondNear, false, []string{"facegate person pass Eve --png FILE, or a card"}, "already"},
	} {
		var b strings.Builder
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		writeSecond(w, people.Person{Label: "Eve", Second: tt.second}, tt.pass)
		w.Flush()
		for _, want := range tt.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%q, with a pass %v: %q is not in\n%s", tt.second, tt.pass, want, b.String())
			}
		}
		if strings.Contains(b.String(), tt.not) {
			t.Errorf("%q, with a pass %v: %q is in\n%s", tt.second, tt.pass, tt.not, b.String())
		}
	}
}

// TestYoungest checks which words name ages in years.
func TestYoungest(t *testing.T) {
	for band, want := range map[string]int{
		"under-14": 0, "under-13": 0, "13": 13, "10-13": 10, "14-15": 14, "14-17": 14, "adult": -1, "minor": -1, "": -1, "under-": -1,
		"under-0": -1, "17-14": -1, "-3": -1, "14-": -1,
	} {
		if got := youngest(band); got != want {
			t.Errorf("%q: %d, want %d", band, got, want)
		}
	}
}
