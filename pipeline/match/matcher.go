package match

import (
	"sync"
	"time"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
)

// An Answer is what a matcher says of one embedding; see pipeline.Matcher. It must not leave the process, as a Result must not.
// Its Others are empty: the Raise has been taken of them, and nobody needs them any more.
type Answer struct {
	Result
	Threshold float64 // the Score from which the embedding counts as that of Best, with the Raise in it
	Raise     float64 // how much of the Threshold is for the crowd in which the face is, 0 or more; see Rules.Crowding

	// Excess is by how much the place of the face is more crowded than ordinary is, less than 0 if it is less so. It is 0 where
	// too few people were compared with to tell.
	Excess float64

	// Half says that the face of Best opens no door alone, whatever it scores: it waits for something else of the same person.
	Half bool

	// Renewable says that a new record of Best may be made of the embedding. The embedding is of Best beyond doubt, and the
	// record of Best is of an earlier epoch.
	Renewable bool
}

// Rules say which scores count. Their functions are called for each frame: they do not wait, do not allocate, and are safe for
// concurrent use.
type Rules struct {
	// Threshold returns the score from which an embedding counts as that of the best match of so many people, in a place of
	// ordinary crowding, where it is judged together with others of the same face. After an error nobody matches.
	Threshold func(people int) (float64, error)

	// Single returns that score where the embedding is judged by itself, to make a template of. With nil it is the same.
	Single func(people int) (float64, error)

	// Barred reports whether a person must not be matched at the time now.
	Barred func(person template.PersonID, now time.Time) bool

	// Standing says what the face of a person is worth at the time now. nil gives everybody the zero Standing.
	Standing func(person template.PersonID, now time.Time) Standing

	// Strictest returns the score from which an embedding counts as that of somebody whose Standing is Strict, in a place of
	// ordinary crowding. It counts where Threshold returns less. With nil nobody is Strict.
	Strictest func() float64

	// Crowding returns the mean score that the five others have who are most like the face of somebody among so many people, in
	// an ordinary place. Where they score more, a stranger does too, by chance. The threshold is then raised by as much, times
	// Beta. nil raises no threshold.
	Crowding func(people int) float64
	Beta     float64
}

// A Standing is what the face of a person is worth at the door. The zero Standing is that of most adults.
type Standing struct {
	Strict bool // it has to reach the strictest threshold
	Half   bool // it opens no door alone
}

const (
	// unreachable is a threshold that no cosine comes near, nor nearly.
	unreachable = 2

	// Confident is how far above the threshold a match must be for a template to be made of the face. A wrong match that opens
	// the door does so once. A wrong match that becomes a template opens it from then on.
	Confident = 0.15
)

// Weigh sets the threshold beside what was found, whatever the standing is of the person and whoever is barred.
func (r Rules) Weigh(f Found) (Answer, error) { return r.weigh(f, r.Threshold) }

// weigh sets a threshold beside what was found.
func (r Rules) weigh(f Found, from func(people int) (float64, error)) (Answer, error) {
	threshold, err := from(f.People)
	if err != nil || !f.OK {
		return Answer{}, err
	}
	a := Answer{Result: f.Result}
	a.Raise, a.Excess = r.raise(f)
	a.Threshold = threshold + a.Raise
	a.Others = Result{}.Others
	return a, nil
}

// answer says at a time whose an embedding is that is judged with others. After an error nobody matches.
func (r Rules) answer(f Found, now time.Time) Answer {
	a, err := r.Weigh(f)
	if err != nil || !a.OK {
		return Answer{}
	}
	standing := r.standing(a.Best, now)
	a = r.strictly(a, standing)
	a.Half = standing.Half
	switch {
	case r.Barred(a.Best, now):
		a.Threshold, a.Raise = unreachable, 0
	case f.Earlier:
		a.Renewable = r.sure(f, standing, a.Threshold)
	}
	return a
}

// sure reports whether a match leaves no doubt. It reaches the threshold, is far above what is asked of an embedding by itself in
// an ordinary place, and nobody else comes near to that: a template is made of few embeddings, none of which may be of
// somebody else.
func (r Rules) sure(f Found, standing Standing, threshold float64) bool {
	if r.Single == nil {
		r.Single = r.Threshold
	}
	a, err := r.weigh(f, r.Single)
	single := r.strictly(a, standing).Threshold - a.Raise
	return err == nil && f.Score >= max(threshold, single+Confident) && f.Second < single
}

// strictly returns a with the threshold of who has a standing.
func (r Rules) strictly(a Answer, s Standing) Answer {
	if s.Strict && r.Strictest != nil {
		a.Threshold = max(a.Threshold, r.Strictest()+a.Raise)
	}
	return a
}

// standing returns what the face of a person is worth.
func (r Rules) standing(person template.PersonID, now time.Time) Standing {
	if r.Standing == nil {
		return Standing{}
	}
	return r.Standing(person, now)
}

// Everybody compares a face with everybody enrolled (1:N). It implements pipeline.Matcher.
type Everybody struct {
	Epochs *Epochs
	Rules  Rules
}

// Match implements pipeline.Matcher.
func (m *Everybody) Match(v embed.Vector, now time.Time) Answer {
	return m.Rules.answer(m.Epochs.Search(v), now)
}

// Claimed compares a face with the one person whose pass was shown (1:1), and with nobody else. It implements
// pipeline.Matcher. Nobody is ever second, and nobody is renewed.
type Claimed struct {
	person template.PersonID
	rules  Rules

	mu        sync.Mutex                // guards what follows
	projector *template.PersonProjector // nil once it is closed
	code      template.Code
	spare     embed.Vector // a copy of the vector that is compared; zeros between two comparisons
}

// Claim returns the matcher of a person by their Code. projector is the matcher's own from now on.
func Claim(person template.PersonID, code template.Code, projector *template.PersonProjector, r Rules) *Claimed {
	return &Claimed{person: person, rules: r, projector: projector, code: code}
}

// Person returns whose pass was shown.
func (m *Claimed) Person() template.PersonID { return m.person }

// Match implements pipeline.Matcher.
func (m *Claimed) Match(v embed.Vector, now time.Time) Answer {
	score, ok := m.verify(v)
	if !ok {
		return Answer{}
	}
	alone := Found{Result: Result{OK: true, Best: m.person, Score: score, Second: -1}, People: 1}
	return m.rules.answer(alone, now)
}

func (m *Claimed) verify(v embed.Vector) (score float64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.projector == nil {
		return 0, false
	}
	m.spare = append(m.spare[:0], v...) // a vector ends where it is projected
	return m.projector.Verify(m.spare, &m.code)
}

// Close forgets Code and keys. Nothing matches any more.
func (m *Claimed) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.projector == nil {
		return
	}
	m.projector.Clear()
	clear(m.code[:])
	m.projector = nil
}
