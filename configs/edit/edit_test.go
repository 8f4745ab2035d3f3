package edit_test

import (
	"errors"
	"strings"
	"testing"

	"facegate/configs"
	"facegate/configs/edit"
	"facegate/configs/hint"
)

const site = "profile: lab\nsite: hq # ours\ngate: north\ndoor: {driver: sim}\n"

func TestSet(t *testing.T) {
	set := []edit.Setting{{"quality.min_sharpness", "40"}, {"camera.power_line", "50hz"}}
	for _, test := range []struct{ name, text, want string }{
		{"neither section", site, site + "\nquality:\n  min_sharpness: 40\n\ncamera:\n  power_line: 50hz\n"},
		{
			"both keys", site + "camera:\n    fps: 10\n    power_line: keep   # the lamps\nquality:\n  min_sharpness: 15\n",
			site + "camera:\n    fps: 10\n    power_line: 50hz   # the lamps\nquality:\n  min_sharpness: 40\n",
		},
		{
			"sections without the keys", site + "quality:   # of faces\n\n  # strict\n  max_yaw: 20\ncamera:\n   fps: 10",
			site + "quality:   # of faces\n  min_sharpness: 40\n\n  # strict\n  max_yaw: 20\ncamera:\n   power_line: 50hz\n   fps: 10\n",
		},
		{
			"the same key elsewhere", site + "zone:\n  min_face: 60\nquality:\n  max_yaw: 20\n",
			site + "zone:\n  min_face: 60\nquality:\n  min_sharpness: 40\n  max_yaw: 20\n\ncamera:\n  power_line: 50hz\n",
		},
	} {
		got, err := edit.Set(test.text, set...)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
		c, err := configs.Parse("test.yaml", strings.NewReader(got))
		if err != nil || c.Quality.MinSharpness != 40 || c.Camera.PowerLine != configs.FiftyHz {
			t.Errorf("%s does not read as it should: %v", test.name, err)
		}
	}
}

// TestSetInTheReference changes every number of the reference that may be proposed, and nothing else.
func TestSetInTheReference(t *testing.T) {
	before := string(configs.Reference())
	after, err := edit.Set(before, edit.Setting{"zone.min_face", "75"}, edit.Setting{"camera.exposure", "10ms"})
	if err != nil {
		t.Fatal(err)
	}
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	changed := 0
	for i := range was {
		if was[i] != is[i] {
			changed++
		}
	}
	if len(was) != len(is) || changed != 2 || !strings.Contains(after, "min_face: 75") || !strings.Contains(after, "exposure: 10ms") {
		t.Errorf("%d lines changed, of %d now %d", changed, len(was), len(is))
	}
}

func TestSetRefusesWhatItCannotRead(t *testing.T) {
	for _, text := range []string{site + "quality: {max_yaw: 20}\n", site + "quality: &a\n  max_yaw: 20\n"} {
		if _, err := edit.Set(text, edit.Setting{"quality.min_sharpness", "40"}); !errors.Is(err, edit.ErrShape) || hint.Of(err) == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := edit.Set(site, edit.Setting{"site", "x"}); err == nil {
		t.Error("a key without a section is set")
	}
}
