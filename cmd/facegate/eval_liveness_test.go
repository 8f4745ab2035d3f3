package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/liveness/thresholds"
)

// presentations lays recordings out as CAMERA/KIND/SUBJECT/PICTURE, with two cameras.
func presentations(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	put := func(to, from string) {
		t.Helper()
		data, err := os.ReadFile(gatetest.Testdata(t, from))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, filepath.FromSlash(to))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 8 {
		put(fmt.Sprintf("lobby/live/p01/%d.jpg", i+5), fmt.Sprintf("walk/p01/%04d.jpg", 62+i)) // 9 comes before 10
		put(fmt.Sprintf("gate/live/s02/%d.jpg", i), fmt.Sprintf("walk/s02/%04d.jpg", 62+i))
	}
	for i, name := range []string{"01-print", "02-print", "03-print"} {
		put(fmt.Sprintf("lobby/print/p01/%d.jpg", i), "spoof/"+name+".jpg")
	}
	for i, name := range []string{"04-phone", "05-tablet", "06-phone"} {
		put(fmt.Sprintf("gate/screen/p01/%d.jpg", i), "spoof/"+name+".jpg")
	}
	return folder
}

// TestEvalLiveness measures both sets of networks that a gate may have on recordings of two cameras, and writes thresholds.
func TestEvalLiveness(t *testing.T) {
	folder, dir := presentations(t), gatetest.Models(t)
	groups, written := filepath.Join(t.TempDir(), "groups.csv"), filepath.Join(t.TempDir(), "thresholds.json")
	if err := os.WriteFile(groups, []byte("p01,man\ns02,woman\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		flags   []string
		reports int // the networks together and each alone, in windows and single frames
	}{
		{"the pair", []string{"--liveness", "silentface_v2_27", "--liveness", "silentface_v1se_40"}, 6},
		{"the network of the package", []string{"--liveness", "frliveness"}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"eval", "liveness", folder, "--models", dir, "--groups", groups, "--write-thresholds", written, "--json"}, test.flags...)
			p := facegate(t.Context(), args...)
			if p.code != exitOK {
				t.Fatal(p.err)
			}
			var r livenessResult
			unmarshal(t, p.out, &r)
			if len(r.Reports) != test.reports || r.NoFace != 0 {
				t.Fatalf("%d reports, %d without a face", len(r.Reports), r.NoFace)
			}
			whole := r.Reports[0]
			if whole.Window != 5 || len(whole.Cameras) != 2 || whole.Unseen == nil {
				t.Fatalf("%+v", whole)
			}
			for _, c := range whole.Cameras { // of the first two frames of a film nothing is known yet
				if c.BPCER.Windows != 6 || c.Attacks[0].APCER.Windows != 1 || c.Attacks[0].APCER.Value != 0 || c.AUC != 1 || len(c.Groups) != 1 {
					t.Errorf("camera %s: %+v", c.Camera, c)
				}
			}
			if single := r.Reports[len(r.Reports)-1]; single.Window != 1 || single.Cameras[0].BPCER.Windows != 8 || single.Cameras[0].Attacks[0].APCER.Windows != 3 {
				t.Errorf("single frames: %+v", single)
			}
			text, err := os.Open(written)
			if err != nil {
				t.Fatal(err)
			}
			defer text.Close()
			f, err := thresholds.Read(text)
			if err != nil || f.Accept > whole.Accept || f.Accept < whole.Accept-0.001 || len(f.Cameras) != 2 || f.Unseen.ReplaysRefused == 0 {
				t.Errorf("written: %+v, %v", f, err)
			}
		})
	}
}

// TestEvalLivenessOfOneCamera takes a folder without cameras, and a threshold of somebody's own.
func TestEvalLivenessOfOneCamera(t *testing.T) {
	dir, folder := gatetest.Models(t), filepath.Join(presentations(t), "lobby")
	p := facegate(t.Context(), "eval", "liveness", folder, "--models", dir, "--liveness", "frliveness", "--threshold", "0.3", "--window", "1", "--json")
	if p.code != exitOK {
		t.Fatal(p.err)
	}
	var r livenessResult
	unmarshal(t, p.out, &r)
	if one := r.Reports[0]; len(r.Reports) != 1 || one.Accept != 0.3 || one.Cameras[0].Camera != "lobby" || one.Unseen != nil {
		t.Errorf("%+v", one)
	}
	p = facegate(t.Context(), "eval", "liveness", folder, "--models", dir, "--liveness", "frliveness")
	if p.code != exitOK || !strings.Contains(p.out, "by the other cameras' thresholds") { // its errors are the bar, if it takes long
		t.Errorf("code %d: %s\n%s", p.code, p.out, p.err)
	}
	facegate(t.Context(), "eval", "liveness", filepath.Join(folder, "live"), "--models", dir).want(t, exitFailed, "", "to do: lay them out as")
	facegate(t.Context(), "eval", "liveness", folder, "--models", dir, "--window", "0").want(t, exitFailed, "", "at least one frame")
}
