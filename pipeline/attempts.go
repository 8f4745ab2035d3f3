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

// refusals count prints and screens that were refused. One is forgotten in each Attempts.Rest.
type refusals struct {
	count int
	since time.Time // from which on the next one is being forgotten
}

func (r *refusals) add(a Attempts, now time.Time) {
	r.forget(a, now)
	if r.count == 0 {
		r.since = now
	}
	r.count++
}

// wary reports whether a face has to be surely live.
func (r *refusals) wary(a Attempts, now time.Time) bool {
	r.forget(a, now)
	return a.Wary > 0 && r.count >= a.Wary
}

// flood reports whether no face is to be looked at.
func (r *refusals) flood(a Attempts, now time.Time) bool {
	r.forget(a, now)
	return a.Flood > 0 && r.count >= a.Flood
}

func (r *refusals) forget(a Attempts, now time.Time) {
	for a.Rest > 0 && r.count > 0 && now.Sub(r.since) >= a.Rest {
		r.count--
		r.since = r.since.Add(a.Rest)
	}
}
