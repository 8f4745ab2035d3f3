package people

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/store"
	"facegate/store/audit"
)

// Why a card is not registered, or removed.
var (
	ErrNoCard   = errors.New("the person has no such card")
	ErrNoReader = errors.New("the gate has no reader of cards")
)

// idBytes of the random name of a credential are shown. Nobody has so many that two of theirs begin alike, but by a chance of one in
// a million; then both have to be removed another way.
const idBytes = 4

func shortID(id store.CredentialID) string { return hex.EncodeToString(id[:idBytes]) }

// classOf returns the class of a card, "" for what is none.
func classOf(c store.Credential) string {
	switch {
	case c.Kind != store.Card:
		return ""
	case c.Secure:
		return attempt.SecureCard.String()
	}
	return attempt.Card.String()
}

// A CardRequest asks for the next card that is shown to a reader to be registered.
type CardRequest struct {
	Label string      `json:"label"` // of whom it is going to be
	By    audit.Actor `json:"-"`     // who asks
}

// Clean brings what people typed into its one form, or says what of it cannot be kept.
func (r *CardRequest) Clean() error { return CleanLabel(&r.Label) }

// A CardWait says to which readers the card may be shown now, by their names.
type CardWait struct {
	Readers []string `json:"readers"`
}

// A CardAdded is a card that was registered.
type CardAdded struct {
	Label  string     `json:"label"`  // whose it is
	Reader string     `json:"reader"` // to which it was shown
	Card   Credential `json:"card"`
}

// TakesCard says why nobody with the label of a request can be given a card, nil if somebody can. It refuses with store.ErrUnknown.
func (r *Register) TakesCard(q CardRequest) error {
	_, err := r.store.Credentials().List(q.Label)
	return err
}

// AddCard registers a card that was shown to a reader. It refuses like store.Credentials.AddCard.
func (r *Register) AddCard(q CardRequest, reader string, card store.ShownCard) (CardAdded, error) {
	c, err := r.store.Credentials().AddCard(q.Label, card, store.Terms{}, q.By)
	if err != nil {
		return CardAdded{}, err
	}
	return CardAdded{Label: q.Label, Reader: reader, Card: credentials(store.Person{Credentials: []store.Credential{c}})[0]}, nil
}

// RemoveCard implements Records.
func (b bound) RemoveCard(_ context.Context, label, id string) error {
	w := b.store.Credentials()
	list, err := w.List(label)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.Kind == store.Card && shortID(c.ID) == id {
			return w.Revoke(label, c.ID, b.by)
		}
	}
	return hint.Wrap(fmt.Errorf("%w as %s", ErrNoCard, id), "see what the person has: facegate card list %s", label)
}
