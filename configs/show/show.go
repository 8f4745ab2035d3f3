// Package show makes text fit for those who read it: on a terminal, in a log, in JSON.
//
// Much of it is foreign: the names in a broker's certificate, of files on a stick, of a camera, or what the other end of a
// socket says. Such text may hold what turns a terminal's colours, moves its cursor, writes from right to left, or begins
// a line that looks like one of ours. So it goes through Foreign or Error where it comes in, which cut what is long; the
// values of a line go through Fprintf, which shows what cannot be printed as an escape (as Go writes it: \x1b, \u202e);
// and all output goes through a Writer, which lets through nothing but what can be printed, line breaks and tabs.
package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"facegate/configs/text"
)

// limit is how many bytes of a foreign text are shown.
const limit = 200

// Text is text that can be shown as it is.
type Text string

// Foreign returns what s is shown as: on one line, escaped, and cut at 200 bytes with an ellipsis.
func Foreign(s string) Text {
	shown := Whole(s)
	if len(shown) <= limit {
		return shown
	}
	end := limit - len("…")
	for !utf8.RuneStart(shown[end]) {
		end--
	}
	return shown[:end] + "…"
}

// Whole is Foreign without the cut, for text of ours that holds foreign text which is cut already.
func Whole(s string) Text { return Text(escape(s, "")) }

// Error returns err with its text as Foreign shows it. It is for errors that hold what somebody else wrote.
func Error(err error) error {
	if err == nil {
		return nil
	}
	return &foreign{err}
}

type foreign struct{ err error }

func (f *foreign) Error() string { return string(Foreign(f.err.Error())) }
func (f *foreign) Unwrap() error { return f.err }

// escape returns s with an escape for each character that cannot be shown and is none of allowed.
func escape(s, allowed string) string {
	var b strings.Builder
	before := utf8.RuneError
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case plain(r) || strings.ContainsRune(allowed, r) || joiner(before, r, s[n:]):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		before, s = r, s[n:]
	}
	return b.String()
}

// plain reports whether r shows what it is wherever it stands.
func plain(r rune) bool {
	return unicode.IsPrint(r) && !unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// joiner reports whether r is a joiner where a language has one.
func joiner(before, r rune, rest string) bool {
	after, _ := utf8.DecodeRuneInString(rest)
	return (r == '\u200c' || r == '\u200d') && text.Joins(before, after)
}

// Fprintf is fmt.Fprintf, and shows each argument as Whole does.
func Fprintf(w io.Writer, format string, args ...any) (int, error) {
	return fmt.Fprintf(w, format, shown(args)...)
}

// Sprintf is to Fprintf what fmt.Sprintf is to fmt.Fprintf.
func Sprintf(format string, args ...any) Text { return Text(fmt.Sprintf(format, shown(args)...)) }

// Fprintln is to Fprintf what fmt.Fprintln is to fmt.Fprintf.
func Fprintln(w io.Writer, args ...any) (int, error) { return fmt.Fprintln(w, shown(args)...) }

// shown wraps each argument that may have text in it.
func shown(args []any) []any {
	wrapped := make([]any, len(args))
	for i, a := range args {
		switch kind := reflect.ValueOf(a).Kind(); {
		case kind >= reflect.Bool && kind <= reflect.Complex128: // time.Duration among them
			wrapped[i] = a
		default:
			wrapped[i] = value{a}
		}
	}
	return wrapped
}

// A value is an argument that is escaped once it is formatted.
type value struct{ v any }

// Format implements fmt.Formatter.
func (v value) Format(f fmt.State, verb rune) {
	io.WriteString(f, string(Whole(fmt.Sprintf(fmt.FormatString(f, verb), v.v))))
}

// JSON writes v to w as indented JSON, with an escape for each character that cannot be shown.
func JSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	var out bytes.Buffer
	for _, r := range b.String() {
		switch {
		case r == '\n' || plain(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}
