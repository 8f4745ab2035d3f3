// Package daemon wires the parts of a gate together and runs them. Read New from top to bottom: it is the architecture.
package daemon

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"facegate/cmd/facegate/internal/bulletin"
	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/claim"
	"facegate/cmd/facegate/internal/codereader"
	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/cosigning"
	"facegate/cmd/facegate/internal/desk"
	"facegate/cmd/facegate/internal/doorwatch"
	"facegate/cmd/facegate/internal/entry"
	"facegate/cmd/facegate/internal/kiosk"
	"facegate/cmd/facegate/internal/metrics"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/prompt"
	"facegate/cmd/facegate/internal/record"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/cmd/facegate/internal/systime"
	"facegate/cmd/facegate/internal/tones"
	"facegate/cmd/facegate/internal/watchdog"
	"facegate/configs"
	"facegate/device"
	"facegate/device/reader"
	"facegate/gpio"
	"facegate/gpio/cdev"
	"facegate/gpio/door"
	"facegate/gpio/sim"
	"facegate/pipeline"
	"facegate/pipeline/admit"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/crowd"
	"facegate/pipeline/decide"
	"facegate/pipeline/detect"
	"facegate/pipeline/liveness"
	"facegate/pipeline/models"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/homeassistant"
	"facegate/pipeline/quality"
	"facegate/store"
	"facegate/store/clock"
)

// outboxSize is how many events are kept while the broker is away: 72 hours of a passage every 2.6 seconds.
const outboxSize = 100_000

// Outside are the parts of the world that a caller may bring along. A nil part is made from the configuration.
type Outside struct {
	Source  device.Source
	Line    gpio.Line            // the Daemon closes it
	Inputs  door.Inputs          // of the door; likewise
	Signals door.Signals         // likewise
	Lights  prompt.Lights        // likewise
	Readers []reader.Source      // of cards and keys; likewise
	Said    func(desk.Said)      // is told what came of what readers have read; may be nil
	Stdin   io.Reader            // for the replay source "-"
	Clock   clock.Source         // of the machine
	Observe func(camera.Passage) // sees what each frame came to
	LogLost func() uint64        // says how many lines of the log could not be written; nil if that is not known

	File string // of the configuration, for whoever releases the lines of a gate that is dead; "" leaves no word of them
	// Begin is called once the door is at its safe level, and says what to leave out; nil for nothing. It may be nil.
	Begin func() *Lesser

	Refused func() string // returns the version that an update was taken back from, "" if none was; may be nil

	InService func() // is called once the gate is in service; may be nil

	Unlocked error // why the memory of the process is not locked; nil if it is

	// HandsOver says that the caller has a fresh process go on when Run returns ErrHandover, and Left is what such a process was
	// left by the one before.
	HandsOver bool
	Left      Left
}

// A Daemon is one gate. It is made by New and lives until Run has returned.
type Daemon struct {
	config      *configs.Config
	bundle      models.Bundle // zero if nobody can tell which
	liveness    liveness.Thresholds
	calibration *calibrate.File // of the embedder, nil if there is none
	weaker      string          // what better liveness networks would refuse, "" for nothing more
	version     string
	started     time.Time
	log         *slog.Logger
	outside     Outside
	lesser      *Lesser // what is left out, nil for nothing
	unseen      error   // why the networks cannot be used, nil if they can or are left out
	looked      string  // traceOf their folder before they were read
	clock       clock.Source

	line      gpio.Line
	lights    prompt.Lights
	wires     Wiring // all but the relay
	door      *keeper
	watch     *doorwatch.Watch
	events    *doorEvents
	rules     admit.Rules
	plan      *planner
	holding   holding
	looks     ration // of how the door is
	watchings ration // of what it does, where there is no audit log
	hand      *gpio.Hand
	store     *store.Store
	keys      store.KeySource
	register  *people.Register
	source    device.Source
	capture   *device.Capture
	camera    *camera.Camera
	codes     *codereader.Reader // nil where none are read
	prompt    *prompt.Prompt
	guidance  *guidance
	kiosk     *kiosk.Kiosk // nil for no screen
	tones     *tones.Tones // nil for none
	entry     *entry.Entry
	record    *record.Record
	publisher *publish.Publisher
	bulletin  *bulletin.Bulletin
	cosigning *cosigning.Cosigning
	stirred   chan struct{} // holds a token if something has happened at the door that building systems are to be told
	control   *control.Server
	metrics   *metrics.Server // nil where nothing monitors
	notifier  *notifier
	handover  *handover
	watchdog  *watchdog.Watchdog
	glance    *glance
	desk      *desk.Desk
	readers   []reader.Source
	claim     *claim.Pending

	crowd    crowd.Gauge // of those who are let in
	same     float64     // the cosine from which two frames of one face are of one person
	reassess atomic.Bool // something else is in use than what was assessed
}

// New opens every part. The door comes first: it is forced to its safe level before anything else can fail. What was
// opened is closed again if a later part fails. Neither the camera nor the broker is waited for, or has to be there.
func New(c *configs.Config, out Outside, version string, log *slog.Logger) (_ *Daemon, err error) {
	d := &Daemon{
		config: c, version: version, started: time.Now(), log: log, outside: out,
		line: out.Line, lights: out.Lights, clock: out.Clock,
	}
	if d.clock == nil {
		d.clock = systime.New()
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if err := d.openDoor(d.eyes(), d.codeEyes()); err != nil {
		return nil, err
	}
	d.begin()
	if err := d.checkRules(); err != nil {
		return nil, err
	}
	eyes, err := d.openEngine()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			eyes.Close() // otherwise the camera does
		}
	}()
	for _, open := range []func() error{d.openRegister, d.openHand, d.openPlan, d.openKiosk} {
		if err := open(); err != nil {
			return nil, err
		}
	}
	mailbox := device.NewMailbox()
	if err := d.openCapture(mailbox); err != nil {
		return nil, err
	}
	for _, open := range []func() error{d.openPublisher, d.openCosigning, d.openBulletin, d.openDesk} {
		if err := open(); err != nil {
			return nil, err
		}
	}
	d.camera = camera.New(camera.Parts{
		Mailbox: mailbox, Engine: eyes, Settings: d.settings(), MaxAge: c.Camera.MaxAge, Frames: c.Enrol.Frames, FPS: c.Camera.FPS,
		Lingers: out.Left.Stands, Emit: d.askByFace, Whom: d.claim.Matcher, Off: d.register.WhyOff, Renew: d.record.Renew,
		Prompt: d.prompt.Show, Now: time.Now, Spoilt: d.capture.Spoilt, Observe: d.observe, Log: log,
	})
	if err := d.openControl(d, out.Left.Socket); err != nil {
		return nil, err
	}
	d.handover = &handover{
		enabled: out.HandsOver, process: rand.Text(), quiet: d.quiet, fire: d.fire, leave: d.control.HandOver,
		asked: make(chan struct{}), ready: make(chan struct{}),
	}
	d.notifier, d.glance = newNotifier(d), newGlance(d.Status)
	d.openMetrics(running{d: d}.Status, d.publisher.Told)
	return d, nil
}

// openControl opens the control socket of h, unless the process before this one has left it.
func (d *Daemon) openControl(h control.Host, left *os.File) (err error) {
	c := d.config
	if left != nil {
		d.control, err = control.AdoptServer(h, left, c.Control.Socket, groups(c.Control), c.Enrol.Timeout, d.log)
	} else {
		d.control, err = control.NewServer(h, c.Control.Socket, c.Control.Group, groups(c.Control), c.Enrol.Timeout, d.log)
	}
	if err != nil {
		return aboutControl(err)
	}
	return nil
}

// openDoor opens the line of the door, unless the caller has brought one, and forces it to its safe level, unless it was left open.
// The lights at the camera come after it. The rounds of the door feed the watchdog, as long as none of the watched parts hangs.
func (d *Daemon) openDoor(watched ...watchdog.Part) (err error) {
	d.openWatchdog(watched)
	if d.line == nil {
		if d.line, err = openLine(d.config.Door, d.outside.Left.Line); err != nil {
			return aboutLine("door", err)
		}
	}
	if err := errors.Join(checkBoard(d.config), distinct(d.config)); err != nil {
		return err
	}
	d.wires = Wiring{Inputs: d.outside.Inputs, Signals: d.outside.Signals}
	if err := d.wires.open(d.config.Door); err != nil {
		return err
	}
	d.watch = doorwatch.New(func() door.Status { return d.door.Status() }, d.started)
	d.stirred = make(chan struct{}, 1)
	d.events = newDoorEvents(d.overHold, d.log)
	controller, err := door.New(door.Parts{
		Relay: d.line, Inputs: d.wires.Inputs, Signals: d.openTones(d.wires.Signals), Settings: d.doorSettings(), Log: d.log, Round: d.watchdog.Round,
		Left: d.outside.Left.Door,
		Emit: func(e door.Event) {
			d.watch.Emit(e)
			d.events.emit(e)
			d.stir()
		},
	})
	if err != nil {
		return err
	}
	d.door = keep(controller, d.line, d.handsOver)
	d.noteLines()
	d.resumeHold()
	return d.openPrompt()
}

// OpenLine opens the line of the door's relay. A simulated door has a line in memory or, with a chip, on the board in that
// folder.
func OpenLine(d configs.Door) (gpio.Line, error) { return openLine(d, nil) }

// openLine opens the line of the relay, or takes it over from the process before this one, which has left it.
func openLine(d configs.Door, left *os.File) (gpio.Line, error) {
	c := cdev.Config{Chip: d.Chip, Line: d.Line, ActiveLow: d.ActiveLow}
	if d.Driver == configs.Sim {
		c.Line = cmp.Or(d.Line, "relay")
	}
	return openOutput(d, c, left)
}

// openOutput opens an output of a door, or takes it over. Where the door is simulated, so is each of its lines.
func openOutput(d configs.Door, c cdev.Config, left *os.File) (gpio.Line, error) {
	switch {
	case d.Driver == configs.Sim:
		return openSimulated(d, sim.Wire{Name: c.Line, ActiveLow: c.ActiveLow, Consumer: c.Consumer}, left)
	case left != nil:
		return cdev.Adopt(c, left)
	}
	return cdev.Open(c)
}

// openSimulated opens an output of a simulated door, or takes it over.
func openSimulated(d configs.Door, w sim.Wire, left *os.File) (gpio.Line, error) {
	switch {
	case d.Chip == "":
		return sim.New(), nil
	case left != nil:
		return sim.Board(d.Chip).Adopt(w, left)
	}
	return sim.Board(d.Chip).Open(w)
}

// openCapture opens what frames come from.
func (d *Daemon) openCapture(box *device.Mailbox) (err error) {
	switch d.source = d.outside.Source; {
	case !d.opensCamera():
		d.source = unopened{}
	case d.source == nil:
		d.source, err = openSource(d.config.Camera, d.outside.Stdin, d.log)
	}
	if err != nil {
		return err
	}
	d.capture = device.NewCapture(d.source, box, d.log)
	d.openCodes()
	return nil
}

// checkRules makes the rules of the door, and warns of a profile that is not meant for real people.
func (d *Daemon) checkRules() (err error) {
	if d.rules, err = rulebook.Of(d.config); err != nil {
		return err
	}
	if watchesUnderLab(d.config) {
		d.log.Warn(labInUse, "hint", adviceInUse)
	}
	return nil
}

// openHand takes openings by hand up where the last process has left them, so that a restart is no way round their bounds.
func (d *Daemon) openHand() error {
	now := time.Now()
	before, err := d.store.Log().Openings(now.Add(-time.Hour))
	d.hand = gpio.NewHand(d.door.ByHand(), before, now)
	return err
}

func (d *Daemon) openPublisher() error {
	cfg, err := publishing(d.config)
	if err != nil {
		return err
	}
	kept, err := d.store.Outbox(outboxSize)
	if err != nil {
		return err
	}
	parts := publish.Parts{
		Outbox: kept, Orders: d.openOrders(), Home: d.openHome(), Rand: rand.Reader, Clock: d.moment, Silent: d.outside.Left.Silent,
		Cosigned: func(witness string, signed []byte) { d.cosigning.Hear(witness, signed) },
	}
	if h := d.config.MQTT.HomeAssistant; h.Discovery {
		parts.Birth = homeassistant.StatusTopic(h.Prefix)
	}
	if d.publisher, err = publish.New(cfg, parts, d.log); err != nil || !d.config.MQTT.HomeAssistant.Discovery {
		return err
	}
	return d.publisher.Introduce(d.version, d.doorNow())
}

func (d *Daemon) settings() pipeline.Settings {
	s := settings(d.config)
	s.Liveness = d.liveness
	s.Asking = d.asking()
	s.Crowd = &d.crowd
	return s
}

// settings returns the limits of a configuration, but for those of liveness and of asking, which depend on the networks.
func settings(c *configs.Config) pipeline.Settings {
	r, q := c.Zone.Region, c.Quality
	return pipeline.Settings{
		Zone: quality.Zone{
			Region:  detect.Box{Left: float32(r.Left), Top: float32(r.Top), Right: float32(r.Right), Bottom: float32(r.Bottom)},
			MinFace: float32(c.Zone.MinFace),
		},
		Quality: quality.Limits{
			MinSharpness: q.MinSharpness, MinBrightness: q.MinBrightness, MaxBrightness: q.MaxBrightness,
			MaxYaw: q.MaxYaw, MaxPitch: q.MaxPitch, MaxRoll: q.MaxRoll, MaxSideLight: q.MaxSideLight,
		},
		Attempts:       attempts(c.Lockout),
		LivenessWindow: c.Liveness.Window,
		Rules: decide.Rules{
			Judge: judgeOf(c.Decide), Agree: c.Decide.Agree, Window: c.Decide.Window, Rearm: c.Decide.Rearm, Margin: c.Match.Margin,
		},
	}
}

// attempts says what prints lead to: nothing without a delay, since one is forgotten in each.
func attempts(l configs.Lockout) pipeline.Attempts {
	if l.Delay == 0 {
		return pipeline.Attempts{}
	}
	return pipeline.Attempts{Wary: l.DelayAfter, Rest: l.Delay, Flood: l.DisableAfter}
}

func judgeOf(d configs.Decide) decide.Judge {
	if d.Judge == configs.Every {
		return decide.Every
	}
	return decide.Mean
}

func groups(c configs.Control) control.Groups {
	return control.Groups{Office: c.OfficeGroup, Technician: c.TechnicianGroup}
}
