package gate

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"facegate/cmd/facegate/internal/ledger"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/pipeline"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/template"
	"facegate/store"
	"facegate/store/audit"
)

// oneToOne reports whether faces are compared with the one person whose pass was shown, and with nobody else. Codes are
// then of scheme S2, and those of scheme S1 match nobody; otherwise it is the other way round.
func (g *Gallery) oneToOne() bool { return g.profile.Mode == law.OneToOne }

// load takes note of everybody who can match.
func (g *Gallery) load() error {
	if !g.oneToOne() {
		records, err := g.store.Templates().Records(g.modelID)
		return errors.Join(err, g.openEras(records))
	}
	all, err := g.store.Templates().Bound(g.modelID)
	for _, id := range all {
		g.bound.add(id)
	}
	return errors.Join(err, g.openEras(nil))
}

// protect turns v into the Code of e, in the scheme of this gate. v is cleared. g.mu must be held.
func (g *Gallery) protect(e *store.Enrolment, v embed.Vector) (err error) {
	var ok bool
	if g.oneToOne() {
		projector, err := g.tokenProjector(e.Pass)
		if err != nil {
			return err
		}
		defer projector.Clear()
		e.Bound = true
		e.Code, ok = projector.Protect(v)
	} else {
		if e.Lane, err = g.store.Templates().NextLane(e.Label); err != nil {
			return err
		}
		e.Code, ok = g.current().projector.Protect(v, e.Lane)
	}
	if !ok {
		return hint.Wrap(ErrFace, "enrol again")
	}
	return nil
}

func (g *Gallery) tokenProjector(k *template.TokenKeys) (*template.TokenProjector, error) {
	return template.NewTokenProjector(k, g.calibration.Dim, template.Mean(g.calibration.Mean))
}

// join lets p match, who was enrolled as e. g.mu must be held.
func (g *Gallery) join(p store.Person, e store.Enrolment) {
	if e.Bound {
		g.bound.add(p.ID)
	} else {
		g.current().index.Add(recordOf(p, e.Code))
	}
}

// matches reports whether p can match.
func (g *Gallery) matches(p store.Person) bool {
	return g.bound.has(p.ID) || slices.ContainsFunc(*g.eras.Load(), func(e *era) bool { return e.index.Has(p.ID) })
}

// EraseByPass is Erase, by the pass of the person.
func (g *Gallery) EraseByPass(t template.Token, withdrawn bool, by audit.Actor) (people.Erasure, error) {
	k, err := g.store.Passes().Keys(t)
	if err != nil {
		return people.Erasure{}, err
	}
	defer k.Clear()
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.leave(func(p store.Person) bool { return p.Holds(k.ID) }); err != nil {
		return people.Erasure{}, err
	}
	return ledger.Ledger{Store: g.store}.EraseByPass(t, withdrawn, by)
}

// IssuePass gives a person a new pass. The old one does nothing any more when it returns.
func (g *Gallery) IssuePass(label string, by audit.Actor) (template.Token, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t, err := g.store.Passes().Issue(label, by)
	if err == nil {
		g.closeClaim() // by the old pass, for all that is known
	}
	return t, err
}

// Claim returns what compares faces with the person whose pass has the token t, until it is closed, the person is erased
// or somebody else's pass is claimed. It refuses with store.ErrPass.
func (g *Gallery) Claim(t template.Token) (*Claim, error) {
	k, err := g.store.Passes().Keys(t)
	if err != nil {
		return nil, err
	}
	defer k.Clear()
	threshold, err := g.verification()
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p, code, err := g.store.Templates().Claim(k, g.modelID)
	if err != nil {
		return nil, err
	}
	if !g.matches(p) {
		clear(code[:])
		return nil, hint.Wrap(fmt.Errorf("%w: nobody matches by it", store.ErrPass),
			"capture the person again, in the match.mode of this gate: facegate enroll LABEL --again")
	}
	verify, forget, err := g.verifier(p, k)
	if err != nil {
		return nil, err
	}
	g.closeClaim()
	g.claim = &Claim{person: p.ID, threshold: threshold, code: code, verify: verify, forget: forget}
	return g.claim, nil
}

// verification returns the threshold of a comparison with one person. It is that of a small site, however many people there
// are: a pass can be stolen, and the face then stands alone.
func (g *Gallery) verification() (float64, error) {
	return g.calibration.Threshold(min(planFor, g.calibration.MaxEnrolled(g.fpir)), g.fpir)
}

// closeClaim closes the last claim, if there was one. g.mu must be held.
func (g *Gallery) closeClaim() {
	if g.claim != nil {
		g.claim.Close()
	}
}

// A verifier returns the score of an embedding, which it clears, against a Code; see template.TokenProjector.Verify.
type verifier func(embed.Vector, *template.Code) (float64, bool)

// verifier returns the one for the Code of p, and what forgets the keys in it.
func (g *Gallery) verifier(p store.Person, k *template.TokenKeys) (verify verifier, forget func(), err error) {
	if p.Scheme == template.SchemeS2 {
		projector, err := g.tokenProjector(k)
		if err != nil {
			return nil, nil, err
		}
		return projector.Verify, projector.Clear, nil
	}
	e, err := g.eraOf(p.Epoch)
	if err != nil {
		return nil, nil, err
	}
	verify = func(v embed.Vector, c *template.Code) (float64, bool) { return e.projector.Verify(v, p.Lane, c) }
	return verify, func() {}, nil
}

// A Claim says that the person before the camera is the one whose pass was shown. It is safe for concurrent use.
type Claim struct {
	person    decide.Person
	threshold float64

	mu     sync.Mutex // guards what follows
	code   template.Code
	verify verifier // nil if closed
	forget func()
}

var _ pipeline.Matcher = (*Claim)(nil)

// Match implements pipeline.Matcher. There is nobody else who could be second. v is cleared.
func (c *Claim) Match(v embed.Vector) (person decide.Person, score, second, threshold float64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.verify == nil {
		clear(v)
		return person, 0, 0, 0, false
	}
	score, ok = c.verify(v, &c.code)
	return c.person, score, -1, c.threshold, ok
}

// Close forgets code and keys. Nothing matches any more.
func (c *Claim) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.verify == nil {
		return
	}
	c.forget()
	clear(c.code[:])
	c.verify, c.forget = nil, nil
}

// A roster is who can match by their pass alone. It is safe for concurrent use, and nobody holds it for long.
type roster struct {
	mu  sync.RWMutex // guards ids
	ids map[template.PersonID]struct{}
}

func (r *roster) add(id template.PersonID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids == nil {
		r.ids = make(map[template.PersonID]struct{})
	}
	r.ids[id] = struct{}{}
}

func (r *roster) remove(id template.PersonID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ids, id)
}

func (r *roster) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.ids)
}

func (r *roster) has(id template.PersonID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.ids[id]
	return ok
}

func (r *roster) len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.ids)
}
