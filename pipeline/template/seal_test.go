package template_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"facegate/pipeline/template"
	"facegate/pipeline/template/templatetest"
)

func sealed(tb testing.TB, key [32]byte, h template.Header, c template.Code) []byte {
	tb.Helper()
	record, err := template.Seal(key, rand.Reader, h, c)
	if err != nil {
		tb.Fatal(err)
	}
	return record
}

func sample() (template.Header, template.Code) {
	h := template.Header{
		Scheme: template.SchemeS1, Lane: 5, Epoch: 1,
		RecordID: template.RecordID{1, 2, 3}, ModelID: templatetest.Key("model"),
		DeviceID: [16]byte{4}, ConsentID: [16]byte{5}, Expiry: 1_900_000_000,
	}
	var c template.Code
	for i := range c {
		c[i] = 0x0123456789abcdef * uint64(i+1)
	}
	return h, c
}

func TestSealRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		byteArray := rapid.SliceOfN(rapid.Byte(), 32, 32)
		key := [32]byte(byteArray.Draw(t, "key"))
		h := template.Header{
			Scheme:    template.SchemeS1,
			Lane:      rapid.Uint8Range(0, template.Lanes-1).Draw(t, "lane"),
			Epoch:     rapid.Uint32().Draw(t, "epoch"),
			RecordID:  template.RecordID(byteArray.Draw(t, "record")[:16]),
			ModelID:   [32]byte(byteArray.Draw(t, "model")),
			DeviceID:  [16]byte(byteArray.Draw(t, "device")[:16]),
			ConsentID: [16]byte(byteArray.Draw(t, "consent")[:16]),
			Expiry:    rapid.Int64().Draw(t, "expiry"),
		}
		var c template.Code
		copy(c[:], rapid.SliceOfN(rapid.Uint64(), len(c), len(c)).Draw(t, "code"))
		record, err := template.Seal(key, rand.Reader, h, c)
		if err != nil {
			t.Fatal(err)
		}
		if len(record) != template.RecordSize {
			t.Fatalf("%d bytes, want %d", len(record), template.RecordSize)
		}
		if got, err := template.ReadHeader(record); err != nil || got != h {
			t.Fatalf("ReadHeader: %+v, %v", got, err)
		}
		gotHeader, gotCode, err := template.Open(key, record)
		if err != nil || gotHeader != h || gotCode != c {
			t.Fatalf("got %+v, %v, %v", gotHeader, gotCode, err)
		}
	})
}

func TestOpenRefusesEveryBitFlip(t *testing.T) {
	h, c := sample()
	key := templatetest.Key("store")
	record := sealed(t, key, h, c)
	for bit := range len(record) * 8 {
		record[bit/8] ^= 1 << (bit % 8)
		if gotHeader, gotCode, err := template.Open(key, record); !errors.Is(err, template.ErrSealed) ||
			gotHeader != (template.Header{}) || gotCode != (template.Code{}) {
			t.Fatalf("bit %d of byte %d flipped: %v", bit%8, bit/8, err)
		}
		record[bit/8] ^= 1 << (bit % 8)
	}
}

// The header of one record does not open the code of another, even of the same person, lane and time.
func TestOpenRefusesSwaps(t *testing.T) {
	h, c := sample()
	key := templatetest.Key("store")
	a := sealed(t, key, h, c)
	h.RecordID[0]++
	b := sealed(t, key, h, c)
	for cut := range a {
		joined := slices.Concat(a[:cut], b[cut:])
		if bytes.Equal(joined, b) {
			continue // the two begin alike
		}
		if _, _, err := template.Open(key, joined); !errors.Is(err, template.ErrSealed) {
			t.Fatalf("two records joined at byte %d: %v", cut, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	h, c := sample()
	key := templatetest.Key("store")
	record := sealed(t, key, h, c)
	tests := []struct {
		name   string
		key    [32]byte
		record []byte
	}{
		{"nothing", key, nil},
		{"zeros", key, make([]byte, template.RecordSize)},
		{"truncated", key, record[:len(record)-1]},
		{"extended", key, append(slices.Clone(record), 0)},
		{"another key", templatetest.Key("other"), record},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := template.Open(tt.key, tt.record); !errors.Is(err, template.ErrSealed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestReadHeaderRefuses(t *testing.T) {
	for _, n := range []int{0, template.RecordSize - 1, template.RecordSize + 1} {
		if h, err := template.ReadHeader(make([]byte, n)); !errors.Is(err, template.ErrSealed) {
			t.Errorf("%d bytes: %+v, %v", n, h, err)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	good, c := sample()
	tests := []struct {
		name string
		edit func(*template.Header)
		rand io.Reader
	}{
		{"another scheme", func(h *template.Header) { h.Scheme = 2 }, rand.Reader},
		{"no such lane", func(h *template.Header) { h.Lane = template.Lanes }, rand.Reader},
		{"no randomness", func(*template.Header) {}, iotest.ErrReader(io.ErrUnexpectedEOF)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := good
			tt.edit(&h)
			if record, err := template.Seal(templatetest.Key("store"), tt.rand, h, c); err == nil {
				t.Errorf("sealed to %d bytes", len(record))
			}
		})
	}
}

func TestSealShowsNothingOfTheCode(t *testing.T) {
	h, c := sample()
	a, b := sealed(t, templatetest.Key("store"), h, c), sealed(t, templatetest.Key("store"), h, c)
	const header = template.RecordSize - 16 - 24 - template.Bits/8 - 16
	if !bytes.Equal(a[:header], b[:header]) {
		t.Error("the encoding of the header is not canonical")
	}
	for i := header; i+8 <= len(a); i++ {
		if bytes.Equal(a[i:i+8], b[i:i+8]) {
			t.Errorf("two records of one code are alike at byte %d", i)
		}
	}
}

func FuzzOpen(f *testing.F) {
	h, c := sample()
	key := templatetest.Key("store")
	record, err := template.Seal(key, mathrand.NewChaCha8(key), h, c) // the same in every run
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	f.Add([]byte{})
	f.Add(make([]byte, template.RecordSize))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, err := template.Open(key, data)
		if err == nil && !bytes.Equal(data, record) {
			t.Error("a forged record opened")
		}
		if err != nil && !errors.Is(err, template.ErrSealed) {
			t.Errorf("refused with %v", err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	h, c := sample()
	record := sealed(b, templatetest.Key("store"), h, c)
	for b.Loop() {
		if _, _, err := template.Open(templatetest.Key("store"), record); err != nil {
			b.Fatal(err)
		}
	}
}
