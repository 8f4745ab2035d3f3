package pipeline

import "time"

// Attempts say what refusals of prints and screens lead to (NIST SP 800-63B, rate limiting). What it takes them for says
// nothing of who is held up, and must not shut out anybody else: a face that fails again and again rests, the others have to
// be live beyond doubt, and only a flood of prints, faster than people come, stops faces for as long as it lasts. The zero
// value leads to nothing.
type Attempts struct {
	Wary  int           // so many failures of one face, and it rests; so many of all, and every face has to be surely live
	Rest  time.Duration // how long a face rests, and how long it takes until one failure of all is forgotten
	Flood int           // so many of all, and no face is looked at until one is forgotten
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
