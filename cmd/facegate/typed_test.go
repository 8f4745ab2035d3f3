package main

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
)

// TestTypedIsCheckedFirst types what cannot be kept, at a gate at which nobody may ask anything for that.
func TestTypedIsCheckedFirst(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		if conn, err := l.Accept(); err == nil {
			conn.Close()
			t.Error("the gate was asked")
		}
	}()
	t.Cleanup(func() { l.Close(); <-asked })
	enroll := func(more ...string) []string { return append([]string{"enroll", "--age", "adult"}, more...) }
	for _, tt := range []struct {
		name      string
		args      []string
		err, todo string
	}{
		{"label in Latin-1", enroll("M\xfcller", "--consent", "f"), `"M\xfcller" has the byte 0xFC`, "UTF-8"},
		{"label with a lost character", enroll("M\ufffdller", "--consent", "f"), "U+FFFD", "UTF-8"},
		{"guardian", enroll("x", "--consent", "f", "--guardian", "M\xf6ller"), "0xF6", "UTF-8"},
		{"witness", enroll("x", "--consent", "f", "--witness", "a\u202eb"), "U+202E RIGHT-TO-LEFT OVERRIDE, character 2", "leave the character out"},
		{"reference", enroll("x", "--consent", "f\n1"), "U+000A", ""},
		{"long reference", enroll("x", "--consent", strings.Repeat("x", 5000)), "a reference has at most 128 bytes, and this has 5000", "shorten"},
		{"very long reference", enroll("x", "--consent", strings.Repeat("门", 50000)), "a reference has at most 128 bytes", "shorten"},
		{"long label", enroll(strings.Repeat("门", 22), "--consent", "f"), "a label has at most 64 bytes, and this has 66", "shorten"},
		{"empty label", enroll(" ", "--consent", "f"), "a label cannot be empty", ""},
		{"joiner alone", enroll("\u200c", "--consent", "f"), "U+200C ZERO WIDTH NON-JOINER", "between two letters"},
		{"age", []string{"enroll", "x", "--consent", "f", "--age", "young"}, `"young" is no age`, "say adult, minor"},
		{"age without years", []string{"enroll", "x", "--consent", "f", "--age", "under-"}, `"under-" is no age`, "under-14"},
		{"dash", enroll("-x", "--consent", "f"), "unknown flag -x", "follows after two dashes, at the end of the command: facegate enroll ... -- -x"},
		{"dash before a name", enroll("-Ada", "--consent", "f"), "unknown flag -A", "-- -Ada"},
		{"number below zero", enroll("-1", "--consent", "f"), "unknown flag -1", "-- -1"},
		{"no label", enroll("x", "--consent", "f", "--witnes", "y"), "unknown flag --witnes", "facegate --help"},
		{"erase", []string{"erase", "M\xf6ller", "--yes"}, "0xF6", "UTF-8"},
		{"erase with a dash", []string{"erase", "-x", "--yes"}, "unknown flag -x", "facegate erase ... -- -x"},
		{"withdraw", []string{"person", "withdraw", "M\xf6ller", "--yes"}, "0xF6", "UTF-8"},
		{"show", []string{"person", "show", "M\xf6ller"}, "0xF6", "UTF-8"},
		{"pass", []string{"person", "pass", "M\xf6ller", "--yes"}, "0xF6", "UTF-8"},
		{"reason", []string{"faces", "off", "--reason", "M\xf6ller is away"}, "0xF6", "UTF-8"},
		{"long reason", []string{"faces", "off", "--reason", strings.Repeat("x", 129)}, "a reason has at most 128 bytes", "shorten"},
		{"relabel from", []string{"person", "relabel", "M\xf6ller", "x"}, "0xF6", "UTF-8"},
		{"relabel to", []string{"person", "relabel", "x", "M\xf6ller"}, "0xF6", "UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			words := 1 // of the command
			if tt.args[0] == "person" || tt.args[0] == "faces" {
				words = 2
			}
			p := facegate(t.Context(), slices.Concat(tt.args[:words], []string{"--socket", socket}, tt.args[words:])...)
			p.want(t, exitUsage, "", tt.err)
			if _, todo, ok := strings.Cut(p.err, "  to do: "); !ok || !strings.Contains(todo, tt.todo) {
				t.Errorf("errors:\n%s\nwant: %s", p.err, tt.todo)
			}
		})
	}
}

// TestNames enrols people whose names have several forms, and finds them by each.
func TestNames(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, nil)
	l := startLive(t, site, nil)
	const composed, decomposed, persian = "Jos\u00e9 M\u00fcller", "  Jose\u0301   Mu\u0308ller ", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"
	l.enrollAs(t, "p01", decomposed, "--witness", "Zoe\u0308").want(t, exitOK, composed+" is enrolled until ", "5 of 5 frames: captured\n")
	l.enrollAs(t, "p02", persian).want(t, exitOK, persian+" is enrolled until ", "5 of 5 frames: captured\n")
	l.enrollAs(t, "p04", "A1").want(t, exitOK, "A1 is enrolled until ", "5 of 5 frames: captured\n")
	for _, tt := range []struct{ label, says string }{
		{decomposed, "somebody is enrolled under this label"},
		{"JOS\u00c9 M\u00dcLLER", "can be taken for somebody else's: " + composed + " is enrolled"},
		{"J\u043es\u00e9 M\u00fcller", "(U+043E CYRILLIC SMALL LETTER O) for \"o\" (U+006F LATIN SMALL LETTER O)"},
		{"\u0639\u0644\u06cc\u0631\u0636\u0627", "it lacks"},
		{"Al", `it has "l" (U+006C LATIN SMALL LETTER L) for "1" (U+0031 DIGIT ONE)`},
		{"\uff211", "can be taken for somebody else's: A1 is enrolled"},
	} {
		l.do(t, "enroll", tt.label, "--consent", "f", "--age", "adult").want(t, exitFailed, "", tt.says)
		other := persian
		if strings.Contains(tt.says, "lacks") {
			other = "A1"
		}
		l.do(t, "person", "relabel", other, tt.label, "--config", config).want(t, exitFailed, "", "to do: choose ")
	}
	l.do(t, "person", "relabel", "A1", "a1", "--config", config).want(t, exitOK, "A1 is now a1", "")
	l.do(t, "person", "show", "Al", "--config", config).want(t, exitFailed, "", "to do: did you mean a1?")
	find := func() {
		t.Helper()
		for _, form := range []string{composed, decomposed} {
			var f people.File
			l.do(t, "person", "show", form, "--config", config, "--json").decode(t, &f)
			if f.Label != composed || f.Agreed.Witness != "Zo\u00eb" {
				t.Errorf("%+q is %+v", form, f)
			}
		}
		l.do(t, "person", "show", persian, "--config", config).want(t, exitOK, persian, "")
	}
	find()
	l.do(t, "people", "--config", config).want(t, exitOK, persian, "")
	l.stop()
	find()
	facegate(t.Context(), "person", "relabel", persian, "JOS\u00c9 M\u00dcLLER", "--config", config).want(t, exitFailed, "", "can be taken for")
	facegate(t.Context(), "erase", decomposed, "--yes", "--config", config).want(t, exitOK, composed+" is erased", "")
}
