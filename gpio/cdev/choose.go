package cdev

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"facegate/configs/hint"
)

// choose returns the one line that is called line, on the chips called onChip or, if that is empty, on any. If no line
// has the name, and a chip was asked for, line may be an offset.
func choose(chips []Chip, onChip, line string) (Place, error) {
	offset, notNumber := strconv.Atoi(line)
	if onChip == "" && notNumber == nil {
		return Place{}, hint.Wrap(ErrNumber,
			"Give the line by its name, such as GPIO17 (`facegate door lines` lists them), or say on which chip it is.")
	}
	if len(chips) == 0 {
		return Place{}, hint.Wrap(ErrNoChip,
			"Run facegate on a board with GPIO, with /dev/gpiochip* present, or use the simulated door.")
	}
	on := slices.DeleteFunc(slices.Clone(chips), func(c Chip) bool {
		return onChip != "" && c.Name != onChip && c.Label != onChip
	})
	if len(on) == 0 {
		return Place{}, hint.Wrap(fmt.Errorf("%w: none is called %q", ErrNoSuchChip, onChip),
			"The chips of this machine are %s.", chipList(chips))
	}
	found := named(on, line)
	if len(found) == 0 && notNumber == nil {
		found = numbered(on, offset)
	}
	switch len(found) {
	case 0:
		return Place{}, hint.Wrap(ErrNotFound, "%s", suggest(on, line))
	case 1:
		return found[0], nil
	}
	return Place{}, hint.Wrap(fmt.Errorf("%w: %s", ErrAmbiguous, placeList(found)),
		"Say on which chip the line is, or which of its lines by offset.")
}

// named returns the lines called name.
func named(chips []Chip, name string) (found []Place) {
	if name == "" {
		return nil
	}
	for _, c := range chips {
		for offset, l := range c.Lines {
			if l.Name == name {
				found = append(found, Place{c, offset})
			}
		}
	}
	return found
}

// numbered returns the lines at offset.
func numbered(chips []Chip, offset int) (found []Place) {
	for _, c := range chips {
		if offset >= 0 && offset < len(c.Lines) {
			found = append(found, Place{c, offset})
		}
	}
	return found
}

func chipList(chips []Chip) string {
	var s []string
	for _, c := range chips {
		s = append(s, fmt.Sprintf("%s [%s, %d lines]", c.Name, c.Label, len(c.Lines)))
	}
	return strings.Join(s, ", ")
}

func placeList(places []Place) string {
	var s []string
	for _, p := range places {
		s = append(s, fmt.Sprintf("%v line %d", p, p.offset))
	}
	return strings.Join(s, ", ")
}

// suggest lists the names most like name.
func suggest(chips []Chip, name string) string {
	var names []string
	for _, c := range chips {
		for _, l := range c.Lines {
			if l.Name != "" {
				names = append(names, l.Name)
			}
		}
	}
	if len(names) == 0 {
		return fmt.Sprintf("These chips do not name their lines: give the chip and the offset. There are %s.", chipList(chips))
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(distance(a, name), distance(b, name))
	})
	names = slices.Compact(names)
	return fmt.Sprintf("The nearest line names are %s; `facegate door lines` lists all.", strings.Join(names[:min(5, len(names))], ", "))
}

// distance is the Levenshtein distance between a and b, taking no account of case.
func distance(a, b string) int { return hint.Distance(strings.ToLower(a), strings.ToLower(b)) }
