package codereader

import (
	"facegate/pipeline/template"
	"facegate/pipeline/visitor"
)

// isPass reports whether a text has the form of a pass: so many letters of base32, and nothing else. Whether it is one is for
// those who can check it.
func isPass(text []byte) bool {
	if n := len(text); n != template.TokenTextSize && n != visitor.TextSize {
		return false
	}
	for _, c := range text {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}
