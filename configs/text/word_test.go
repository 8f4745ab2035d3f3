package text_test

import (
	"strings"
	"testing"

	"facegate/configs/text"
)

func TestWordFault(t *testing.T) {
	for _, word := range []string{"staff", "night-shift_2", "保洁员", "Küche", "a", strings.Repeat("ü", text.MaxWord)} {
		if fault := text.WordFault(word); fault != "" {
			t.Errorf("%q %s", word, fault)
		}
	}
	for word, says := range map[string]string{
		"": "is empty", strings.Repeat("x", text.MaxWord+1): "is longer than 32 characters",
		"the yard": "no single word", " yard": "no single word", "a,b": "no single word", "a/b": "no single word", `a"b`: "no single word",
		"a\nb": "no single word", "a\u200db": "no single word", "Ku\u0308che": "no single word", "\xff": "no single word",
		"a\u202eb": "no single word",
	} {
		if fault := text.WordFault(word); !strings.Contains(fault, says) {
			t.Errorf("%q %q, want %q", word, fault, says)
		}
	}
}
