package main

import (
	"context"
	"errors"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/configs"
	"facegate/configs/show"
)

type mqttTestCommand struct {
	gateFlags
	jsonFlag
}

// Run fails if the broker does not serve the gate. A running gate has tried it already, and says what came of that.
func (c *mqttTestCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.target(defaultConfig)
	if err != nil {
		return err
	}
	client, err := g.client(ctx)
	if errors.Is(err, control.ErrNotRunning) && g.config != nil {
		return c.stopped(ctx, t, g.config)
	}
	if err != nil {
		return err
	}
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if err := c.print(t, s.MQTT, func(w *tabwriter.Writer) { writeMQTT(w, s.MQTT, topicsOf(s.Site, s.Gate), time.Now()) }); err != nil {
		return err
	}
	if !s.MQTT.Connected || s.MQTT.Err != "" {
		return exit{code: exitFailed}
	}
	return nil
}

// stopped tries the brokers in the place of a gate.
func (c *mqttTestCommand) stopped(ctx context.Context, t terminal, cfg *configs.Config) error {
	if err := daemon.TryMQTT(ctx, cfg); err != nil {
		return err
	}
	return c.print(t, map[string]any{"ok": true, "broker": cfg.MQTT.Brokers.String()}, func(w *tabwriter.Writer) {
		for _, b := range cfg.MQTT.Brokers {
			show.Fprintf(w, "%s serves this gate, %s: it gives back what the gate tells\n", b, encryption(b.TLS))
		}
	})
}
