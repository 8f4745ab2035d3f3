package codereader_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base32"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"rsc.io/qr/coding"

	"facegate/cmd/facegate/internal/codereader"
	"facegate/pipeline/qrcode"
	"facegate/pipeline/template"
	"facegate/pipeline/visitor"
)

// A hostile draws codes that somebody has made to do harm. All have valid error correction, so that what they say is reached,
// unless they are damaged afterwards.
type hostile struct {
	rand   *rand.Rand
	source *rand.ChaCha8
	key    ed25519.PrivateKey
	door   visitor.Door
	plans  map[[3]int]*coding.Plan
}

func newHostile(seed byte) *hostile {
	source := rand.NewChaCha8([32]byte{seed})
	return &hostile{
		rand: rand.New(source), source: source, key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)),
		door: visitor.Gate("site", "gate"), plans: map[[3]int]*coding.Plan{},
	}
}

// raw are bits that no encoder would write.
type raw []byte

func (r raw) Check() error            { return nil }
func (r raw) Bits(coding.Version) int { return 8 * len(r) }
func (r raw) Encode(b *coding.Bits, _ coding.Version) {
	for _, v := range r {
		b.Write(uint(v), 8)
	}
}

func (h *hostile) letters(n int) string { return string(h.pick(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")) }

func (h *hostile) bytes(n int) []byte {
	b := make([]byte, n)
	h.source.Read(b)
	return b
}

func (h *hostile) pick(n int, from string) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = from[h.rand.IntN(len(from))]
	}
	return b
}

// token and pass are real ones, of nobody and of no office that the gate knows.
func (h *hostile) token() string {
	t, err := template.NewToken(h.source)
	if err != nil {
		panic(err)
	}
	return t.Text()
}

func (h *hostile) pass() string {
	serial, err := visitor.NewSerial(h.source)
	if err != nil {
		panic(err)
	}
	text, err := visitor.Sign(h.key, h.door, visitor.Pass{From: time.Unix(1_800_000_000, 0).UTC().Truncate(time.Minute), Length: time.Hour, Uses: 1, Serial: serial})
	if err != nil {
		panic(err)
	}
	return text
}

// spoil changes some letters of a pass for others of the alphabet, so that its form stays.
func (h *hostile) spoil(text string) string {
	b := []byte(text)
	for string(b) == text { // letters that were changed may be changed back
		for range 1 + h.rand.IntN(3) {
			b[h.rand.IntN(len(b))] = h.pick(1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")[0]
		}
	}
	return string(b)
}

// segment returns a piece of a payload: what passes are made of, what they are not, and what is no piece at all.
func (h *hostile) segment() coding.Encoding {
	switch h.rand.IntN(8) {
	case 0:
		return coding.String(h.bytes(h.rand.IntN(40)))
	case 1:
		return coding.Num(h.pick(h.rand.IntN(60), "0123456789"))
	case 2:
		return coding.Alpha(h.pick(h.rand.IntN(60), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"))
	case 3: // a mode, with a count that nothing bears out
		return raw(append([]byte{byte(h.rand.IntN(16))<<4 | byte(h.rand.IntN(16))}, h.bytes(h.rand.IntN(30))...))
	case 4:
		return coding.Alpha(h.spoil(h.token()))
	case 5:
		return coding.Alpha(h.spoil(h.pass()))
	case 6:
		return coding.Alpha(h.letters(template.TokenTextSize - 2 + h.rand.IntN(5)))
	}
	return coding.Alpha(h.letters(visitor.TextSize - 2 + h.rand.IntN(5)))
}

// code returns a code, and whether it is one of those that were made to be a pass.
func (h *hostile) code() *coding.Code {
	for {
		version, level := coding.Version(1+h.rand.IntN(10)), coding.Level(h.rand.IntN(4))
		plan := h.plan(int(version), int(level), h.rand.IntN(8))
		payload := []coding.Encoding{h.segment()}
		switch h.rand.IntN(4) {
		case 0:
			payload = []coding.Encoding{raw(h.bytes(plan.DataBytes))} // nothing but chance
		case 1:
			payload = append(payload, h.segment())
		}
		if c, err := plan.Encode(payload...); err == nil {
			return c
		}
	}
}

func (h *hostile) plan(version, level, mask int) *coding.Plan {
	at := [3]int{version, level, mask}
	if h.plans[at] == nil {
		p, err := coding.NewPlan(coding.Version(version), coding.Level(level), coding.Mask(mask))
		if err != nil {
			panic(err)
		}
		h.plans[at] = p
	}
	return h.plans[at]
}

// draw draws a code small, and damages one in three.
func (h *hostile) draw(c *coding.Code) *image.Gray {
	const module, margin = 3, 4
	if h.rand.IntN(3) == 0 {
		for range h.rand.IntN(c.Size * c.Size / 4) {
			x, y := h.rand.IntN(c.Size), h.rand.IntN(c.Size)
			c.Bitmap[y*c.Stride+x/8] ^= 1 << (7 - x&7)
		}
	}
	side := (c.Size + 2*margin) * module
	g := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			g.Pix[y*side+x] = 220
			if c.Black(x/module-margin, y/module-margin) {
				g.Pix[y*side+x] = 30
			}
		}
	}
	return g
}

// accepted reports whether a gate would take a text for a pass: it has the form, and its checksum or signature is right.
func (h *hostile) accepted(text []byte) bool {
	if !codereader.IsPass(text) {
		return false
	}
	if t, err := template.ParseToken(string(text)); err == nil {
		t.Clear()
		return true
	}
	p, err := visitor.Parse(string(text))
	if err != nil {
		return false
	}
	_, err = p.Verify(h.key.Public().(ed25519.PublicKey), []visitor.Door{h.door})
	return err == nil
}

// A harm is what came of hostile codes.
type harm struct{ codes, read, formed, panics, accepted int }

func (h *hostile) attack(t *testing.T, codes int) (came harm) {
	t.Helper()
	r := qrcode.NewReader()
	for i := range codes {
		picture := h.draw(h.code())
		ways := r.Load(picture, 0)[:1]
		if i%512 == 0 {
			for n := range 4 {
				ways = append(ways, r.Load(picture, n)...)
			}
		}
		came.codes++
		for k, way := range ways {
			text, err := r.Read(way)
			switch {
			case errors.Is(err, qrcode.ErrPanic):
				came.panics++
			case err == nil && k == 0:
				came.read++
				if codereader.IsPass(text) {
					came.formed++
				}
			}
			if err == nil && h.accepted(text) {
				came.accepted++
				t.Errorf("code %d is taken for a pass: %q", i, text)
			}
		}
	}
	return came
}

// TestHostileCodes reads codes with valid error correction and payloads that were made to do harm: FACEGATE_SLOW makes it a
// million of them. None is taken for a pass.
func TestHostileCodes(t *testing.T) {
	const workers = 4
	codes := 100
	if os.Getenv("FACEGATE_SLOW") != "" {
		codes = 1_000_000 / workers
	}
	for worker := range workers {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			h := newHostile(byte(worker))
			came := h.attack(t, codes)
			t.Logf("%+v", came)
			if came.read < came.codes/4 || came.formed == 0 {
				t.Errorf("%+v: too few were read to say anything", came)
			}
		})
	}
}

// TestRealPasses checks that what the hostile codes are held against takes real passes.
func TestRealPasses(t *testing.T) {
	h := newHostile(0)
	for _, text := range []string{h.token(), h.pass()} {
		if !h.accepted([]byte(text)) {
			t.Errorf("%q is no pass", text)
		}
		if h.accepted([]byte(h.spoil(text))) {
			t.Errorf("%q, spoilt, is a pass", text)
		}
	}
	if n := base32.StdEncoding.WithPadding(base32.NoPadding).EncodedLen(22 + ed25519.SignatureSize); n != len(h.pass()) {
		t.Errorf("a visitor's pass has %d letters, want %d", len(h.pass()), n)
	}
}

// FuzzPixels looks at pictures of any pixels: no way to look at one ends the gate, or takes it for a pass.
func FuzzPixels(f *testing.F) {
	h := newHostile(9)
	for range 3 {
		g := h.draw(h.code())
		f.Add(g.Pix, g.Rect.Dx(), byte(0))
	}
	f.Add(bytes.Repeat([]byte{0, 0, 0, 255, 0}, 400), 40, byte(3))
	r := qrcode.NewReader()
	f.Fuzz(func(t *testing.T, pix []byte, width int, n byte) {
		if width <= 0 || width > 1000 || len(pix)/width == 0 {
			return
		}
		height := len(pix) / width
		for _, way := range r.Load(&image.Gray{Pix: pix, Stride: width, Rect: image.Rect(0, 0, width, height)}, int(n)) {
			if text, err := r.Read(way); (err == nil) != (len(text) > 0) || len(text) > qrcode.MaxText {
				t.Errorf("%q, %v", text, err)
			}
		}
	})
}
