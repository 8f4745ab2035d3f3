package pipeline

import (
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/enrol"
	"facegate/pipeline/match"
)

// A renewal gathers frames of one person who is to be given a new template, while that person is being recognised. Of
// everybody else it gathers nothing. What it has gathered is overwritten as soon as somebody else is seen, the person is
// turned away, or it was handed out.
type renewal struct {
	agree  int // so many frames at the least
	person decide.Person
	sample *enrol.Sample
}

// see takes note of what a frame came to, what its face was found to be, and the embedding of that face. With a grant, all
// that was gathered goes into the report.
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
