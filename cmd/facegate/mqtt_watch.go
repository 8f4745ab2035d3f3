package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/mqttwatch"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/publish"
)

type mqttWatchCommand struct {
	Count int           `placeholder:"N" help:"End after so many messages."`
	For   time.Duration `placeholder:"TIME" help:"End after this time."`
	configFlag
	jsonFlag
}

// errHeard means that something is wrong with what the topics of a gate carry.
var errHeard = errors.New("not all is as the gate says it")

const (
	rewatch  = 5 * time.Second  // before the broker is listened to again
	lasted   = 10 * time.Second // after which a connection has lasted
	oneToUse = "the broker may take one client of a user at a time (use_username_as_clientid of mosquitto), and the gate is one: " +
		"watch as another user, such as with mosquitto_sub"
)

// Run listens until it was for long enough. A connection that breaks is made anew, unless it has hardly begun: who knows whom the broker
// has thrown out for it.
func (c *mqttWatchCommand) Run(ctx context.Context, t terminal) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.For > 0 {
		defer time.AfterFunc(c.For, cancel).Stop()
	}
	e := &ear{t: t, json: c.JSON, most: c.Count, enough: cancel, watch: mqttwatch.New(), topics: topicsOf(cfg.Site, cfg.Gate)}
	for {
		e.since = time.Time{}
		err := daemon.ListenMQTT(ctx, cfg, brokerOf(ctx, cfg.Control.Socket), e.begun, e.hear)
		switch {
		case err == nil:
			return e.end()
		case e.since.IsZero() && !e.heard:
			return err
		case !e.since.IsZero() && time.Since(e.since) < lasted:
			return hint.Wrap(err, "%s; or: %s", hint.Of(err), oneToUse)
		}
		show.Fprintf(t.err, "%v; listening again\n", err)
		select {
		case <-time.After(rewatch):
		case <-ctx.Done():
			return e.end()
		}
	}
}

// brokerOf returns the address of the broker that a gate is connected to, "" if it is to none, does not run, or does not say.
func brokerOf(ctx context.Context, socket string) string {
	s, err := control.NewClient(socket).Status(ctx)
	if err != nil || !s.MQTT.Connected {
		return ""
	}
	return s.MQTT.Broker
}

// An ear shows what it hears, and counts what is wrong with it.
type ear struct {
	t      terminal
	json   bool
	most   int    // messages, 0 for any number
	enough func() // is called after them
	watch  *mqttwatch.Watch
	topics string    // what those of the gate begin with
	since  time.Time // when the connection began, zero if there is none
	heard  bool      // there was one

	messages, again, wrong int
}

// begun says that a connection has begun.
func (e *ear) begun(id string) {
	e.since, e.heard = time.Now(), true
	e.watch.Begin()
	if !e.json {
		show.Fprintf(e.t.err, "listening to %s# as %s; Ctrl-C ends it\n", e.topics, id)
	}
}

// hear shows a message.
func (e *ear) hear(h publish.Heard) {
	if e.most > 0 && e.messages == e.most {
		return // more has come meanwhile
	}
	l := e.watch.Hear(h, time.Now())
	e.messages++
	if l.Again {
		e.again++
	}
	if len(l.Faults) > 0 {
		e.wrong++
	}
	e.show(l)
	if e.messages == e.most {
		e.enough()
	}
}

func (e *ear) show(l mqttwatch.Line) {
	if e.json {
		json.NewEncoder(e.t.out).Encode(l)
		return
	}
	kept := ""
	if l.Retained {
		kept = " (retained)"
	}
	show.Fprintf(e.t.out, "%s  %-18s  %s%s\n", l.At.Format("15:04:05.000"), l.Topic, l.Says, kept)
	for _, note := range l.Notes {
		show.Fprintf(e.t.out, "%14s%s\n", "", note)
	}
	for _, fault := range l.Faults {
		show.Fprintf(e.t.out, "%14swrong: %s\n", "", fault)
	}
}

// end says what was heard in all, and returns errHeard if something is wrong with it.
func (e *ear) end() error {
	missing := e.watch.Missing()
	sum := fmt.Sprintf("%d messages, %d told again; %d are missing, and %d wrong", e.messages, e.again, missing, e.wrong)
	if missing == 0 && e.wrong == 0 {
		if !e.json {
			show.Fprintln(e.t.err, sum)
		}
		return nil
	}
	return hint.Wrap(fmt.Errorf("%w: %s", errHeard, sum), "what is missing the broker has not given to this client, or the gate has given up "+
		"(facegate mqtt status); what is wrong another client may have said: let the gate alone write there (docs/events.md)")
}
