package main

import (
	"context"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/show"
	"facegate/pipeline/attempt"
)

type cardCommand struct {
	Add    cardAddCommand    `cmd:"" help:"Wait for a card at a reader, and give it to a person."`
	List   cardListCommand   `cmd:"" help:"List the cards of a person, and of which class they are."`
	Remove cardRemoveCommand `cmd:"" help:"Take a card from a person. It opens nothing any more."`
}

type cardAddCommand struct {
	Label string `arg:"" type:"label" help:"Label from the people list."`
	gateFlags
	jsonFlag
}

// Run has the gate wait for a card, and says where it may be shown.
func (c *cardAddCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	added, err := g.AddCard(ctx, people.CardRequest{Label: c.Label}, func(w people.CardWait) {
		show.Fprintf(t.err, "present the card to %s now\n", strings.Join(w.Readers, " or "))
	})
	if err != nil {
		return err
	}
	return c.print(t, added, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s has the card %s, %s, presented to %s\n", added.Label, added.Card.ID, classInWords(added.Card.Class), added.Reader)
	})
}

// classInWords says what a class of cards means.
func classInWords(class string) string {
	if class == attempt.SecureCard.String() {
		return class + ": it has proved a key to the reader"
	}
	return class + ": it can be cloned, and facegate rules says what it opens by itself"
}

type cardListCommand struct {
	Label string `arg:"" type:"label" help:"Label from the people list."`
	gateFlags
	jsonFlag
}

func (c *cardListCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	f, err := r.Show(ctx, c.Label)
	if err = done(err); err != nil {
		return err
	}
	cards := []people.Credential{}
	for _, one := range f.Credentials {
		if one.Class != "" {
			cards = append(cards, one)
		}
	}
	return c.print(t, cards, func(w *tabwriter.Writer) {
		if len(cards) == 0 {
			show.Fprintf(w, "%s has no card: facegate card add %[1]s\n", c.Label)
			return
		}
		show.Fprintln(w, "CARD\tCLASS\tSINCE")
		for _, one := range cards {
			show.Fprintf(w, "%s\t%s\t%s\n", one.ID, one.Class, one.Issued.Format(time.DateOnly))
		}
	})
}

type cardRemoveCommand struct {
	Label string `arg:"" type:"label" help:"Label from the people list."`
	Card  string `arg:"" help:"The card, as facegate card list names it."`
	gateFlags
	jsonFlag
}

func (c *cardRemoveCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	if err := done(r.RemoveCard(ctx, c.Label, c.Card)); err != nil {
		return err
	}
	return c.print(t, map[string]string{"label": c.Label, "removed": c.Card}, func(w *tabwriter.Writer) {
		show.Fprintf(w, "the card %s of %s opens nothing any more\n", c.Card, c.Label)
	})
}
