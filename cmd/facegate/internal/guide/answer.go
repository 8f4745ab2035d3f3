package guide

import (
	"time"

	"facegate/pipeline/attempt"
)

// Answer tells what is answered to somebody who has asked for the door. The reason of a refusal is not looked at, but for that
// somebody else is passing, here or at the other door of two: that is nobody's doing, and whoever was right is right again at once.
func (g *Guide) Answer(m attempt.Means, o attempt.Outcome, now time.Time) {
	switch {
	case !o.Opened.IsZero():
		g.say(Granted, Welcome, now, g.terms.Pulse)
		g.claim, g.here.served = time.Time{}, true
	case g.shut(now):
		if m != attempt.Face && !m.Afar() {
			g.hear(Refused) // and nothing more: no face or PIN helps
		}
	case o.Reason == attempt.Passing, o.Reason == attempt.Interlock:
		if g.said != Wait || !now.Before(g.until) {
			g.hear(Refused)
		}
		g.say(Wait, Silence, now, told)
	case m == attempt.Face, m.Afar():
		// Of a face time says it, and an order is given elsewhere.
	case o.Wait == attempt.Face:
		g.claim = o.Until
		g.say(ShowFace, More, now, o.Until.Sub(now))
		g.here.near, g.here.refused = time.Time{}, false
	case o.Wait != 0:
		g.say(wanted(o.Wait), More, now, o.Until.Sub(now))
	default:
		g.say(TryCard, Refused, now, told)
		g.here.near = time.Time{}
	}
}

func (g *Guide) say(s Step, c Cue, now time.Time, within time.Duration) {
	g.said, g.until = s, now.Add(within)
	g.hear(c)
}

// wanted is how somebody is asked for another means.
func wanted(m attempt.Means) Step {
	switch m {
	case attempt.PIN:
		return EnterPIN
	case attempt.Pass:
		return ShowPass
	}
	return TryCard
}
