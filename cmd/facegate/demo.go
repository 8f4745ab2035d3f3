package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/device/reader"
	"facegate/device/replay"
	"facegate/gpio/sim"
	"facegate/pipeline/publish/loopback"
	qr "facegate/pipeline/template/pass"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/durable"
	"facegate/store/receipt"
)

type demoCommand struct {
	Models   string `default:".build/models" placeholder:"DIR" help:"Folder of the models (${default})."`
	Testdata string `default:"testdata" placeholder:"DIR" help:"Folder of the recordings (${default})."`
	Profile  string `enum:"lab,cn,eu" default:"lab" help:"Whose law the gate of the demo stands under: lab, cn or eu (${default})."`
	jsonFlag
}

// demoFPS is the frame rate of the recordings.
const demoFPS = 15

// demoConfig is the configuration of the demo's gate, but for what its profile wants. Everything else is as in the reference.
const demoConfig = `
site: demo
gate: front
door: {driver: sim, kind: strike, fail: secure, pulse: 500ms}
state_dir: %[1]s/state
key_file: %[1]s/device.key
camera: {fps: %[2]d}
vision: {models_dir: %[3]s}
zone: {min_face: 45} # the recordings are 640 pixels wide; a face before the door has 55 to 90
match: {fpir: 0.01} # to the network people from one generator are a family, whose threshold is raised by a third
mqtt: {broker: "%[4]s", username: "%[5]s", password_file: %[1]s/broker.password}
alternatives: [qr, card]
readers: [{name: desk, kind: usb, device: /dev/input/by-id/demo, class: card-secure}] # the demo brings its own
control: {socket: %[1]s/control.sock, group: ""}
`

// A demo is the real daemon with a stage for a camera, a simulated door and a broker of its own.
type demo struct {
	dir        string // temporary; holds all that the gate keeps
	recordings string
	corridor   []byte // the empty picture
	stage      *replay.Stage
	line       *sim.Line
	onlooker   *onlooker
	client     *control.Client
	account    *account
	programme  programme
	ways       otherWays
}

func (c *demoCommand) Run(ctx context.Context, t terminal) error {
	dir, err := os.MkdirTemp("", "facegate-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	quiet := newLog(t.err, slog.LevelError)
	login := loopback.NewAccount()
	broker, err := loopback.Start("127.0.0.1:0", login, quiet)
	if err != nil {
		return err
	}
	defer broker.Close()
	out := t.out
	if c.JSON {
		out = t.err
	}
	d := &demo{
		dir: dir, recordings: c.Testdata, line: sim.New(), onlooker: newOnlooker(),
		client: control.NewClient(filepath.Join(dir, "control.sock")), account: newAccount(out),
		programme: programmeOf(c.Profile),
	}
	if err := d.onlooker.subscribe(broker.URL(), login); err != nil {
		return err
	}
	defer d.onlooker.close()
	gate, err := d.open(c.Models, broker.URL(), login, quiet)
	if err != nil {
		return err
	}
	d.account.say("gate ready: real daemon, replayed camera, simulated door, MQTT broker on %s", broker.URL())
	if err := d.perform(ctx, gate); err != nil {
		return err
	}
	return c.conclude(t, d.account)
}

// open makes the gate, on the stage with its empty corridor.
func (d *demo) open(modelsDir, brokerURL string, login loopback.Account, log *slog.Logger) (*daemon.Daemon, error) {
	var err error
	if d.corridor, err = os.ReadFile(filepath.Join(d.recordings, "walk", "p01", "0107.jpg")); err != nil {
		return nil, hint.Wrap(err, "run the demo from the top of the source tree, or name its testdata with --testdata")
	}
	if d.stage, err = replay.NewStage(demoFPS, d.corridor); err != nil {
		return nil, err
	}
	if err := store.CreateKeyFile(durable.OS{}, filepath.Join(d.dir, "device.key"), rand.Reader); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "broker.password"), []byte(login.Password), 0o600); err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(modelsDir)
	if err != nil {
		return nil, err
	}
	text := d.programme.config + fmt.Sprintf(demoConfig, d.dir, demoFPS, absolute, brokerURL, login.Username)
	cfg, err := configs.Parse("demo.yaml", bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, err
	}
	d.ways.open(d.stage)
	return daemon.New(cfg, daemon.Outside{
		Source: d.ways.cord, Line: d.line, Observe: d.onlooker.see, Readers: []reader.Source{d.ways.reader},
	}, version, log)
}

// perform runs the gate while the scenes are played before it.
func (d *demo) perform(ctx context.Context, gate *daemon.Daemon) error {
	group, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	group.Go(func() error { return gate.Run(ctx) })
	group.Go(func() error {
		defer stop()
		return d.play(ctx)
	})
	return group.Wait()
}

func (d *demo) play(ctx context.Context) error {
	for _, person := range d.programme.people {
		if err := d.enrol(ctx, person); err != nil {
			return err
		}
	}
	if err := d.showAll(ctx, d.programme.scenes); err != nil {
		return err
	}
	if err := d.comeInOtherwise(ctx); err != nil {
		return err
	}
	d.withdraw(ctx, "p01")
	return d.show(ctx, d.programme.erased)
}

// withdraw erases a person at their will, as facegate person withdraw does, and checks what proves it.
func (d *demo) withdraw(ctx context.Context, person string) {
	begun := time.Now()
	erased, err := d.client.Erase(ctx, people.Who{Label: person}, audit.Withdrawn)
	took := time.Since(begun)
	if err == nil {
		err = d.prove(ctx, erased)
	}
	d.account.withdrawn(person, took, err)
}

// prove checks a receipt with the public key of the device, and the audit log that it names.
func (d *demo) prove(ctx context.Context, erased people.Erasure) error {
	device, err := d.client.Device(ctx)
	if err != nil {
		return err
	}
	key, err := hex.DecodeString(device.PublicKey)
	if err != nil {
		return err
	}
	if _, err := receipt.Verify([]byte(erased.Receipt), key); err != nil {
		return err
	}
	_, err = d.client.Verify(ctx, nil)
	return err
}

// enrol shows the person's stills to the camera while the same request runs that facegate enroll makes.
func (d *demo) enrol(ctx context.Context, person string) error {
	stills, err := replay.Load(filepath.Join(d.recordings, "people", person))
	if err != nil {
		return err
	}
	begun := time.Now()
	d.onlooker.begin()
	playing, stop := context.WithCancel(ctx)
	played := make(chan error, 1)
	go func() { played <- d.stage.Play(playing, hold(stills[:3], 2*time.Second)) }()
	asking, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	enrolled, err := d.client.Enrol(asking, people.EnrolRequest{
		Label: person, Consent: "demo form " + person, Age: "adult", Witness: "the demo", Pass: d.programme.passes,
	}, func(people.Progress) {})
	stop()
	<-played
	if err == nil && d.programme.passes {
		d.ways.passes[person], err = qr.PNG(enrolled.Pass)
		enrolled.Pass.Clear()
	}
	d.account.enrolled(person, time.Since(begun), d.onlooker.end().rate(), err)
	return d.stage.Play(ctx, hold([][]byte{d.corridor}, time.Second)) // the next person comes to an empty place
}

// hold repeats each picture for as long as somebody would hold still.
func hold(pictures [][]byte, each time.Duration) [][]byte {
	var frames [][]byte
	for _, p := range pictures {
		for range int(each.Seconds() * demoFPS) {
			frames = append(frames, p)
		}
	}
	return frames
}

// conclude prints the summary and fails if any scene did.
func (c *demoCommand) conclude(t terminal, a *account) error {
	err := c.print(t, a.results, func(w *tabwriter.Writer) { a.summary(w) })
	if err != nil {
		return err
	}
	return a.verdict()
}
