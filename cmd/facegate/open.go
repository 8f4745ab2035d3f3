package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/order"
	"facegate/pipeline/publish"
	"facegate/store/pubkey"
)

// What came of an order besides the opening of the door.
var (
	errRefused    = errors.New("the gate has refused the order")
	errUnanswered = errors.New("the gate has not answered; whether the door was opened is not known")
	errGiven      = errors.New("the order cannot be given")
)

// openCommand gives a signed order to a gate, from any machine that reaches its broker. It needs neither gate nor configuration.
type openCommand struct {
	Remote bool   `required:"" help:"Over the broker, from any machine: there is no other way. At the gate itself: facegate door test, door hold."`
	Gate   string `required:"" placeholder:"SITE/GATE" help:"The gate, by site and gate of its configuration."`
	Device string `required:"" placeholder:"KEY" help:"Which gate of that name: the public key of its device, or a file with it. facegate key list prints it at the gate."`
	Key    string `required:"" placeholder:"FILE" help:"Private key of the operator, as facegate key new or ssh-keygen -t ed25519 makes it, without a passphrase."`

	Broker []string `required:"" placeholder:"URL" help:"The broker: ssl://host:8883, or tcp://host:1883 without TLS. Once for each of a list."`
	accountFlags

	Within time.Duration `default:"10s" help:"How long to wait for the answer (${default})."`
	jsonFlag
}

// Validate says what the command cannot do.
func (c *openCommand) Validate() error {
	if c.Within < time.Second || c.Within > time.Minute {
		return errors.New("--within is between 1s and 1m")
	}
	return nil
}

func (c *openCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.gate()
	if err != nil {
		return err
	}
	key, err := readOperatorKey(c.Key)
	if err != nil {
		return err
	}
	defer clear(key)
	cfg, err := c.connection(g)
	if err != nil {
		return err
	}
	nonce, err := order.NewNonce(rand.Reader)
	if err != nil {
		return err
	}
	if err := c.give(ctx, cfg, key, g, nonce); err != nil {
		return err
	}
	v := map[string]any{"gate": g.String(), "nonce": nonce.String(), "opened": true}
	return c.print(t, v, func(w *tabwriter.Writer) { show.Fprintf(w, "%s is open\n", g) })
}

// gate returns the gate that the order is for.
func (c *openCommand) gate() (order.Gate, error) {
	site, name, both := strings.Cut(c.Gate, "/")
	if !both || site == "" || name == "" || strings.Contains(name, "/") {
		return order.Gate{}, hint.Wrap(fmt.Errorf("%w: %q is not a site and a gate", errGiven, c.Gate), "write both as in the configuration: --gate SITE/GATE")
	}
	device, err := pubkey.Parse(c.Device)
	if err != nil {
		text, failed := file.Read(c.Device, maxOperatorKey)
		if failed == nil {
			device, err = pubkey.Parse(string(text))
		}
	}
	if err != nil {
		return order.Gate{}, hint.Wrap(fmt.Errorf("%w: %q is no public key of a device, nor a file with one", errGiven, c.Device),
			"give the 64 hexadecimal digits that facegate key list prints at the gate as its device")
	}
	return order.Gate{Site: site, Name: name, Device: device}, nil
}

// connection returns how to reach the gate. The client id ends in something else each time.
func (c *openCommand) connection(g order.Gate) (publish.Config, error) {
	cfg, err := c.config("--broker", c.Broker)
	if err != nil {
		return publish.Config{}, fmt.Errorf("%w: %w", errGiven, err)
	}
	cfg.Site, cfg.Gate = g.Site, g.Name
	return cfg, c.inWordsOfFlags(cfg.Check())
}

// give gives the order, and returns nil if the door was opened for it.
func (c *openCommand) give(ctx context.Context, cfg publish.Config, key ed25519.PrivateKey, g order.Gate, nonce order.Nonce) error {
	sign := func() ([]byte, error) {
		now := time.Now().Truncate(time.Millisecond)
		return order.Sign(key, g, order.Order{Issued: now, Expires: now.Add(order.MaxLife), Nonce: nonce})
	}
	var why order.Reason
	mine := func(answer []byte) bool {
		n, reason, err := order.ReadReply(answer)
		if err != nil || n != nonce {
			return false
		}
		why = reason
		return true
	}
	err := publish.Ask(ctx, cfg, rand.Reader, publish.Inquiry{Order: sign, Mine: mine, Within: c.Within})
	switch silence := new(publish.Silence); {
	case errors.As(err, &silence):
		return c.unanswered(silence)
	case err != nil:
		return c.inWordsOfFlags(err)
	case why != "":
		return hint.Wrap(fmt.Errorf("%w: %s", errRefused, why), "%s", adviceRefused(why))
	}
	return nil
}

// unanswered says what may be wrong where no answer has come.
func (c *openCommand) unanswered(s *publish.Silence) error {
	err := fmt.Errorf("%w: no answer within %v", errUnanswered, c.Within)
	switch {
	case s.Availability == "":
		err = fmt.Errorf("%w, and the broker knows of no gate %s", err, c.Gate)
	case s.Availability != publish.Online:
		err = fmt.Errorf("%w, and the gate is %s", err, show.Foreign(string(s.Availability)))
	}
	return hint.Wrap(err, "a gate does not answer whom it does not know: see there with facegate key list that this key is registered, that --device is its "+
		"device and --gate its name\nthe broker may keep the order or the answer: this user has to write cmd/open of the gate and read cmd/reply, and the "+
		"gate the reverse\nthe log of the gate says what it has refused, and facegate status whether it is connected")
}

// adviceRefused says what to do about a refusal.
func adviceRefused(why order.Reason) string {
	switch why {
	case order.Expired, order.Early:
		return "compare the clock of this machine with that of the gate: timedatectl here, facegate clock there"
	case order.Clock:
		return "set the clock of the gate, or vouch for it there: facegate clock"
	case order.Queued:
		return "the gate has just connected to the broker: give the order again"
	case order.Rules:
		return "no rule of the door lets an order open it now: name order in rules there, see facegate rules"
	case order.Shut:
		return "the door is shut to all at this time: see facegate door status there"
	case order.Interlock:
		return "another door is open, and only one of the two may be: give the order again once it is closed"
	case order.Passing:
		return "somebody is passing: give the order again"
	case order.Record:
		return "the gate cannot write it down: see facegate status there"
	}
	return "see facegate status and facegate door status at the gate"
}

// inWordsOfFlags returns err, which speaks of a configuration, with the words of the command line in its advice.
func (c *openCommand) inWordsOfFlags(err error) error {
	if err == nil {
		return nil
	}
	return hint.Wrap(fmt.Errorf("%w: %w", errGiven, err), "%s", adviceInFlags(err, "--broker"))
}
