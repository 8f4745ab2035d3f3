package daemon

import (
	"context"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/metrics"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/pipeline/publish"
)

// openMetrics makes what monitoring reads, if it is to: what a status says, and how many events were told.
func (d *Daemon) openMetrics(how func(context.Context) (status.Status, error), told func() map[string]uint64) {
	c := d.config
	if c.Metrics.Listen == "" {
		return
	}
	d.metrics = metrics.NewServer(metrics.Parts{
		Address: c.Metrics.Listen, Log: d.log,
		Register: metrics.New(metrics.Terms{Version: d.version, Profile: c.Jurisdiction, Started: d.started, Outbox: outboxSize}),
		Look: func(ctx context.Context) (metrics.Moment, error) {
			s, err := how(ctx)
			return metrics.Moment{Status: s, Told: told()}, err
		},
	})
}

// monitored lists the task that serves monitoring, if there is one.
func (d *Daemon) monitored() []task {
	if d.metrics == nil {
		return nil
	}
	return []task{d.metrics}
}

// noneTold counts the events of a gate that tells none.
func noneTold() map[string]uint64 {
	counts := make(map[string]uint64)
	for _, method := range publish.Methods() {
		counts[method] = 0
	}
	return counts
}

// metricsHealth says why monitoring cannot read anything.
func (d *Daemon) metricsHealth(*status.Status) []health.Condition {
	if d.metrics == nil || d.metrics.Err() == nil {
		return nil
	}
	err := d.metrics.Err()
	return health.When(true, health.MetricsFault, health.Metrics, health.Degraded, err.Error(), hint.Of(err))
}
