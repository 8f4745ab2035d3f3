package text_test

import (
	"testing"

	"facegate/configs/text"
)

func TestCarried(t *testing.T) {
	for _, given := range []string{"old 0\n\na\n", "old 0\r\n\r\na\r\n", "old 0\n\na", "old 0\r\n\r\na", "old 0\n\na\n\n\r\n"} {
		if got := string(text.Carried([]byte(given))); got != "old 0\n\na\n" {
			t.Errorf("%q became %q", given, got)
		}
	}
}
