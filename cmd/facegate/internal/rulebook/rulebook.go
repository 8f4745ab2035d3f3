// Package rulebook makes the rules of a door of a configuration, and says them in words. What the rules decide is for package admit to
// say.
package rulebook

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/passage"
	"facegate/configs/week"
	"facegate/pipeline/admit"
	"facegate/pipeline/attempt"
	"facegate/pipeline/schedule"
)

// ErrWay means that another way in, of which people are told, lets nobody in.
var ErrWay = errors.New("a way in that alternatives names opens the door to nobody without a face")

// usual is the time between two means where the profile asks for both.
const usual = 20 * time.Second

// Of returns the rules of the door of a configuration: those that it names, or else those of its profile. It refuses rules by which a
// face would be the only way in, and an alternative by which nobody gets in. Each error says which key it is about.
func Of(c *configs.Config) (admit.Rules, error) {
	r := admit.Rules{
		Table: table(c), Limits: limits(c.Lockout),
		Beside: slices.Contains(c.Alternatives, passage.Key) || slices.Contains(c.Alternatives, passage.Intercom),
	}
	p := c.Profile()
	r.Alike = p.Mode == law.OneToMany && p.WhenAlike == law.SecondFactor && slices.ContainsFunc(r.Table, besidesFace)
	var err error
	if r.Plans, err = plans(c); err != nil {
		return admit.Rules{}, configs.About("time_zone", err)
	}
	if err := r.Check(); err != nil {
		return admit.Rules{}, configs.About(key(c), err)
	}
	return r, configs.About("alternatives", effective(c, r.Table))
}

// key is what a fault of the rules is about.
func key(c *configs.Config) string {
	if len(c.Rules) == 0 {
		return "alternatives"
	}
	return "rules"
}

// table returns the rules themselves.
func table(c *configs.Config) (rules []admit.Rule) {
	if len(c.Rules) == 0 {
		return profiled(c)
	}
	for _, r := range c.Rules {
		rule := admit.Rule{Within: r.Within, Faceless: r.Faceless, When: r.When, Groups: r.Groups}
		for _, word := range r.By {
			rule.By = append(rule.By, means(word))
		}
		rules = append(rules, rule)
	}
	return rules
}

// Groups returns the groups of people whom rules of a configuration are for, in order, but for visitors, who are on no list.
func Groups(c *configs.Config) (groups []string) {
	for _, r := range c.Rules {
		groups = append(groups, r.Groups...)
	}
	slices.Sort(groups)
	return slices.DeleteFunc(slices.Compact(groups), func(g string) bool { return g == attempt.Visitors })
}

// means returns what has a word in rules.
func means(word passage.Means) attempt.Means {
	i := slices.IndexFunc(attempt.All(), func(m attempt.Means) bool { return m.String() == string(word) })
	return attempt.All()[i]
}

// profiled returns the rules of a profile, of those means that something at the door takes.
//
// Where everybody is compared a face opens alone, and so does everything else. Where nobody is looked for before a claim, a pass claims
// and a face follows; whoever gives no face shows the pass alone. A card that can be copied wants a second means there, and in some
// profiles everywhere. An order opens for whoever the people at the gate have registered the key of, and one of Home Assistant where the
// configuration takes those at all.
func profiled(c *configs.Config) []admit.Rule {
	p := c.Profile()
	rules := admit.Alone(attempt.Face, attempt.Pass)
	if p.Claims {
		rules = []admit.Rule{admit.Together(attempt.Pass, attempt.Face, usual), {By: []attempt.Means{attempt.Pass}, Faceless: true}}
	}
	rules = append(rules, admit.Alone(attempt.SecureCard)...)
	switch second := func(m attempt.Means) admit.Rule { return admit.Together(attempt.Card, m, usual) }; {
	case p.Copies && !p.Claims:
		rules = append(rules, admit.Alone(attempt.Card)...)
	case p.Mode == law.OneToOne: // where no face can be compared without its pass
		rules = append(rules, second(attempt.PIN))
	default:
		rules = append(rules, second(attempt.PIN), second(attempt.Pass), second(attempt.Face))
	}
	rules = append(rules, admit.Alone(attempt.PIN, attempt.Visitor, attempt.Order, attempt.HomeAssistant)...)
	return slices.DeleteFunc(rules, func(r admit.Rule) bool {
		return slices.ContainsFunc(r.By, func(m attempt.Means) bool { return !taken(c, m) })
	})
}

// taken reports whether something at the door takes a means.
func taken(c *configs.Config, m attempt.Means) bool { return c.Takes(passage.Means(m.String())) }

// limits are those of lockout, for every means. Without a delay nothing names when to forget a print.
func limits(l configs.Lockout) map[attempt.Means]admit.Limits {
	all := map[attempt.Means]admit.Limits{}
	for _, m := range attempt.All() {
		all[m] = admit.Limits{DelayAfter: uint32(l.DelayAfter), Delay: l.Delay, DisableAfter: uint32(l.DisableAfter)}
	}
	if l.Delay > 0 {
		face := all[attempt.Face]
		face.Flood, face.Forget = l.DisableAfter, l.Delay
		all[attempt.Face] = face
	}
	return all
}

// plans returns when rules count.
func plans(c *configs.Config) (map[string]*schedule.Schedule, error) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, err
	}
	all := make(map[string]*schedule.Schedule, len(c.Plans))
	for name, hours := range c.Plans {
		windows := make([]week.Window, 0, len(hours))
		for _, h := range hours {
			windows = append(windows, week.Window{Days: h.Days, From: h.From, To: h.To, Door: week.Open})
		}
		all[name] = schedule.New(windows, c.Door.Holidays, zone)
	}
	return all, nil
}

// besidesFace reports whether a rule names something besides a face. An order is given by somebody else.
func besidesFace(r admit.Rule) bool {
	return slices.ContainsFunc(r.By, func(m attempt.Means) bool { return m != attempt.Face && !m.Afar() })
}

// effective refuses an alternative by which nobody gets in who gives no face: a word is no way in.
func effective(c *configs.Config, rules []admit.Rule) error {
	for _, way := range c.Alternatives {
		if !way.Second() {
			continue
		}
		opens := slices.ContainsFunc(rules, func(r admit.Rule) bool {
			return !slices.Contains(r.By, attempt.Face) && slices.ContainsFunc(r.By, func(m attempt.Means) bool { return wayOf(m) == way })
		})
		if !opens {
			return hint.Wrap(fmt.Errorf("%w: %s", ErrWay, way), "%s", advice(way))
		}
	}
	return nil
}

func advice(way passage.Way) string {
	if way == passage.Card {
		return "A card that can be copied may want a second means here: add a reader of class card-secure, or a keypad, or write rules by " +
			"which a card opens the door; facegate rules shows those of the profile."
	}
	return "Write rules by which it opens the door, or take it out of alternatives; facegate rules shows those of the profile."
}

// wayOf returns the alternative that a means is, "" for none.
func wayOf(m attempt.Means) passage.Way {
	switch m {
	case attempt.Pass:
		return passage.QR
	case attempt.Card, attempt.SecureCard:
		return passage.Card
	case attempt.PIN:
		return passage.PIN
	}
	return ""
}
