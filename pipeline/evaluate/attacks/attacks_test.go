package attacks_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/evaluate/attacks"
	"facegate/pipeline/liveness"
)

// shown returns windows of one subject, one for each score, which is that of the newest frame as well.
func shown(subject string, scores ...float64) (all []attacks.Shown) {
	for _, s := range scores {
		all = append(all, attacks.Shown{Subject: subject, Evidence: liveness.Evidence{Mean: s, Newest: s}})
	}
	return all
}

// ramp returns n scores from just above low to high.
func ramp(low, high float64, n int) (all []float64) {
	for i := 1; i <= n; i++ {
		all = append(all, low+(high-low)*float64(i)/float64(n))
	}
	return all
}

func camera(name string, live []attacks.Shown, kinds map[string][]attacks.Shown) attacks.Camera {
	return attacks.Camera{Name: name, Live: live, Attacks: kinds}
}

var aims = attacks.Aims{Doubted: 0.05, Refused: 0.01}

// TestChoose checks that thresholds keep to their aims before the camera that asks for most, and with people who weigh the same.
func TestChoose(t *testing.T) {
	good, poor := camera("good", shown("a", ramp(0.5, 1, 100)...), nil), camera("poor", shown("b", ramp(0.1, 0.6, 100)...), nil)
	for _, test := range []struct {
		name           string
		cameras        []attacks.Camera
		accept, refuse float64
	}{
		{"one", []attacks.Camera{good}, 0.53, 0.51},
		{"the poorer of two", []attacks.Camera{good, poor}, 0.13, 0.11},
		{
			"a person of few windows", // of whom 10 % may be missed, and 2 %
			[]attacks.Camera{camera("", append(shown("a", ramp(0.5, 1, 1000)...), shown("b", ramp(0, 0.5, 10)...)...), nil)}, 0.1, 0.05,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := attacks.Choose(test.cameras, aims)
			if math.Abs(got.Accept-test.accept) > 1e-9 || math.Abs(got.Refuse-test.refuse) > 1e-9 {
				t.Errorf("thresholds %+v, want %v and %v", got, test.accept, test.refuse)
			}
		})
	}
}

// Whatever live faces score, the thresholds cost no camera more than the aims.
func TestChooseProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cameras []attacks.Camera
		for i := range rapid.IntRange(1, 3).Draw(t, "cameras") {
			c := attacks.Camera{Name: fmt.Sprint(i), Attacks: map[string][]attacks.Shown{"print": shown("a", 0.1)}}
			for j := range rapid.IntRange(1, 4).Draw(t, "subjects") {
				for range rapid.IntRange(1, 40).Draw(t, "windows") {
					e := liveness.Evidence{Mean: rapid.Float64Range(0, 1).Draw(t, "mean"), Newest: rapid.Float64Range(0, 1).Draw(t, "newest")}
					c.Live = append(c.Live, attacks.Shown{Subject: fmt.Sprint(j), Evidence: e})
				}
			}
			cameras = append(cameras, c)
		}
		r, err := attacks.Measure("n", 5, cameras, attacks.Question{Aims: aims})
		if err != nil {
			t.Fatal(err)
		}
		if r.Refuse > r.Accept {
			t.Fatalf("refused below %v and live from %v", r.Refuse, r.Accept)
		}
		for _, c := range r.Cameras {
			if c.BPCER.Value > aims.Doubted+1e-12 || c.Refused.Value > aims.Refused+1e-12 {
				t.Fatalf("camera %s pays %+v", c.Camera, c.Judged)
			}
			if c.BPCER.Value < c.BPCER.Low-1e-9 || c.BPCER.Value > c.BPCER.High+1e-9 {
				t.Fatalf("%+v is not in its interval", c.BPCER)
			}
		}
	})
}

// TestMeasure checks whose thresholds judge a camera that is held out, and what attacks then reach.
func TestMeasure(t *testing.T) {
	dark := camera("dark", shown("a", ramp(0.2, 0.7, 100)...), map[string][]attacks.Shown{"print": shown("a", ramp(0.003, 0.303, 30)...)})
	bright := camera("bright", append(shown("a", ramp(0.502, 1, 100)...), shown("b", ramp(0.502, 1, 100)...)...),
		map[string][]attacks.Shown{"screen": append(shown("a", 0.1, 0.1), shown("b", 0.9, 0.9)...)})
	r, err := attacks.Measure("net", 5, []attacks.Camera{dark, bright}, attacks.Question{
		Aims: aims, Groups: map[string]string{"a": "glasses", "b": "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	near("accept", r.Accept, 0.23)
	held := r.Cameras[0].HeldOut
	near("the thresholds of the bright camera", held.Accept, 0.502+0.498*0.06)
	near("what they cost the dark one", held.BPCER.Value, 0.66)
	near("prints there", held.Attacks[0].APCER.Value, 0)
	near("prints by thresholds of all", r.Cameras[0].Attacks[0].APCER.Value, 8.0/30)
	near("screens, of two people", r.Cameras[1].Attacks[0].APCER.Value, 0.5)
	if s := r.Cameras[1].Attacks[0].APCER; s.Low != 0 || s.High != 1 || s.Subjects != 2 || s.Windows != 4 {
		t.Errorf("two people say that screens reach %+v", s)
	}
	if n := r.Unseen.BPCER; n.Subjects != 3 || n.Windows != 300 { // one name before two cameras is two subjects
		t.Errorf("over all: %+v", n)
	}
	near("the group of all windows", r.Unseen.Groups[0].BPCER.Value, (0.66+0)/2)
	near("AUC", r.Cameras[1].AUC, 0.5+0.5*0.21)
	near("prints at BPCER 5 %", r.Cameras[0].Fixed[0].Attacks[0].APCER.Value, 8.0/30)
	near("prints at BPCER 1 %", r.Cameras[0].Fixed[1].Attacks[0].APCER.Value, 10.0/30)

	var text strings.Builder
	if err := attacks.Write(&text, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"net, mean of 5 frames: live from 0.230", "66.00 % (live from 0.532)", "glasses", "all, each by the others", "at BPCER 1.00 % there",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, &text)
		}
	}
}

// TestFewSubjects checks that no error among few people is not sold for none at all.
func TestFewSubjects(t *testing.T) {
	c := camera("", append(shown("a", ramp(0.5, 1, 100)...), shown("b", ramp(0.5, 1, 100)...)...),
		map[string][]attacks.Shown{"print": append(shown("a", ramp(0, 0.1, 500)...), shown("b", ramp(0, 0.1, 500)...)...)})
	r, err := attacks.Measure("net", 5, []attacks.Camera{c}, attacks.Question{Aims: aims})
	if err != nil {
		t.Fatal(err)
	}
	if a := r.Cameras[0].Attacks[0].APCER; a.Value != 0 || a.High < 0.8 {
		t.Errorf("of two people: %+v", a)
	}
	if r.Unseen != nil || r.Cameras[0].HeldOut != nil {
		t.Error("there is no other camera")
	}
}

func TestGivenThresholds(t *testing.T) {
	c := camera("", shown("a", 0.3, 0.9), map[string][]attacks.Shown{"print": shown("a", 0.1)})
	r, err := attacks.Measure("net", 5, []attacks.Camera{c}, attacks.Question{Aims: aims, Given: &liveness.Thresholds{Accept: 0.5, Refuse: 0.2}})
	if err != nil {
		t.Fatal(err)
	}
	if j := r.Cameras[0]; j.BPCER.Value != 0.5 || j.Refused.Value != 0 || r.Accept != 0.5 || r.Refuse != 0.2 {
		t.Errorf("%+v", r)
	}
}

func TestTooFew(t *testing.T) {
	for name, c := range map[string]attacks.Camera{
		"nobody live": camera("", nil, map[string][]attacks.Shown{"print": shown("a", 0.1)}),
		"no attack":   camera("", shown("a", 0.9), nil),
	} {
		if _, err := attacks.Measure("net", 5, []attacks.Camera{c}, attacks.Question{Aims: aims}); !errors.Is(err, attacks.ErrTooFew) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
