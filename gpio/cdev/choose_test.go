package cdev

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/gpio"
)

// fakeChip names its lines, in order of offset.
func fakeChip(name, label string, lines ...string) Chip {
	c := Chip{Name: name, Label: label}
	for _, l := range lines {
		c.Lines = append(c.Lines, Info{Name: l})
	}
	return c
}

var (
	pi5 = []Chip{
		fakeChip("gpiochip0", "pinctrl-rp1", "ID_SDA", "GPIO2", "GPIO3", "GPIO17", "GPIO27", "", ""),
		fakeChip("gpiochip10", "gpio-brcmstb@107d508500", "-", "", "PWR_GPIO", "2712_STAT_LED"),
	}
	twins = []Chip{ // two I²C expanders of one kind
		fakeChip("gpiochip1", "tca9534", "RELAY1", "RELAY2", "RELAY2"),
		fakeChip("gpiochip2", "tca9534", "RELAY1", "SIREN", "", ""),
	}
	nameless = []Chip{fakeChip("gpiochip0", "9030000.pl061", "", "", "")}
	numerals = []Chip{fakeChip("gpiochip0", "odd", "1", "0")} // names that look like offsets
)

func TestChoose(t *testing.T) {
	for _, test := range []struct {
		name       string
		chips      []Chip
		chip, line string
		want       string // chip name and offset
		err        error
		tell       string // what the error or its hint must say
	}{
		{"name on any chip", pi5, "", "GPIO17", "gpiochip0 3", nil, ""},
		{"name by label", pi5, "pinctrl-rp1", "GPIO17", "gpiochip0 3", nil, ""},
		{"name by chip name", pi5, "gpiochip10", "PWR_GPIO", "gpiochip10 2", nil, ""},
		{"offset by label", pi5, "pinctrl-rp1", "5", "gpiochip0 5", nil, ""},
		{"offset of a nameless line", nameless, "gpiochip0", "2", "gpiochip0 2", nil, ""},
		{"a name wins over an offset", numerals, "odd", "1", "gpiochip0 0", nil, ""},
		{"unique among twins", twins, "", "SIREN", "gpiochip2 1", nil, ""},
		{"offset that only one twin has", twins, "tca9534", "3", "gpiochip2 3", nil, ""},
		{"twin by chip name", twins, "gpiochip2", "RELAY1", "gpiochip2 0", nil, ""},

		{"bare number", pi5, "", "17", "", ErrNumber, "GPIO17"},
		{"negative bare number", pi5, "", "-1", "", ErrNumber, ""},
		{"misspelt", pi5, "", "gpio71", "", ErrNotFound, "GPIO17"},
		{"on the other chip", pi5, "gpiochip10", "GPIO17", "", ErrNotFound, "PWR_GPIO"},
		{"empty name", pi5, "", "", "", ErrNotFound, ""},
		{"no such chip", pi5, "gpiochip4", "GPIO17", "", ErrNotFound, "gpiochip0 [pinctrl-rp1, 7 lines]"},
		{"offset past the end", pi5, "pinctrl-rp1", "7", "", ErrNotFound, ""},
		{"negative offset", pi5, "pinctrl-rp1", "-1", "", ErrNotFound, ""},
		{"nameless", nameless, "", "GPIO1", "", ErrNotFound, "gpiochip0 [9030000.pl061, 3 lines]"},
		{"no chips", nil, "", "GPIO17", "", ErrNotFound, "no GPIO chip"},
		{
			"same name on two chips", twins, "", "RELAY1", "", ErrAmbiguous,
			"RELAY1 on gpiochip1 [tca9534] line 0, RELAY1 on gpiochip2 [tca9534] line 0",
		},
		{"same label and name", twins, "tca9534", "RELAY1", "", ErrAmbiguous, "gpiochip2"},
		{"same name on one chip", twins, "gpiochip1", "RELAY2", "", ErrAmbiguous, "line 1, RELAY2 on gpiochip1 [tca9534] line 2"},
		{"offset on two chips", twins, "tca9534", "1", "", ErrAmbiguous, "SIREN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			at, err := choose(test.chips, test.chip, test.line)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err != nil {
				if hint.Of(err) == "" {
					t.Errorf("%q has no hint", err)
				}
				if said := err.Error() + "\n" + hint.Of(err); !strings.Contains(said, test.tell) {
					t.Errorf("%q does not tell %q", said, test.tell)
				}
				return
			}
			if got := fmt.Sprint(at.chip.Name, " ", at.offset); got != test.want {
				t.Errorf("chose %s, want %s", got, test.want)
			}
		})
	}
}

func TestPlaceString(t *testing.T) {
	for want, at := range map[string]Place{
		"GPIO17 on gpiochip0 [pinctrl-rp1]":   {pi5[0], 3},
		"line 5 on gpiochip0 [pinctrl-rp1]":   {pi5[0], 5},
		"line 2 on gpiochip0 [9030000.pl061]": {nameless[0], 2},
	} {
		if got := at.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestRequestError(t *testing.T) {
	held := fakeChip("gpiochip0", "pinctrl-rp1", "GPIO7", "GPIO8")
	held.Lines[1].Used, held.Lines[1].Consumer = true, "spi0 CS0"
	for _, test := range []struct {
		name   string
		err    error
		offset int
		want   error
		tell   string
	}{
		{"busy", unix.EBUSY, 1, gpio.ErrInUse, `in use by "spi0 CS0"`},
		{"busy without a name", unix.EBUSY, 0, gpio.ErrInUse, "another driver"},
		{"permission", unix.EACCES, 0, fs.ErrPermission, "group gpio"},
		{"other", unix.EIO, 0, unix.EIO, unix.EIO.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := requestError(test.err, Place{held, test.offset})
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if said := err.Error() + "\n" + hint.Of(err); !strings.Contains(said, test.tell) {
				t.Errorf("%q does not tell %q", said, test.tell)
			}
		})
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"GPIO17", "gpio17", 0},
		{"GPIO17", "GPIO71", 2},
		{"kitten", "sitting", 3},
		{"flaw", "lawn", 2},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
