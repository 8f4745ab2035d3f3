package sheet_test

import (
	"testing"

	"facegate/pipeline/evaluate/sheet"
)

func TestPercent(t *testing.T) {
	for rate, want := range map[float64]string{
		0: "0 %", 1: "100 %", 0.99998: "99.998 %", 0.9412: "94.12 %", 0.0123: "1.23 %", 0.00012: "0.012 %", 1e-6: "0.0001 %",
	} {
		if got := sheet.Percent(rate); got != want {
			t.Errorf("Percent(%v) = %q, want %q", rate, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 22268801: "22,268,801"} {
		if got := sheet.Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %q, want %q", n, got, want)
		}
	}
}
