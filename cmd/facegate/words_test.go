package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
)

// TestComplain prints errors as they come, joined and wrapped.
func TestComplain(t *testing.T) {
	err := fmt.Errorf("the gate refused the request: %w", errors.New("store: people.db: unexpected EOF"))
	for _, tt := range []struct {
		err  error
		want string
	}{
		{err, "facegate: the gate refused the request: people.db: it ends too early\n"},
		{errors.Join(errors.New("store: a"), errors.New("gpio: b")), "facegate: a\nb\n"},
	} {
		var out strings.Builder
		if code := complain(&out, tt.err, exitFailed, false); code != exitFailed || out.String() != tt.want {
			t.Errorf("%v: code %d, %q", tt.err, code, &out)
		}
	}
}

// TestDays reads dates as people write them.
func TestDays(t *testing.T) {
	for _, tt := range []struct{ typed, says string }{
		{"26.11.2027", "to do: write it year-month-day, as 2027-11-26"},
		{"2027/11/26", "as 2027-11-26"},
		{"2027-1-6", "as 2027-01-06"},
		{"20271126", "as 2027-11-26"},
		{"2027年11月26日", "as 2027-11-26"},
		{"11/26/2027", "such as 2027-11-26"}, // month or day first, who knows
		{"2027-02-30", "such as 2027-11-26"},
		{"soon", "such as 2027-11-26"},
		{"", "such as 2027-11-26"},
	} {
		p := facegate(t.Context(), "enroll", "x", "--consent", "f", "--age", "adult", "--until="+tt.typed)
		p.want(t, exitUsage, "", tt.says)
		p.want(t, exitUsage, "", "is no date")
		for _, word := range []string{"parsing", "cannot parse", "2006"} {
			if strings.Contains(p.err, word) {
				t.Errorf("%s: people read %q", tt.typed, p.err)
			}
		}
	}
	var d day
	must(t, d.UnmarshalText([]byte("2027-11-26")))
	if d.Year() != 2027 || d.YearDay() != 330 {
		t.Errorf("read as %v", d)
	}
}

// TestManual checks that the man page has every command and flag, and every exit code, and that each shell is served.
func TestManual(t *testing.T) {
	p := facegate(t.Context(), "man")
	p.want(t, exitOK, ".SH EXIT STATUS", "")
	for _, c := range exitCodes() {
		p.want(t, exitOK, fmt.Sprintf(".B %d\n", c.code), "")
	}
	for _, leaf := range leaves(t) {
		words := strings.TrimPrefix(leaf.FullPath(), "facegate ")
		p.want(t, exitOK, ".SS "+strings.ReplaceAll(words, "-", `\-`), "")
		for _, f := range leaf.Flags {
			p.want(t, exitOK, `\-\-`+strings.ReplaceAll(f.Name, "-", `\-`), "")
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		facegate(t.Context(), "completion", shell).want(t, exitOK, "destroy-templates", "")
	}
	facegate(t.Context(), "completion", "tcsh").want(t, exitUsage, "", "bash")
	facegate(t.Context(), "--version").want(t, exitOK, "facegate development (go1.", "")
	facegate(t.Context(), "status", "--version").want(t, exitOK, "facegate development (go1.", "")
}

// TestExitCodes checks that each code stands once, and in its place, with a word of its own.
func TestExitCodes(t *testing.T) {
	seen := map[string]bool{}
	for i, c := range exitCodes() {
		if c.code != i || c.meaning == "" || c.kind == "" || seen[c.kind] {
			t.Errorf("code %d: %+v", i, c)
		}
		seen[c.kind] = true
		for _, err := range c.errs {
			if got := codeOf(fmt.Errorf("open: %w", err)); got != c.code {
				t.Errorf("%v ends with %d, want %d", err, got, c.code)
			}
		}
	}
	if codeOf(errors.New("x")) != exitFailed || codeOf(nil) != exitOK {
		t.Error("an error of no kind has not failed")
	}
}

// TestExitCodesAreInTheDocuments compares the table of docs/exit-codes.md with the codes that there are.
func TestExitCodesAreInTheDocuments(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(gatetest.Root(t), "docs", "exit-codes.md"))
	must(t, err)
	var rows []string
	for _, c := range exitCodes() {
		rows = append(rows, fmt.Sprintf("| %d | `%s` | %s |", c.code, c.kind, c.meaning))
	}
	_, table, _ := strings.Cut(string(text), "|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if want := strings.Join(rows, "\n"); table != want {
		t.Errorf("the table is\n%s\nwant\n%s", table, want)
	}
}

// TestSudoer checks that a technician who became root by sudo is named as who they are.
func TestSudoer(t *testing.T) {
	t.Setenv("SUDO_USER", "ada")
	want := "ada"
	if os.Geteuid() != 0 {
		want = ""
	}
	if got := sudoer(); got != want {
		t.Errorf("the login is %q, want %q", got, want)
	}
}

// TestUsage checks that a wrong command line is answered in words that are not the parser's.
func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args      string
		says, not string
	}{
		{"enroll x --consent", "--consent: a value is missing", "EOL"},
		{"status --socket", "--socket: a value is missing", "EOL"},
		{"eval liveness x --threshold=y", `--threshold: a number is wanted, not "y"`, "float"},
		{"enroll -x --consent f --age adult", "unknown flag -x\n", "did you mean"},
		{"status --jsno", `did you mean "--json"?`, "(string)"},
		{"status x", "to do: facegate status --help says what it takes", "EOL"},
		{"opne", "to do: facegate --help lists the commands", "EOL"},
	} {
		p := facegate(t.Context(), strings.Fields(tt.args)...)
		p.want(t, exitUsage, "", tt.says)
		if strings.Contains(p.err, tt.not) {
			t.Errorf("%s: people read %q", tt.args, p.err)
		}
	}
}

// TestLogWords checks that a log has errors in the words that a command has them in.
func TestLogWords(t *testing.T) {
	var out strings.Builder
	newLog(&out, slog.LevelInfo).Error("an erasure waits", "error", fmt.Errorf("store: %w", io.ErrUnexpectedEOF), "count", 3)
	if !strings.Contains(out.String(), `msg="an erasure waits" error="it ends too early" count=3`) {
		t.Errorf("the log says %s", &out)
	}
}
