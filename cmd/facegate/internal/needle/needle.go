// Package needle looks for what must not be somewhere: names, keys and pictures, in each form in which they may have come there.
package needle

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
)

// A Needle is one form of one secret.
type Needle struct {
	What  string // kind of secret, and form
	Bytes []byte // never none
}

// long is from how many bytes on a needle does not come to be anywhere by chance.
const long = 8

// Encodings returns a secret of at least 8 bytes as it is, in hexadecimal, and in base64 wherever it may begin in a group of three bytes.
func Encodings(what string, secret []byte) []Needle {
	needles := []Needle{{what, secret}, {what + " in hexadecimal", []byte(hex.EncodeToString(secret))}}
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), secret...))
		needles = append(needles, Needle{what + " in base64", []byte(text[4 : len(text)-4])})
	}
	return needles
}

// Text returns the forms of a text that people have typed, of any length: as it was typed, in capitals and without, composed and not,
// without what does not show; and each of them escaped and, from 10 bytes on, encoded. A number of up to 4 digits has none, because every page is full of them.
func Text(what, text string) (needles []Needle) {
	text = strings.TrimSpace(text)
	if _, err := strconv.ParseUint(text, 10, 64); text == "" || err == nil && len(text) < 5 {
		return nil
	}
	seen := map[string]bool{}
	add := func(how string, form string) {
		if form != "" && !seen[form] {
			seen[form] = true
			needles = append(needles, Needle{what + how, []byte(form)})
		}
	}
	visible := strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return -1
	}, text)
	for _, form := range []string{
		text, visible, norm.NFC.String(visible), norm.NFD.String(visible), strings.ToLower(text), strings.ToUpper(text), strings.ToLower(visible),
	} {
		add("", form)
		add(" quoted", inner(strconv.Quote(form)))
		add(" in ASCII", inner(strconv.QuoteToASCII(form)))
		add(" in an address", url.PathEscape(form))
		add(" in a form", url.QueryEscape(form))
		if asJSON, err := json.Marshal(form); err == nil {
			add(" in JSON", inner(string(asJSON)))
		}
		for _, n := range append(Encodings(what, padded(form)), wide(what, form)...) {
			if len(n.Bytes) >= long && len(form) >= long {
				add(strings.TrimPrefix(n.What, what), string(n.Bytes))
			}
		}
	}
	return needles
}

// inner returns what stands between quotes.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// padded returns a text as bytes of which every encoding has a middle.
func padded(text string) []byte {
	if len(text) < long {
		return bytes.Repeat([]byte{' '}, long)
	}
	return []byte(text)
}

// wide returns the forms of a text in UTF-16.
func wide(what, text string) []Needle {
	units := utf16.Encode([]rune(text))
	little, big := make([]byte, 0, 2*len(units)), make([]byte, 0, 2*len(units))
	for _, u := range units {
		little, big = binary.LittleEndian.AppendUint16(little, u), binary.BigEndian.AppendUint16(big, u)
	}
	return []Needle{{what + " in UTF-16", little}, {what + " in UTF-16", big}}
}

// A Search finds many needles in one pass.
type Search struct {
	maybe   []byte // a bit for the first three bytes
	needles map[[long]byte][]Needle
	short   []Needle
}

// NewSearch returns a Search for needles. One that is shorter than 8 bytes is found as a word alone, and not within another.
func NewSearch(needles []Needle) *Search {
	s := &Search{maybe: make([]byte, 1<<21), needles: map[[long]byte][]Needle{}}
	for _, n := range needles {
		if len(n.Bytes) < long {
			s.short = append(s.short, n)
			continue
		}
		key := [long]byte(n.Bytes)
		i := prefix(n.Bytes)
		s.maybe[i/8] |= 1 << (i % 8)
		s.needles[key] = append(s.needles[key], n)
	}
	return s
}

func prefix(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// All returns every needle that is in data, with where it begins.
func (s *Search) All(data []byte) iter.Seq2[int, Needle] {
	return func(yield func(int, Needle) bool) {
		for at := 0; at+long <= len(data); at++ {
			if i := prefix(data[at:]); s.maybe[i/8]>>(i%8)&1 == 0 {
				continue
			}
			for _, n := range s.needles[[long]byte(data[at:])] {
				if bytes.HasPrefix(data[at:], n.Bytes) && !yield(at, n) {
					return
				}
			}
		}
		for _, n := range s.short {
			for at := range words(data, n.Bytes) {
				if !yield(at, n) {
					return
				}
			}
		}
	}
}

// words returns where a word is in data, and not within another word.
func words(data, word []byte) iter.Seq[int] {
	return func(yield func(int) bool) {
		for from := 0; ; from++ {
			at := bytes.Index(data[from:], word)
			if at < 0 {
				return
			}
			from += at
			before, after := data[:from], data[from+len(word):]
			within := len(before) > 0 && letter(word[0]) && letter(before[len(before)-1]) ||
				len(after) > 0 && letter(word[len(word)-1]) && letter(after[0])
			if !within && !yield(from) {
				return
			}
		}
	}
}

// letter reports whether a byte is a letter or a digit of ASCII. Other scripts may do without spaces.
func letter(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// Find lists the needles in data, each once.
func (s *Search) Find(data []byte) (found []string) {
	seen := map[string]bool{}
	for at, n := range s.All(data) {
		if !seen[n.What] {
			seen[n.What] = true
			found = append(found, fmt.Sprintf("%s at byte %d", n.What, at))
		}
	}
	return found
}
