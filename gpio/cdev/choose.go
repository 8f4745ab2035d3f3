package cdev

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"facegate/configs/hint"
)

// chip is what a GPIO chip tells about itself.
type chip struct {
	name  string // of the device, "gpiochip0"; it may change from boot to boot
	label string // of the hardware, "pinctrl-rp1"
	lines []info // by offset
	abi   abi    // how the kernel is asked for its lines
}

// info is what a line tells about itself.
type info struct {
	name     string // may be empty
	consumer string // who holds the line; may be empty
}

// place is one line of one chip.
type place struct {
	chip   chip
	offset int
}

func (p place) String() string {
	name := p.chip.lines[p.offset].name
	if name == "" {
		name = fmt.Sprintf("line %d", p.offset)
	}
	return fmt.Sprintf("%s on %s [%s]", name, p.chip.name, p.chip.label)
}

// choose returns the one line that is called line, on the chips called onChip or, if that is empty, on any. If no line
// has the name, and a chip was asked for, line may be an offset.
func choose(chips []chip, onChip, line string) (place, error) {
	offset, notNumber := strconv.Atoi(line)
	if onChip == "" && notNumber == nil {
		return place{}, hint.Wrap(ErrNumber,
			"Give the line by its name, such as GPIO17 (`gpioinfo` lists them), or say on which chip it is.")
	}
	if len(chips) == 0 {
		return place{}, hint.Wrap(ErrNoChip,
			"Run facegate on a board with GPIO, with /dev/gpiochip* present, or use the simulated door.")
	}
	on := slices.DeleteFunc(slices.Clone(chips), func(c chip) bool {
		return onChip != "" && c.name != onChip && c.label != onChip
	})
	if len(on) == 0 {
		return place{}, hint.Wrap(fmt.Errorf("%w: none is called %q", ErrNoSuchChip, onChip),
			"The chips of this machine are %s.", chipList(chips))
	}
	found := named(on, line)
	if len(found) == 0 && notNumber == nil {
		found = numbered(on, offset)
	}
	switch len(found) {
	case 0:
		return place{}, hint.Wrap(ErrNotFound, "%s", suggest(on, line))
	case 1:
		return found[0], nil
	}
	return place{}, hint.Wrap(fmt.Errorf("%w: %s", ErrAmbiguous, placeList(found)),
		"Say on which chip the line is, or which of its lines by offset.")
}

// named returns the lines called name.
func named(chips []chip, name string) (found []place) {
	if name == "" {
		return nil
	}
	for _, c := range chips {
		for offset, l := range c.lines {
			if l.name == name {
				found = append(found, place{c, offset})
			}
		}
	}
	return found
}

// numbered returns the lines at offset.
func numbered(chips []chip, offset int) (found []place) {
	for _, c := range chips {
		if offset >= 0 && offset < len(c.lines) {
			found = append(found, place{c, offset})
		}
	}
	return found
}

func chipList(chips []chip) string {
	var s []string
	for _, c := range chips {
		s = append(s, fmt.Sprintf("%s [%s, %d lines]", c.name, c.label, len(c.lines)))
	}
	return strings.Join(s, ", ")
}

func placeList(places []place) string {
	var s []string
	for _, p := range places {
		s = append(s, fmt.Sprintf("%v line %d", p, p.offset))
	}
	return strings.Join(s, ", ")
}

// suggest lists the names most like name.
func suggest(chips []chip, name string) string {
	var names []string
	for _, c := range chips {
		for _, l := range c.lines {
			if l.name != "" {
				names = append(names, l.name)
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
	return fmt.Sprintf("The nearest line names are %s; `gpioinfo` lists all.", strings.Join(names[:min(5, len(names))], ", "))
}

// distance is the Levenshtein distance between a and b, taking no account of case.
func distance(a, b string) int { return hint.Distance(strings.ToLower(a), strings.ToLower(b)) }
