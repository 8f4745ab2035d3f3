package control

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"facegate/cmd/facegate/internal/people"
)

// CardTime is how long a card is waited for.
const CardTime = time.Minute

func (s *Server) addCard(w http.ResponseWriter, r *http.Request) {
	var q people.CardRequest
	if err := decode(r, &q); err != nil {
		fail(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), CardTime)
	defer cancel()
	send, err := stream(w, CardTime+goodbye)
	if err != nil {
		fail(w, err)
		return
	}
	added, err := s.host.Running(actor(r)).AddCard(ctx, q, func(wait people.CardWait) { send(update{Wait: &wait}) })
	if err != nil {
		send(update{Failure: failureOf(err)})
		return
	}
	send(update{Card: &added})
}

// AddCard implements Running. waits is called from the calling goroutine. The end of ctx gives it up.
func (c *Client) AddCard(ctx context.Context, q people.CardRequest, waits func(people.CardWait)) (people.CardAdded, error) {
	res, err := c.do(ctx, http.MethodPost, "/card/add", q)
	if err != nil {
		return people.CardAdded{}, err
	}
	defer res.Body.Close()
	for lines := json.NewDecoder(res.Body); ; {
		var u update
		if err := lines.Decode(&u); err != nil {
			return people.CardAdded{}, broken("/card/add", err)
		}
		switch {
		case u.Failure != nil:
			return people.CardAdded{}, u.Failure.err()
		case u.Card != nil:
			return *u.Card, nil
		case u.Wait != nil:
			waits(*u.Wait)
		}
	}
}
