package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/chosen"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/gpio/cdev"
	"facegate/gpio/sim"
	"facegate/pipeline/liveness"
	"facegate/pipeline/liveness/thresholds"
	"facegate/pipeline/models"
)

// linked makes a folder with links to the files of models, which it returns.
func linked(t *testing.T, list []models.Model) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, m := range list {
		from := filepath.Join(gatetest.Models(t), m.Files[0].File)
		if _, err := os.Stat(from); err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(from, filepath.Join(dir, m.Files[0].File)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestVanishedNetworks takes the files of its better liveness networks away from a gate. It looks at no face with the others, unless
// somebody names them.
func TestVanishedNetworks(t *testing.T) {
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	preferred := manifest.Preferred()
	dir := linked(t, append(gatetest.Bundle(t).Models(), preferred...))
	site := gatetest.NewSite(t)
	start := func(vision string) (names []string, err error) {
		t.Helper()
		c := site.Config(t, gatetest.Settings{"vision": fmt.Sprintf("{models_dir: %s%s}", dir, vision)})
		_, checked := Check(c, Host{Root: os.DirFS("/"), Chips: cdev.Chips})
		d, err := New(c, Outside{Line: sim.New(), Source: gatetest.Stage(t)}, "test", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			d.Run(ctx)
		}()
		if (checked == nil) != (d.unseen == nil) || checked != nil && !errors.Is(checked, chosen.ErrWeaker) {
			t.Errorf("the check says %v, and the gate %v", checked, d.unseen)
		}
		return d.live().Vision.Liveness, d.unseen
	}
	expect := func(what, vision string, want ...string) {
		t.Helper()
		if names, err := start(vision); err != nil || !slices.Equal(names, want) {
			t.Fatalf("%s: %v, %v", what, names, err)
		}
	}
	expect("with all files", "", models.Names(preferred)...)
	if err := os.Remove(filepath.Join(dir, preferred[1].Files[0].File)); err != nil {
		t.Fatal(err)
	}
	if _, err := start(""); !errors.Is(err, chosen.ErrWeaker) || !strings.Contains(hint.Of(err), "vision.liveness") {
		t.Fatalf("without one of them: %v", err)
	}
	expect("with another one named", ", liveness: [frliveness]", "frliveness")
	expect("after somebody has named it", "", "frliveness")
}

// TestLivenessThresholds checks who may say from which score a face is live.
func TestLivenessThresholds(t *testing.T) {
	pair, err := thresholds.Shipped([]string{"silentface_v2_27", "silentface_v1se_40"})
	if err != nil {
		t.Fatal(err)
	}
	auto, number := configs.Threshold{Auto: true}, func(v float64) configs.Threshold { return configs.Threshold{Score: v} }
	measured, unmeasured := []string{"silentface_v1se_40", "silentface_v2_27"}, []string{"silentface_v2_27"}
	for _, test := range []struct {
		name      string
		place     law.Jurisdiction
		networks  []string
		threshold configs.Threshold
		want      liveness.Thresholds
		err       error
	}{
		{"measured", law.CN, measured, auto, pair.Thresholds(), nil},
		{"stricter", law.CN, measured, number(0.9), liveness.Thresholds{Accept: 0.9, Refuse: pair.Refuse}, nil},
		{"as measured", law.EU, measured, number(pair.Accept), pair.Thresholds(), nil},
		{"weaker", law.EU, measured, number(pair.Accept - 0.001), liveness.Thresholds{}, ErrWeak},
		{"weaker, where nobody exists", law.Lab, measured, number(0.01), liveness.Thresholds{Accept: 0.01, Refuse: 0.01}, nil},
		{"off, where nobody exists", law.Lab, measured, number(0), liveness.Thresholds{}, nil},
		{"unmeasured", law.Lab, unmeasured, auto, liveness.Thresholds{}, thresholds.ErrNotShipped},
		{"unmeasured, and somebody knows", law.USIL, unmeasured, number(0.4), liveness.Thresholds{Accept: 0.4, Refuse: 0.4}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, b := new(configs.Config), models.Bundle{}
			c.Jurisdiction, c.Liveness.Threshold = test.place, test.threshold
			for _, name := range test.networks {
				b.Liveness = append(b.Liveness, models.Model{Name: name})
			}
			got, err := livenessThresholds(c, b)
			if got != test.want || !errors.Is(err, test.err) || (err != nil) != (test.err != nil) || err != nil && hint.Of(err) == "" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}
