package main

import (
	"bytes"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/google/go-cmp/cmp"

	"facegate/configs"
	"facegate/gpio/cdev"
)

// TestDoorLines lists the lines of a board, of which the configuration names some by name and some by number.
func TestDoorLines(t *testing.T) {
	chips := []cdev.Chip{
		{Name: "gpiochip0", Label: "pinctrl-rp1", Lines: []cdev.Info{
			{Name: "ID_SDA", Bias: cdev.PullUp},
			{Name: "GPIO17", Output: true, ActiveLow: true, Used: true, Consumer: "facegate:relay"},
			{Name: "GPIO27", Bias: cdev.PullDown},
		}},
		{Name: "gpiochip10", Label: "tca9534", Lines: []cdev.Info{{Used: true, Consumer: "siren\x1b[2J"}}},
	}
	wires := []configs.Wire{
		{Key: "door.line", Line: "GPIO17"},
		{Key: "door.exit.line", Line: "2", Chip: "pinctrl-rp1"},
		{Key: "door.fire.line", Line: "GPIO5"},
	}
	l := lineList{Chips: listLines(chips, wires), Unmarked: "nothing more"}
	want := []chipLines{
		{"gpiochip0", "pinctrl-rp1", []lineFacts{
			{0, "ID_SDA", "input", false, "pull-up", false, "", []string{}},
			{1, "GPIO17", "output", true, "as-is", true, `"facegate:relay"`, []string{"door.line"}},
			{2, "GPIO27", "input", false, "pull-down", false, "", []string{"door.exit.line"}},
		}},
		{"gpiochip10", "tca9534", []lineFacts{{0, "", "input", false, "as-is", true, `"siren\x1b[2J"`, []string{}}}},
	}
	if diff := cmp.Diff(want, l.Chips); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	writeLines(w, l)
	w.Flush()
	const table = `gpiochip0 [pinctrl-rp1]
line  name    direction  active  bias       configured as   used by
0     ID_SDA  input      high    pull-up    -               -
1     GPIO17  output     low     as-is      door.line       "facegate:relay"
2     GPIO27  input      high    pull-down  door.exit.line  -

gpiochip10 [tca9534]
line  name  direction  active  bias   configured as  used by
0     -     input      high    as-is  -              "siren\x1b[2J"

nothing more
`
	if diff := cmp.Diff(table, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDoorLinesWithoutGPIO(t *testing.T) {
	if chips, err := cdev.Chips(); len(chips) > 0 || err != nil {
		t.Skip("this machine has GPIO chips")
	}
	p := facegate(t.Context(), "door", "lines")
	if p.code == 0 || !strings.Contains(p.err, "no GPIO chip") || !strings.Contains(p.err, "to do:") {
		t.Errorf("exit code %d, %q", p.code, p.err)
	}
}
