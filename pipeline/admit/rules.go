package admit

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/configs/week"
	"facegate/pipeline/attempt"
	"facegate/pipeline/schedule"
)

// The reasons for which New refuses rules.
var (
	ErrRules    = errors.New("the rules of the door cannot be followed")
	ErrFaceOnly = errors.New("a face would be the only way in")
	ErrLimits   = errors.New("a means of asking for the door has no limit to failures")
	ErrAlike    = errors.New("whoever has a face like another's would never get in")
)

// A Rule is one way through the door: for whom it is, and when, and what opens it to them.
type Rule struct {
	By       []attempt.Means // one opens alone, two of one person together, in either order
	Within   time.Duration   // of two: from the first to the second
	Faceless bool            // it is only for people who give no face
	When     string          // name of the plan by which it counts, "" for always
	Groups   []string        // of people it is for; none for everybody
}

// Alone returns rules by which each means opens the door by itself, always, to everybody.
func Alone(means ...attempt.Means) (rules []Rule) {
	for _, m := range means {
		rules = append(rules, Rule{By: []attempt.Means{m}})
	}
	return rules
}

// Together returns a rule by which two means open the door, always, to everybody.
func Together(one, other attempt.Means, within time.Duration) Rule {
	return Rule{By: []attempt.Means{one, other}, Within: within}
}

// alone returns what opens the door by the rule alone, 0 for nothing.
func (r Rule) alone() attempt.Means {
	if len(r.By) == 1 {
		return r.By[0]
	}
	return 0
}

// with returns what opens the door by the rule together with m, 0 for nothing.
func (r Rule) with(m attempt.Means) attempt.Means {
	switch i := slices.Index(r.By, m); {
	case i < 0 || len(r.By) < 2:
		return 0
	default:
		return r.By[1-i]
	}
}

// asks reports whether the rule asks for a face.
func (r Rule) asks() bool { return slices.Contains(r.By, attempt.Face) }

// serves reports whether a member of the house who gives no face gets in by the rule. A visitor's pass is a visitor's, and an
// order somebody else's.
func (r Rule) serves() bool {
	return !slices.ContainsFunc(r.By, func(m attempt.Means) bool { return m == attempt.Face || m == attempt.Visitor || m.Afar() })
}

// isFor reports whether the rule is for somebody of these groups.
func (r Rule) isFor(groups []string) bool {
	return len(r.Groups) == 0 || slices.ContainsFunc(r.Groups, func(g string) bool { return slices.Contains(groups, g) })
}

// Limits say what failures of one means lead to (NIST SP 800-63B, rate limiting).
//
// A failure counts against the one person whom an attempt names, as a wrong password counts against the one account that
// it was tried at. So nobody shuts out anybody but the person whom they try to be taken for.
type Limits struct {
	DelayAfter   uint32        // so many failures in a row, and each one after, lead to Delay
	Delay        time.Duration // in which the means opens nothing for the person; 0 for none
	DisableAfter uint32        // so many failures in a row close the means for the person until Reset

	// Of what names nobody, such as a print, one is forgotten in each Forget. Flood of it close the means for everybody, until
	// there are fewer. 0 for never.
	Flood  int
	Forget time.Duration
}

// Rules say what opens a door.
type Rules struct {
	Table  []Rule
	Plans  map[string]*schedule.Schedule // of Rule.When: a rule counts while its plan is open. All have one time zone and the same holidays
	Limits map[attempt.Means]Limits      // of all means that have a part in Table

	// Alike says that an attempt.Alike face counts for half where a rule asks for two means. It never opens the door alone, whatever
	// Table says. Otherwise it counts for nothing.
	Alike bool

	// Beside says that there is a way in which the gate knows nothing of, such as a key. It allows rules that name the face alone.
	Beside bool
}

// InForce reports whether a rule counts at now. One with a plan does not unless now is dated: it is known to be right.
func (r Rules) InForce(rule Rule, now time.Time, dated bool) bool {
	if rule.When == "" {
		return true
	}
	plan := r.Plans[rule.When]
	return dated && plan != nil && plan.At(now) == week.Open
}

// forWhom returns the rules that an attempt is weighed by: those that are for whoever makes it, when they make it.
func (r Rules) forWhom(t attempt.Attempt, dated bool) []Rule {
	var rules []Rule
	for _, rule := range r.Table {
		barred := rule.Faceless && !t.Faceless || rule.asks() && t.Faceless
		if !barred && rule.isFor(t.Groups) && r.InForce(rule, t.Asked, dated) {
			rules = append(rules, rule)
		}
	}
	return rules
}

// Check says why the rules cannot be those of a door: with ErrRules or ErrLimits, or with ErrFaceOnly where they let in somebody by
// their face, and at some moment nobody of the same group without one. Rules that name the face alone are in order where there is
// another way Beside them. Rules by which a face may be Alike, and which name no other means, are ErrAlike.
func (r Rules) Check() error {
	for _, rule := range r.Table {
		if err := r.sound(rule); err != nil {
			return err
		}
	}
	others := slices.ContainsFunc(r.Table, Rule.besides)
	for _, rule := range r.Table {
		if rule.asks() && (others || !r.Beside) && !r.equalled(rule) {
			return hint.Wrap(ErrFaceOnly, "let something else open the door to the same groups at the same times: another means alone, or two others together")
		}
	}
	if r.Alike && !others {
		return hint.Wrap(ErrAlike, "let another means open the door, or enrol nobody whose face is like another's")
	}
	return nil
}

// sound says what is wrong with a rule by itself.
func (r Rules) sound(rule Rule) error {
	one, two := len(rule.By) == 1, len(rule.By) == 2 && rule.By[0] != rule.By[1] && rule.Within > 0
	switch {
	case !one && !two:
		return fmt.Errorf("%w: %v within %v", ErrRules, rule.By, rule.Within)
	case two && slices.Contains(rule.By, attempt.Visitor):
		return fmt.Errorf("%w: nobody who is known could show another means with a visitor's pass", ErrRules)
	case rule.Faceless && rule.asks():
		return fmt.Errorf("%w: it asks people for a face who give none", ErrRules)
	case rule.When != "" && r.Plans[rule.When] == nil:
		return fmt.Errorf("%w: there is no plan %s", ErrRules, rule.When)
	}
	for _, m := range rule.By {
		if m.String() == "" {
			return fmt.Errorf("%w: there is no means %d", ErrRules, m)
		}
		if l := r.Limits[m]; l.DelayAfter < 1 || l.DisableAfter < l.DelayAfter || l.Delay < 0 || l.Flood > 0 && l.Forget <= 0 {
			return hint.Wrap(fmt.Errorf("%w: %v", ErrLimits, m), "set the limits of lockout")
		}
	}
	return nil
}

// besides reports whether the rule names something else than the face. An order that opens alone is given elsewhere, and is no way in of
// whoever stands before the door.
func (r Rule) besides() bool {
	return !r.alone().Afar() && slices.ContainsFunc(r.By, func(m attempt.Means) bool { return m != attempt.Face })
}

// equalled reports whether everybody to whom a rule that asks for a face opens the door gets in without one, whenever they get in by
// the rule. Whoever is in one of its groups alone has the fewest other rules.
func (r Rules) equalled(rule Rule) bool {
	if len(rule.Groups) == 0 {
		return r.open(rule, nil)
	}
	return !slices.ContainsFunc(rule.Groups, func(g string) bool { return !r.open(rule, []string{g}) })
}

// open reports whether somebody of these groups gets in without a face whenever the rule counts. While no time is known to be right
// the rules without a plan are all that there are.
func (r Rules) open(rule Rule, groups []string) bool {
	var plans []*schedule.Schedule
	for _, way := range r.Table {
		switch {
		case !way.serves() || !way.isFor(groups):
		case way.When == "":
			return true
		default:
			plans = append(plans, r.Plans[way.When])
		}
	}
	return rule.When != "" && r.Plans[rule.When].Covered(plans...)
}
