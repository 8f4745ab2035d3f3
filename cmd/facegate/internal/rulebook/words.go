package rulebook

import (
	"fmt"
	"strings"

	"facegate/configs"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
)

// Words says a rule in a sentence, with the hours of its plan.
func Words(r admit.Rule, c *configs.Config) string {
	verb := " opens the door"
	names := []string{name(r.By[0], len(r.By) == 1)}
	if len(r.By) == 2 {
		names = append(names, name(r.By[1], false))
		verb = fmt.Sprintf(" within %v of each other open the door", r.Within)
	}
	text := strings.Join(names, " and ") + verb
	switch {
	case len(r.Groups) == 1:
		text += " to the group " + r.Groups[0]
	case len(r.Groups) > 1:
		text += " to the groups " + strings.Join(r.Groups, ", ")
	}
	if r.Faceless {
		text += " to whoever gives no face"
	}
	if r.When != "" {
		text += ", at the times of " + r.When + " (" + hours(c.Plans[r.When]) + ")"
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// name says what a means is. A PIN that opens alone says by a number whose it is.
func name(m attempt.Means, alone bool) string {
	switch m {
	case attempt.Face:
		return "a face"
	case attempt.Pass:
		return "a pass"
	case attempt.Visitor:
		return "a visitor's pass"
	case attempt.Card:
		return "a card that can be copied"
	case attempt.SecureCard:
		return "a card that proves a key"
	case attempt.PIN:
		if alone {
			return "a number with its PIN"
		}
		return "a PIN"
	case attempt.HomeAssistant:
		return "Home Assistant, with an order that nobody signs and whoever may write to the broker can give,"
	}
	return "an order from afar by an operator's registered key"
}

func hours(all []configs.Hours) string {
	var words []string
	for _, h := range all {
		words = append(words, fmt.Sprintf("%v %v-%v", h.Days, h.From, h.To))
	}
	return strings.Join(words, "; ")
}

// Outside says what is true of the door besides its rules.
func Outside(c *configs.Config) (lines []string) {
	var beside []string
	for _, way := range c.Alternatives {
		if !way.Second() {
			beside = append(beside, string(way))
		}
	}
	if len(beside) > 0 {
		lines = append(lines, "Beside the gate, on the operator's word: "+strings.Join(beside, ", "))
	}
	l := c.Lockout
	lines = append(lines, fmt.Sprintf("Failures count for each means and person by themselves: from %d in a row on each one costs %v, and %d close "+
		"the means for that person until facegate lockout reset. Nothing else is closed by that", l.DelayAfter, l.Delay, l.DisableAfter))
	if c.AgainAfter > 0 {
		lines = append(lines, fmt.Sprintf("Whoever was let in is not let in again for %v", c.AgainAfter))
	}
	if c.RefireAfter > 0 {
		lines = append(lines, fmt.Sprintf("What has let somebody in does nothing for %v when it is shown again", c.RefireAfter))
	}
	if c.Door.Interlock.Wired() {
		lines = append(lines, "While the other door is open nobody is let in")
	}
	return append(lines, "The exit button and the fire alarm open the door whatever stands here")
}
