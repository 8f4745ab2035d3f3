package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/doctor"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/service"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/device"
)

type doctorCommand struct {
	configFlag
	Camera bool `help:"Measure what the camera of a running gate sends, for five seconds and light among it. It is noted with your name, and bounded as camera test is. Of a gate that does not run it is measured anyway."`
	Within bool `hidden:"" help:"Look with the rights of whoever runs this, for the doctor that asks."`
	jsonFlag
}

// Run exits with exitFailed if anything is wrong, and otherwise with exitForbidden if something could not be looked at.
func (c *doctorCommand) Run(ctx context.Context, t terminal) error {
	if c.Within {
		return show.JSON(t.out, c.within(ctx, t))
	}
	r, err := c.examine(ctx, t)
	if err != nil {
		return err
	}
	if err := c.print(t, r, func(w *tabwriter.Writer) { writeDoctor(w, r) }); err != nil {
		return err
	}
	switch r.State {
	case doctor.Wrong:
		return exit{code: exitFailed}
	case doctor.Unknown:
		return exit{code: exitForbidden}
	}
	return nil
}

func writeDoctor(w *tabwriter.Writer, r doctor.Report) {
	for _, f := range r.Findings {
		show.Fprintf(w, "%s\t%s: %s\n\tto do: %s\n", f.State, f.Part, show.Plain(f.Reason), show.Plain(f.Todo))
	}
	var well []string
	for _, p := range r.Well {
		well = append(well, string(p))
	}
	show.Fprintf(w, "well\t%s\n\t(looked at as %s)\n", strings.Join(well, ", "), r.As)
}

// examine looks at all that there is: what the configuration names, with the rights of the service; what a running gate says of itself; and
// the machine.
func (c *doctorCommand) examine(ctx context.Context, t terminal) (doctor.Report, error) {
	unit, installed := service.Read(t.root())
	machine := doctor.Machine{Root: t.root(), Unit: unit, Installed: installed}
	as, site := c.site(ctx, t, unit, installed)
	cfg, err := c.load()
	if err != nil { // which the look at the site says too, unless it could not look
		r := doctor.Assess(<-site, unread(err), machine.Look())
		r.As = as
		return r, nil
	}
	machine.Lines, machine.Brokers, machine.Camera = cfg.Door.Driver == configs.Cdev, cfg.MQTT.Brokers, streamOf(cfg.Camera)
	gate, running := c.gate(ctx, t, cfg)
	r := doctor.Assess(<-site, machine.Look(), gate)
	r.As, r.Running = as, running
	return r, ctx.Err()
}

// streamOf returns what a camera of the kernel's is to send.
func streamOf(c configs.Camera) (s doctor.Stream) {
	if c.Source != configs.V4L2 {
		return s
	}
	node, err := filepath.EvalSymlinks(c.Device)
	if err != nil {
		node = c.Device
	}
	s.Node = filepath.Base(node)
	if c.Format == configs.YUYV {
		const bits = 16 // of a pixel
		s.Mbps = float64(c.Width*c.Height*c.FPS*bits) / 1e6
	}
	return s
}

// unread is the Look at a configuration that cannot be read.
func unread(err error) doctor.Look {
	state, todo := doctor.Wrong, hint.Of(err)
	if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
		state, todo = doctor.Unknown, "look as root: sudo facegate doctor"
	}
	return doctor.Look{
		Parts:    []health.Part{doctor.Configuration},
		Findings: []doctor.Finding{{Part: doctor.Configuration, State: state, Reason: plain(err), Todo: todo}},
	}
}

// site looks at what the configuration names as the user of the service, whom it returns.
func (c *doctorCommand) site(ctx context.Context, t terminal, unit service.Unit, installed bool) (as string, site <-chan doctor.Look) {
	found := make(chan doctor.Look, 1)
	who, _, err := serviceUser("", unit, installed)
	switch {
	case err != nil:
		found <- doctor.Look{Findings: []doctor.Finding{{Part: doctor.Service, State: doctor.Wrong, Reason: err.Error(), Todo: hint.Of(err)}}}
		return unit.User, found
	case who != nil && who.Uid != strconv.Itoa(os.Geteuid()):
		go func() {
			var out, errs bytes.Buffer
			config, err := filepath.Abs(c.Config)
			if err == nil {
				err = asUser(ctx, who, unit, &out, &errs, "doctor", "--within", "--json", "--config", config)
			}
			found <- lookOf(out.Bytes(), errs.String(), err)
		}()
		return who.Username, found
	case os.Geteuid() != 0 && unit.User != self():
		found <- doctor.Look{Findings: []doctor.Finding{{
			Part: doctor.Service, State: doctor.Unknown, Todo: "look as root: sudo facegate doctor",
			Reason: fmt.Sprintf("rights, key, networks and devices are for %s to look at, the user of the service", unit.User),
		}}}
		return self(), found
	}
	go func() { found <- c.within(ctx, t) }()
	return self(), found
}

// lookOf reads what the process of another user has found.
func lookOf(out []byte, errs string, err error) (l doctor.Look) {
	if err == nil {
		err = json.Unmarshal(out, &l)
	}
	if err != nil {
		return doctor.Look{Findings: []doctor.Finding{{
			Part: doctor.Service, State: doctor.Unknown, Reason: fmt.Sprintf("the user of the service cannot look: %v; %s", err, errs),
			Todo: "see that this user may run " + os.Args[0],
		}}}
	}
	return l
}

// within looks at what the configuration names, with the rights of this user. Camera and broker are tried where no gate has them.
func (c *doctorCommand) within(ctx context.Context, t terminal) doctor.Look {
	cfg, source, err := c.parse()
	if err != nil {
		return doctor.Look{Parts: []health.Part{doctor.Configuration}, Findings: refusals(nil, err)}
	}
	l := doctor.Look{Parts: []health.Part{
		doctor.Configuration, health.Profile, health.Key, health.Disk, health.Faces, health.Camera, health.Door, health.Entry, health.Broker, doctor.Control,
	}}
	unit, _ := service.Read(t.root())
	notes, err := daemon.Check(cfg, t.host(unit))
	l.Findings = append(refusals(source, err), noted(notes)...)
	if !answers(cfg.Control.Socket) {
		l.Findings = append(l.Findings, doctor.Conditions(daemon.Foresee(cfg))...)
		l.Findings = append(l.Findings, trials(ctx, cfg, source, l.Findings)...)
	}
	return l
}

// refusals returns what each error of a check finds. source says where its key stands, nil where the file could not be read.
func refusals(source *configs.Source, err error) (found []doctor.Finding) {
	for _, e := range every(err) {
		todo := hint.Of(e)
		if source != nil {
			todo = hint.Of(source.Place(e))
		}
		found = append(found, doctor.Finding{
			Part: doctor.Of(configs.KeyOf(e)), State: doctor.Wrong, Reason: plain(e), Todo: todo,
		})
	}
	return found
}

// plain says err in one line. Of a fault of the configuration it leaves the line of the file to facegate config check.
func plain(err error) string { return show.Plain(faults(err)[0]) }

// every returns the errors that errors.Join has joined, however often; none for nil.
func every(err error) (all []error) {
	if err == nil {
		return nil
	}
	each := joined(err)
	if each == nil {
		return []error{err}
	}
	for _, e := range each {
		all = append(all, every(e)...)
	}
	return all
}

// noted returns what the notes of a check find: those that say what to do.
func noted(notes []daemon.Note) (found []doctor.Finding) {
	for _, n := range notes {
		state := doctor.Advice
		if n.Lacks {
			state = doctor.Wrong
		}
		if n.Todo != "" {
			found = append(found, doctor.Finding{Part: doctor.Of(n.Key), State: state, Reason: n.Key + ": " + n.Says, Todo: n.Todo})
		}
	}
	return found
}

// trials tries camera and broker at a time, but for what is known to be wrong.
func trials(ctx context.Context, cfg *configs.Config, source *configs.Source, known []doctor.Finding) []doctor.Finding {
	var camera, broker []doctor.Finding
	var all sync.WaitGroup
	if !isWrong(known, health.Camera) && cfg.Camera.Path != "-" {
		all.Go(func() {
			v, err := daemon.ProbeCamera(ctx, cfg.Camera, nil, slog.New(slog.DiscardHandler))
			camera = append(refusals(source, err), doctor.Seen(v)...)
		})
	}
	if !isWrong(known, health.Broker) {
		all.Go(func() {
			for _, e := range every(daemon.TryMQTT(ctx, cfg)) {
				if configs.KeyOf(e) == "" {
					e = configs.About("mqtt.broker", e)
				}
				broker = append(broker, refusals(source, e)...)
			}
		})
	}
	all.Wait()
	return append(camera, broker...)
}

// isWrong reports whether something is found to be wrong with a part.
func isWrong(found []doctor.Finding, part health.Part) bool {
	return slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Part == part && f.State == doctor.Wrong })
}

// gate has a running gate say how it is, and reports whether it runs.
func (c *doctorCommand) gate(ctx context.Context, t terminal, cfg *configs.Config) (l doctor.Look, running bool) {
	client, err := target{cfg.Control.Socket, c.Config, cfg}.client(ctx)
	var s status.Status
	if err == nil {
		s, err = client.Status(ctx)
	}
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return doctor.Look{Parts: []health.Part{doctor.Service}, Findings: append(doctor.Clock(t.time()()), doctor.Stopped(gone(err))...)}, false
	case err != nil:
		return doctor.Look{Findings: []doctor.Finding{silent(err)}}, false
	}
	l = doctor.Health(s.Health)
	if c.Camera {
		v, err := client.TestCamera(ctx)
		if err != nil {
			l.Findings = append(l.Findings, doctor.Finding{Part: health.Camera, State: doctor.Unknown, Reason: plain(err), Todo: hint.Of(err)})
		}
		l.Findings = append(l.Findings, doctor.Seen(v)...)
	} else if rate, ok := rateOf(ctx, client, s); ok {
		l.Findings = append(l.Findings, doctor.Rate(rate, cfg.Camera.FPS)...)
	}
	return l, true
}

// silent is the finding of a gate that does not answer this user, because of err.
func silent(err error) doctor.Finding {
	f := doctor.Finding{Part: doctor.Control, State: doctor.Wrong, Reason: plain(err), Todo: hint.Of(err)}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, control.ErrForbidden) {
		f.State = doctor.Unknown
	}
	return f
}

// counted is how long the frames of a running gate are counted.
const counted = time.Second

// rateOf returns how many frames a second a running gate is given, and false if its camera does not send or another process goes on.
func rateOf(ctx context.Context, client *control.Client, before status.Status) (rate float64, ok bool) {
	began := time.Now()
	select {
	case <-time.After(counted):
	case <-ctx.Done():
		return 0, false
	}
	now, err := client.Status(ctx)
	ok = err == nil && now.Started.Equal(before.Started) && before.Camera.State == device.Streaming && now.Camera.State == device.Streaming
	return float64(now.Camera.Frames-before.Camera.Frames) / time.Since(began).Seconds(), ok
}
