package store

import (
	"errors"
	"fmt"
	"strconv"

	"facegate/configs/hint"
	"facegate/pipeline/template"
)

// A Number is what somebody types before their PIN who has no card to show: it names them, and is no secret. It is drawn at random,
// is nobody else's, and says nothing of who came first. It has no zero in front; 0 is none.
type Number uint32

// The digits of a Number. It has as few as leave nine of ten numbers nobody's, so that who mistypes one hits seldom upon another
// person.
const (
	minNumber = 4
	maxNumber = 8
)

// ErrNumber says of a Number that it is nobody's.
var ErrNumber = errors.New("nobody has this number")

// String returns the digits, "" for none.
func (n Number) String() string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(n), 10)
}

// parseNumber reads what String has written, 0 if it is not that.
func parseNumber(text string) Number {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || Number(n).String() != text {
		return 0
	}
	return Number(n)
}

// drawNumber returns a Number that nobody has.
func (s *Store) drawNumber() (Number, error) {
	least := pow10(minNumber - 1)
	for digits := minNumber; digits < maxNumber && uint64(len(s.register.byNumber))*10 >= 9*least; digits++ {
		least *= 10
	}
	for {
		n, err := s.draw(9 * least)
		if err != nil {
			return 0, err
		}
		if n := Number(least + n); !s.register.numbered(n) {
			return n, nil
		}
	}
}

// ByNumber returns who has a Number, as it was typed. It refuses with ErrNumber. Whether they may come in is for CheckPIN to say.
// It waits for no disk.
func (w Credentials) ByNumber(typed string) (template.PersonID, error) {
	id, ok := w.s.register.typed(parseNumber(typed))
	if !ok {
		return template.PersonID{}, hint.Wrap(fmt.Errorf("store: %w", ErrNumber), "type it again, or take another way in")
	}
	return id, nil
}

// Number returns that of the person enrolled under label. It refuses with ErrUnknown, ErrOwed or ErrNoPIN.
func (w Credentials) Number(label string) (Number, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	_, c, err := w.s.pinOf(label)
	return c.Number, err
}
