package store_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"facegate/store"
)

const (
	// members is how many in TestKill give no face, and have cards for one use. Their numbers come after those of the others.
	members = 4

	// handSize parts the numbers of cards: the remainder of one is its owner's number.
	handSize = 16
)

func cardOf(card int) []byte { return fmt.Appendf(nil, "card %d", card) }

// cardsFile is where a child finds the numbers of the cards that are valid.
func cardsFile(dir string) string { return dir + ".cards" }

// A hand is the cards that a child knows to be valid.
type hand map[int]bool

// readHand reads the cards that were valid when the child before was killed.
func readHand(dir string) (hand, error) {
	h := make(hand)
	data, err := os.ReadFile(cardsFile(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for word := range strings.FieldsSeq(string(data)) {
		var card int
		if _, err := fmt.Sscan(word, &card); err != nil {
			return nil, err
		}
		h[card] = true
	}
	return h, nil
}

// deal gives person n a card or uses one, or tidies up. It writes "giving N" and "using N" to w before, "given N" and "used N"
// after.
func (h hand) deal(s *store.Store, w io.Writer, n int) error {
	mine := slices.DeleteFunc(slices.Collect(maps.Keys(h)), func(card int) bool { return card%handSize != n })
	switch {
	case rand.IntN(12) == 0:
		_, err := s.Retention().Prune()
		return err
	case len(mine) == 0 || rand.IntN(2) == 0 && len(mine) < 5:
		card := rand.IntN(1<<40)*handSize + n
		fmt.Fprintln(w, "giving", card)
		if _, err := s.Credentials().AddCard(labelOf(n), store.ShownCard{Value: cardOf(card)}, store.Terms{Uses: 1, Visitor: card&(1<<20) != 0}, 1000); err != nil {
			return err
		}
		h[card] = true
		fmt.Fprintln(w, "given", card)
	default:
		card := mine[rand.IntN(len(mine))]
		held, err := s.Credentials().FindCard(cardOf(card))
		if err != nil {
			return err
		}
		fmt.Fprintln(w, "using", card)
		if _, err := s.Credentials().Use(held.Credential.ID); err != nil {
			return err
		}
		delete(h, card)
		fmt.Fprintln(w, "used", card)
	}
	return nil
}

// drop forgets the cards of person n, who is erased.
func (h hand) drop(n int) {
	maps.DeleteFunc(h, func(card int, _ bool) bool { return card%handSize == n })
}

// cards are what has been said of cards.
type cards struct {
	valid, dead  map[int]bool // that must be, for ever
	doubt        map[int]bool // given, used or of somebody erased when the child was killed: valid or dead
	given, used  int          // acknowledged
	lost, undead int          // valid that are not found, and dead that are
	settled      int          // that were in doubt
}

func newCards() *cards {
	return &cards{valid: make(map[int]bool), dead: make(map[int]bool), doubt: make(map[int]bool)}
}

// add adds up what is counted.
func (c *cards) add(more *cards) {
	c.given, c.used, c.settled = c.given+more.given, c.used+more.used, c.settled+more.settled
	c.lost, c.undead = c.lost+more.lost, c.undead+more.undead
}

// heard notes what a child says.
func (c *cards) heard(word string, card int) {
	switch word {
	case "giving", "using":
		delete(c.valid, card)
		c.doubt[card] = true
	case "given":
		delete(c.doubt, card)
		c.valid[card] = true
		c.given++
	case "used":
		delete(c.doubt, card)
		c.dead[card] = true
		c.used++
	}
}

// leaves notes that person n is being erased, or has been.
func (c *cards) leaves(n int, done bool) {
	for _, from := range []map[int]bool{c.valid, c.doubt} {
		for card := range from {
			if card%handSize == n {
				delete(from, card)
				c.doubt[card] = !done
				c.dead[card] = done
			}
		}
	}
	maps.DeleteFunc(c.doubt, func(_ int, in bool) bool { return !in })
	maps.DeleteFunc(c.dead, func(_ int, in bool) bool { return !in })
}

// check holds what was said of every card against the store, settles what was in doubt, and leaves the valid cards for the
// next child.
func (c *cards) check(t *testing.T, s *store.Store, dir string, round int) {
	t.Helper()
	for card := range c.valid {
		if h, err := s.Credentials().FindCard(cardOf(card)); err != nil || h.Credential.Left != 1 {
			c.lost++
			t.Errorf("round %d: card %d, which nobody has used: %v, %d uses left", round, card, err, h.Credential.Left)
		}
	}
	for card := range c.dead {
		if h, err := s.Credentials().FindCard(cardOf(card)); err == nil {
			c.undead++
			t.Errorf("round %d: card %d was used, or its owner erased, and has %d uses left", round, card, h.Credential.Left)
		}
	}
	for card := range c.doubt {
		c.settled++
		_, err := s.Credentials().FindCard(cardOf(card))
		c.valid[card], c.dead[card] = err == nil, err != nil
	}
	clear(c.doubt)
	for _, in := range []map[int]bool{c.valid, c.dead} {
		maps.DeleteFunc(in, func(_ int, in bool) bool { return !in })
	}
	var list []byte
	for card := range c.valid {
		list = fmt.Appendln(list, card)
	}
	if err := os.WriteFile(cardsFile(dir), list, 0o600); err != nil {
		t.Fatal(err)
	}
}
