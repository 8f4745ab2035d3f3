package visitor

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode"
)

// ErrNumber refuses what is no number of a pass.
var ErrNumber = errors.New("not the number of a visitor's pass")

// A Number tells a pass from all others, of whatever office. It opens nothing: it can be told on the telephone.
type Number struct {
	Key    KeyID
	Serial Serial
}

// Number returns the number of p.
func (p Pass) Number() Number { return Number{p.Key, p.Serial} }

// numberSize is how many letters the text of a Number has, without the dashes.
const numberSize = 20

// String returns the number as people read it: five groups of four letters.
func (n Number) String() string {
	letters := text.EncodeToString(append(n.Key[:], n.Serial[:]...))
	var groups []string
	for i := 0; i < numberSize; i += numberSize / 5 {
		groups = append(groups, letters[i:i+numberSize/5])
	}
	return strings.Join(groups, "-")
}

// ParseNumber reads a number as people type it: see Letters. It refuses with ErrNumber.
func ParseNumber(typed string) (Number, error) {
	letters := Letters(typed)
	raw, err := text.DecodeString(letters)
	if len(letters) != numberSize || err != nil || text.EncodeToString(raw) != letters {
		return Number{}, ErrNumber
	}
	return Number{KeyID(raw[:4]), Serial(raw[4:])}, nil
}

// Letters returns the letters of a pass or a number that were typed in any case, with spaces, dashes or line breaks between them,
// and with the digits that no such text has for the letters that they look like. A 1 may be two letters, and stays.
func Letters(typed string) string {
	return strings.Map(func(r rune) rune {
		switch r = unicode.ToUpper(r); {
		case r == '0':
			return 'O'
		case r == '8':
			return 'B'
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			return -1
		}
		return r
	}, typed)
}

// An ID is all that is to be known of a pass when a use of it is counted: its number, when it ends, and how often it opens.
type ID [16]byte

// usesBits is how many bits of an ID say how often the pass opens.
const usesBits = 4

// ID returns the id of p.
func (p Pass) ID() (id ID) {
	copy(id[:4], p.Key[:])
	copy(id[4:12], p.Serial[:])
	binary.BigEndian.PutUint32(id[12:], uint32(p.Until().Unix()/60)<<usesBits|uint32(p.Uses))
	return id
}

// Number returns that of the pass.
func (id ID) Number() Number { return Number{KeyID(id[:4]), Serial(id[4:12])} }

// Until returns when the pass ends.
func (id ID) Until() time.Time {
	return time.Unix(int64(binary.BigEndian.Uint32(id[12:])>>usesBits)*60, 0).UTC()
}

// Uses returns how often the pass opens, 0 for any number of times.
func (id ID) Uses() int { return int(id[15] & MaxUses) }
