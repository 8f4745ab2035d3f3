package pipeline

import (
	"math"
	"time"

	"facegate/pipeline/attempt"
	"facegate/pipeline/challenge"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/liveness"
	"facegate/pipeline/quality"
	"facegate/pipeline/track"
)

// A When says whom the pipeline asks to turn the head.
type When uint8

// The answers.
const (
	Never   When = iota
	InDoubt      // those of whom the networks cannot tell whether they are live
	Always       // everybody
)

// Asking says how people are asked. It comes before the match, so that who is asked learns nothing of who is enrolled.
type Asking struct {
	When  When
	Told  func() bool     // whether a person can be told where to look; nil if that is so
	Same  float64         // the cosine from which two frames of one track are of one person
	Below func(n int) int // returns a number from 0 to n-1 that nobody can foresee
}

const (
	// mostAsked is how often one track is asked. Then there is another way in.
	mostAsked = 2

	// unsettled is how long it is not asked again after that.
	unsettled = 30 * time.Second

	// A recorded turn answers one direction in two. So a challenge has at least fewest turns, and one more for each challenge
	// that was not passed, whoever was asked, up to most; one is forgotten in each forget. Whoever tries again and again has
	// chances of 1/4, 1/8, 1/16 and then 1/32 in each forget. The others are only asked for more turns.
	fewest = 2
	most   = 5
	forget = 30 * time.Second
)

// A question is a challenge that is being put to a track.
type question struct {
	of        track.ID
	challenge *challenge.Challenge
	face      *face
}

// A face is the mean embedding of frames of one track, by which it is told whether another face took its place. It is in
// memory alone, and compared with the frames of this track alone.
type face struct{ sum embed.Vector }

// like returns the cosine of v with the face, and 1 if there is no frame of it yet.
func (f *face) like(v embed.Vector) float64 {
	s := embed.Cosine(f.sum, f.sum)
	if s == 0 {
		return 1
	}
	return embed.Cosine(f.sum, v) / math.Sqrt(s*embed.Cosine(v, v))
}

func (f *face) add(v embed.Vector) {
	for i, x := range v {
		f.sum[i] += x
	}
}

// tells reports whether a person can be told where to look.
func (a Asking) tells() bool { return a.Told == nil || a.Told() }

// wants reports whether a track of this verdict has to be asked before it is compared with anybody.
func (a Asking) wants(v liveness.Verdict) bool {
	switch a.When {
	case InDoubt:
		return v == liveness.Doubtful
	case Always:
		return v == liveness.Doubtful || v == liveness.Live
	}
	return false
}

// ask begins to ask a track, unless it was asked often enough or nobody could tell the person where to look. Its next frame is
// the first that counts.
func (p *Pipeline) ask(tr *track.Track, report *Report) {
	report.State = Checking
	if tr.Seen.Before(p.subject(tr.ID).quietUntil) || !p.settings.Asking.tells() {
		return
	}
	turns := min(fewest+p.unanswered.Count(tr.Seen), most)
	p.question = &question{
		of:        tr.ID,
		challenge: challenge.New(challenge.Draw(turns, p.settings.Asking.Below)),
		face:      &face{sum: make(embed.Vector, p.vision.Dim())},
	}
	p.subject(tr.ID).asked++
	report.State, report.Asks = Asked, p.question.challenge.Asks()
}

// asks reports whether it is this track that is asked.
func (p *Pipeline) asks(tr *track.Track) bool { return p.question != nil && p.question.of == tr.ID }

// hear leads one more frame of the track that is asked into the challenge. The face has to be like itself in every frame that
// counts. Nobody is compared with anybody else meanwhile.
func (p *Pipeline) hear(tr *track.Track, report *Report) error {
	q := p.question
	good, err := p.checkQuality(tr, report)
	if err != nil {
		return err
	}
	report.Reason = quality.OK // the person is told where to look, and nothing else
	if err := p.vision.Embed(p.vector); err != nil {
		return err
	}
	first := !q.challenge.Knows()
	same := (good || !first) && q.face.like(p.vector) >= p.settings.Asking.Same
	if same && first {
		q.face.add(p.vector)
	}
	outcome := q.challenge.See(challenge.View{Time: tr.Seen, Landmarks: tr.Face.Landmarks, Good: good, Same: same})
	report.State, report.Asks = Asked, q.challenge.Asks()
	if outcome != challenge.Going {
		p.answered(tr, report, outcome)
	}
	return nil
}

// answered ends the question with an outcome.
func (p *Pipeline) answered(tr *track.Track, report *Report, o challenge.Outcome) {
	s := p.subject(tr.ID)
	if o == challenge.Passed {
		s.proof, p.question = p.question.face, nil
		report.State = Checking
		return
	}
	p.unanswered.Add(tr.Seen)
	p.forgetQuestion()
	switch {
	case o.Attack():
		report.State = NotLive
		p.refuse(tr, report)
	case s.asked < mostAsked:
		report.State = Checking
	default:
		report.State = Unknown
		report.end(attempt.Unknown, decide.Person{})
	}
	if s.asked >= mostAsked {
		s.asked, s.restUntil, s.quietUntil = 0, tr.Seen.Add(rest), tr.Seen.Add(unsettled)
	}
}

// proved reports whether a track has turned as asked, and its attempt is not over.
func (p *Pipeline) proved(tr *track.Track) bool { return p.subject(tr.ID).proof != nil }

// stillProved reports whether the embedding at hand is of the face that turned as asked, if one did. Otherwise somebody has
// taken its place, and has proved nothing.
func (p *Pipeline) stillProved(tr *track.Track) bool {
	s := p.subject(tr.ID)
	if s.proof == nil || s.proof.like(p.vector) >= p.settings.Asking.Same {
		return true
	}
	s.unprove()
	return false
}

// unprove overwrites the face that turned as asked.
func (s *subject) unprove() {
	if s.proof != nil {
		clear(s.proof.sum)
		s.proof = nil
	}
}

// lose forgets a track that has ended. Who leaves without an answer has not passed: otherwise they could come back until the
// direction suits them.
func (p *Pipeline) lose(id track.ID, now time.Time) {
	if p.question != nil && p.question.of == id {
		p.unanswered.Add(now)
		p.forgetQuestion()
	}
	if s := p.subjects[id]; s != nil {
		s.unprove()
		delete(p.subjects, id)
	}
}

// forgetQuestion overwrites the face that is asked, who is not asked any more.
func (p *Pipeline) forgetQuestion() {
	if p.question != nil {
		clear(p.question.face.sum)
		p.question = nil
	}
}

// forgetFaces overwrites what is remembered of faces because they are asked.
func (p *Pipeline) forgetFaces() {
	p.forgetQuestion()
	for _, s := range p.subjects {
		s.unprove()
	}
}
