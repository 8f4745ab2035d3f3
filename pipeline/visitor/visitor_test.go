package visitor_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"facegate/pipeline/visitor"
)

// office returns the key of an office.
func office(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

var (
	north = visitor.Gate("lime court", "north")
	south = visitor.Gate("lime court", "south")
	yard  = visitor.Group("yard")
)

func morning() visitor.Pass {
	return visitor.Pass{
		From: time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC), Length: 10 * time.Hour, Uses: 1, Serial: visitor.Serial{1, 2, 3, 4, 5, 6, 7, 8},
	}
}

func sign(tb testing.TB, key ed25519.PrivateKey, d visitor.Door, p visitor.Pass) string {
	tb.Helper()
	text, err := visitor.Sign(key, d, p)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// TestKnownPass holds the form of a pass to one that was written down.
func TestKnownPass(t *testing.T) {
	text := sign(t, office(1), north, morning())
	if len(text) != visitor.TextSize || text[0] != 'Q' || !visitor.Is(text) {
		t.Fatalf("%d letters: %s", len(text), text)
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	const body = "8168406303" + "8fe9" + "01c8afe0" + "0258" + "01" + "0102030405060708"
	if got := hex.EncodeToString(raw[:22]); got != body {
		t.Errorf("the body is %s, not %s", got, body)
	}
	// The signature is of what the head of the package says, to the byte.
	message := "facegate visitor pass 1\x00gate lime court/north" + string(raw[:22])
	if !ed25519.Verify(public(office(1)), []byte(message), raw[22:]) {
		t.Error("the signature is of something else")
	}
}

// TestRead reads what was signed, at the door that it is for and at others.
func TestRead(t *testing.T) {
	text := sign(t, office(1), north, morning())
	s, err := visitor.Parse(text)
	want := morning()
	want.Key, want.Place = visitor.KeyOf(public(office(1))), north.Place()
	if err != nil || !cmp.Equal(s.Pass, want) || !s.Until().Equal(want.From.Add(10*time.Hour)) {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, tt := range []struct {
		name  string
		key   ed25519.PublicKey
		doors []visitor.Door
		want  error
	}{
		{"its door", public(office(1)), []visitor.Door{north}, nil},
		{"its door among others", public(office(1)), []visitor.Door{yard, south, north}, nil},
		{"another door", public(office(1)), []visitor.Door{south, yard}, visitor.ErrDoor},
		{"no door", public(office(1)), nil, visitor.ErrDoor},
		{"another office", public(office(2)), []visitor.Door{north}, visitor.ErrSignature},
	} {
		d, err := s.Verify(tt.key, tt.doors)
		if !errors.Is(err, tt.want) || (err == nil) != (d == north) {
			t.Errorf("%s: %v, %v", tt.name, d, err)
		}
	}
}

// TestDoorsWithOneID checks that a pass opens the door of its name alone, where another one has the same id.
func TestDoorsWithOneID(t *testing.T) {
	var twin visitor.Door
	for i := 0; ; i++ {
		if twin = visitor.Group(fmt.Sprint("group-", i)); twin.Place() == yard.Place() {
			break
		}
	}
	s, err := visitor.Parse(sign(t, office(1), yard, morning()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(public(office(1)), []visitor.Door{twin}); !errors.Is(err, visitor.ErrSignature) {
		t.Errorf("opens %v too: %v", twin, err)
	}
	if d, err := s.Verify(public(office(1)), []visitor.Door{twin, yard}); err != nil || d != yard {
		t.Errorf("beside its twin: %v, %v", d, err)
	}
}

// TestDoorNames checks that no two doors have one name, and how they are told.
func TestDoorNames(t *testing.T) {
	doors := []visitor.Door{
		visitor.Gate("a", "b"), visitor.Gate("b", "a"), visitor.Group("a"), visitor.Group("b"), visitor.Group("gate a"), visitor.Gate("group a", "b"),
	}
	seen := map[visitor.Door]bool{}
	for _, d := range doors {
		if seen[d] {
			t.Errorf("%v twice", d)
		}
		seen[d] = true
	}
	if doors[0].String() != "a/b" || doors[0].IsGroup() || doors[2].String() != "a" || !doors[2].IsGroup() {
		t.Errorf("%v, %v", doors[0], doors[2])
	}
}

// TestTerms signs what a pass has no room for.
func TestTerms(t *testing.T) {
	for name, change := range map[string]func(*visitor.Pass){
		"no time":         func(p *visitor.Pass) { p.Length = 0 },
		"backwards":       func(p *visitor.Pass) { p.Length = -time.Minute },
		"part of minutes": func(p *visitor.Pass) { p.Length += time.Second },
		"too long":        func(p *visitor.Pass) { p.Length = visitor.MaxLength + time.Minute },
		"between minutes": func(p *visitor.Pass) { p.From = p.From.Add(time.Second) },
		"before 1970":     func(p *visitor.Pass) { p.From = time.Unix(-60, 0) },
		"in 3000":         func(p *visitor.Pass) { p.From = time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"too often":       func(p *visitor.Pass) { p.Uses = visitor.MaxUses + 1 },
		"less than never": func(p *visitor.Pass) { p.Uses = -1 },
	} {
		p := morning()
		change(&p)
		if text, err := visitor.Sign(office(1), north, p); !errors.Is(err, visitor.ErrTerms) || text != "" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

// draw draws a pass that can be signed.
func draw(t *rapid.T) visitor.Pass {
	p := visitor.Pass{
		From:   time.Unix(rapid.Int64Range(0, 1<<28-1<<16).Draw(t, "from")*60, 0).UTC(),
		Length: time.Duration(rapid.IntRange(1, 1<<16-1).Draw(t, "length")) * time.Minute,
		Uses:   rapid.IntRange(0, visitor.MaxUses).Draw(t, "uses"),
	}
	copy(p.Serial[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "serial"))
	return p
}

// TestEveryPass signs passes with all terms that there are, and reads each as it was signed.
func TestEveryPass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := draw(t)
		text, err := visitor.Sign(office(3), yard, p)
		if err != nil {
			t.Fatal(err)
		}
		s, err := visitor.Parse(text)
		if err != nil || !cmp.Equal(s.Pass, p, cmpopts.IgnoreFields(visitor.Pass{}, "Key", "Place")) {
			t.Fatalf("%+v is read as %+v, %v", p, s.Pass, err)
		}
		if d, err := s.Verify(public(office(3)), []visitor.Door{north, yard}); err != nil || d != yard {
			t.Fatal(d, err)
		}
		id := s.ID()
		if id.Number() != s.Number() || !id.Until().Equal(s.Until()) || id.Uses() != p.Uses {
			t.Fatalf("the id says %v, %v, %d", id.Number(), id.Until(), id.Uses())
		}
		if n, err := visitor.ParseNumber(strings.ToLower(s.Number().String())); err != nil || n != s.Number() {
			t.Fatal(n, err)
		}
	})
}

// TestOneLetter changes each letter of a pass to others, of the alphabet and not. No pass has a second text.
func TestOneLetter(t *testing.T) {
	text := sign(t, office(1), north, morning())
	tries := 0
	for i := range text {
		for _, letter := range "ABEIQ7" + "01 a=\n\xff" { // that differ in each bit, and that no pass has
			damaged := text[:i] + string(letter) + text[i+1:]
			if damaged == text {
				continue
			}
			tries++
			if accepted(damaged) {
				t.Errorf("letter %d can be %q", i, letter)
			}
		}
	}
	if tries < 138*10 {
		t.Error(tries)
	}
}

// accepted reports whether a text opens the door north.
func accepted(text string) bool {
	s, err := visitor.Parse(text)
	if err != nil {
		return false
	}
	_, err = s.Verify(public(office(1)), []visitor.Door{north, yard})
	return err == nil
}

// TestForms reads texts that are nearly those of a pass.
func TestForms(t *testing.T) {
	text := sign(t, office(1), north, morning())
	for name, other := range map[string]string{
		"nothing": "", "one letter less": text[:137], "one more": text + "A", "lower case": strings.ToLower(text), "padded": text + "======",
		"a line break within": text[:70] + "\n" + text[70:137], "two at the end": text[:136] + "\r\n", "spaces": text[:137] + " ",
		"a token's letters": strings.Repeat("A", 32), "twice": text + text, "no letters": strings.Repeat("Q", 69) + strings.Repeat("\x00", 69),
		"another version": "A" + text[1:],
	} {
		if _, err := visitor.Parse(other); !errors.Is(err, visitor.ErrText) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFlags checks that a pass with a flag that this version does not know is none, though its office has signed it.
func TestFlags(t *testing.T) {
	text := base32.StdEncoding.WithPadding(base32.NoPadding)
	raw, err := text.DecodeString(sign(t, office(1), north, morning()))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 {
		body := slices.Clone(raw[:22])
		body[13] ^= 1 << bit
		signed := append(body, ed25519.Sign(office(1), append([]byte("facegate visitor pass 1\x00gate lime court/north"), body...))...)
		if got := accepted(text.EncodeToString(signed)); got != (bit < 4) {
			t.Errorf("flag %d: accepted %v", bit, got)
		}
	}
}

// TestNumbers reads numbers as people type them.
func TestNumbers(t *testing.T) {
	p := morning()
	p.Key = visitor.KeyOf(public(office(1)))
	number := p.Number().String()
	if len(number) != 24 || strings.Count(number, "-") != 4 {
		t.Fatal(number)
	}
	for _, typed := range []string{
		number, strings.ToLower(number), strings.ReplaceAll(number, "-", ""), strings.ReplaceAll(number, "-", " "), " " + number + "\n",
		strings.ReplaceAll(strings.ReplaceAll(number, "O", "0"), "B", "8"),
	} {
		if n, err := visitor.ParseNumber(typed); err != nil || n != p.Number() {
			t.Errorf("%q: %v, %v", typed, n, err)
		}
	}
	for _, typed := range []string{"", number[:23], number + "A", "1" + number[1:], number[:23] + "D", strings.Repeat("é", 20)} {
		if n, err := visitor.ParseNumber(typed); !errors.Is(err, visitor.ErrNumber) {
			t.Errorf("%q: %v, %v", typed, n, err)
		}
	}
}

// mutate returns a text that is made of a good pass as damage, guesses and forgeries are.
func mutate(r *rand.Rand, good []string, junk []byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	text := []byte(good[r.IntN(len(good))])
	switch r.IntN(6) {
	case 0: // some letters are others
		for range 1 + r.IntN(8) {
			text[r.IntN(len(text))] = alphabet[r.IntN(32)]
		}
	case 1: // two passes are spliced
		at := r.IntN(len(text))
		copy(text[at:], good[r.IntN(len(good))][at:])
	case 2: // letters of the right form, and nothing else
		for i := range text[1:] {
			text[i+1] = alphabet[r.IntN(32)]
		}
	case 3: // two letters have changed places
		i, j := r.IntN(len(text)), r.IntN(len(text))
		text[i], text[j] = text[j], text[i]
	case 4: // any bytes
		for i := range junk {
			junk[i] = byte(r.Uint32())
		}
		return string(junk[:r.IntN(len(junk))])
	case 5: // cut, and filled again
		at := r.IntN(len(text))
		text = append(text[:at], bytes.Repeat([]byte{alphabet[r.IntN(32)]}, len(text)-at)...)
	}
	return string(text)
}

// TestDamagedAndForged reads payloads that are made of good passes, and accepts none but those that were signed. With
// FACEGATE_SLOW they are 1,000,000.
func TestDamagedAndForged(t *testing.T) {
	n := 1_000
	if os.Getenv("FACEGATE_SLOW") != "" {
		n = 1_000_000
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	var good []string
	for i := range 20 {
		p := morning()
		p.Serial[0], p.Uses = byte(i), i%16
		good = append(good, sign(t, office(byte(1+i%2)), []visitor.Door{north, yard, south}[i%3], p))
	}
	junk := make([]byte, 300)
	parsed := 0
	for i := range n {
		text := mutate(r, good, junk)
		if _, err := visitor.Parse(text); err == nil {
			parsed++
		}
		if accepted(text) && !slices.Contains(good, text) {
			t.Fatalf("payload %d of seed %d is accepted: %q", i, seed, text)
		}
	}
	t.Logf("%d payloads, %d of them in the form of a pass", n, parsed)
	if parsed < n/10 {
		t.Errorf("only %d of %d payloads came as far as the signature", parsed, n)
	}
}

// FuzzParse holds Parse to having one text a pass.
func FuzzParse(f *testing.F) {
	f.Add(sign(f, office(1), north, morning()))
	f.Add(strings.Repeat("A", 138))
	f.Add("Q" + strings.Repeat("7", 137))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := visitor.Parse(text)
		if err != nil {
			return
		}
		if !visitor.Is(text) || s.Uses > visitor.MaxUses || s.Length <= 0 || !s.ID().Until().Equal(s.Until()) {
			t.Errorf("%q is read as %+v", text, s.Pass)
		}
		if accepted(text) && text != sign(t, office(1), north, s.Pass) && text != sign(t, office(1), yard, s.Pass) {
			t.Errorf("%q is accepted", text)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	text := sign(b, office(1), north, morning())
	for b.Loop() {
		if !accepted(text) {
			b.Fatal("refused")
		}
	}
}
