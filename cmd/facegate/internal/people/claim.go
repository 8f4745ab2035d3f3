package people

import (
	"fmt"

	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
	"facegate/store"
)

// Claim returns what compares faces with the person whose pass has the token t, until it is closed, the person is erased
// or somebody else's pass is claimed. It refuses with store.ErrPass.
func (r *Register) Claim(t template.Token) (*match.Claimed, error) {
	k, err := r.store.Credentials().PassKeys(t)
	if err != nil {
		return nil, err
	}
	defer k.Clear()
	return r.claim(k, func() (store.Person, template.Code, error) { return r.store.Templates().Claim(k, r.terms.ModelID) })
}

// ClaimFor returns what compares faces with the bearer of what was shown, as Claim does. A pass always leads there. Where the
// template of the bearer opens with their pass alone, a card or a number does not: store.ErrBound.
func (r *Register) ClaimFor(b Bearer, s Shown) (*match.Claimed, error) {
	if s.Means == attempt.Pass {
		return r.Claim(s.Pass)
	}
	return r.claim(nil, func() (store.Person, template.Code, error) {
		return r.store.Templates().ClaimNamed(b.Person, r.terms.ModelID)
	})
}

// claim returns the matcher of whom find returns. k has the keys of their pass, nil for none.
func (r *Register) claim(k *template.TokenKeys, find func() (store.Person, template.Code, error)) (*match.Claimed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, code, err := find()
	defer clear(code[:])
	if err != nil {
		return nil, err
	}
	if !r.scheme.has(p.ID) {
		return nil, hint.Wrap(fmt.Errorf("%w: nobody matches by it", store.ErrPass),
			"capture the person again, in the match.mode of this gate: facegate enroll LABEL --again")
	}
	projector, err := r.projector(p, k)
	if err != nil {
		return nil, err
	}
	threshold := func(int) (float64, error) { return r.verification(r.terms.Judged) }
	rules := match.Rules{Threshold: threshold, Barred: r.terms.Barred, Standing: r.ranks.of}
	return r.claims.open(match.Claim(p.ID, code, projector, rules)), nil
}

// verification returns the threshold of a comparison with one person, by the mean score of so many frames. It is that of a small
// site, however many people there are: a pass can be stolen, and the face then stands alone. No crowd raises it, because one
// person is compared with.
func (r *Register) verification(judged int) (float64, error) {
	t := r.terms
	return t.Calibration.Threshold(judged, min(planFor, covered(t.Calibration, judged, t.FPIR)), t.FPIR)
}

// projector returns the one for the Code of p. k is needed where that Code is bound to a pass.
func (r *Register) projector(p store.Person, k *template.TokenKeys) (*template.PersonProjector, error) {
	dim, mean := r.terms.Calibration.Dim, template.Mean(r.terms.Calibration.Mean)
	if p.Scheme == template.SchemeS2 {
		return template.NewTokenProjector(k, dim, mean)
	}
	keys := r.store.Templates().Keys(p.Epoch, r.terms.ModelID)
	return template.NewLaneProjector(keys[p.Lane], dim, mean)
}

// claims hold the matcher of the pass that was shown last: one person stands at the door.
type claims struct{ last *match.Claimed }

func (c *claims) open(m *match.Claimed) *match.Claimed {
	c.close()
	c.last = m
	return m
}

func (c *claims) close() {
	if c.last != nil {
		c.last.Close()
	}
}

// closeOf closes the claim of a person.
func (c *claims) closeOf(id template.PersonID) {
	if c.last != nil && c.last.Person() == id {
		c.close()
	}
}
