package daemon

import (
	"context"
	"errors"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/device/reader"
	"facegate/store"
)

// errNoCard says that nobody has presented a card.
var errNoCard = errors.New("no card was presented")

// AddCard implements control.Running. The card opens nothing by being shown for it.
func (r running) AddCard(ctx context.Context, q people.CardRequest, waits func(people.CardWait)) (people.CardAdded, error) {
	if err := r.d.register.TakesCard(q); err != nil {
		return people.CardAdded{}, err
	}
	readers := showsCards(r.d.config)
	if len(readers) == 0 {
		return people.CardAdded{}, hint.Wrap(people.ErrNoReader, "wire one, and name it in readers of the configuration: docs/readers.md")
	}
	waits(people.CardWait{Readers: readers})
	s, err := r.d.desk.Card(ctx)
	if err != nil && ctx.Err() != nil {
		return people.CardAdded{}, hint.Wrap(errNoCard, "begin again, and hold it to the reader; facegate status says whether a reader is missing")
	}
	if err != nil {
		return people.CardAdded{}, err
	}
	defer s.Clear()
	q.By = r.by
	return r.d.register.AddCard(q, s.Reader, store.ShownCard{Value: s.Value, Secure: s.Kind == reader.SecureCard})
}
