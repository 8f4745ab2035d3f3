package visitsheet_test

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"

	"facegate/cmd/facegate/internal/typeset"
	"facegate/cmd/facegate/internal/typeset/typesettest"
	"facegate/cmd/facegate/internal/visitsheet"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/pipeline/template/pass"
)

// letters is text in which every letter has a code of its own.
const letters = "QABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

func sheet(tb testing.TB, notices ...notice.Text) visitsheet.Sheet {
	tb.Helper()
	picture, err := pass.Draw(letters)
	if err != nil {
		tb.Fatal(err)
	}
	at := time.Date(2026, 11, 27, 8, 0, 0, 0, time.FixedZone("", 3600))
	return visitsheet.Sheet{
		Picture: picture, Margin: pass.Margin(letters), Number: "ABCD-EFGH-IJKL-MNOP-QRST", Door: "lime court/north", From: at,
		Until: at.Add(10 * time.Hour), Uses: 1, Notices: notices, Made: at,
	}
}

func english() notice.Text {
	return notice.Text{Language: notice.English, Text: "# Face recognition: north\n\nVersion 3.\n\n**It is your free choice.** A \\*key\\* opens &lt;the same&gt; door.\n\n" +
		strings.Repeat("Long words and short ones fill the lines of a paragraph. ", 120)}
}

func chineseNotice() notice.Text {
	return notice.Text{Language: notice.Chinese, Text: "# 人脸识别：北门\n\n**自愿选择。** 您可以使用二维码，" + strings.Repeat("相机把您的脸与同意者的代码进行比对。", 60)}
}

// write draws a sheet.
func write(tb testing.TB, s visitsheet.Sheet, f typeset.Fonts) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := visitsheet.Write(&b, s, f); err != nil {
		tb.Fatal(err, hint.Of(err))
	}
	return b.Bytes()
}

// joined returns the lines in a language as one text.
func joined(lines []typesettest.Line, lang string) string {
	var b strings.Builder
	for _, l := range lines {
		if l.Lang == lang {
			b.WriteString(l.Text + " ")
		}
	}
	return b.String()
}

// TestWrite draws a sheet in two languages, and reads it as a program does that reads it aloud.
func TestWrite(t *testing.T) {
	s := sheet(t, english(), chineseNotice())
	f, err := typeset.With(typesettest.Chinese(t, chineseNotice().Text+allWords()))
	if err != nil {
		t.Fatal(err)
	}
	pdf := write(t, s, f)
	for _, want := range []string{"/Lang (en)", "/Title "} {
		if !bytes.Contains(pdf, []byte(want)) {
			t.Errorf("the document does not say %s", want)
		}
	}
	lines := typesettest.Read(t, pdf)
	en, zh := joined(lines, "en"), joined(lines, "zh")
	for _, want := range []string{
		"Visitor's pass", "Gate: lime court/north", "Opens from: 2026-11-27 08:00 (UTC+01:00)", "Opens until: 2026-11-27 18:00",
		"How often: once", "ABCD-EFGH-IJKL-MNOP-QRST", "20 cm", "Face recognition: north", "It is your free choice. A *key* opens <the same> door.",
	} {
		if !strings.Contains(en, want) {
			t.Errorf("in English it does not say %q", want)
		}
	}
	if got := strings.Count(en, "Long words"); got != 120 {
		t.Errorf("%d of 120 sentences are there", got)
	}
	zh = strings.ReplaceAll(zh, " ", "")
	for _, want := range []string{"访客通行证", "门禁：limecourt/north", "次数：一次", "人脸识别：北门", "自愿选择。您可以使用二维码，"} {
		if !strings.Contains(zh, want) {
			t.Errorf("in Chinese it does not say %q: %q", want, zh)
		}
	}
	if got := strings.Count(zh, "进行比对。"); got != 60 {
		t.Errorf("%d of 60 sentences are there", got)
	}
	if lines[0].Text != "Visitor's pass" || lines[1].Lang != "picture" || !strings.Contains(lines[1].Text, "held to the camera") {
		t.Errorf("it begins with %q", lines[:3])
	}
	if second := write(t, s, f); !bytes.Equal(pdf, second) {
		t.Error("the same sheet is another document each time")
	}
	outside(t, pdf)
}

// allWords returns all letters that a sheet says in Chinese.
func allWords() string {
	return "访客通行证的二维码，请对准门旁的摄像头。门禁：门禁组：生效时间：失效时间：次数：一次次数：每处门禁次次数：不限编号：（仅供查询，不能开门）使用方法：把二维码举到门旁的摄像头前，相距约厘米，停一秒钟。" +
		"不需要您的人脸，也不需要您的姓名。任何人拿到此二维码的副本都可以代替您使用，请勿转发；如遗失，请告知发证处。"
}

// outside has the tools of poppler read the document, where this machine has them.
func outside(t *testing.T, pdf []byte) {
	t.Helper()
	for _, tool := range []string{"pdftotext", "pdfinfo", "pdftoppm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not there; make setup-test installs it", tool)
		}
	}
	path := filepath.Join(t.TempDir(), "pass.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command("pdftotext", path, "-").CombinedOutput()
	if err != nil || !bytes.Contains(text, []byte("Gate: lime court/north")) || !bytes.Contains(text, []byte("访客通行证")) {
		t.Errorf("pdftotext: %v\n%s", err, text)
	}
	if out, err := exec.Command("pdftoppm", "-r", "150", "-png", "-f", "1", "-l", "1", path, strings.TrimSuffix(path, ".pdf")).CombinedOutput(); err != nil {
		t.Fatalf("pdftoppm: %v\n%s", err, out)
	}
	pictures, err := filepath.Glob(strings.TrimSuffix(path, ".pdf") + "*.png")
	if err != nil || len(pictures) != 1 {
		t.Fatal(pictures, err)
	}
	data, err := os.ReadFile(pictures[0])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := pass.Text(data); err != nil || got != letters {
		t.Errorf("the code on the page says %q, %v", got, err)
	}
}

// TestWithoutTheLetters draws sheets for which the fonts do not suffice: nothing is drawn, and the advice says what to do.
func TestWithoutTheLetters(t *testing.T) {
	if font, err := sfnt.Parse(goregular.TTF); err != nil || font.NumGlyphs() < 200 {
		t.Fatal(err)
	}
	named := sheet(t, english())
	named.Door = "lime court/北门"
	for name, s := range map[string]visitsheet.Sheet{"a notice": sheet(t, english(), chineseNotice()), "a gate": named} {
		var b bytes.Buffer
		if err := visitsheet.Write(&b, s, typeset.Fonts{}); !errors.Is(err, typeset.ErrFont) || !strings.Contains(hint.Of(err), "--font") || b.Len() > 0 {
			t.Errorf("%s in Chinese: %v, %d bytes", name, err, b.Len())
		}
	}
	if !bytes.HasPrefix(write(t, sheet(t, english()), typeset.Fonts{}), []byte("%PDF-")) {
		t.Error("English alone is no PDF")
	}
	for name, font := range map[string][]byte{
		"nothing": nil, "a text": []byte("font"), "a collection": append([]byte("ttcf"), goregular.TTF[4:]...), "half a font": goregular.TTF[:len(goregular.TTF)/2],
	} {
		if _, err := typeset.With(font); !errors.Is(err, typeset.ErrFont) || hint.Of(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFind finds a font where Debian keeps it.
func TestFind(t *testing.T) {
	font := typesettest.Chinese(t, chineseNotice().Text+allWords())
	machine := fstest.MapFS{"usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf": {Data: font}}
	write(t, sheet(t, chineseNotice()), typeset.Find(machine))
	var b bytes.Buffer
	if err := visitsheet.Write(&b, sheet(t, chineseNotice()), typeset.Find(fstest.MapFS{})); !errors.Is(err, typeset.ErrFont) {
		t.Errorf("on a machine without one: %v", err)
	}
}

// TestSize checks that the code is 8 cm wide.
func TestSize(t *testing.T) {
	s := sheet(t, english())
	picture, err := png.Decode(bytes.NewReader(s.Picture))
	if err != nil {
		t.Fatal(err)
	}
	placed := regexp.MustCompile(`q ([0-9.]+) 0 0 ([0-9.]+) `).FindStringSubmatch(strings.Join(typesettest.Streams(write(t, s, typeset.Fonts{})), "\n"))
	if placed == nil {
		t.Fatal("there is no picture on the page")
	}
	points, err := strconv.ParseFloat(placed[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	side := points / 72 * 25.4 * (1 - 2*s.Margin)
	if side < 79.9 || side > 80.1 || picture.Bounds().Dx() != picture.Bounds().Dy() {
		t.Errorf("the code is %.1f mm wide", side)
	}
}

// TestWriteText holds the plain text to the words of the PDF, in their order, in both languages; the code is described in the PDF alone.
func TestWriteText(t *testing.T) {
	s := sheet(t, english(), chineseNotice())
	f, err := typeset.With(typesettest.Chinese(t, chineseNotice().Text+allWords()))
	if err != nil {
		t.Fatal(err)
	}
	var drawn, plain strings.Builder
	for _, line := range typesettest.Read(t, write(t, s, f)) {
		if line.Lang != "picture" {
			drawn.WriteString(line.Text)
		}
	}
	if err := visitsheet.WriteText(&plain, s); err != nil {
		t.Fatal(err)
	}
	bare := func(text string) string { return strings.Join(strings.Fields(text), "") }
	if got, want := bare(plain.String()), bare(drawn.String()); got != want {
		t.Errorf("the text says\n%s\nand the sheet\n%s", plain.String(), drawn.String())
	}
	if !strings.HasPrefix(plain.String(), "Visitor's pass\n\nGate: lime court/north\n\n") {
		t.Errorf("the text begins %.60q", plain.String())
	}
}
