package pass_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"facegate/pipeline/template"
	"facegate/pipeline/template/pass"
)

// drawn returns the picture of the token.
func drawn(tb testing.TB) image.Image {
	tb.Helper()
	data, err := pass.PNG(token(tb))
	if err != nil {
		tb.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		tb.Fatal(err)
	}
	return picture
}

// view shows from where it is printed: turned by degrees, larger by scale, on grey paper of the given size.
func view(from image.Image, degrees, scale float64, size int) *image.Gray {
	to := image.NewGray(image.Rect(0, 0, size, size))
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	half, middle := float64(size)/2, float64(from.Bounds().Dx())/2
	for y := range size {
		for x := range size {
			dx, dy := (float64(x)-half)/scale, (float64(y)-half)/scale
			at := image.Pt(int(middle+dx*cos+dy*sin), int(middle-dx*sin+dy*cos))
			grey := uint8(200)
			if at.In(from.Bounds()) {
				grey = color.GrayModel.Convert(from.At(at.X, at.Y)).(color.Gray).Y
			}
			to.SetGray(x, y, color.Gray{Y: grey/2 + 40})
		}
	}
	return to
}

func noisy(from *image.Gray) *image.Gray {
	r := rand.New(rand.NewPCG(1, 2))
	for i, p := range from.Pix {
		from.Pix[i] = uint8(min(max(int(p)+r.IntN(41)-20, 0), 255))
	}
	return from
}

func inverted(from *image.Gray) *image.Gray {
	for i, p := range from.Pix {
		from.Pix[i] = 255 - p
	}
	return from
}

// TestReadPicture reads pictures of a pass as people make them of the one that was drawn.
func TestReadPicture(t *testing.T) {
	for _, tt := range []struct {
		name    string
		picture image.Image
	}{
		{"as drawn", drawn(t)},
		{"larger", view(drawn(t), 0, 3.3, 1000)},
		{"smaller", view(drawn(t), 0, 0.51, 200)},
		{"upside down", view(drawn(t), 180, 1, 400)},
		{"on its side", view(drawn(t), 90, 1.5, 600)},
		{"turned a little", view(drawn(t), 11, 1.5, 640)},
		{"noisy", noisy(view(drawn(t), 3, 1.5, 640))},
		{"colours exchanged", inverted(view(drawn(t), 0, 1, 400))},
	} {
		for format, encode := range map[string]func(*bytes.Buffer) error{
			"PNG":  func(b *bytes.Buffer) error { return png.Encode(b, tt.picture) },
			"JPEG": func(b *bytes.Buffer) error { return jpeg.Encode(b, tt.picture, &jpeg.Options{Quality: 60}) },
		} {
			var file bytes.Buffer
			if err := encode(&file); err != nil {
				t.Fatal(err)
			}
			got, err := pass.Read(file.Bytes())
			if err != nil || got.Text() != token(t).Text() {
				t.Errorf("%s, as %s: %v", tt.name, format, err)
			}
		}
	}
}

// TestReadNoPicture reads pictures without a pass, and files that are none.
func TestReadNoPicture(t *testing.T) {
	var empty, huge bytes.Buffer
	if err := png.Encode(&empty, image.NewGray(image.Rect(0, 0, 300, 200))); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&huge, image.NewPaletted(image.Rect(0, 0, 30_001, 1000), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	data, err := pass.PNG(token(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"nothing on it": empty.Bytes(), "too large": huge.Bytes(), "cut off": data[:len(data)/2], "a JPEG that is none": []byte("\xff\xd8rubbish"),
	} {
		if got, err := pass.Read(file); !errors.Is(err, pass.ErrPicture) || got.Text() != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLetters reads the letters of a pass as people type them.
func TestLetters(t *testing.T) {
	text := token(t).Text()
	grouped := text[:4] + " " + text[4:8] + "-" + text[8:16] + "\n" + text[16:30] + " - " + text[30:] + "\r\n"
	for _, typed := range []string{
		text, text + "\n", strings.ToLower(text), grouped, strings.ToLower(grouped), "\ufeff" + text, "“" + text + "”",
		strings.Join(strings.Split(text, ""), " "), strings.ReplaceAll(text, "O", "0"), strings.ReplaceAll(text, "B", "8"),
		strings.Replace(text, "I", "1", 1), strings.Replace(strings.ToLower(text), "l", "1", 1),
	} {
		got, err := pass.Read([]byte(typed))
		if err != nil || got.Text() != text {
			t.Errorf("%q: %v", typed, err)
		}
	}
	swapped := text[:8] + text[9:10] + text[8:9] + text[10:]
	for _, typed := range []string{
		"", text[:31], text + "A", text[:31] + "9", strings.Repeat("1", 32), strings.Repeat("A", 32), swapped, "пароль" + text[6:],
	} {
		if got, err := pass.Read([]byte(typed)); !errors.Is(err, template.ErrToken) || got.Text() != "" {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

// TestLettersThatLookAlike reads the letters of many passes with each ambiguous letter typed as a digit.
func TestLettersThatLookAlike(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	read := 0
	for range 300 {
		tok, err := template.NewToken(r)
		if err != nil {
			t.Fatal(err)
		}
		text := tok.Text()
		for letter, digit := range map[string]string{"O": "0", "B": "8", "I": "1", "L": "1"} {
			typed := strings.Replace(text, letter, digit, 4)
			got, err := pass.Letters(typed)
			if err != nil || got.Text() != text {
				t.Fatalf("%s typed as %s: %v", text, typed, err)
			}
			read++
		}
	}
	if read < 1000 {
		t.Error(read)
	}
}

func FuzzRead(f *testing.F) {
	data, err := pass.PNG(token(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(token(f).Text()))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := pass.Read(data); (err == nil) != (got.Text() != "") {
			t.Errorf("%v with %v", got, err)
		}
	})
}

// TestLargeCodes reads codes as large as those of a receipt, as they are drawn. What lies in one by chance can look like a corner of it.
func TestLargeCodes(t *testing.T) {
	random := rand.NewChaCha8([32]byte{14})
	for range 60 {
		content := make([]byte, 760)
		random.Read(content)
		text := base64.StdEncoding.EncodeToString(content)
		code, err := pass.Draw(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pass.Text(code); err != nil || got != text {
			t.Errorf("a code of %d letters says %q, %v", len(text), got, err)
		}
	}
}
