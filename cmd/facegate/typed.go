package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"facegate/configs/hint"
	"facegate/configs/text"
	"facegate/store"
)

// typed has kong take the texts that people type in their one form, or refuse them before anything is done. A field says
// which one it is with type:"label" and so on.
func typed() kong.Option {
	lines := map[string]text.Line{
		"label": store.LabelLine, "reference": store.ReferenceLine, "guardian": store.GuardianLine, "witness": store.WitnessLine,
		"reason": store.ReasonLine, "office": store.OfficeLine, "operator": store.OperatorLine, "note": noteLine,
	}
	mappers := []kong.Option{kong.NamedMapper("age", kong.MapperFunc(age))}
	for name, line := range lines {
		mappers = append(mappers, kong.NamedMapper(name, kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
			given, err := ctx.Scan.PopValue(name)
			if err != nil {
				return err
			}
			clean, err := line.Clean(given.String())
			if err != nil {
				return err
			}
			if clean == "" {
				return fmt.Errorf("%s cannot be empty", line.Name)
			}
			target.SetString(clean)
			return nil
		})))
	}
	return kong.OptionFunc(func(k *kong.Kong) error {
		for _, m := range mappers {
			if err := m.Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// age takes the name of an age band. Whether there is this one is for the profile of the gate to say.
func age(ctx *kong.DecodeContext, target reflect.Value) error {
	given, err := ctx.Scan.PopValue("age")
	if err != nil {
		return err
	}
	if youngest(given.String()) < 0 && !slices.Contains([]string{"adult", "minor"}, given.String()) {
		return hint.Wrap(fmt.Errorf("%q is no age", given.String()),
			"say adult, minor (who can consent alone), or under-14, 14-15 and the like; facegate policy has the age of the profile")
	}
	target.SetString(given.String())
	return nil
}

// youngest returns the least age, in years, of a band that is named by ages, such as under-14, 13 or 14-15, and -1 of any other.
func youngest(band string) int {
	from, to, two := strings.Cut(band, "-")
	if from == "under" {
		from = "0"
	} else if !two {
		to = from
	}
	least, err := strconv.Atoi(from)
	if most, other := strconv.Atoi(to); err != nil || other != nil || least < 0 || most < max(least, 1) {
		return -1
	}
	return least
}

// dashed advises those who have given a label that begins with a dash, which looks like a flag. Otherwise it is "".
func dashed(err error, args []string) string {
	var wrong *kong.ParseError
	flag, unknown := strings.CutPrefix(err.Error(), "unknown flag ")
	if !unknown || !errors.As(err, &wrong) || wrong.Context.Selected() == nil {
		return ""
	}
	flag, _, _ = strings.Cut(flag, ",")
	i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, flag) && !strings.HasPrefix(arg, "--") })
	command := wrong.Context.Selected()
	takes := slices.ContainsFunc(command.Positional, func(p *kong.Positional) bool { return p.Tag.Type == "label" })
	if i < 0 || !takes {
		return ""
	}
	return fmt.Sprintf("a label with a dash in front follows after two dashes, at the end of the command: %s ... -- %s",
		command.FullPath(), args[i])
}
