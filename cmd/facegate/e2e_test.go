package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
	"facegate/gpio"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/childtest"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
)

// A program is facegate in a process of its own.
type program struct {
	cmd    *exec.Cmd
	config string // the file
	frames string // file of what frames came to
	client *control.Client
	done   chan struct{} // closed when the program has ended; then err can be read
	log    record
	err    error
}

// launch starts "facegate run", as a service manager does. It is killed when the test is over, if it has not ended.
func launch(t *testing.T, site gatetest.Site, stdin *os.File, more gatetest.Settings) *program {
	t.Helper()
	return launchFile(t, site, site.WriteConfig(t, more), stdin)
}

// launchFile is launch, with a configuration that is there.
func launchFile(t *testing.T, site gatetest.Site, config string, stdin *os.File) *program {
	t.Helper()
	p := &program{config: config, client: control.NewClient(site.Socket()), done: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], "run", "--config", p.config)
	p.frames = filepath.Join(t.TempDir(), "frames")
	p.cmd.Env = append(os.Environ(), asProgram+"=1", asObserved+"="+p.frames)
	p.cmd.Stderr = &p.log
	if stdin != nil {
		p.cmd.Stdin = stdin
	}
	if err := childtest.Start(p.cmd); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("the log of facegate:\n%s", &p.log)
		}
	})
	return p
}

// came returns how many frames came to a state.
func (p *program) came(state string) int {
	text, err := os.ReadFile(p.frames)
	if err != nil {
		return 0
	}
	return strings.Count("\n"+string(text), "\n"+state+"\n")
}

// status waits until the program answers.
func (p *program) status(t *testing.T) (s status.Status) {
	t.Helper()
	gatetest.Eventually(t, "the gate answers", func() (ok bool) {
		var err error
		s, err = p.client.Status(t.Context())
		return err == nil
	})
	return s
}

// stopWithin is TimeoutStopSec= of the unit, after which a service manager kills. A gate takes a fraction of a second, and on a
// busy machine more.
const stopWithin = 10 * time.Second

// terminate stops the program as a service manager does, and wants it to end well and soon.
func (p *program) terminate(t *testing.T) {
	t.Helper()
	began := time.Now()
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.ended(t)
	if d := time.Since(began); d > stopWithin {
		t.Errorf("stopping took %v", d)
	}
}

// ended waits for the program, and wants exit code 0.
func (p *program) ended(t *testing.T) {
	t.Helper()
	select {
	case <-p.done:
		if p.err != nil {
			t.Errorf("the gate ended with %v", p.err)
		}
	case <-time.After(60 * time.Second):
		t.Fatal("the gate does not end")
	}
}

// A subscriber is a building system that hears everything a broker has. Its session outlives the broker.
type subscriber struct {
	client mqtt.Client

	mu    sync.Mutex // guards heard
	heard []mqtt.Message
}

func subscribe(t *testing.T, url string, account loopback.Account) *subscriber {
	t.Helper()
	s := new(subscriber)
	s.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID("building").SetCleanSession(false).
		SetUsername(account.Username).SetPassword(account.Password).SetMaxReconnectInterval(200 * time.Millisecond).
		SetDefaultPublishHandler(s.hear))
	for _, step := range []func() mqtt.Token{
		s.client.Connect,
		func() mqtt.Token { return s.client.Subscribe("#", 1, s.hear) },
	} {
		if token := step(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatalf("subscribe: %v", token.Error())
		}
	}
	t.Cleanup(func() { s.client.Disconnect(100) })
	return s
}

func (s *subscriber) hear(_ mqtt.Client, m mqtt.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, m)
}

const (
	passTopic         = "facegate/test/front/pass"
	availabilityTopic = "facegate/test/front/availability"
	liveTopic         = "facegate/test/front/pass/live"
	echoTopic         = "facegate/test/front/echo"
)

// on returns the messages heard on a topic.
func (s *subscriber) on(topic string) (found []mqtt.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.heard {
		if m.Topic() == topic {
			found = append(found, m)
		}
	}
	return found
}

// all returns every message heard.
func (s *subscriber) all() []mqtt.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

func (s *subscriber) awaitAvailability(t *testing.T, want string) {
	t.Helper()
	gatetest.Eventually(t, "the gate is "+want, func() bool {
		heard := s.on(availabilityTopic)
		return len(heard) > 0 && string(heard[len(heard)-1].Payload()) == want
	})
}

// awaitPass waits for the pass event number n and returns it.
func (s *subscriber) awaitPass(t *testing.T, n int) mqtt.Message {
	t.Helper()
	gatetest.Eventually(t, fmt.Sprintf("%d pass events have come", n), func() bool { return len(s.on(passTopic)) >= n })
	return s.on(passTopic)[n-1]
}

// nothingElse fails the test if anything was heard on another topic than those of the gate, or as it happened and not as an event.
func (s *subscriber) nothingElse(t *testing.T) {
	t.Helper()
	events := map[string]bool{}
	for _, m := range s.on(passTopic) {
		events[strings.Replace(string(m.Payload()), `"replayed":true`, `"replayed":false`, 1)] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.heard {
		text, ok := string(m.Payload()), false
		switch m.Topic() {
		case passTopic, availabilityTopic, "contract/last": // the last is of who holds the broker to the contract
			ok = true
		case liveTopic:
			ok = events[text] && m.Qos() == 0 && !m.Retained()
		case echoTopic:
			ok = regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(text) && !m.Retained()
		default:
			ok = isState(strings.TrimPrefix(m.Topic(), "facegate/test/front/"), text)
		}
		if !ok {
			t.Errorf("on %s: %s", m.Topic(), text)
		}
	}
}

// isState reports whether a gate may say this on the topic of a state: one of its words, or an object without other fields.
func isState(topic, text string) bool {
	all := publish.Topics()
	i := slices.IndexFunc(all, func(t publish.Topic) bool { return t.Name == topic && t.Retained })
	if i < 0 {
		return false
	}
	if len(all[i].Words) > 0 {
		return slices.Contains(all[i].Words, text)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(reflect.New(reflect.TypeOf(all[i].Payload)).Interface()) == nil
}

// wantPass waits for the pass event n, counted from 1 over every start of the gate, and checks it field by field.
func (s *subscriber) wantPass(t *testing.T, n int, replayed bool) {
	t.Helper()
	m := s.awaitPass(t, n)
	if m.Qos() != 1 || m.Retained() {
		t.Errorf("the event came with QoS %d, retained %v", m.Qos(), m.Retained())
	}
	var e map[string]any
	if err := json.Unmarshal(m.Payload(), &e); err != nil {
		t.Fatalf("%v: %s", err, m.Payload())
	}
	fields := []string{
		"boot", "clock", "direction", "door", "event_type", "latency_ms", "method", "reason", "replayed", "schema", "seq", "store", "ts",
	}
	if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(e))); diff != "" {
		t.Errorf("fields of the event (-want +got):\n%s", diff)
	}
	want := map[string]any{
		"direction": "in", "door": "main", "event_type": "granted", "method": "face", "reason": nil, "replayed": replayed,
		"schema": "pass/2", "seq": float64(n),
	}
	for field, value := range want {
		if e[field] != value {
			t.Errorf("%s is %v, want %v", field, e[field], value)
		}
	}
	if at, err := time.Parse(time.RFC3339, fmt.Sprint(e["ts"])); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("ts is %v, %v", e["ts"], err)
	}
	if ms, ok := e["latency_ms"].(float64); !ok || ms <= 0 || ms > 3000 {
		t.Errorf("latency_ms is %v", e["latency_ms"])
	}
	if boot := fmt.Sprint(e["boot"]); !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(boot) {
		t.Errorf("boot is %q", boot)
	}
}

// emptyPlace makes a folder with a picture of nobody.
func emptyPlace(t *testing.T, site gatetest.Site) string {
	t.Helper()
	dir := site.Path("empty")
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "1.jpg"), gatetest.Corridor(t), 0o600))
	return dir
}

// TestEndToEnd is the life of a gate with a broker of its own: an enrolment, a passage, a crash, an outage of the broker,
// and a crash in the outage.
func TestEndToEnd(t *testing.T) {
	site := gatetest.NewSite(t)
	broker := mosquittotest.New(t, loopback.Account{})
	broker.Start(t)
	building := subscribe(t, broker.URL(), loopback.Account{})
	wire := newTap(t, "tcp", "127.0.0.1:0", broker.URL()) // the gate speaks TCP alone
	with := func(camera string) gatetest.Settings {
		return gatetest.Settings{
			"camera": camera, "mqtt": fmt.Sprintf("{broker: %q}", "tcp://"+wire.listener.Addr().String()),
			"decide": "{rearm: 5m}", // whoever is seen again and again in a loop passes once
		}
	}
	// A still of the same person every fifth of a second.
	const loop = "{source: replay, path: %s, fps: %d, loop: true, max_age: 3s}"
	stills := with(fmt.Sprintf(loop, gatetest.Testdata(t, "people/p01"), 5))
	walk := with(fmt.Sprintf(loop, gatetest.Testdata(t, "walk/p01"), gatetest.FPS))

	gate := launch(t, site, nil, stills)
	gate.status(t)
	facegate(t.Context(), "enroll", "p01", "--consent", "form 1", "--age", "adult", "--socket", site.Socket()).
		want(t, exitOK, "p01 is enrolled", "captured")
	building.awaitAvailability(t, "online")
	gate.terminate(t)
	building.awaitAvailability(t, "stopped")
	enrolled := len(building.on(passTopic)) // the stills may have let themselves in before the end

	gate = launch(t, site, nil, walk)
	building.wantPass(t, enrolled+1, false)
	gatetest.Eventually(t, "the recording is in its second round", func() bool { return gate.status(t).Camera.Frames > 160 })
	if n := len(building.on(passTopic)); n != enrolled+1 {
		t.Errorf("%d pass events instead of one", n-enrolled)
	}
	gate.cmd.Process.Kill()
	<-gate.done
	building.awaitAvailability(t, "offline")

	broker.Stop(t)
	gate = launch(t, site, nil, walk)
	var s status.Status
	gatetest.Eventually(t, "the door is opened without the broker", func() bool {
		s = gate.status(t)
		return s.Door.Pulses == 1
	})
	if s.MQTT.Connected || s.MQTT.Hint == "" || s.People.Enrolled != 1 || s.Door.State == gpio.Fault {
		t.Errorf("status is %+v", s)
	}
	gatetest.Eventually(t, "the event waits", func() bool { return gate.status(t).MQTT.Queued == 1 })
	gate.cmd.Process.Kill()
	<-gate.done
	gate = launch(t, site, nil, with(fmt.Sprintf(loop, emptyPlace(t, site), 5)))
	if s := gate.status(t); s.MQTT.Queued != 1 {
		t.Errorf("after a crash %d events wait", s.MQTT.Queued)
	}
	broker.Start(t)
	building.wantPass(t, enrolled+2, true)
	building.awaitAvailability(t, "online")
	gate.terminate(t)
	building.awaitAvailability(t, "stopped")

	if n := len(building.on(passTopic)); n != enrolled+2 {
		t.Errorf("%d pass events, want 2", n-enrolled)
	}
	building.nothingElse(t)
}

// loopbackBroker starts the broker of the demo, and returns the settings of a gate that uses it.
func loopbackBroker(t *testing.T, site gatetest.Site) (*subscriber, string) {
	t.Helper()
	account := loopback.NewAccount()
	return building(t, site, contracttest.Start(t, account), account)
}

// building subscribes to a broker, and returns the settings of a gate that uses it.
func building(t *testing.T, site gatetest.Site, b *loopback.Broker, account loopback.Account) (*subscriber, string) {
	t.Helper()
	if err := os.WriteFile(site.Path("password"), []byte(account.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	return subscribe(t, b.URL(), account),
		fmt.Sprintf("{broker: %q, username: %s, password_file: %s}", b.URL(), account.Username, site.Path("password"))
}

// TestStandardInput pipes a film into a gate, which ends well when the film does.
func TestStandardInput(t *testing.T) {
	t.Parallel()
	ffmpeg := lookUpFFmpeg(t)
	site := enrolledSite(t, "p01")
	building, mqtt := loopbackBroker(t, site)
	film := exec.Command(ffmpeg, "-v", "error", "-framerate", "15", "-i", gatetest.Testdata(t, "walk/p01/%04d.jpg"),
		"-q:v", "2", "-f", "mjpeg", "-")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	film.Stdout = w
	if err := film.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	gate := launch(t, site, r, gatetest.Settings{"camera": `{source: replay, path: "-", fps: 15, max_age: 3s}`, "mqtt": mqtt})
	r.Close()
	gate.ended(t)
	if err := film.Wait(); err != nil {
		t.Errorf("ffmpeg: %v", err)
	}
	building.wantPass(t, 1, false)
	building.awaitAvailability(t, "stopped")
	if !strings.Contains(gate.log.String(), "the recording has ended") {
		t.Error("the log does not say that the film has ended")
	}
}

func lookUpFFmpeg(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed (apt-get install ffmpeg)")
	}
	return path
}

// TestCrowd shows a film of a crowd in a street to a gate that knows two people: nobody may be let in, told of or kept.
func TestCrowd(t *testing.T) {
	video := filepath.Join(gatetest.Eval(t), "video", "facenet_pytorch_video.mp4")
	if _, err := os.Stat(video); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("there is no %s", video)
	}
	ffmpeg := lookUpFFmpeg(t)
	site := enrolledSite(t, "p01", "p02")
	building, mqtt := loopbackBroker(t, site)
	film := site.Path("crowd.mjpeg")
	out, err := exec.Command(ffmpeg, "-v", "error", "-i", video, "-q:v", "2", "-f", "mjpeg", film).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	gate := launch(t, site, nil, gatetest.Settings{
		"camera": fmt.Sprintf("{source: replay, path: %s, fps: 10, max_age: 3s}", film), "mqtt": mqtt, "zone": "{min_face: 30}",
	})
	s := gate.status(t)
	gatetest.Eventually(t, "what may have come of the enrolments is told", func() bool {
		s = gate.status(t)
		return s.MQTT.Connected && s.MQTT.Queued == 0
	})
	told := len(building.on(passTopic))
	before := mustFingerprint(t, site.State())
	after := before
	for { // the last status, and state, before the end of the film
		next, err := gate.client.Status(t.Context())
		if err != nil {
			break
		}
		s, after = next, mustFingerprint(t, site.State())
		time.Sleep(20 * time.Millisecond)
	}
	gate.ended(t)
	if s.Camera.Frames < 100 || gate.came("matching")+gate.came("unknown") == 0 {
		t.Errorf("of %d frames none was compared with those enrolled", s.Camera.Frames)
	}
	if gate.came("granted") != 0 || s.Door.Pulses != 0 {
		t.Errorf("%d grants, %d pulses", gate.came("granted"), s.Door.Pulses)
	}
	if n := len(building.on(passTopic)) - told; n != 0 {
		t.Errorf("%d pass events", n)
	}
	building.nothingElse(t)
	if !bytes.Equal(before, after) {
		t.Error("something was written to the state folder")
	}
}

func mustFingerprint(t *testing.T, dir string) []byte {
	t.Helper()
	sum, err := fingerprint(dir)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
