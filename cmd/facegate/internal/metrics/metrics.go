// Package metrics tells monitoring how a gate is: what facegate status says, as numbers in the text format of Prometheus, to
// programs of this machine alone.
//
// A number that is read every few seconds, and kept for years, tells more than the same number in a status. So nothing here
// changes when somebody passes. What counts passages moves in steps, each of at least ten and an hour; see pace. Labels have values
// of closed sets, and every series is there from the start.
package metrics

import (
	"maps"
	"slices"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/law"
	"facegate/device"
	"facegate/gpio"
	"facegate/gpio/door"
)

// A Kind says how a metric behaves.
type Kind string

// The kinds.
const (
	Counter Kind = "counter" // it grows, and begins again with each start of the gate
	Gauge   Kind = "gauge"
)

// A Metric is a name under which numbers are told.
type Metric struct {
	Name   string
	Kind   Kind
	Labels []string // names of them
	Help   string   // a sentence
	Paced  bool     // it moves in steps of at least ten and an hour
}

// A Moment is what is known of a gate at one time.
type Moment struct {
	Status status.Status
	Told   map[string]uint64 // events since the start, by each method that an event may have
}

// Terms are what does not change while a gate runs.
type Terms struct {
	Version string
	Profile law.Jurisdiction
	Started time.Time
	Outbox  int // events that may wait
}

// A metric is a Metric, and how its numbers are read from a moment.
type metric struct {
	Metric
	read   func(m Moment, tell tell)
	counts bool // what is read counts passages, or what follows from them
}

// tell takes a number, and a value for each label.
type tell func(value float64, labels ...string)

// A Register holds the metrics of one gate. Its methods may be called from several goroutines.
type Register struct {
	metrics []metric
	started time.Time

	mu      sync.Mutex // guards what follows
	paces   map[string]*pace
	grants  *pace          // of all events, by which Latency moves
	latency status.Latency // as it was when they moved
}

// New returns the metrics of a gate.
func New(t Terms) *Register {
	return &Register{
		metrics: slices.Concat(gateMetrics(t), cameraMetrics(), doorMetrics(t), brokerMetrics(t)),
		started: t.Started, paces: map[string]*pace{}, grants: &pace{since: t.Started},
	}
}

// Metrics lists what is told.
func (r *Register) Metrics() (all []Metric) {
	for _, m := range r.metrics {
		all = append(all, m.Metric)
	}
	return all
}

// Text returns what is so at a moment, which is now.
func (r *Register) Text(m Moment, now time.Time) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, moved := r.grants.step(sum(m.Told), now); moved {
		r.latency = m.Status.Frames.Latency
	}
	m.Status.Frames.Latency = r.latency
	var out text
	for _, of := range r.metrics {
		out.begin(of.Metric)
		of.read(m, func(value float64, labels ...string) {
			if of.counts {
				value, _ = r.pace(seriesOf(of.Metric, labels)).step(value, now)
			}
			out.sample(of.Metric, value, labels)
		})
	}
	return out.Bytes()
}

// pace returns the pace of a series. r.mu must be held.
func (r *Register) pace(series string) *pace {
	p, ok := r.paces[series]
	if !ok {
		p = &pace{since: r.started}
		r.paces[series] = p
	}
	return p
}

func sum(counts map[string]uint64) (n float64) {
	for _, count := range counts {
		n += float64(count)
	}
	return n
}

// one is 1 for yes and 0 for no.
func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// only returns what reads a metric without labels.
func only(read func(Moment) float64) func(Moment, tell) {
	return func(m Moment, tell tell) { tell(read(m)) }
}

// each returns what tells 1 for the state that is, of all that may be, and 0 for the others.
func each[T ~string](all []T, is func(Moment) T) func(Moment, tell) {
	return func(m Moment, tell tell) {
		for _, state := range all {
			tell(one(is(m) == state), string(state))
		}
	}
}

// gauge returns a metric that is not paced.
func gauge(name, help string, read func(Moment, tell), labels ...string) metric {
	return metric{Metric: Metric{name, Gauge, labels, help, false}, read: read}
}

// counter returns a metric that grows, and not with passages.
func counter(name, help string, read func(Moment, tell)) metric {
	return metric{Metric: Metric{Name: name, Kind: Counter, Help: help}, read: read}
}

// paced returns a metric that follows passages. Its numbers have to be steps already, unless they count.
func paced(m Metric, counts bool, read func(Moment, tell)) metric {
	m.Paced = true
	return metric{m, read, counts}
}

func gateMetrics(t Terms) []metric {
	return []metric{
		gauge("facegate_info", "Always 1, with the version and the profile of the gate.",
			func(_ Moment, tell tell) { tell(1, t.Version, string(t.Profile)) }, "version", "profile"),
		gauge("facegate_start_time_seconds", "When the gate started, in seconds since 1970 by the clock of then.",
			only(func(m Moment) float64 { return float64(m.Status.Started.Unix()) })),
		gauge("facegate_health", "1 for the state in which the gate is, as facegate status says it.",
			each(health.States(), func(m Moment) health.State { return m.Status.Health.State }), "state"),
		gauge("facegate_condition", "1 for each thing that is not well; facegate status says more, and what to do.", conditions, "reason"),
		gauge("facegate_clock_right", "1 if the clock is believed.",
			only(func(m Moment) float64 { return one(m.Status.Clock.Right) })),
		gauge("facegate_clock_synced", "1 if a time server vouches for the clock.",
			only(func(m Moment) float64 { return one(m.Status.Clock.Synced) })),
		gauge("facegate_record_full", "1 while nobody is let in, because nothing more can be written down.",
			only(func(m Moment) float64 { return one(m.Status.Record.Full) })),
	}
}

// conditions tells of everything that may not be well whether it is.
func conditions(m Moment, tell tell) {
	for _, name := range health.Names() {
		is := slices.ContainsFunc(m.Status.Health.Conditions, func(c health.Condition) bool { return c.Name == name })
		tell(one(is), string(name))
	}
}

func cameraMetrics() []metric {
	states := []device.CaptureState{device.Starting, device.Streaming, device.Lost, device.Ended, status.CameraOff}
	return []metric{
		gauge("facegate_camera_state", "1 for the state in which the camera is.",
			each(states, func(m Moment) device.CaptureState { return m.Status.Camera.State }), "state"),
		counter("facegate_camera_frames_total", "Frames of the camera that could be used, whatever they show.",
			only(func(m Moment) float64 { return float64(m.Status.Camera.Frames) })),
		counter("facegate_camera_frames_refused_total", "Frames of the camera that could not be used.",
			only(func(m Moment) float64 { return float64(m.Status.Camera.Refused) })),
		gauge("facegate_faces_off", "1 while no face is looked at, by somebody's order or for want of what it takes.",
			only(func(m Moment) float64 { return one(m.Status.FacesOff != nil) })),
	}
}

func doorMetrics(t Terms) []metric {
	latency := func(name, help string, ms func(status.Latency) float64) metric {
		return paced(Metric{Name: name, Kind: Gauge, Help: help}, false,
			only(func(m Moment) float64 { return ms(m.Status.Frames.Latency) / 1000 }))
	}
	return []metric{
		gauge("facegate_door_fault", "1 if the line of the relay cannot be driven.",
			only(func(m Moment) float64 { return one(m.Status.Door.State == gpio.Fault) })),
		gauge("facegate_door_alarm", "1 for each alarm of the door.", alarms, "alarm"),
		paced(Metric{Name: "facegate_door_openings_total", Kind: Counter, Help: "Openings of the door, for whatever cause."}, true,
			only(func(m Moment) float64 { return float64(m.Status.Door.Pulses) })),
		events(t),
		latency("facegate_grant_latency_median_seconds", "From the frame to the relay, of half of the last grants; 0 until it is known.",
			func(l status.Latency) float64 { return l.P50MS }),
		latency("facegate_grant_latency_p95_seconds", "From the frame to the relay, of 95 % of the last grants; 0 until it is known.",
			func(l status.Latency) float64 { return l.P95MS }),
	}
}

func alarms(m Moment, tell tell) {
	for _, a := range []door.What{door.Forced, door.HeldWarning, door.Held, door.Tamper, door.FireOn} {
		tell(one(slices.Contains(m.Status.Door.Alarms, string(a))), string(a))
	}
}

// events returns the metric of what building systems are told. In eu it says nothing of methods, because monitoring does without
// (GDPR 5(1)(c)), and in us-il neither: by face or otherwise is a matter of consent there.
func events(t Terms) metric {
	m := Metric{Name: "facegate_events_total", Kind: Counter, Help: "Events that building systems are told."}
	if t.Profile == law.EU || t.Profile == law.USIL {
		return paced(m, true, only(func(m Moment) float64 { return sum(m.Told) }))
	}
	m.Labels, m.Help = []string{"method"}, "Events that building systems are told, by what opened the door."
	return paced(m, true, func(m Moment, tell tell) {
		for _, method := range slices.Sorted(maps.Keys(m.Told)) {
			tell(float64(m.Told[method]), method)
		}
	})
}

func brokerMetrics(t Terms) []metric {
	return []metric{
		gauge("facegate_broker_connected", "1 if the gate is connected to its broker.",
			only(func(m Moment) float64 { return one(m.Status.MQTT.Connected) })),
		gauge("facegate_broker_topics_withheld", "Topics on which the broker gives nothing back of what the gate tells.",
			only(func(m Moment) float64 { return float64(len(m.Status.MQTT.Withheld)) })),
		paced(Metric{Name: "facegate_outbox_events", Kind: Gauge, Help: "Events that wait for the broker."}, true,
			only(func(m Moment) float64 { return float64(m.Status.MQTT.Queued) })),
		gauge("facegate_outbox_limit_events", "Events that may wait; for one more the oldest is given up.",
			only(func(Moment) float64 { return float64(t.Outbox) })),
		paced(Metric{Name: "facegate_outbox_dropped_events_total", Kind: Counter, Help: "Events that were given up."}, true,
			only(func(m Moment) float64 { return float64(m.Status.MQTT.Dropped) })),
	}
}
