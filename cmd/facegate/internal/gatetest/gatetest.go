// Package gatetest holds what the tests of a gate share: the engine, the recordings, and a folder to run a gate in.
package gatetest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/systime"
	"facegate/configs"
	"facegate/device/replay"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
	"facegate/store"
	"facegate/store/clock"
	"facegate/store/durable"
)

// FPS is the frame rate of the recordings.
const FPS = 15

// FPIR is the match.fpir for the people of the recordings, which is the default. They come from one generator, and p01 and p09
// are rather alike: the threshold is raised for them.
const FPIR = 0.001

// Models returns the folder of the models, or skips the test where it is not known.
func Models(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("FACEGATE_MODELS")
	if dir == "" {
		t.Skip("FACEGATE_MODELS does not name the folder of the models; make test sets it")
	}
	return dir
}

// Eval returns the folder of pictures to measure on, or skips the test where there is none.
func Eval(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("FACEGATE_EVAL")
	if dir == "" {
		t.Skip("FACEGATE_EVAL does not name a folder of pictures to measure on")
	}
	return dir
}

// Bundle returns the registry bundle.
func Bundle(t testing.TB) models.Bundle {
	t.Helper()
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := manifest.Bundle("registry")
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

// Engine opens the networks of Bundle. The caller closes the Engine, or hands it to what does.
func Engine(t testing.TB) *vision.Engine {
	t.Helper()
	networks, err := vision.Read(Bundle(t), models.Dir(Models(t)))
	if err != nil {
		t.Fatal(err)
	}
	engine, err := vision.Open(networks)
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// TimeServer returns the clocks of this machine as if it had a time server, whether it has or not.
func TimeServer() clock.Source {
	read := systime.New()
	return func() clock.Reading {
		r := read()
		r.Synced = true
		return r
	}
}

// Root returns the top of the source tree.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("the test does not run in the source tree")
	return ""
}

// Testdata returns the path of a file or folder of testdata.
func Testdata(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(Root(t), "testdata", filepath.FromSlash(name))
}

// Clip returns the pictures of a folder of testdata, such as "walk/p01".
func Clip(t testing.TB, name string) [][]byte {
	t.Helper()
	frames, err := replay.Load(Testdata(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

// Pose returns the frames of a person of testdata who stands before the camera to be enrolled: three stills, each held
// for two seconds.
func Pose(t testing.TB, person string) [][]byte {
	t.Helper()
	return Hold(Clip(t, "people/"+person)[:3], 2*time.Second)
}

// Arrival returns the part of walk/p01 in which he has come near enough to be let in.
func Arrival(t testing.TB) [][]byte {
	t.Helper()
	return Clip(t, "walk/p01")[40:75]
}

// Hold repeats each picture for as long as each.
func Hold(pictures [][]byte, each time.Duration) [][]byte {
	var frames [][]byte
	for _, p := range pictures {
		for range int(each.Seconds() * FPS) {
			frames = append(frames, p)
		}
	}
	return frames
}

// Corridor is a picture of the empty place before the door.
func Corridor(t testing.TB) []byte {
	t.Helper()
	walk := Clip(t, "walk/p01")
	return walk[len(walk)-1]
}

// Stage returns a stage that shows the empty corridor.
func Stage(t testing.TB) *replay.Stage {
	t.Helper()
	stage, err := replay.NewStage(FPS, Corridor(t))
	if err != nil {
		t.Fatal(err)
	}
	return stage
}

// A Site is a folder with all that one gate keeps.
type Site struct{ Dir string }

// NewSite makes a Site with a device key. It is removed when the test is over.
func NewSite(t testing.TB) Site {
	t.Helper()
	dir, err := os.MkdirTemp("", "facegate-") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := Site{dir}
	if err := store.CreateKeyFile(durable.OS{}, s.Path("device.key"), rand.Reader); err != nil {
		t.Fatal(err)
	}
	return s
}

// FixKey gives s the same device key in each run, because the score of a face is some hundredths higher or lower with each key.
func (s Site) FixKey(t testing.TB) Site {
	t.Helper()
	if err := os.WriteFile(s.Path("device.key"), bytes.Repeat([]byte{7}, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// Path returns the path of a file of s.
func (s Site) Path(name string) string { return filepath.Join(s.Dir, name) }

// State returns the folder of the databases.
func (s Site) State() string { return s.Path("state") }

// Keyrings returns the folder of the keyrings of the databases.
func (s Site) Keyrings() string { return s.Path("state-keys") }

// Anchor returns the folder of what was erased.
func (s Site) Anchor() string { return s.Path("anchor") }

// Socket returns the path of the control socket.
func (s Site) Socket() string { return s.Path("control.sock") }

// Settings are sections of a configuration, in YAML.
type Settings map[string]string

// YAML returns the configuration of the gate, in which more replaces or adds sections. Without more it has a simulated
// door, a broker that is not there, and the limits of the reference, but for faces as small and as alike as those of the
// recordings, and frames as late as a busy machine makes them.
func (s Site) YAML(t testing.TB, more Settings) string {
	t.Helper()
	all := Settings{
		"profile": "lab", "site": "test", "gate": "front",
		"door":      "{driver: sim, pulse: 300ms}",
		"state_dir": s.State(), "key_file": s.Path("device.key"),
		"camera":  fmt.Sprintf("{fps: %d, max_age: 3s}", FPS),
		"vision":  fmt.Sprintf("{models_dir: %s}", Models(t)),
		"zone":    "{min_face: 45}",
		"match":   fmt.Sprintf("{fpir: %g}", FPIR),
		"mqtt":    `{broker: "tcp://127.0.0.1:1"}`,
		"control": fmt.Sprintf(`{socket: %s, group: ""}`, s.Socket()),
	}
	maps.Copy(all, more)
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s: %s\n", key, all[key])
	}
	return text.String()
}

// Config returns the configuration that YAML writes.
func (s Site) Config(t testing.TB, more Settings) *configs.Config {
	t.Helper()
	c, err := configs.Parse("test.yaml", bytes.NewReader([]byte(s.YAML(t, more))))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// WriteConfig writes what YAML returns to a file and returns its path.
func (s Site) WriteConfig(t testing.TB, more Settings) string {
	t.Helper()
	path := s.Path("facegate.yaml")
	if err := os.WriteFile(path, []byte(s.YAML(t, more)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Eventually waits until ok, and fails the test after a minute.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited until %s", what)
		}
	}
}
