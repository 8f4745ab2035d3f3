package people

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/passage"
	"facegate/pipeline"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/template"
	"facegate/pipeline/visitor"
	"facegate/store"
	"facegate/store/audit"
)

// A Register is everybody enrolled. It has two halves: the sealed store and, while the gate runs, an index in memory of who
// can match.
//
// Both change by one rule, under one lock. Whoever is to match no more leaves the index first, and the store after that: if
// the store fails they stay out of the index until the next start. Whoever is to match enters the store first, and the index
// once it is on disk. An answer that changes nobody's right to match does not touch the index.
type Register struct {
	store *store.Store
	terms Terms
	index
}

// An index is who can match. While the gate does not run it is of nobody.
type index struct {
	scheme scheme
	ranks  ranks
	off    atomic.Bool // no face is looked at
	mu     sync.Mutex  // held while the store and the scheme change together; guards what follows
	claims claims
	lapsed map[template.PersonID]bool // who cannot match by the clock, and may again when that is another
}

// Terms say how people are matched, and to what they consent. Whoever only asks a stopped gate needs Profile, Doors, Groups and
// Witnesses alone.
type Terms struct {
	ModelID     [32]byte        // SHA-256 of the embedder
	Calibration *calibrate.File // of that embedder; nil with Off where nobody can tell which it is
	Judged      int             // of how many frames the mean score is judged; 1 where each frame is judged by itself
	FPIR        float64         // wanted false positive identification rate of one attempt
	Notices     []notice.Text   // in force, the first one counts where a request names none
	Profile     law.Profile
	Ways        []passage.Way   // the other ways in at the door
	Doors       []visitor.Door  // what visitors' passes can be for that open this door; see Doors
	Groups      []string        // of people that the rules of the door name
	Witnesses   []note.Verifier // who cosign how far the audit log has come
	Door        Doorkeeper      // nil where nobody tries
	Off         error           // why no face is looked at, whatever was wanted; nil if faces are

	// Barred reports whether the face of a person opens nothing at a time, after failures. It may be nil.
	Barred func(person template.PersonID, now time.Time) bool
}

// Covers refuses, with ErrFull, a rate that the calibration cannot answer for even with one person.
func Covers(f *calibrate.File, judged int, fpir float64) error {
	if covered(f, judged, fpir) > 0 {
		return nil
	}
	return hint.Wrap(fmt.Errorf("%w: %g is beyond it even for one", ErrFull, fpir), adviceFull)
}

// covered returns for how many people a calibration can promise a rate, for the decisions on several frames and for the comparisons
// of a single vector, by which nobody is enrolled twice.
func covered(f *calibrate.File, judged int, fpir float64) int {
	return min(f.MaxEnrolled(judged, fpir), f.MaxEnrolled(1, fpir))
}

// Open unseals everybody in s into memory.
func Open(s *store.Store, c Terms) (*Register, error) {
	if c.Barred == nil {
		c.Barred = func(template.PersonID, time.Time) bool { return false }
	}
	r := &Register{store: s, terms: c}
	r.off.Store(s.Faces().Off() != nil)
	if c.Calibration == nil {
		r.scheme = nobody{}
		return r, nil
	}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

// open has those match who can.
func (r *Register) open() error {
	s, c := r.store, r.terms
	if err := Covers(c.Calibration, c.Judged, c.FPIR); err != nil {
		return err
	}
	if err := s.Epochs().UseModel(c.ModelID); err != nil {
		return err
	}
	r.lapsed = s.Retention().Lapsed()
	var err error
	if r.scheme, err = schemeOf(c.Profile.Mode, s, c, &r.ranks); err != nil {
		return err
	}
	r.ranks.read(s)
	if err := r.scheme.read(func(template.PersonID) bool { return true }); err != nil {
		return err
	}
	if n, limit := r.Len(), r.Limit(); limit > 0 && n > limit {
		return hint.Wrap(fmt.Errorf("%w: %d are enrolled, %d are covered", ErrFull, n, limit), adviceFull)
	}
	return nil
}

// runs reports whether the gate does.
func (r *Register) runs() bool { return r.scheme != nobody{} }

// Stopped returns the Register of a gate that does not run: nobody can be captured, and nobody matches.
func Stopped(s *store.Store, c Terms) *Register {
	return &Register{store: s, terms: c, index: index{scheme: nobody{}}}
}

// As returns the records for somebody, under whose name changes are noted.
func (r *Register) As(by audit.Actor) Records { return bound{r, by} }

// A bound Register knows who asks.
type bound struct {
	*Register
	by audit.Actor
}

// Matcher returns what faces are compared with, and nil where something else has to say first whose it is to be.
func (r *Register) Matcher() pipeline.Matcher {
	if r.terms.Profile.Claims {
		return nil
	}
	return r.scheme.matcher()
}

// Len returns how many people can match.
func (r *Register) Len() int { return r.scheme.len() }

// Idle returns how many people are on the list with their face, not to be erased, and cannot match, because their enrolment has expired and is yet to be
// erased, was made with another embedder or for another match.mode, or has lost its template. Where nobody matches it is 0.
func (r *Register) Idle() (int, error) {
	if !r.runs() {
		return 0, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all, err := r.store.People()
	all = slices.DeleteFunc(all, func(p store.Person) bool { return !p.Owed.IsZero() || !p.Consented() })
	return len(all) - r.Len(), err
}

// Limit returns for how many people the calibration can promise the wanted error rate. It is 0, for any number, where
// everybody is compared with their own Code alone.
func (r *Register) Limit() int { return r.scheme.limit() }

// has reports whether the person enrolled under label can match.
func (r *Register) has(label string) bool {
	p, err := r.store.Person(label)
	return err == nil && r.scheme.has(p.ID)
}

// dismiss takes a person out of the index for good.
func (r *Register) dismiss(id template.PersonID) {
	delete(r.lapsed, id)
	r.forget(id)
	r.ranks.forget(id)
	if door := r.terms.Door; door != nil {
		door.Forget(id)
	}
}

// forget takes a person out of the index.
func (r *Register) forget(id template.PersonID) {
	r.scheme.remove(id)
	r.claims.closeOf(id)
}
