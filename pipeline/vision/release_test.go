package vision_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// How far what a release computes may be from what this build does, which may have another OpenCV, and from what the release for
// another processor does. The answers of networks are compared relative to their largest number, and what is seen in a frame by
// the distance of vectors of length 1, and of liveness.
const (
	sameAnswer = 1e-4
	sameLook   = 1e-5
)

// shipped returns every network of every bundle that is here, once.
func shipped(t *testing.T) (all []vision.Model) {
	t.Helper()
	seen := map[string]bool{}
	for _, bundle := range bundles {
		n := visiontest.Networks(t, bundle, "")
		list := append([]vision.Model{n.Detector, n.Embedder}, n.Liveness...)
		if n.Landmarks != nil {
			list = append(list, *n.Landmarks)
		}
		for _, m := range list {
			if !seen[m.Name] {
				seen[m.Name], all = true, append(all, m)
			}
		}
	}
	return all
}

// TestReleaseRunsNetworks has the released programs run every network, and wants the numbers that this build comes to.
func TestReleaseRunsNetworks(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			visiontest.Released(t, "facegate-"+arch, arch)
			networks := shipped(t)
			if len(networks) < 7 {
				t.Errorf("there are only %d networks", len(networks))
			}
			for _, m := range networks {
				want, err := vision.Answer(m)
				if err != nil {
					t.Fatal(err)
				}
				var complaints bytes.Buffer
				cmd := visiontest.Released(t, "facegate-"+arch, arch, "models", "try", m.Name, "--answer")
				cmd.Stdin, cmd.Stderr = bytes.NewReader(m.Data), &complaints
				text, err := cmd.Output()
				var got []float64
				if err == nil {
					err = json.Unmarshal(text, &got)
				}
				if err != nil {
					t.Errorf("%s: %v\n%s", m.Name, err, &complaints)
					continue
				}
				off := vision.Apart(got, want)
				t.Logf("%s: %.1e", m.Name, off)
				if !(off <= sameAnswer) {
					t.Errorf("%s is off by %.1e", m.Name, off)
				}
			}
		})
	}
}

// tenFrames are of somebody who walks up, of a print, of a stranger, and of two people at once.
var tenFrames = []string{
	"walk/p01/0060.jpg", "walk/p01/0061.jpg", "walk/p01/0062.jpg", "walk/p01/0063.jpg", "walk/p01/0064.jpg",
	"spoof/01-print.jpg", "walk/s02/0045.jpg", "walk/s02/0060.jpg", "walk/s02/0064.jpg", "walk/duo/0055.jpg",
}

// A Look is what one build of an Engine tells of one frame.
type Look struct {
	Bundle, Picture string
	Box             detect.Box
	Landmarks       detect.Landmarks
	Live            []float64
	Vector          embed.Vector
}

// apart returns how far two looks at one frame are apart: their vectors, and their verdicts on liveness.
func (l Look) apart(other Look) float64 {
	if l.Bundle != other.Bundle || l.Picture != other.Picture || len(l.Vector) != len(other.Vector) || len(l.Live) != len(other.Live) {
		return math.Inf(1)
	}
	var square, most float64
	for i, v := range l.Vector {
		square += math.Pow(float64(v-other.Vector[i]), 2)
	}
	for i, p := range l.Live {
		most = max(most, math.Abs(p-other.Live[i]))
	}
	return max(math.Sqrt(square), most)
}

// looks returns what this build tells of the ten frames.
func looks(t *testing.T) (all []Look) {
	t.Helper()
	for _, bundle := range []string{"registry", "open"} {
		e := visiontest.Open(t, bundle)
		for _, name := range tenFrames {
			s, err := look(e, picture(t, name))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all = append(all, Look{bundle, name, s.face.Box, s.face.Landmarks, s.live, s.vector})
		}
	}
	return all
}

// TestLooks writes what this build tells of the ten frames into the file that FACEGATE_LOOKS names. It is what
// TestReleaseLooksAlike has the builds of a release do. These are people who do not exist.
func TestLooks(t *testing.T) {
	file := os.Getenv("FACEGATE_LOOKS")
	if file == "" {
		t.Skip("FACEGATE_LOOKS does not name a file; TestReleaseLooksAlike sets it")
	}
	text, err := json.Marshal(looks(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// releasedLooks returns what the release for an architecture tells of the ten frames, in a further environment. Its own program tells
// nobody a vector, so it is the tests of this package that are asked, built and linked as that is.
func releasedLooks(t *testing.T, arch string, env ...string) (all []Look) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "looks.json")
	cmd := visiontest.Released(t, "tests/vision-"+arch, arch, "-test.run", "^TestLooks$", "-test.v")
	cmd.Env = append(append(cmd.Environ(), env...), "FACEGATE_LOOKS="+file)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// mustBeAlike wants the same of every frame, within a tolerance.
func mustBeAlike(t *testing.T, want, got []Look, tolerance float64) {
	t.Helper()
	if len(want) != len(got) {
		t.Fatalf("%d looks, want %d", len(got), len(want))
	}
	worst := map[string]float64{}
	for i := range want {
		worst[want[i].Bundle] = max(worst[want[i].Bundle], want[i].apart(got[i]))
	}
	for bundle, off := range worst {
		t.Logf("%s: %.1e", bundle, off)
		if !(off <= tolerance) {
			t.Errorf("%s: off by %.1e", bundle, off)
		}
	}
}

// TestReleaseLooksAlike has the builds of a release look at ten frames, and wants the vectors and the verdicts that this build comes
// to, and the same ones on both architectures: on a processor of ARMv8.0, as a Raspberry Pi 4 has, and on one of ARMv8.2 with half
// precision and dot products, as a Raspberry Pi 5 has.
func TestReleaseLooksAlike(t *testing.T) {
	amd64 := releasedLooks(t, "amd64")
	t.Run("this build", func(t *testing.T) { mustBeAlike(t, looks(t), amd64, sameLook) })
	for _, processor := range []string{"cortex-a72", "cortex-a76"} {
		t.Run("arm64 "+processor, func(t *testing.T) {
			t.Parallel()
			mustBeAlike(t, amd64, releasedLooks(t, "arm64", "QEMU_CPU="+processor), sameLook)
		})
	}
}
