package daemon

import (
	"io/fs"
	"strings"
	"testing"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/gpio/cdev"
)

// header are the chips of a board: one with named lines, one without names, and the relays of two boards of one kind.
func header() []cdev.Chip {
	named := func(names ...string) (lines []cdev.Info) {
		for _, n := range names {
			lines = append(lines, cdev.Info{Name: n})
		}
		return lines
	}
	chips := []cdev.Chip{
		{Name: "gpiochip0", Label: "pinctrl-rp1", Lines: named("GPIO0", "GPIO1", "GPIO2", "GPIO3", "GPIO4")},
		{Name: "gpiochip1", Label: "9030000.pl061", Lines: named("", "")},
		{Name: "gpiochip2", Label: "tca9534", Lines: named("RELAY1")},
	}
	chips[0].Lines[3].Used, chips[0].Lines[3].Consumer = true, "siren"
	chips[0].Lines[4].Used, chips[0].Lines[4].Consumer = true, "facegate:relay"
	return chips
}

// TestWires checks what stands in a configuration against the lines of a machine.
func TestWires(t *testing.T) {
	relay := configs.Door{Driver: configs.Cdev, Line: "GPIO4"}
	exit := func(line, chip string) func(*configs.Config) {
		return func(c *configs.Config) { c.Door.Exit.Line, c.Door.Exit.Chip = line, chip }
	}
	for _, test := range []struct {
		name   string
		change func(*configs.Config)
		unread error
		want   string // "" for nothing to refuse
	}{
		{"the line that the gate has itself", exit("GPIO2", ""), nil, ""},
		{"by name and by number", exit("4", "gpiochip0"), nil, "door.exit.line: GPIO4 on gpiochip0 [pinctrl-rp1] is that of door.line"},
		{"by name and by label", exit("4", "pinctrl-rp1"), nil, "door.exit.line: GPIO4"},
		{"by number twice", func(c *configs.Config) {
			c.Door.Line, c.Door.Chip = "1", "gpiochip1"
			exit("1", "9030000.pl061")(c)
		}, nil, "line 1 on gpiochip1 [9030000.pl061] is that of door.line"},
		{"the lights too", func(c *configs.Config) {
			c.Prompt = configs.Prompt{LEDLeft: "2", LEDRight: "4", Chip: "gpiochip0"}
		}, nil, "prompt.led_right: GPIO4"},
		{"in use", exit("GPIO3", ""), nil, `door.exit.line: gpio: GPIO3 on gpiochip0 [pinctrl-rp1]: the line is in use by "siren"`},
		{"missing", exit("GPIO9", ""), nil, "door.exit.line: gpio: find line"},
		{"no such chip", exit("GPIO2", "gpiochip7"), nil, "door.exit.chip: gpio: find line"},
		{"perhaps on a chip that cannot be read", exit("GPIO9", ""), fs.ErrPermission, "door.exit.line: permission denied"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &configs.Config{Door: relay}
			test.change(c)
			k := &checker{config: c}
			k.wires(header(), test.unread)
			switch {
			case test.want == "":
				if len(k.errs) > 0 {
					t.Errorf("refused: %v", k.errs)
				}
			case len(k.errs) != 1:
				t.Fatalf("%d refusals: %v", len(k.errs), k.errs)
			default:
				if err := k.errs[0]; !strings.Contains(err.Error(), test.want) || test.unread == nil && hint.Of(err) == "" {
					t.Errorf("%q, to do %q, want %q", err, hint.Of(err), test.want)
				}
			}
		})
	}
}

// TestNoChips checks a configuration on a machine without GPIO, where it is written.
func TestNoChips(t *testing.T) {
	k := &checker{config: &configs.Config{Door: configs.Door{Driver: configs.Cdev, Line: "GPIO4", Fire: configs.Input{Line: "GPIO5"}}}}
	k.wires(nil, nil)
	if len(k.errs) > 0 || len(k.notes) != 2 {
		t.Errorf("refused %v, noted %q", k.errs, k.notes)
	}
}
