package main

import (
	"crypto/rand"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/decide"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/quality"
	"facegate/pipeline/template"
	"facegate/pipeline/vision"
)

// BenchmarkFrame leads frames with one face before the door through all stages, with 10,000 people enrolled, and sets
// the time against that of the bare networks in the same frames.
func BenchmarkFrame(b *testing.B) {
	for _, bundle := range []string{"registry", "zoo"} {
		b.Run(bundle, func(b *testing.B) { benchmarkFrame(b, bundle) })
	}
}

func benchmarkFrame(b *testing.B, bundle string) {
	eyes := benchEngine(b, bundle)
	frames := benchFrames(b)
	line := pipeline.New(benchSettings(), eyes)
	people := newCrowd(b, eyes.Dim(), 10_000)
	now := time.Unix(0, 0)
	next := 0
	identify := func() pipeline.Report {
		now = now.Add(time.Second / 15)
		report, err := line.Identify(device.Frame{Format: device.JPEG, Data: frames[next%len(frames)], Time: now}, people)
		if err != nil {
			b.Fatal(err)
		}
		next++
		return report
	}
	for range len(frames) / 2 { // warm up, and fill the liveness window
		identify()
	}
	var times []time.Duration
	matched := 0
	network := eyes.NetworkTime()
	for b.Loop() {
		start := time.Now()
		report := identify()
		times = append(times, time.Since(start))
		if report.State == pipeline.Matching {
			matched++
		}
	}
	network = eyes.NetworkTime() - network
	if 10*matched < 9*len(times) {
		b.Fatalf("only %d of %d frames went all the way", matched, len(times))
	}
	reportFrames(b, times, network)
}

// thereAndBack is a clip without an end: played again and again, nobody in it jumps.
func thereAndBack(frames [][]byte) [][]byte {
	back := slices.Clone(frames)
	slices.Reverse(back)
	return slices.Concat(frames, back)
}

func reportFrames(b *testing.B, times []time.Duration, network time.Duration) {
	var sum time.Duration
	for _, t := range times {
		sum += t
	}
	slices.Sort(times)
	for _, q := range []int{50, 95, 99} {
		b.ReportMetric(ms(times[(len(times)-1)*q/100]), fmt.Sprintf("p%d-ms", q))
	}
	b.ReportMetric(ms(network)/float64(len(times)), "networks-ms")
	b.ReportMetric(100*(float64(sum)/float64(network)-1), "overhead-%")
}

// benchSettings never come to a decision, so that every frame goes all the way.
func benchSettings() pipeline.Settings {
	return pipeline.Settings{
		Zone:    quality.Zone{Region: detect.Box{Right: 1, Bottom: 1}, MinFace: 30},
		Quality: quality.Limits{MaxBrightness: 255, MaxYaw: 90, MaxPitch: 90, MaxRoll: 90, MaxSideLight: 90},
		Rules:   decide.Rules{Agree: math.MaxInt, Window: time.Second, Rearm: time.Second},

		LivenessWindow: 5,
	}
}

func benchEngine(b *testing.B, bundle string) *vision.Engine { return benchEngines(b, bundle)[0] }

// benchEngines returns one for each processor.
func benchEngines(b *testing.B, bundle string) []*vision.Engine {
	dir := os.Getenv("FACEGATE_MODELS")
	if dir == "" {
		b.Skip("FACEGATE_MODELS does not name the folder of the models")
	}
	engines, _, err := evalFlags{bundleFlag: bundleFlag{bundle}, Models: dir}.open()
	if err != nil {
		b.Skip("the models are not all there: ", err)
	}
	b.Cleanup(func() { closeAll(engines) })
	return engines
}

// A crowd is random people; nobody matches.
type crowd struct{ epochs *match.Epochs }

func newCrowd(b *testing.B, dim, people int) crowd {
	epochs, err := match.NewEpochs(1, func(uint32) (*template.Projector, error) {
		var keys [template.Lanes][32]byte
		for i := range keys {
			rand.Read(keys[i][:])
		}
		return template.NewProjector(keys, dim, nil)
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := range people {
		r := template.Record{Epoch: 1, Lane: uint8(i % template.Lanes)}
		rand.Read(r.ID[:])
		rand.Read(r.Person[:])
		for k := range r.Code {
			r.Code[k] = mathrand.Uint64()
		}
		if err := epochs.Add(r); err != nil {
			b.Fatal(err)
		}
	}
	return crowd{epochs}
}

// Match implements pipeline.Matcher. Every frame counts as a vote, so that no track is given up as unknown.
func (c crowd) Match(v embed.Vector, _ time.Time) match.Answer {
	c.epochs.Search(v)
	return match.Answer{Result: match.Result{OK: true, Score: 1, Second: -1}}
}

// BenchmarkDaemon starts the gate as a process and measures how long it takes until it answers, and its resident memory
// after it has looked at frames for a while.
func BenchmarkDaemon(b *testing.B) {
	dir := os.Getenv("FACEGATE_MODELS")
	if dir == "" {
		b.Skip("FACEGATE_MODELS does not name the folder of the models")
	}
	binary := filepath.Join(b.TempDir(), "facegate")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var ready time.Duration
	var resident float64
	for b.Loop() {
		home := b.TempDir()
		config := filepath.Join(home, "facegate.yaml")
		benchConfig(b, binary, home, config, dir)
		gate := exec.Command(binary, "run", "--config", config)
		start := time.Now()
		if err := gate.Start(); err != nil {
			b.Fatal(err)
		}
		client := control.NewClient(filepath.Join(home, "control.sock"))
		waitFor(b, func() bool { _, err := client.Status(b.Context()); return err == nil })
		ready += time.Since(start)
		waitFor(b, func() bool { s, err := client.Status(b.Context()); return err == nil && s.Camera.Frames > 150 })
		resident = max(resident, residentMB(b, gate.Process.Pid))
		gate.Process.Signal(os.Interrupt)
		gate.Wait()
	}
	b.ReportMetric(ms(ready)/float64(b.N), "start-ms")
	b.ReportMetric(resident, "resident-MB")
}

func benchConfig(b *testing.B, binary, home, config, models string) {
	walk, err := filepath.Abs("../../testdata/walk/p01")
	if err != nil {
		b.Fatal(err)
	}
	text := fmt.Sprintf(`
profile: lab
site: bench
gate: front
door: {driver: sim}
state_dir: %[1]s/state
key_file: %[1]s/device.key
camera: {source: replay, path: %[2]s, fps: 30, loop: true}
vision: {models_dir: %[3]s}
mqtt: {broker: "tcp://127.0.0.1:1"}
control: {socket: %[1]s/control.sock, group: ""}
`, home, walk, models)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command(binary, "key", "create", filepath.Join(home, "device.key")).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}

func waitFor(b *testing.B, done func() bool) {
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatal("the gate does not answer")
		}
	}
}

// residentMB returns the resident memory of a process (VmRSS, proc(5)) in millions of bytes.
func residentMB(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) * 1024 / 1e6
}
