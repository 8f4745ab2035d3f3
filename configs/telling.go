package configs

import (
	"time"

	"facegate/configs/law"
)

// A MeansTold is whether building systems are told by what means of theirs somebody has passed.
type MeansTold string

// What they are told of means.
const (
	AutoMeans     MeansTold = "auto" // as the profile has it
	TellMeans     MeansTold = "told"
	WithholdMeans MeansTold = "withheld"
)

// telling checks what building systems are told of each passage. The times of a day begin anew in each hour, so that everybody cuts them
// alike.
func (d *document) telling(m *MQTT) {
	oneOf(d, "mqtt.means", m.Means, AutoMeans, TellMeans, WithholdMeans)
	within(d, "mqtt.resolution", m.Resolution, time.Millisecond, time.Hour)
	d.check(m.Resolution%time.Millisecond == 0 || m.Resolution < time.Millisecond, "mqtt.resolution",
		"%v is no whole number of milliseconds", m.Resolution)
	d.check(m.Resolution < time.Millisecond || time.Hour%m.Resolution == 0, "mqtt.resolution",
		"%v is no part of an hour that fits in it a whole number of times; use 1s, 1m, 5m, 15m or 1h", m.Resolution)
}

// WithholdsMeans reports whether building systems are not told by what means somebody has passed.
func (c *Config) WithholdsMeans() bool {
	if c.MQTT.Means == AutoMeans {
		return law.Of(c.Jurisdiction).Sparing != ""
	}
	return c.MQTT.Means == WithholdMeans
}
