package manual_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/manual"
)

var update = flag.Bool("update", false, "write the golden files")

// A shop is a small command line with what there is in a large one.
type shop struct {
	Sell struct {
		What  string `arg:"" help:"The thing."`
		Price int    `placeholder:"EUR" help:"What it costs; it's \\ with tax."`
		JSON  bool   `help:"Print JSON."`
	} `cmd:"" help:"Sell a thing."`
	Till struct {
		Open  struct{} `cmd:"" help:".open the till."`
		Count struct {
			Coins bool `help:"Coins alone."`
		} `cmd:"" help:"Count what is in it."`
	} `cmd:"" help:"Deal with the till."`
	Steal struct{} `cmd:"" hidden:"" help:"Not in the manual."`
}

func model(t *testing.T) *kong.Application {
	t.Helper()
	k, err := kong.New(&shop{}, kong.Name("shop"), kong.Description("sells things"), kong.NoDefaultHelp())
	if err != nil {
		t.Fatal(err)
	}
	return k.Model
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestGolden(t *testing.T) {
	var page bytes.Buffer
	codes := manual.Section{Title: "exit status", Rows: []manual.Row{{"0", "sold"}, {"1", "not sold"}}}
	if err := manual.Page(&page, model(t), "1.2", codes); err != nil {
		t.Fatal(err)
	}
	golden(t, "shop.1", page.Bytes())
	for _, shell := range manual.Shells() {
		var script bytes.Buffer
		if err := manual.Completion(&script, shell, model(t)); err != nil {
			t.Fatal(err)
		}
		golden(t, "shop."+shell, script.Bytes())
	}
	if err := manual.Completion(&page, "tcsh", model(t)); !errors.Is(err, manual.ErrShell) {
		t.Errorf("for another shell: %v", err)
	}
}

// TestBash has bash complete command lines, where there is a bash.
func TestBash(t *testing.T) {
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	var script bytes.Buffer
	if err := manual.Completion(&script, "bash", model(t)); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"shop ":               "sell till",
		"shop s":              "sell",
		"shop till ":          "open count",
		"shop till count --":  "--coins",
		"shop sell --p":       "--price",
		"shop sell thing --j": "--json",
		"shop st":             "",
	} {
		words := strings.Fields(line)
		if strings.HasSuffix(line, " ") {
			words = append(words, "''")
		}
		ask := script.String() + "\nCOMP_WORDS=(" + strings.Join(words, " ") + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]}-1))\n_shop\necho \"${COMPREPLY[*]}\"\n"
		out, err := exec.Command(shell, "--norc", "-c", ask).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q completes to %q, want %q; %v", line, got, want, err)
		}
	}
}
