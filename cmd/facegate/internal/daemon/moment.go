package daemon

import (
	"facegate/pipeline/publish"
	"facegate/store/clock"
)

// dated says of the time of an event whether it can be trusted.
func (d *Daemon) dated() publish.Clock { return publish.Clock(d.store.Clock().Verdict().Trust()) }

// moment says what is known of the time, for who cannot wait until it is right.
func (d *Daemon) moment() publish.Moment { return momentOf(d.store.Clock().Verdict()) }

func momentOf(v clock.Verdict) publish.Moment {
	m := publish.Moment{Now: v.Wall, Floor: v.Past, Clock: publish.Clock(v.Trust())}
	if v.Doubt == clock.Stepped { // what was counted since is better than what it was set to
		m.Now = v.Certain
	}
	return m
}
