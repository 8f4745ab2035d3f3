// Package edit changes single values in the text of a configuration and leaves the rest as it was typed, with its comments. It
// reads no configuration: whoever edits one checks it again.
package edit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"facegate/configs/hint"
)

// A Setting is a value of a key, as "site", or of one in a section, or in a section of that, as "quality.max_yaw" and
// "door.exit.line". The Value is as YAML has it.
type Setting struct{ Key, Value string }

// ErrShape means that a section is not written as lines of keys, nor on one line in braces.
var ErrShape = errors.New("the section is not written as lines of its own")

// Set returns text with the settings. The value of a key that is there is replaced. A key that is not is put at the beginning of
// its section or, in none, before the first key of the text; a section that is not there is put at the beginning of the one around it,
// or at the end of the text.
func Set(text string, settings ...Setting) (string, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for _, s := range settings {
		path := strings.Split(s.Key, ".")
		at := find(lines, 0, 0, path[0])
		switch {
		case at < 0 && len(path) == 1:
			lines = slices.Insert(lines, first(lines), entry(path, s.Value))
			continue
		case at < 0:
			lines = append(lines, "", path[0]+":", "  "+entry(path[1:], s.Value))
			continue
		}
		var err error
		if lines, err = set(lines, at, path, s.Value); err != nil {
			return "", hint.Wrap(fmt.Errorf("%w: %w", ErrShape, err), "write the section over several lines and each value on one, or make the change by hand")
		}
	}
	return strings.Join(lines, "\n") + "\n", nil
}

// first returns the line of the first key, or where it would be.
func first(lines []string) int {
	i := slices.IndexFunc(lines, func(line string) bool { return !blank(line) && !strings.HasPrefix(line, "---") })
	if i < 0 {
		return len(lines)
	}
	return i
}

// entry writes a value, and the sections around it that are not there yet.
func entry(path []string, value string) string {
	if len(path) == 1 {
		return path[0] + ": " + value
	}
	return path[0] + ": {" + entry(path[1:], value) + "}"
}

// set sets the value of a path of which the first key is that of line at.
func set(lines []string, at int, path []string, value string) ([]string, error) {
	before, old, after := part(lines[at])
	switch {
	case len(path) == 1 && continued(lines, at):
		return nil, fmt.Errorf("%s has a value of several lines", path[0])
	case len(path) == 1:
		lines[at] = before + value + after
	case strings.HasPrefix(old, "{"):
		flow, err := setFlow(old, path[1:], value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path[0], err)
		}
		lines[at] = before + flow + after
	case old != "":
		return nil, fmt.Errorf("%s has the value %s", path[0], old)
	default:
		return setBlock(lines, at, path, value)
	}
	return lines, nil
}

// setBlock is set for a section whose keys are on the lines below its own.
func setBlock(lines []string, at int, path []string, value string) ([]string, error) {
	indent := indentOf(lines, at)
	if child := find(lines, at+1, indent, path[1]); child >= 0 {
		return set(lines, child, path[1:], value)
	}
	return slices.Insert(lines, at+1, strings.Repeat(" ", indent)+entry(path[1:], value)), nil
}

// continued reports whether the value of the key whose line is at goes on below it.
func continued(lines []string, at int) bool {
	own := len(lines[at]) - len(strings.TrimLeft(lines[at], " "))
	for _, line := range lines[at+1:] {
		if bare := strings.TrimLeft(line, " "); !blank(bare) {
			in := len(line) - len(bare)
			return in > own || in == own && strings.HasPrefix(bare, "-") && !strings.HasPrefix(bare, "---")
		}
	}
	return false
}

// find returns the line of a key among those that are indented so far, from a line on up to the end of their section; -1 if there is
// none.
func find(lines []string, from, indent int, key string) int {
	for i := from; i < len(lines); i++ {
		bare := strings.TrimLeft(lines[i], " ")
		switch in := len(lines[i]) - len(bare); {
		case blank(bare):
		case in < indent:
			return -1
		case in == indent && strings.HasPrefix(bare, key+":"):
			return i
		}
	}
	return -1
}

// indentOf returns how far the keys are indented of the section whose line is at. In one without keys it is two more.
func indentOf(lines []string, at int) int {
	own := len(lines[at]) - len(strings.TrimLeft(lines[at], " "))
	for _, line := range lines[at+1:] {
		bare := strings.TrimLeft(line, " ")
		if blank(bare) {
			continue
		}
		if in := len(line) - len(bare); in > own {
			return in
		}
		break
	}
	return own + 2
}

// Quote returns a text as YAML has it: as it stands where that cannot be taken for anything else, and otherwise in quotes.
func Quote(text string) string {
	if plain(text) {
		return text
	}
	var b strings.Builder
	e := json.NewEncoder(&b) // whose strings YAML reads alike
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil { // which no string leads to
		return strconv.Quote(text)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// plain reports whether text is of letters, digits and signs that mean nothing in YAML where they stand.
func plain(text string) bool {
	for i, r := range text {
		inside := i > 0 && strings.ContainsRune("_.-:", r) && (r != ':' || i < len(text)-1)
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '/' && !inside {
			return false
		}
	}
	return text != "" && text != "null"
}

func blank(bare string) bool { return strings.TrimRight(bare, "\r") == "" || bare[0] == '#' }

// part cuts a line of a key into what comes before its value, the value, and what comes after it, such as a comment. The line of a
// section has no value.
func part(line string) (before, value, after string) {
	line = strings.TrimSuffix(line, "\r")
	colon := strings.Index(line, ":") + 1
	end := len(line)
	if i := strings.Index(unquoted(line[colon:]), " #"); i >= 0 {
		end = colon + i
	}
	value = strings.TrimSpace(line[colon:end])
	start := colon + strings.Index(line[colon:], value)
	if before = line[:start]; start == colon {
		before += " "
	}
	return before, value, line[start+len(value):]
}

// unquoted returns text with another letter in the place of each that is in quotes.
func unquoted(text string) string {
	out, quote, last := []byte(text), byte(0), byte(' ')
	for i, c := range out {
		switch {
		case quote != 0:
			if out[i] = 'x'; c == quote && last != '\\' {
				quote = 0
			}
		case (c == '"' || c == '\'') && strings.IndexByte(" {[,", last) >= 0: // and not in a word
			out[i], quote = 'x', c
		}
		last = c
	}
	return string(out)
}

// setFlow is set for a section in braces.
func setFlow(flow string, path []string, value string) (string, error) {
	parts, ok := entries(flow)
	if !ok {
		return "", errors.New("it does not end on its line")
	}
	for i, e := range parts {
		before, old, after := part(e)
		if strings.TrimSpace(before) != path[0]+":" {
			continue
		}
		if len(path) > 1 {
			var err error
			if value, err = setFlow(old, path[1:], value); err != nil {
				return "", fmt.Errorf("%s: %w", path[0], err)
			}
		}
		parts[i] = before + value + after
		return "{" + strings.Join(parts, ",") + "}", nil
	}
	if len(parts) > 0 {
		parts[0] = " " + strings.TrimLeft(parts[0], " ")
	}
	return "{" + strings.Join(append([]string{entry(path, value)}, parts...), ",") + "}", nil
}

// entries returns what is between the commas of a section in braces, and false for what is none, or does not end.
func entries(flow string) (parts []string, ok bool) {
	depth, from := 0, 1
	for i, c := range []byte(unquoted(flow)) {
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 1 {
				parts, from = append(parts, flow[from:i]), i+1
			}
		}
		if depth == 0 {
			if last := flow[min(from, i):i]; strings.TrimSpace(last) != "" {
				parts = append(parts, last)
			}
			return parts, i > 0 && i == len(flow)-1
		}
	}
	return nil, false
}
