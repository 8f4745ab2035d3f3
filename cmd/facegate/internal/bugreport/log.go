package bugreport

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// attributes are the keys of a log whose values are sentences, and figures those whose values are numbers of no person.
var (
	attributes = []string{"error", "err", "hint", "reason", "says", "what", "why", "todo", "by"}
	figures    = []string{"people", "epoch", "queued", "removed", "damaged", "events", "records", "keys", "count", "level", "signal", "after", "wait", "every"}
)

// attribute is a key of a line of text/slog with its value.
var attribute = regexp.MustCompile(`([A-Za-z_.]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)`)

// Log writes lines of a gate's log. A line that is none of a gate is counted alone.
func (p *Page) Log(lines []string) {
	foreign := 0
	for _, text := range lines {
		if l, ok := p.in.logged(text); ok {
			p.lines = append(p.lines, l)
		} else {
			foreign++
		}
	}
	if foreign > 0 {
		p.Figure("lines that no gate has written", foreign)
	}
}

// logged returns a line with what of it may be printed, and false if no gate has written it.
func (r *Report) logged(text string) (l line, ok bool) {
	for _, found := range attribute.FindAllStringSubmatch(text, -1) {
		key, value := found[1], found[2]
		if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		var said []piece
		switch {
		case key == "time":
			at, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				return nil, false
			}
			said, ok = []piece{r.foreign(at.UTC().Format("2006-01-02T15:04:05.000Z"))}, true
		case key == "level" && slices.Contains([]string{"DEBUG", "INFO", "WARN", "ERROR"}, value):
			said, ok = []piece{ours(value)}, true
		case key == "msg" || slices.Contains(attributes, key):
			said = r.sentence(value)
		case slices.Contains(figures, key) && number.MatchString(value):
			said = []piece{r.foreign(value)}
		case Says(key): // whoever has put a line into its log may have made up others
			l = append(l, ours(key+"="), r.takeOut(), ours(" "))
			continue
		default:
			r.out++
			continue
		}
		l = append(append(append(l, ours(key+"=")), said...), ours(" "))
	}
	return l, ok && len(l) > 0
}

// Lines returns the last lines of a text.
func Lines(text string, most int) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return lines[max(len(lines)-most, 0):]
}
