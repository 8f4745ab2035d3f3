package template_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"facegate/pipeline/template"
	"facegate/pipeline/template/templatetest"
)

// newChaCha returns a source of bytes that is as good as random and the same in every run.
func newChaCha(seed int) *rand.ChaCha8 { return rand.NewChaCha8(templatetest.Key("chacha", seed)) }

// What a record adds to its header looks like noise, and every record has the same length.
func TestRecordsAreUniform(t *testing.T) {
	const records = 2000
	const header = template.RecordSize - 16 - 24 - template.Bits/8 - 16
	device, store := templatetest.Key("device"), templatetest.Key("store")
	chacha := newChaCha(1)
	withToken := func(token template.Token, c template.Code) ([]byte, error) {
		h := template.Header{Scheme: template.SchemeS2}
		return template.SealToken(newTokenKeys(t, device, token), chacha, h, c)
	}
	tests := []struct {
		name string
		seal func(i int) ([]byte, error)
	}{
		{"S1", func(i int) ([]byte, error) {
			h := template.Header{Scheme: template.SchemeS1, Lane: uint8(i % template.Lanes)}
			return template.Seal(store, chacha, h, template.Code{uint64(i)})
		}},
		{"S2", func(i int) ([]byte, error) {
			return withToken(newToken(t, templatetest.Key(i)), template.Code{uint64(i)})
		}},
		{"S2, one token", func(int) ([]byte, error) { return withToken(newToken(t, templatetest.Key("one")), template.Code{}) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var all []byte
			for i := range records {
				record, err := tt.seal(i)
				if err != nil {
					t.Fatal(err)
				}
				if len(record) != template.RecordSize {
					t.Fatalf("record %d has %d bytes, not %d", i, len(record), template.RecordSize)
				}
				all = append(all, record[header:]...)
			}
			monobit, chiSquare := templatetest.Monobit(all), templatetest.ChiSquare(all)
			t.Logf("%d bytes: monobit %+.2f, chi-square %+.2f standard deviations", len(all), monobit, chiSquare)
			if math.Abs(monobit) > 4 || math.Abs(chiSquare) > 4 {
				t.Error("the bytes are not uniform")
			}
		})
	}
}
