package store

import (
	"fmt"
	"io"
	"time"

	"facegate/pipeline/template"
	"facegate/store/vault"
)

// nearDays is within how many days the mark begins of those whose face somebody turns out to be near to.
const nearDays = 7

// always is the day from which a mark holds that does at once, whatever the clock says, and will say.
func always() time.Time { return time.Unix(24*60*60, 0).UTC() }

// markNear returns those whose face p turns out to be near to, as they are marked, and the puts of their rows. Who has the mark
// already keeps it.
//
// If their mark held from the same day as that of p, whoever reads the list of people before and after could tell who is near to
// whom. So it begins on another day, at random. Until then the door tells the two apart as well as it can. The audit log has no
// entry of it, which would stand beside that of p. By a clock that is not known to be right it begins at once.
func (s *Store) markNear(p Person, e Enrolment) (near []Person, puts []vault.Put, err error) {
	for _, id := range e.NearTo {
		other, ok := s.register.byID[id]
		if !ok || other.ID == p.ID || !other.Consented() || !other.Near.IsZero() || !s.owedSince(other).IsZero() {
			continue
		}
		var random [1]byte
		if _, err := io.ReadFull(s.rand, random[:]); err != nil {
			return nil, nil, fmt.Errorf("store: no randomness: %w", err)
		}
		other.Near = always()
		if s.look().Right() {
			other.Near = day(s.now()).AddDate(0, 0, 1+int(random[0])%nearDays)
		}
		row, err := s.putTemplate(other)
		if err != nil {
			return nil, nil, err
		}
		near, puts = append(near, other), append(puts, row)
	}
	return near, puts, nil
}

// A Standing is what the face of a person is worth at the door.
type Standing struct {
	Young  bool      // the person is under 18: the strictest threshold applies
	Second bool      // the person is under 14: the face never opens the door alone
	Near   time.Time // the day from which the face does not open it alone either, because it is near to another's; zero for never
}

// Standing returns what the template is worth at the door. It is that of the consent and of the last capture, until the next one:
// nobody is taken for older because a birthday has passed, and who is near to nobody any more is found out by a capture.
func (t Template) Standing() Standing {
	return Standing{Young: t.Consent.AgeBand.Under18(), Second: t.Consent.AgeBand.Under14(), Near: t.Near}
}

// Standings returns what the faces of people are worth, of whom it is less than that of an adult who is near to nobody.
func (t Templates) Standings() map[template.PersonID]Standing {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	all := make(map[template.PersonID]Standing)
	for id, p := range t.s.register.byID {
		if standing := p.Standing(); p.Consented() && standing != (Standing{}) {
			all[id] = standing
		}
	}
	return all
}
