package thresholds_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/configs/hint"
	"facegate/pipeline/liveness"
	"facegate/pipeline/liveness/thresholds"
	"facegate/pipeline/models"
)

// TestEveryBundleIsMeasured checks that a gate knows from which score a face is live with the networks of each bundle, and with
// those that take their place.
func TestEveryBundleIsMeasured(t *testing.T) {
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string][]models.Model{"preferred": manifest.Preferred()}
	for _, name := range manifest.Bundles() {
		b, err := manifest.Bundle(name)
		if err != nil {
			t.Fatal(err)
		}
		sets[name] = b.Liveness
	}
	for name, set := range sets {
		var networks []string
		for _, m := range set {
			networks = append(networks, m.Name)
		}
		for range 2 { // in whatever order they are named
			f, err := thresholds.Shipped(networks)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if f.Window != 5 || len(f.Networks) != len(networks) {
				t.Errorf("%s: %+v", name, f)
			}
			slices.Reverse(networks)
		}
	}
}

func TestNotShipped(t *testing.T) {
	for _, set := range [][]string{nil, {"silentface_v2_27"}, {"frliveness", "frliveness"}, {"frliveness", "silentface_v2_27"}} {
		_, err := thresholds.Shipped(set)
		if !errors.Is(err, thresholds.ErrNotShipped) || !strings.Contains(hint.Of(err), "facegate eval liveness") {
			t.Errorf("%v: %v, %q", set, err, hint.Of(err))
		}
	}
}

func TestReadWrite(t *testing.T) {
	f := thresholds.New([]string{"a", "b"}, 5, liveness.Thresholds{Accept: 0.25, Refuse: 0.125}, []thresholds.Camera{{
		Name: "lobby", Subjects: 7, Live: 100, BPCER: 0.05, HeldOut: 0.0625,
		Attacks: []thresholds.Attack{{Kind: "print", Windows: 90, APCER: 0.5}},
	}})
	var text bytes.Buffer
	if err := thresholds.Write(&text, f); err != nil {
		t.Fatal(err)
	}
	got, err := thresholds.Read(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, got); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	for _, swap := range [][2]string{
		{"facegate-liveness/1", "facegate-liveness/2"},
		{`"window": 5`, `"window": 0`},
		{`"accept": 0.25`, `"accept": 0.1`},
		{`"accept": 0.25`, `"accept": 1`},
		{`"refuse": 0.125`, `"refuse": 0`},
		{`"refuse"`, `"refuses"`},
		{`"a"`, `""`},
		{"\n}\n", "\n}\n{}"},
	} {
		wrong := strings.Replace(text.String(), swap[0], swap[1], 1)
		if _, err := thresholds.Read(strings.NewReader(wrong)); wrong == text.String() || !errors.Is(err, thresholds.ErrInvalid) {
			t.Errorf("%q instead of %q: %v", swap[1], swap[0], err)
		}
	}
	f.Refuse = 0.5
	if err := thresholds.Write(&text, f); !errors.Is(err, thresholds.ErrInvalid) {
		t.Errorf("thresholds the wrong way round are written: %v", err)
	}
}

// TestCost checks what is said of networks that are not the best, and that nothing is said of those that are.
func TestCost(t *testing.T) {
	pair := []string{"silentface_v2_27", "silentface_v1se_40"}
	for _, test := range []struct {
		networks []string
		want     string
	}{
		{[]string{"frliveness"}, "frliveness refuses 56 % of replays on a screen, and silentface_v2_27 with silentface_v1se_40 99.3 %"},
		{[]string{"silentface_v2_27"}, "what silentface_v2_27 misses on unseen cameras was not measured"},
		{[]string{"silentface_v1se_40", "silentface_v2_27"}, ""},
	} {
		if got := thresholds.Cost(test.networks, pair); test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%v: %q, want %q", test.networks, got, test.want)
		}
	}
}
