package pipeline

import (
	"time"

	"facegate/pipeline/attempt"
	"facegate/pipeline/decide"
	"facegate/pipeline/liveness"
	"facegate/pipeline/track"
)

const (
	// rest is how long a track found Unknown is left alone. A stranger who stands there is not measured over and over.
	rest = 2 * time.Second

	// oneFailure is for how long all failures of one track count as one.
	oneFailure = 10 * time.Second
)

// A subject is what the pipeline remembers of a track.
type subject struct {
	window     *liveness.Window
	examined   time.Time // when a frame of it was last looked at closely
	restUntil  time.Time // no frame of it is looked at closely before
	unmatched  bool      // it rests because nobody matched it, and for nothing that it has tried
	counted    time.Time // when it last counted as a failure
	failures   int       // how often it did
	asked      int       // how often it was asked to turn the head
	quietUntil time.Time // it is not asked before
	proof      *face     // that of the person who turned as asked, until the attempt is over
}

// subject returns what is remembered of a track, and begins to remember it.
func (p *Pipeline) subject(id track.ID) *subject {
	s := p.subjects[id]
	if s == nil {
		s = &subject{window: liveness.NewWindow(p.settings.LivenessWindow)}
		p.subjects[id] = s
	}
	return s
}

// unknown leaves a track alone for a while, and says what it has tried.
func (p *Pipeline) unknown(tr *track.Track, report *Report) {
	s := p.subject(tr.ID)
	s.restUntil, s.unmatched = tr.Seen.Add(rest), true
	s.unprove()
	tried, ok := p.decider.TakeNear(tr.ID)
	switch {
	case !ok:
		report.end(attempt.Unknown, decide.Person{})
	case s.failure(tr.Seen, p.settings.Attempts):
		report.end(attempt.NearMiss, tried)
	}
}

// alike leaves a track alone as if it were unknown, and says to whom it is alike. It has tried nothing: whoever is near to
// several people, by birth or by the camera, cannot help it.
func (p *Pipeline) alike(tr *track.Track, report *Report) {
	s := p.subject(tr.ID)
	s.restUntil, s.unmatched = tr.Seen.Add(rest), true
	if person, ok := p.decider.TakeAlike(tr.ID); ok {
		report.end(attempt.Alike, person)
	}
}

// failure reports whether a refusal at the time now counts. What counts is a print, a screen, or a face that is nearly that of
// somebody enrolled, and each of them once in oneFailure. A face that is not enrolled has claimed nothing. If it counted,
// neighbours who have declined would lock out those who have consented.
func (s *subject) failure(now time.Time, a Attempts) bool {
	if !s.counted.IsZero() && now.Before(s.counted.Add(oneFailure)) {
		return false
	}
	s.counted = now
	if s.failures++; a.Wary > 0 && s.failures >= a.Wary {
		s.restUntil, s.unmatched = now.Add(a.Rest), false
	}
	return true
}
