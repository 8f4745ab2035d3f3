package configs_test

import (
	"strings"
	"testing"
	"time"

	"facegate/configs"
)

func TestWitness(t *testing.T) {
	for _, tt := range []struct{ witness, want string }{
		{"{}", ""},
		{"{keys: []}", ""},
		{"{keys: [a+1+b, b+1+b], every: 1m}", ""},
		{"{every: 744h}", ""},
		{"{every: 59s}", "witness.every: 59s is not between"},
		{"{every: 745h}", "witness.every: 745h0m0s is not between"},
		{"{keys: a+1+b}", "witness.keys: a list is wanted here"},
		{"{keys: [a+1+b, a+1+b]}", "witness.keys[2]: is in the list a second time"},
		{"{keys: [" + strings.Repeat("x", 257) + "]}", "witness.keys[1]: is longer than 256 bytes"},
		{"{keys: [a, b, c, d, e, f, g, h, i]}", "witness.keys: has more than 8 witnesses"},
	} {
		_, err := configs.Parse("x.yaml", strings.NewReader(locked(minimal+"witness: "+tt.witness+"\n")))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.witness, err, tt.want)
		}
	}
}

func TestWitnessPatience(t *testing.T) {
	for every, want := range map[time.Duration]time.Duration{
		time.Minute: 24 * time.Hour, 8 * time.Hour: 24 * time.Hour, 9 * time.Hour: 27 * time.Hour, 744 * time.Hour: 2232 * time.Hour,
	} {
		if got := (configs.Witness{Every: every}).Patience(); got != want {
			t.Errorf("asked every %v: %v, want %v", every, got, want)
		}
	}
}
