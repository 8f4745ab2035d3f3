package record

import (
	"errors"
	"time"

	"facegate/pipeline/attempt"
	"facegate/pipeline/order"
	"facegate/pipeline/template"
	"facegate/pipeline/visitor"
	"facegate/store"
)

// means are the numbers under which the store keeps each means.
var means = map[attempt.Means]store.Means{
	attempt.Face: store.MeansFace, attempt.Pass: store.MeansPass, attempt.Card: store.MeansCard, attempt.PIN: store.MeansPIN,
	attempt.Order: store.MeansOrder, attempt.Visitor: store.MeansVisitor, attempt.SecureCard: store.MeansSecureCard,
	attempt.HomeAssistant: store.MeansHomeAssistant,
}

// A Ledger is the Book that a store is.
type Ledger struct {
	Store *store.Store
	Now   func() time.Time // as that of the attempts
}

var _ Book = Ledger{}

// Passed implements Book.
func (l Ledger) Passed(t attempt.Attempt, at time.Time) error {
	switch orders := l.Store.Credentials().Orders(); t.Means {
	case attempt.Order:
		return orders.Opened(at, order.ID(t.Credential))
	case attempt.HomeAssistant:
		return orders.OpenedUnsigned(at)
	}
	if t.Person != (template.PersonID{}) {
		l.Store.Retention().Seen(t.Person, at)
	}
	return l.Store.Log().Access(at)
}

// Count implements Book.
func (l Ledger) Count(f attempt.Fact) error {
	var errs []error
	for _, c := range f.Counts {
		nobody := c.Person == template.PersonID{}
		if !nobody { // otherwise they end with the process
			errs = append(errs, l.Store.Lockouts().Keep(f.Closed || f.Attempt.Counted, l.failures(c)))
		}
		if f.Closed {
			errs = append(errs, l.Store.Lockouts().Closed(f.Attempt.Asked, means[c.Means], c.Failures, nobody || c.Disabled))
		}
	}
	return errors.Join(errs...)
}

// failures returns what the store keeps of a count.
func (l Ledger) failures(c attempt.Count) store.Failures {
	f := store.Failures{Means: means[c.Means], Person: c.Person, Count: c.Failures, Disabled: c.Disabled}
	if !c.Until.IsZero() {
		f.Wait = max(c.Until.Sub(l.Now()), 0)
	}
	return f
}

// Use implements Book. A visitor has a pass by an office, which the store knows by its uses alone, or one that somebody on the list
// answers for. An order is used up.
func (l Ledger) Use(t attempt.Attempt) error {
	err := store.ErrOffice
	switch t.Means {
	case attempt.Order:
		err = l.Store.Credentials().Orders().Use(order.ID(t.Credential))
	case attempt.Visitor:
		err = l.Store.Credentials().Visits().Use(visitor.ID(t.Credential))
	}
	if errors.Is(err, store.ErrOffice) {
		_, err = l.Store.Credentials().Use(store.CredentialID(t.Credential))
	}
	for _, ended := range []error{
		store.ErrUsedUp, store.ErrOver, store.ErrNotYet, store.ErrCredential, store.ErrRevoked, store.ErrUndated,
		store.ErrOperator, store.ErrRepeated, store.ErrOrderClock,
	} {
		if errors.Is(err, ended) {
			return attempt.ErrEnded
		}
	}
	return err
}

// Counts returns the counts that a store has kept. Nobody has to wait for longer than most: the delay may have been a longer one.
func Counts(kept []store.Failures, now time.Time, most time.Duration) []attempt.Count {
	named := make(map[store.Means]attempt.Means, len(means))
	for m, number := range means {
		named[number] = m
	}
	counts := make([]attempt.Count, 0, len(kept))
	for _, f := range kept {
		c := attempt.Count{Means: named[f.Means], Person: f.Person, Failures: f.Count, Disabled: f.Disabled}
		if f.Wait > 0 {
			c.Until = now.Add(min(f.Wait, most))
		}
		counts = append(counts, c)
	}
	return counts
}
