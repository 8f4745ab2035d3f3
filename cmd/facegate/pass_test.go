package main

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rsc.io/qr/coding"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/durable/durabletest"
	"facegate/store/receipt"
)

// photograph reads the QR code in a picture that a sheet has drawn, and writes what it says to a file.
func photograph(t *testing.T, path string) (letters string) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("%s: %v, %v", path, info, err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	text := readCode(t, img)
	if _, err := template.ParseToken(text); err != nil {
		t.Fatalf("%s is no pass", path)
	}
	letters = path + ".txt"
	if err := os.WriteFile(letters, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return letters
}

// readCode reads a code of version 2, level M, with a margin of 4 modules, 8 pixels a module (ISO/IEC 18004, 12).
func readCode(t *testing.T, img image.Image) string {
	t.Helper()
	black := func(x, y int) bool {
		return color.GrayModel.Convert(img.At((x+4)*8+4, (y+4)*8+4)).(color.Gray).Y < 128
	}
	for mask := range coding.Mask(8) {
		plan, err := coding.NewPlan(2, coding.M, mask)
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := unmask(plan, black); ok {
			return alphanumeric(data)
		}
	}
	t.Fatal("there is no QR code in the picture")
	return ""
}

// unmask returns the data bytes of a code, if it is one of the plan.
func unmask(plan *coding.Plan, black func(x, y int) bool) (data []byte, ok bool) {
	data = make([]byte, plan.DataBytes+plan.CheckBytes)
	for y, row := range plan.Pixel {
		for x, pixel := range row {
			set := black(x, y) != (pixel&coding.Black != 0)
			switch pixel.Role() {
			case coding.Data, coding.Check:
				if set {
					data[pixel.Offset()/8] |= 0x80 >> (pixel.Offset() % 8)
				}
			case coding.Format, coding.Timing, coding.Position, coding.Alignment:
				if set {
					return nil, false
				}
			}
		}
	}
	return data, true
}

// alphanumeric decodes one segment of that mode: its number 2 in 4 bits, a count in 9, and 11 bits for two letters.
func alphanumeric(data []byte) string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	at := 4
	take := func(n int) (v int) {
		for range n {
			v = v<<1 | int(data[at/8]>>(7-at%8)&1)
			at++
		}
		return v
	}
	var text []byte
	for n := take(9); n > 1; n -= 2 {
		pair := take(11)
		text = append(text, letters[pair/45], letters[pair%45])
	}
	return string(text)
}

// absent checks that nothing was left at path.
func absent(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", path, err)
	}
}

// TestPasses issues passes, replaces one, and has people erased by theirs, on a running gate and on a stopped one.
func TestPasses(t *testing.T) {
	l, config, do := startWith(t, nil)
	site := l.site
	first, second, third := site.Path("1.png"), site.Path("2.png"), site.Path("3.png")
	l.enroll(t, "p01", "--pass", first).want(t, exitOK, "pass: in "+first+", and nowhere else", "captured")
	var enrolled struct{ Label, Pass string }
	l.enroll(t, "p02", "--pass", second, "--json").decode(t, &enrolled)
	if enrolled.Label != "p02" || enrolled.Pass != second {
		t.Errorf("enroll --json says %+v", enrolled)
	}
	p := l.enroll(t, "p04")
	if p.code != exitOK || strings.Contains(p.out, "pass") {
		t.Errorf("enrolled without a pass:\n%s", p.out)
	}
	do("person", "show", "p01").want(t, exitOK, "one, of which the gate knows an id alone", "")
	do("person", "show", "p01").want(t, exitOK, "(S1, 1:N)", "")
	var file people.File
	do("person", "show", "p04", "--json").decode(t, &file)
	if file.Pass || file.Scheme != "S1" {
		t.Errorf("person show --json says %+v", file)
	}

	// Nobody is captured, and no pass replaced, where the new pass would be lost.
	request := []string{"enroll", "p05", "--consent", "form", "--age", "adult"}
	l.do(t, append(slices.Clone(request), "--pass", first)...).want(t, exitFailed, "", "to do: name a new file")
	l.do(t, append(slices.Clone(request), "--pass", site.Path("none/1.png"))...).want(t, exitFailed, "", "to do: name a new file")
	l.do(t, append(slices.Clone(request), "--pass", "-", "--json")...).want(t, exitFailed, "", "name a new PNG file for it with --pass")
	do("person", "pass", "p01").want(t, exitFailed, "", "to do: name a new PNG file for it with --png")
	do("person", "pass", "p01", "--png", first).want(t, exitFailed, "", "to do: name a new file")
	do("person", "pass", "nobody", "--yes", "--png", third).want(t, exitFailed, "", "to do: list the labels")
	absent(t, third)
	l.do(t, "enroll", "p01", "--consent", "form", "--age", "adult", "--pass", third).want(t, exitFailed, "", "to do: choose another label")
	absent(t, third)

	old := photograph(t, first)
	do("person", "pass", "p01", "--yes", "--png", third).want(t, exitOK, "any older pass of p01 is dead", "")
	do("erase", "--yes", "--pass", old).want(t, exitFailed, "", "to do: take the newest pass")
	do("erase", "--yes", "--pass", photograph(t, third)).want(t, exitOK, "the owner of the pass is erased", "")
	do("person", "show", "p01").want(t, exitFailed, "", "to do: list the labels")
	do("person", "pass", "p04", "--yes", "--png", "-").want(t, exitOK, "\x1b[97;40m█", "")
	l.stop()

	do("erase", "--yes", "--pass", first).want(t, exitFailed, "", "to do: take the newest pass") // the picture of a dead one
	rubbish := site.Path("rubbish")
	if err := os.WriteFile(rubbish, bytes.Repeat([]byte("A"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{rubbish, site.Path("none"), site.Dir, "-"} { // and nothing comes from standard input
		do("erase", "--yes", "--pass", path).want(t, exitFailed, "", "read the pass: ")
	}
	facegate(t.Context(), "erase").want(t, exitUsage, "", "give a label or --pass")
	facegate(t.Context(), "person", "withdraw", "p02", "--pass", rubbish).want(t, exitUsage, "", "give a label or --pass")

	fourth := site.Path("4.png")
	do("person", "pass", "p04", "--yes", "--png", fourth, "--json").want(t, exitOK, `"pass": "`+fourth+`"`, "")
	photograph(t, fourth)
	do("erase", "--yes", "--pass", fourth).want(t, exitOK, "the owner of the pass is erased", "")
	withdrawByStdin(t, l, config, photograph(t, second))
	l.do(t, "people").want(t, exitNotRunning, "", "not running")
}

// withdrawByStdin withdraws a consent by the letters of a pass on standard input, and checks the receipt.
func withdrawByStdin(t *testing.T, l *live, config, letters string) {
	t.Helper()
	text, err := os.ReadFile(letters)
	if err != nil {
		t.Fatal(err)
	}
	key := facegate(t.Context(), "device", "pubkey", "--config", config, "--socket", l.site.Socket())
	proof := l.site.Path("proof.json")
	var out, complaints bytes.Buffer
	args := []string{"person", "withdraw", "--yes", "--pass", "-", "--receipt", proof, "--config", config, "--socket", l.site.Socket()}
	code := run(t.Context(), args, terminal{in: bytes.NewReader(text), out: &out, err: &complaints})
	printout{code, out.String(), complaints.String()}.want(t, exitOK, "receipt: "+proof, "")
	genuine(t, proof, strings.TrimSpace(key.out), receipt.Erasure, "withdrawn")
}

// TestOneToOne runs a gate of the profile eu, which compares people with their own pass alone.
func TestOneToOne(t *testing.T) {
	more := gatetest.Settings{
		"profile": "eu", "alternatives": "[qr, intercom]", "assessment": "{id: IA-7, date: 2026-03-31, version: 2}",
		"notice": "{version: 3, controller: Lime Court Ltd, contact: privacy@lime.example, sign_installed: true, " +
			"en: {place: north door, purpose: To open this door, necessity: Hands stay free, rights: ask the porter}}",
	}
	l, config, do := startWith(t, more)
	site := l.site
	l.do(t, "enroll", "p01", "--consent", "form", "--age", "adult").want(t, exitFailed, "", "no terminal to show the pass in")
	first, second := site.Path("1.png"), site.Path("2.png")
	l.enroll(t, "p01", "--pass", first).want(t, exitOK, "pass: in "+first, "captured")
	l.enroll(t, "p02", "--pass", "-").want(t, exitOK, "pass: above, and nowhere else", "captured")
	do("person", "show", "p01").want(t, exitOK, "opens with the person's pass alone (S2, 1:1)", "")
	do("person", "pass", "p01", "--yes", "--png", second).want(t, exitFailed, "", "to do: a new pass needs a new capture")
	absent(t, second)
	gatetest.Eventually(t, "a pass is waited for", func() bool {
		return strings.Contains(l.do(t, "status").out, "waiting for a pass")
	})
	text := strings.Join(strings.Fields(l.do(t, "status").out), " ")
	for _, line := range []string{"people 2 ", "faces open the door after the person's own pass", "to do: show your pass first"} {
		if !strings.Contains(text, line) {
			t.Errorf("status does not say %q:\n%s", line, text)
		}
	}
	do("erase", "--yes", "p02").want(t, exitOK, "p02 is erased", "")
	do("epoch", "begin").want(t, exitFailed, "", "to do: a new pass has new keys: facegate enroll LABEL --again")
	l.stop()
	do("epoch", "begin").want(t, exitFailed, "", "to do: a new pass has new keys: facegate enroll LABEL --again")
	withdrawByStdin(t, l, config, photograph(t, first))
}

// TestSheetIsFull checks that a pass that could not be written is forgotten, and its file removed.
func TestSheetIsFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pass.png")
	disk := new(durabletest.Disk)
	s, err := newSheet("--pass", path, false, terminal{disk: disk})
	if err != nil {
		t.Fatal(err)
	}
	token, err := template.NewToken(strings.NewReader("a fixed token 16"))
	if err != nil {
		t.Fatal(err)
	}
	disk.Broken = syscall.ENOSPC
	if err := s.draw(token); !errors.Is(err, syscall.ENOSPC) || token.Text() != "" {
		t.Errorf("draw: %v; the token is left: %v", err, token.Text() != "")
	}
	absent(t, path)
}

// TestSheetInTerminal checks that a pass is shown unasked in a terminal alone.
func TestSheetInTerminal(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer tty.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tt := range []struct {
		name, path string
		out        *os.File
		json, ok   bool
	}{
		{name: "terminal", out: tty, ok: true},
		{name: "terminal, by name", out: tty, path: "-", ok: true},
		{name: "terminal, JSON", out: tty, json: true},
		{name: "file", out: file},
		{name: "file, by name", out: file, path: "-", ok: true},
		{name: "file, by name, JSON", out: file, path: "-", json: true},
	} {
		s, err := newSheet("--pass", tt.path, tt.json, terminal{out: tt.out})
		if tt.ok != (err == nil) || err != nil && (!errors.Is(err, errShow) || hint.Of(err) == "") || tt.ok && s.path != standard {
			t.Errorf("%s: %+v, %v", tt.name, s, err)
		}
	}
}
