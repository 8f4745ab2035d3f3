package pipeline

import (
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/enrol"
	"facegate/pipeline/match"
)

// A renewal gathers frames of one person whose template is of an earlier epoch, while that person is being recognised. Of
// everybody else it gathers nothing. What was gathered is overwritten as soon as one of these happens:
//
//  1. Somebody else is seen, or nobody.
//  2. The person is turned away.
//  3. The person is let in, with which the mean of the frames is handed out.
type renewal struct {
	agree  int // how many frames a new template takes at the least
	person decide.Person
	sample *enrol.Sample
}

// see takes note of a frame: what it came to, what the Matcher says of its face, and the embedding of that face. With a
// grant the mean of what was gathered goes into the report.
func (r *renewal) see(report *Report, a match.Answer, v embed.Vector) {
	if !r.sample.Of(report.Track) || !pending(report.State) || a.OK && a.Best != r.person {
		r.clear()
	}
	if a.Renewable && pending(report.State) {
		r.person = a.Best
		r.sample.Add(v, report.Track)
	}
	if report.State == Granted {
		if r.sample.Taken() >= max(1, r.agree) {
			report.Sample = make(embed.Vector, len(v))
			r.sample.Mean(report.Sample)
		}
		r.clear()
	}
}

// pending reports whether a frame of this state leaves it open who is there, or has just decided it.
func pending(s State) bool {
	return s == Poor || s == Checking || s == Matching || s == Granted
}

// clear overwrites all that was gathered.
func (r *renewal) clear() { r.sample.Clear() }
