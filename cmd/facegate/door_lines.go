package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/gpio/cdev"
)

type doorLinesCommand struct {
	configFlag
	jsonFlag
}

// A lineList is the GPIO of a machine.
type lineList struct {
	Chips    []chipLines `json:"chips"`
	Unmarked string      `json:"unmarked"` // why the lines of the configuration are not marked; "" if they are
}

// chipLines are the lines of one GPIO chip.
type chipLines struct {
	Name  string      `json:"name"`  // may change from boot to boot
	Label string      `json:"label"` // of the hardware
	Lines []lineFacts `json:"lines"` // by number
}

// lineFacts are what the kernel and the configuration tell of one line.
type lineFacts struct {
	Number    int      `json:"line"`
	Name      string   `json:"name"`
	Direction string   `json:"direction"` // input or output
	ActiveLow bool     `json:"active_low"`
	Bias      string   `json:"bias"` // as door.exit.bias of the configuration
	Used      bool     `json:"used"`
	UsedBy    string   `json:"used_by"`
	Keys      []string `json:"keys"` // of the configuration, which use it
}

func (c *doorLinesCommand) Run(t terminal) error {
	chips, unread := cdev.Chips()
	if len(chips) == 0 {
		if unread == nil {
			unread = hint.Wrap(cdev.ErrNoChip, "run this on the board, where /dev/gpiochip* are; a simulated door needs none")
		}
		return fmt.Errorf("list the lines: %w", unread)
	}
	l := lineList{Chips: listLines(chips, nil)}
	if cfg, err := c.load(); err != nil {
		l.Unmarked = fmt.Sprintf("what %s uses is not marked: it cannot be read (facegate config check says why)", c.Config)
	} else if cfg.Door.Driver != configs.Cdev {
		l.Unmarked = "the door of " + c.Config + " is simulated, and uses none of these lines"
	} else {
		l.Chips = listLines(chips, cfg.Wires())
	}
	return errors.Join(c.print(t, l, func(w *tabwriter.Writer) { writeLines(w, l) }), unread)
}

// listLines lists the lines of chips, and marks those that are wired.
func listLines(chips []cdev.Chip, wires []configs.Wire) []chipLines {
	list := make([]chipLines, len(chips))
	for i, c := range chips {
		list[i] = chipLines{Name: c.Name, Label: c.Label, Lines: []lineFacts{}}
		for _, p := range c.Places() {
			list[i].Lines = append(list[i].Lines, factsOf(p, keysOf(chips, wires, p)))
		}
	}
	return list
}

func factsOf(p cdev.Place, keys []string) lineFacts {
	i := p.Info()
	f := lineFacts{
		Number: p.Offset(), Name: i.Name, Direction: "input", ActiveLow: i.ActiveLow, Bias: string(biasOf(i.Bias)),
		Used: i.Used, UsedBy: p.Holder(), Keys: keys,
	}
	if i.Output {
		f.Direction = "output"
	}
	return f
}

// biasOf is the word of the configuration for a bias.
func biasOf(b cdev.Bias) configs.Bias {
	switch b {
	case cdev.PullUp:
		return configs.PullUp
	case cdev.PullDown:
		return configs.PullDown
	case cdev.AsWired:
		return configs.NoBias
	}
	return configs.AsIs
}

// keysOf returns the keys of the wires that are the line at p.
func keysOf(chips []cdev.Chip, wires []configs.Wire, p cdev.Place) []string {
	keys := []string{}
	for _, w := range wires {
		if at, err := cdev.Resolve(chips, cdev.Config{Chip: w.Chip, Line: w.Line}); err == nil && at.Is(p) {
			keys = append(keys, w.Key)
		}
	}
	return keys
}

// writeLines writes a table for each chip.
func writeLines(w *tabwriter.Writer, l lineList) {
	for _, c := range l.Chips {
		show.Fprintf(w, "%s [%s]\n", c.Name, c.Label)
		show.Fprintf(w, "line\tname\tdirection\tactive\tbias\tconfigured as\tused by\n")
		for _, f := range c.Lines {
			show.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Number, dash(f.Name), f.Direction,
				map[bool]string{false: "high", true: "low"}[f.ActiveLow], f.Bias, dash(strings.Join(f.Keys, ", ")), dash(f.UsedBy))
		}
		w.Flush() // so that each table has columns of its own
		show.Fprintf(w, "\n")
	}
	if l.Unmarked != "" {
		show.Fprintf(w, "%s\n", l.Unmarked)
	}
}

// dash stands for what there is not.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
