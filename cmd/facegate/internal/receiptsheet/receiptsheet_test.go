package receiptsheet_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"image"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"facegate/cmd/facegate/internal/letter"
	"facegate/cmd/facegate/internal/receiptsheet"
	"facegate/cmd/facegate/internal/typeset"
	"facegate/cmd/facegate/internal/typeset/typesettest"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/pipeline/template/pass"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
	"facegate/store/receipt/proof/prooftest"
)

var device = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

// signed returns the receipt of so many people, who had everything.
func signed(tb testing.TB, people int) []byte {
	tb.Helper()
	r := receipt.Receipt{
		ID: bytes.Repeat([]byte{1}, 16), Number: 3, Kind: receipt.Erasure, Reason: "withdrawn", Time: "2026-03-01T12:30:00Z",
		Erased: receipt.Counts{People: uint32(people), Templates: 1, Consents: 1, Guardians: 1, Passes: 1, Cards: 2, PINs: 1},
		Audit:  receipt.Audit{Size: 17, Root: make([]byte, 32)}, Language: "en", KeyStore: "file",
	}
	for i := range people {
		r.Forms = append(r.Forms, receipt.CommitForm([16]byte{byte(i)}, "form"))
		r.Records = append(r.Records, receipt.Commit([16]byte{byte(i)}, []byte("person")), receipt.Commit([16]byte{byte(i)}, []byte("template")))
	}
	receipt.Sort(r.Forms)
	receipt.Sort(r.Records)
	line, err := receipt.Sign(r, device)
	if err != nil {
		tb.Fatal(err)
	}
	return line
}

// sheet returns the sheet of a receipt in a log of 100,000 entries that witnesses have seen.
func sheet(tb testing.TB, lang notice.Language, witnesses ...note.Signer) receiptsheet.Sheet {
	tb.Helper()
	line := signed(tb, 1)
	made := prooftest.Holding(line, 100_000, 99_000, device, witnesses...).Proof(tb)
	p, err := proof.Read(line, made)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := receipt.Read(line)
	if err != nil {
		tb.Fatal(err)
	}
	return receiptsheet.Sheet{
		File: receipt.Join(line, made), Paper: letter.Paper{Receipt: r, Checked: true, Proof: &p}, Language: lang, Zone: time.UTC,
		Made: time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC),
	}
}

// write draws a sheet, with a font that has its letters.
func write(tb testing.TB, s receiptsheet.Sheet) []byte {
	tb.Helper()
	title, lines, err := letter.Sheet(s.Language, s.Zone, s.Paper, 2)
	if err != nil {
		tb.Fatal(err)
	}
	fonts := typeset.Fonts{}
	if s.Language == notice.Chinese {
		if fonts, err = typeset.With(typesettest.Chinese(tb, title+strings.Join(lines, ""))); err != nil {
			tb.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := receiptsheet.Write(&b, s, fonts); err != nil {
		tb.Fatal(err, hint.Of(err))
	}
	return b.Bytes()
}

// TestWrite draws a receipt on one page, in both languages, and reads the file back from its codes, to the byte.
func TestWrite(t *testing.T) {
	witnesses := []note.Signer{prooftest.Witness(t, "auditor.example"), prooftest.Witness(t, "residents.example")}
	for lang, says := range map[notice.Language]string{
		notice.English: "Witnessed by auditor.example on", notice.Chinese: "见证人auditor.example已于",
	} {
		s := sheet(t, lang, witnesses...)
		pdf := write(t, s)
		if got := bytes.Count(pdf, []byte("/Type /Page\n")); got != 1 {
			t.Errorf("%s: %d pages", lang, got)
		}
		var read []string
		for _, picture := range typesettest.Pictures(t, pdf) {
			text, err := pass.Text(picture)
			if err != nil {
				t.Fatal(err)
			}
			read = append(read, text)
		}
		line, proof := receipt.Split(s.File)
		if want := []string{string(proof), string(line)}; !slices.Equal(slices.Sorted(slices.Values(read)), want) {
			t.Errorf("%s: %d codes say\n%s", lang, len(read), read)
		}
		lines := typesettest.Read(t, pdf)
		var text, described string
		for _, l := range lines {
			if l.Lang == "picture" {
				described += l.Text
			} else {
				text += l.Text + " "
			}
		}
		_, all, err := letter.Sheet(lang, s.Zone, s.Paper, 2)
		if err != nil {
			t.Fatal(err)
		}
		bare := func(text string) string { return strings.Join(strings.Fields(text), "") }
		if said := bare(text); !strings.Contains(said, bare(says)) || !strings.HasSuffix(said, bare(strings.Join(all, " "))) {
			t.Errorf("%s: it says\n%s\nand not\n%s", lang, text, strings.Join(all, "\n"))
		}
		if again := bytes.Equal(pdf, write(t, s)); described == "" || !again {
			t.Errorf("%s: the codes are described by %q, and it is the same each time: %v", lang, described, again)
		}
		if lang == notice.English {
			printed(t, pdf, s.File)
		}
	}
}

// printed has poppler print the page, where this machine has it, and reads the codes from that.
func printed(t *testing.T, pdf, file []byte) {
	t.Helper()
	if _, err := exec.LookPath("pdftoppm"); err != nil {
		t.Skip("pdftoppm is not there; make setup-test installs it")
	}
	path := filepath.Join(t.TempDir(), "receipt.pdf")
	if err := os.WriteFile(path, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("pdftoppm", "-r", "300", "-gray", "-png", "-singlefile", path, strings.TrimSuffix(path, ".pdf")).CombinedOutput(); err != nil {
		t.Fatalf("pdftoppm: %v\n%s", err, out)
	}
	f, err := os.Open(strings.TrimSuffix(path, "pdf") + "png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	var read string
	size := page.Bounds().Size()
	for _, half := range []image.Rectangle{image.Rect(0, size.Y/3, size.X/2, size.Y), image.Rect(size.X/2, size.Y/3, size.X, size.Y)} {
		cut := image.NewGray(image.Rect(0, 0, half.Dx(), half.Dy()))
		draw.Draw(cut, cut.Bounds(), page, half.Min, draw.Src)
		var b bytes.Buffer
		if err := png.Encode(&b, cut); err != nil {
			t.Fatal(err)
		}
		text, err := pass.Text(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		read += text
	}
	if read != string(file) {
		t.Errorf("the printed codes say\n%s", read)
	}
}

// TestWithoutProof draws a receipt that has no proof, as a certificate has none.
func TestWithoutProof(t *testing.T) {
	s := sheet(t, notice.English)
	s.File, _ = receipt.Split(s.File)
	s.Paper.Proof = nil
	pictures := typesettest.Pictures(t, write(t, s))
	if len(pictures) != 1 {
		t.Fatalf("%d codes", len(pictures))
	}
	if text, err := pass.Text(pictures[0]); err != nil || text != string(s.File) {
		t.Errorf("the code says %q, %v", text, err)
	}
}

// TestWriteRefuses draws what no code holds, and what no font can show.
func TestWriteRefuses(t *testing.T) {
	long := sheet(t, notice.English)
	long.File = signed(t, 20)
	for name, tt := range map[string]struct {
		sheet receiptsheet.Sheet
		want  error
	}{
		"many people": {long, receiptsheet.ErrLong}, "no font": {sheet(t, notice.Chinese), typeset.ErrFont},
	} {
		var b bytes.Buffer
		if err := receiptsheet.Write(&b, tt.sheet, typeset.Fonts{}); !errors.Is(err, tt.want) || hint.Of(err) == "" || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, b.Len())
		}
	}
}
