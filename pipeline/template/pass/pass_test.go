package pass_test

import (
	"bytes"
	"errors"
	"flag"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/template"
	"facegate/pipeline/template/pass"
)

var update = flag.Bool("update", false, "write the golden file")

func token(tb testing.TB) template.Token {
	tb.Helper()
	t, err := template.NewToken(strings.NewReader("a fixed token 16"))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestTerminalGolden(t *testing.T) {
	golden := filepath.Join("testdata", "terminal.txt")
	var got bytes.Buffer
	if err := pass.WriteTerminal(&got, token(t)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("the terminal shows another code (-want +got):\n%s", diff)
	}
}

// The two renderings are of one code, with its margin.
func TestPNGAgreesWithTerminal(t *testing.T) {
	data, err := pass.PNG(token(t))
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var terminal strings.Builder
	if err := pass.WriteTerminal(&terminal, token(t)); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.NewReplacer("\x1b[97;40m", "", "\x1b[0m", "").Replace(terminal.String()), "\n")
	const modules, scale = 25 + 2*4, 8 // version 2 holds the 32 letters
	if img.Bounds().Dx() != modules*scale || img.Bounds().Dy() != modules*scale {
		t.Fatalf("the picture is %v, want %d modules of %d pixels", img.Bounds(), modules, scale)
	}
	for y := range modules {
		row := []rune(rows[y/2])
		if len(row) != modules {
			t.Fatalf("line %d has %d cells, want %d", y/2, len(row), modules)
		}
		for x := range modules {
			lightHalves := map[rune]string{' ': "", '▀': "upper", '▄': "lower", '█': "upper lower"}[row[x]]
			light := strings.Contains(lightHalves, [...]string{"upper", "lower"}[y%2])
			grey := color.GrayModel.Convert(img.At(x*scale+scale/2, y*scale+scale/2)).(color.Gray).Y
			if light != (grey > 128) {
				t.Fatalf("module %d,%d is light in one rendering alone", x, y)
			}
		}
	}
}

func TestClearedTokenIsNotDrawn(t *testing.T) {
	cleared := token(t)
	cleared.Clear()
	for name, tok := range map[string]template.Token{"zero": {}, "cleared": cleared} {
		if _, err := pass.PNG(tok); !errors.Is(err, template.ErrToken) {
			t.Errorf("%s: PNG: %v", name, err)
		}
		var w bytes.Buffer
		if err := pass.WriteTerminal(&w, tok); !errors.Is(err, template.ErrToken) || w.Len() != 0 {
			t.Errorf("%s: WriteTerminal: %v, %d bytes", name, err, w.Len())
		}
	}
}

func TestWriteTerminalReportsTheWriter(t *testing.T) {
	if err := pass.WriteTerminal(failing{}, token(t)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }
