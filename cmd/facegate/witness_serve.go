package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"golang.org/x/sync/errgroup"

	"facegate/cmd/facegate/internal/witness"
	"facegate/configs/hint"
	"facegate/pipeline/publish"
)

type witnessServeCommand struct {
	witnessFile
	Listen string   `placeholder:"ADDRESS" help:"Serve logs that ask over HTTP (tlog-witness of C2SP) at this address, such as 127.0.0.1:7380. For TLS put a web server in front of it."`
	MQTT   []string `name:"mqtt" placeholder:"URL" help:"Serve gates by way of their broker: ssl://host:8883, or tcp://host:1883 without TLS. Once for each of a list, of which one is used at a time."`
	Site   string   `placeholder:"SITE" help:"Gates of this site alone. Otherwise those of every site of the broker."`
	accountFlags
}

// Validate says what the command cannot do.
func (c *witnessServeCommand) Validate() error {
	if c.Listen == "" && len(c.MQTT) == 0 {
		return errors.New("--listen or --mqtt says where to serve; both will do")
	}
	return nil
}

// Run serves until ctx is done, or one of the two ways fails for good.
func (c *witnessServeCommand) Run(ctx context.Context, t terminal) error {
	broker, err := c.config("--mqtt", c.MQTT)
	if err != nil {
		return err
	}
	return c.with(func(w *witness.Witness) error {
		log := newLog(t.err, slog.LevelInfo)
		all, ctx := errgroup.WithContext(ctx)
		if c.Listen != "" {
			l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
			if err != nil {
				return hint.Wrap(fmt.Errorf("serve the witness: %w", err), "see who else listens there (ss -lptn), or give another --listen")
			}
			log.Info("the witness is served", "at", l.Addr().String())
			all.Go(func() error { return w.Serve(ctx, l, log) })
		}
		if len(c.MQTT) > 0 {
			all.Go(func() error { return inFlags(w.Follow(ctx, broker, publish.Gates{Site: c.Site}, log)) })
		}
		return all.Wait()
	})
}

// inFlags returns err with its advice in the words of the command line.
func inFlags(err error) error {
	if err == nil {
		return nil
	}
	return hint.Wrap(err, "%s", adviceInFlags(err, "--mqtt"))
}
