package vision_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"facegate/pipeline/models"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// newerOpenCV is the version that the networks are compared with.
const newerOpenCV = "4.10.0"

// A task is a file of a network with what it is to be given.
type task struct {
	vision.Fed
	File string // path
	name string // of the file
}

// newer returns the path of OpenCV for node, or skips the test where it or node is not there.
func newer(t *testing.T) string {
	t.Helper()
	library := os.Getenv("FACEGATE_OPENCV_JS")
	if library == "" {
		t.Skipf("FACEGATE_OPENCV_JS does not name an OpenCV %s for node; make test fetches it", newerOpenCV)
	}
	if _, err := os.Stat(library); err != nil {
		t.Skipf("there is no OpenCV %s for node: %v", newerOpenCV, err)
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("there is no node; make test installs it with npm")
	}
	return library
}

// tasks has the networks of every bundle look at people who do not exist, and returns what each was given and gave, once for
// every file that the newer OpenCV takes.
func tasks(t *testing.T) (list []task) {
	t.Helper()
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	dir, seen := os.Getenv("FACEGATE_MODELS"), map[string]bool{}
	for _, bundle := range bundles {
		e := visiontest.Open(t, bundle)
		var fed []vision.Fed
		for i, person := range []string{"p01", "p04"} {
			s := mustLook(t, e, still(t, person, 1))
			feeds, err := e.Feeds(&s.face)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range feeds {
				if once := f.Numbers || len(f.Outputs) > 2; i == 0 || !once { // every output of YuNet takes a pass of its own there
					fed = append(fed, f)
				}
			}
		}
		for _, m := range manifest.Models() {
			if seen[m.Name] {
				continue
			}
			for _, f := range m.Files {
				for _, one := range fed {
					if path := filepath.Join(dir, f.File); one.Network == m.Name && exists(path) {
						list, seen[m.Name] = append(list, task{one, path, f.File}), true
					}
				}
			}
		}
	}
	return list
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestNewerOpenCV runs every network that is here in another version of OpenCV, built for another processor, on the same
// pictures, and wants the same numbers. A file that this OpenCV does not take is run there on what its network was given here.
func TestNewerOpenCV(t *testing.T) {
	library := newer(t)
	list := tasks(t)
	in, out := filepath.Join(t.TempDir(), "tasks.json"), filepath.Join(t.TempDir(), "results.json")
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.CommandContext(t.Context(), "node", "testdata/newer.cjs", library, in, out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var results struct {
		Version string
		Values  []struct {
			Values [][]byte
			Error  string
		}
	}
	if text, err = os.ReadFile(out); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &results); err != nil || results.Version != newerOpenCV || len(results.Values) != len(list) {
		t.Fatalf("%d results of OpenCV %s for %d tasks, %v", len(results.Values), results.Version, len(list), err)
	}
	worst := map[string]float64{}
	for i, r := range results.Values {
		if r.Error != "" || len(r.Values) != len(list[i].Values) {
			t.Errorf("%s: %d outputs, %s", list[i].name, len(r.Values), r.Error)
			continue
		}
		for j, raw := range r.Values {
			worst[list[i].name] = max(worst[list[i].name], distance(list[i].Values[j], float32s(raw)))
		}
	}
	for name, off := range worst {
		if !(off <= 1e-4) {
			t.Errorf("%s is off by %.1e of its largest number", name, off)
		}
		t.Logf("%s: %.1e", name, off)
	}
	if len(worst) < 10 {
		t.Errorf("only %d files were compared", len(worst))
	}
}

// distance returns how far got is from want, relative to the largest number of want.
func distance(want, got []float32) float64 {
	if len(want) != len(got) {
		return math.Inf(1)
	}
	var most, largest float64
	for i, w := range want {
		off := math.Abs(float64(w) - float64(got[i]))
		if !(off <= math.MaxFloat32) {
			return math.Inf(1)
		}
		most, largest = max(most, off), max(largest, math.Abs(float64(w)))
	}
	return most / largest
}

func float32s(raw []byte) []float32 {
	values := make([]float32, 0, len(raw)/4)
	for b := range slices.Chunk(raw, 4) {
		values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return values
}
