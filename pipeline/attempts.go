package pipeline

import (
	"time"

	"facegate/pipeline/attempt"
	"facegate/pipeline/decide"
	"facegate/pipeline/track"
)

// Attempts say what refusals of prints and screens lead to (NIST SP 800-63B, rate limiting). A print names nobody, so that it
// must shut out nobody else. The zero value leads to nothing. Otherwise there are three steps:
//
//  1. A face that was refused Wary times rests. The others are looked at.
//  2. While Wary refusals of all faces are remembered, a face has to be live beyond doubt.
//  3. While Flood refusals of all faces are remembered, no face is looked at. People do not come so fast.
type Attempts struct {
	Wary  int           // 0 for never
	Rest  time.Duration // how long a face rests, and in which one refusal of all faces is forgotten
	Flood int           // 0 for never
}

// wary reports whether a face has to be surely live.
func (p *Pipeline) wary(now time.Time) bool {
	a := p.settings.Attempts
	return a.Wary > 0 && p.refused.Count(now) >= a.Wary
}

// resting reports whether no face is to be looked at.
func (p *Pipeline) resting(now time.Time) bool {
	a := p.settings.Attempts
	return a.Flood > 0 && p.refused.Count(now) >= a.Flood
}

// refuse counts a print or a screen.
func (p *Pipeline) refuse(tr *track.Track, report *Report) {
	p.decider.TakeNear(tr.ID) // whom a print shows is not whom somebody tries to be taken for
	if !p.subject(tr.ID).failure(tr.Seen, p.settings.Attempts) {
		return
	}
	report.end(attempt.Attack, decide.Person{})
	p.refused.Add(tr.Seen)
}
