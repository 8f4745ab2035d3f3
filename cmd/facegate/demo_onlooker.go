package main

import (
	"errors"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"facegate/cmd/facegate/internal/camera"
	"facegate/pipeline"
	"facegate/pipeline/publish/loopback"
)

// An onlooker stands beside the gate: it sees what frames come to, and as a subscriber what the broker delivers.
type onlooker struct {
	client mqtt.Client

	mu    sync.Mutex // guards what follows
	since time.Time
	last  time.Time // when the frame before was decided on
	seen  sighting
}

// A sighting is what happened during one scene.
type sighting struct {
	states  map[pipeline.State]bool
	changes []change
	grants  []grant
	events  []time.Time // when the subscriber had them
	pulses  int
	kept    bool // whether the state folder changed

	frames, faces int           // looked at; and those of them with a face, which take longer
	busy          time.Duration // with these
	lasted        time.Duration
}

// sees reports whether a frame came to a state.
func (s sighting) sees(state pipeline.State) bool { return s.states[state] }

// rate is how many frames with a face were looked at in a second or, without any, how many frames.
func (s sighting) rate() float64 {
	if s.faces > 0 {
		return float64(s.faces) / s.busy.Seconds()
	}
	return float64(s.frames) / s.lasted.Seconds()
}

type change struct {
	at   time.Duration // since the scene began
	what string
}

type grant struct {
	frame           time.Time
	decided, opened time.Duration // since the frame
}

func newOnlooker() *onlooker {
	w := &onlooker{}
	w.begin()
	return w
}

var errBroker = errors.New("the demo's broker does not answer")

// subscribe connects to the broker as a building system would.
func (w *onlooker) subscribe(url string, login loopback.Account) error {
	o := mqtt.NewClientOptions().AddBroker(url).SetClientID("building").
		SetUsername(login.Username).SetPassword(login.Password)
	w.client = mqtt.NewClient(o)
	for _, token := range []func() mqtt.Token{
		w.client.Connect,
		func() mqtt.Token { return w.client.Subscribe("facegate/demo/front/pass", 1, w.receive) },
	} {
		if t := token(); !t.WaitTimeout(5*time.Second) || t.Error() != nil {
			return errors.Join(errBroker, t.Error())
		}
	}
	return nil
}

func (w *onlooker) close() { w.client.Disconnect(100) }

func (w *onlooker) receive(_ mqtt.Client, m mqtt.Message) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.events = append(w.seen.events, now)
}

// see takes what one frame came to.
func (w *onlooker) see(p camera.Passage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var took time.Duration
	if !w.last.IsZero() {
		took = p.Decided.Sub(w.last)
	}
	w.last = p.Decided
	if p.Report.Time.Before(w.since) {
		return // a frame of what went before
	}
	if w.seen.frames++; p.Report.Faces > 0 {
		w.seen.faces++
		w.seen.busy += took
	}
	what := p.Report.State.String()
	if p.Report.State == pipeline.Poor {
		what = p.Report.Reason.String()
	}
	if n := len(w.seen.changes); n == 0 || w.seen.changes[n-1].what != what {
		w.seen.changes = append(w.seen.changes, change{p.Report.Time.Sub(w.since), what})
	}
	w.seen.states[p.Report.State] = true
	if !p.Opened.IsZero() {
		frame := p.Report.Time
		w.seen.grants = append(w.seen.grants, grant{frame, p.Decided.Sub(frame), p.Opened.Sub(frame)})
	}
}

func (w *onlooker) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since, w.seen = time.Now(), sighting{states: map[pipeline.State]bool{}}
}

func (w *onlooker) end() sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.lasted = time.Since(w.since)
	return w.seen
}
