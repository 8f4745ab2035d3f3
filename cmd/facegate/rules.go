package main

import (
	"context"
	"errors"
	"strings"
	"text/tabwriter"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/show"
)

type rulesCommand struct {
	gateFlags
	jsonFlag
}

// ruling is what opens the door of a gate.
type ruling struct {
	Running bool          `json:"running"` // the rules are those that the gate goes by; otherwise those of the file, and in_force is false
	Rules   []status.Rule `json:"rules"`
	Outside []string      `json:"outside,omitempty"` // what is true of the door besides, by the file
}

func (c *rulesCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.target(defaultConfig)
	if err != nil {
		return err
	}
	var r ruling
	if g.config != nil {
		if r, err = ruled(g.config); err != nil {
			return err
		}
	}
	client, err := g.client(ctx)
	switch {
	case err == nil:
		s, err := client.Status(ctx)
		if err != nil {
			return err
		}
		r.Running, r.Rules = true, s.Rules
	case !errors.Is(err, control.ErrNotRunning) || g.config == nil:
		return err
	}
	return c.print(t, r, func(w *tabwriter.Writer) { writeRules(w, r) })
}

// ruled says what the file of a gate makes of its door.
func ruled(c *configs.Config) (ruling, error) {
	rules, err := rulebook.Of(c)
	if err != nil {
		return ruling{}, err
	}
	r := ruling{Rules: []status.Rule{}, Outside: rulebook.Outside(c)}
	for _, rule := range rules.Table {
		r.Rules = append(r.Rules, status.Rule{Says: rulebook.Words(rule, c)})
	}
	return r, nil
}

func writeRules(w *tabwriter.Writer, r ruling) {
	for i, rule := range r.Rules {
		show.Fprintf(w, "%d\t%s\t%s.%s\n", i+1, nowWord(r, rule), rule.Says, nobodyIn(rule.Nobody))
	}
	if !r.Running {
		show.Fprintln(w, "\t\tThe gate is not running: nobody can say what counts now, nor which groups somebody is in.")
	}
	for _, line := range r.Outside {
		show.Fprintf(w, "\t\t%s.\n", line)
	}
}

// nobodyIn says in a sentence which groups nobody is in, "" for none.
func nobodyIn(groups []string) string {
	switch len(groups) {
	case 0:
		return ""
	case 1:
		return " Nobody is in the group " + groups[0] + "."
	}
	return " Nobody is in the groups " + strings.Join(groups, ", ") + "."
}

// nowWord says whether a rule counts now.
func nowWord(r ruling, rule status.Rule) string {
	switch {
	case !r.Running:
		return ""
	case rule.InForce:
		return "now"
	case rule.Waits:
		return "waits for the clock"
	}
	return "not now"
}
