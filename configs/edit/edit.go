// Package edit changes single values in the text of a configuration and leaves the rest as it was typed, with its comments. It
// reads no configuration: whoever edits one checks it again.
package edit

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"facegate/configs/hint"
)

// A Setting is a value of a key in a section, as in "quality.max_yaw".
type Setting struct{ Key, Value string }

// ErrShape means that a section is not written as lines of keys.
var ErrShape = errors.New("the section is not written as lines of its own")

// Set returns text with the settings. The value of a key that is there is replaced. A key that is not is put at the beginning of
// its section, and a section that is not at the end of the text.
func Set(text string, settings ...Setting) (string, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for _, s := range settings {
		section, key, ok := strings.Cut(s.Key, ".")
		if !ok {
			return "", fmt.Errorf("%w: %s is in none", ErrShape, s.Key)
		}
		var err error
		if lines, err = set(lines, section, key, s.Value); err != nil {
			return "", err
		}
	}
	return strings.Join(lines, "\n") + "\n", nil
}

func set(lines []string, section, key, value string) ([]string, error) {
	begin := slices.IndexFunc(lines, func(l string) bool { return heads(l, section) })
	if begin < 0 {
		return append(lines, "", section+":", "  "+key+": "+value), nil
	}
	if rest := strings.TrimSpace(uncommented(strings.TrimPrefix(lines[begin], section+":"))); rest != "" {
		return nil, hint.Wrap(fmt.Errorf("%w: %s", ErrShape, section), "write %s over several lines, or paste the proposals by hand", section)
	}
	indent := "  "
	for i := begin + 1; i < len(lines); i++ {
		line := lines[i]
		bare := strings.TrimLeft(line, " ")
		if bare == "" || bare[0] == '#' {
			continue
		}
		if len(bare) == len(line) {
			break // the next section
		}
		indent = line[:len(line)-len(bare)]
		if old := keyLine(key).FindStringSubmatch(line); old != nil {
			lines[i] = old[1] + value + old[2]
			return lines, nil
		}
	}
	return slices.Insert(lines, begin+1, indent+key+": "+value), nil
}

// heads reports whether a line begins a section.
func heads(line, section string) bool { return strings.HasPrefix(line, section+":") }

// uncommented returns a line without the comment at its end.
func uncommented(line string) string {
	if i := strings.Index(line, " #"); i >= 0 {
		line = line[:i]
	}
	return line
}

// keyLine matches the line of a key: what comes before the value, and the comment after it.
func keyLine(key string) *regexp.Regexp {
	return regexp.MustCompile(`^( +` + regexp.QuoteMeta(key) + `: *)[^#]*?( +#.*)?\r?$`)
}
