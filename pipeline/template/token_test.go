package template_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/pipeline/template/templatetest"
)

func newToken(tb testing.TB, secret [32]byte) template.Token {
	tb.Helper()
	t, err := template.NewToken(bytes.NewReader(secret[:]))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func newTokenKeys(tb testing.TB, device [32]byte, t template.Token) *template.TokenKeys {
	tb.Helper()
	k, err := template.NewTokenKeys(device, t)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func newTokenProjector(tb testing.TB, k *template.TokenKeys, dim int) *template.PersonProjector {
	tb.Helper()
	j, err := template.NewTokenProjector(k, dim, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

func TestTokenTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 16, 16).Filter(func(b []byte) bool {
			return !bytes.Equal(b, make([]byte, 16))
		}).Draw(t, "secret")
		token, err := template.NewToken(bytes.NewReader(secret))
		if err != nil {
			t.Fatal(err)
		}
		text := token.Text()
		if len(text) != template.TokenTextSize || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
			t.Fatalf("text of %d letters: %s", len(text), text)
		}
		again, err := template.ParseToken(text)
		if err != nil || again.Text() != text {
			t.Fatalf("%s is read as another: %v", text, err)
		}
	})
}

// Passes that have been handed out are worthless if text or keys ever change.
func TestTokenNeverChanges(t *testing.T) {
	token := newToken(t, templatetest.Key("golden"))
	if got, want := token.Text(), "AHOVNXSBG6KR3HESNANQGQLOYFP2MIN2"; got != want {
		t.Errorf("text %s, want %s", got, want)
	}
	keys := newTokenKeys(t, templatetest.Key("device"), token)
	if got, want := fmt.Sprintf("%x", keys.ID), "500b19aa3eb31e62a52b55d493cc6921"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
	x := make(embed.Vector, 512)
	for i := range x {
		x[i] = float32((i*7919)%101 - 50)
	}
	c, _ := newTokenProjector(t, keys, len(x)).Protect(x)
	if got, want := fmt.Sprintf("%016x", c[0]), "3b9d59b8b8ba0feb"; got != want {
		t.Errorf("code %s…, want %s…", got, want)
	}
}

func TestParseTokenRefuses(t *testing.T) {
	good := newToken(t, templatetest.Key("good")).Text()
	raw, err := base32.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	zeros := append([]byte{1}, make([]byte, 16)...)
	sum := sha256.Sum256(zeros)
	version2 := append([]byte{2}, raw[1:17]...)
	sum2 := sha256.Sum256(version2)
	tests := map[string]string{
		"nothing":         "",
		"truncated":       good[:31],
		"extended":        good + "A",
		"lower case":      strings.ToLower(good),
		"padding":         good[:31] + "=",
		"line feed":       good[:16] + "\n" + good[16:31],
		"line feeds":      strings.Repeat("\n", 32),
		"another version": base32.StdEncoding.EncodeToString(append(version2, sum2[:3]...)),
		"zeros":           base32.StdEncoding.EncodeToString(append(zeros, sum[:3]...)),
		"address":         "HTTPS://EXAMPLE.ORG/0123456789AB",
	}
	for name, text := range tests {
		if token, err := template.ParseToken(text); !errors.Is(err, template.ErrToken) || token != (template.Token{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of all texts with one letter wrong, or two exchanged, none is read.
func TestParseTokenNoticesErrors(t *testing.T) {
	good := newToken(t, templatetest.Key("good")).Text()
	try := func(text []byte) {
		if _, err := template.ParseToken(string(text)); err == nil && string(text) != good {
			t.Errorf("%s was read; it should have been %s", text, good)
		}
	}
	for i := range good {
		for _, letter := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") {
			text := []byte(good)
			text[i] = letter
			try(text)
		}
		for k := range i {
			text := []byte(good)
			text[i], text[k] = text[k], text[i]
			try(text)
		}
	}
}

// TestParseTokenLeavesNothing checks that reading a token allocates no more than the token.
func TestParseTokenLeavesNothing(t *testing.T) {
	text := []byte(newToken(t, templatetest.Key("good")).Text())
	n := testing.AllocsPerRun(100, func() {
		token, err := template.ParseToken(string(text))
		if err != nil {
			t.Fatal(err)
		}
		token.Clear()
	})
	if n > 2 { // the secret, and the way to it
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(newToken(f, templatetest.Key(1)).Text())
	f.Add("")
	f.Add(strings.Repeat("A", template.TokenTextSize))
	f.Add(strings.Repeat("\n", template.TokenTextSize))
	f.Fuzz(func(t *testing.T, text string) {
		token, err := template.ParseToken(text)
		if err == nil && token.Text() != text {
			t.Errorf("%q is not the one text of its token", text)
		}
		if err != nil && (!errors.Is(err, template.ErrToken) || token != (template.Token{})) {
			t.Errorf("refused with %v, %v", token, err)
		}
	})
}

func TestNewTokenRefuses(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"no randomness":  iotest.ErrReader(io.ErrUnexpectedEOF),
		"too little":     strings.NewReader("fifteen letters"),
		"nothing random": bytes.NewReader(make([]byte, 16)),
	} {
		if token, err := template.NewToken(r); err == nil || token != (template.Token{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever prints, logs or marshals a token or its keys, however deep in other values, shows no secret.
func TestTokenIsNotPrinted(t *testing.T) {
	const secret = "sixteen secret!!"
	token, err := template.NewToken(strings.NewReader(secret))
	if err != nil {
		t.Fatal(err)
	}
	keys := newTokenKeys(t, templatetest.Key("device"), token)
	type holder struct {
		token    template.Token // unexported: fmt does not call Format
		Exported template.Token
		List     []template.Token
		Keys     *template.TokenKeys
		Value    template.TokenKeys
	}
	h := holder{token, token, []template.Token{token}, keys, *keys}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%c", "%U", "%t", "%p"} {
		for _, v := range []any{token, &token, h, &h, []holder{h}, map[string]any{"token": h}, keys, *keys} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("pass", "token", token, "holder", h, "keys", keys)
	slog.New(slog.NewTextHandler(&out, nil)).Info("pass", "token", token, "holder", h, "keys", keys)
	if err := json.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	shown := strings.ToLower(out.String())
	sixteen := []byte(secret)
	for name, form := range map[string]string{
		"text": secret, "base32": token.Text(), "base64": "c2l4dGVl", "hexadecimal": fmt.Sprintf("%x", sixteen[:4]),
		"decimal": strings.Trim(fmt.Sprint(sixteen[:4]), "[]"), "Go": "0x73, 0x69", "octal": "163 151", "characters": "s i x t",
	} {
		if strings.Contains(shown, strings.ToLower(form)) {
			t.Errorf("the secret is shown as %s", name)
		}
	}
}

func TestTokenClear(t *testing.T) {
	token := newToken(t, templatetest.Key(1))
	again := token
	token.Clear()
	for _, cleared := range []template.Token{token, again, {}} {
		cleared.Clear()
		if cleared.Text() != "" {
			t.Error("a cleared token has a text")
		}
		if _, err := template.NewTokenKeys(templatetest.Key("device"), cleared); !errors.Is(err, template.ErrToken) {
			t.Errorf("a cleared token has keys: %v", err)
		}
	}
	keys := newTokenKeys(t, templatetest.Key("device"), newToken(t, templatetest.Key(1)))
	if keys.Clear(); *keys != (template.TokenKeys{}) {
		t.Error("Clear left a key")
	}
}

// Device and token both count, in the id, in the rotation and in the seal.
func TestTokenKeysNeedBoth(t *testing.T) {
	h, c := sample()
	h.Scheme, h.Lane = template.SchemeS2, 0
	x := randomUnit(newRand(1), 512)
	device, token := templatetest.Key("device"), newToken(t, templatetest.Key("token"))
	keys := newTokenKeys(t, device, token)
	record, err := template.SealToken(keys, newChaCha(1), h, c)
	if err != nil {
		t.Fatal(err)
	}
	code, _ := newTokenProjector(t, keys, len(x)).Protect(slices.Clone(x))
	for name, other := range map[string]*template.TokenKeys{
		"another device": newTokenKeys(t, templatetest.Key("another"), token),
		"another token":  newTokenKeys(t, device, newToken(t, templatetest.Key("another"))),
	} {
		if other.ID == keys.ID {
			t.Errorf("%s: the same id", name)
		}
		if _, _, err := template.OpenToken(other, record); !errors.Is(err, template.ErrSealed) {
			t.Errorf("%s: opening gives %v", name, err)
		}
		otherCode, _ := newTokenProjector(t, other, len(x)).Protect(slices.Clone(x))
		// Chance is 512 ± 16.
		if d := template.Distance(&code, &otherCode); d < 512-80 || d > 512+80 {
			t.Errorf("%s: %d bits differ", name, d)
		}
	}
	gotHeader, gotCode, err := template.OpenToken(newTokenKeys(t, device, token), record)
	if err != nil || gotHeader != h || gotCode != c {
		t.Errorf("the same device and token: %v", err)
	}
}

func TestSealTokenRefuses(t *testing.T) {
	good, c := sample()
	good.Scheme, good.Lane = template.SchemeS2, 0
	keys := newTokenKeys(t, templatetest.Key("device"), newToken(t, templatetest.Key("token")))
	for name, edit := range map[string]func(*template.Header){
		"scheme S1": func(h *template.Header) { h.Scheme = template.SchemeS1 },
		"a lane":    func(h *template.Header) { h.Lane = 1 },
	} {
		h := good
		edit(&h)
		if record, err := template.SealToken(keys, newChaCha(1), h, c); err == nil {
			t.Errorf("%s: sealed to %d bytes", name, len(record))
		}
	}
	if _, err := template.Seal(templatetest.Key("store"), newChaCha(1), good, c); err == nil {
		t.Error("Seal sealed a record of scheme S2")
	}
}

func TestOpenTokenRefusesEveryBitFlip(t *testing.T) {
	h, c := sample()
	h.Scheme, h.Lane = template.SchemeS2, 0
	keys := newTokenKeys(t, templatetest.Key("device"), newToken(t, templatetest.Key("token")))
	record, err := template.SealToken(keys, newChaCha(1), h, c)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(record) * 8 {
		record[bit/8] ^= 1 << (bit % 8)
		if _, _, err := template.OpenToken(keys, record); !errors.Is(err, template.ErrSealed) {
			t.Fatalf("bit %d of byte %d flipped: %v", bit%8, bit/8, err)
		}
		record[bit/8] ^= 1 << (bit % 8)
	}
}

// Verify estimates the cosine, for the person and for strangers; who has another token is as far as chance has it.
func TestVerify(t *testing.T) {
	const dim, pairs = 512, 200
	rnd := newRand(1)
	device := templatetest.Key("device")
	for _, cosine := range []float64{-0.2, 0, 0.3, 0.7, 1} {
		var bias, wrong float64
		for i := range pairs {
			x := randomUnit(rnd, dim)
			j := newTokenProjector(t, newTokenKeys(t, device, newToken(t, templatetest.Key("token", i))), dim)
			c, ok := j.Protect(slices.Clone(x))
			if !ok {
				t.Fatal("no code")
			}
			v := x
			if cosine < 1 {
				v = atCosine(rnd, x, cosine)
			}
			score, ok := j.Verify(slices.Clone(v), &c)
			if !ok {
				t.Fatal("no score")
			}
			bias += (score - cosine) / pairs
			other := newTokenProjector(t, newTokenKeys(t, device, newToken(t, templatetest.Key("other", i))), dim)
			score, _ = other.Verify(v, &c)
			wrong = max(wrong, math.Abs(score))
		}
		if math.Abs(bias) > 0.01 {
			t.Errorf("cosine %v: off by %.4f in the mean", cosine, bias)
		}
		if wrong > 0.25 { // chance is 0.039
			t.Errorf("cosine %v: %.3f with another token", cosine, wrong)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	device, token := templatetest.Key("device"), newToken(b, templatetest.Key("token"))
	x := randomUnit(newRand(1), 512)
	keys := newTokenKeys(b, device, token)
	c, _ := newTokenProjector(b, keys, 512).Protect(slices.Clone(x))
	h, _ := sample()
	h.Scheme, h.Lane = template.SchemeS2, 0
	record, err := template.SealToken(keys, newChaCha(1), h, c)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() { // all that a pass costs, but for the look-up
		keys := newTokenKeys(b, device, token)
		_, c, err := template.OpenToken(keys, record)
		if err != nil {
			b.Fatal(err)
		}
		newTokenProjector(b, keys, 512).Verify(slices.Clone(x), &c)
	}
}
