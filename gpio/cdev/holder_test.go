package cdev

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"facegate/configs/hint"
	"facegate/gpio"
)

// machine is a Linux 6.12 on a Raspberry Pi, as far as it tells who has which line.
var machine = fstest.MapFS{
	"proc/812/comm":                             {Data: []byte("gpioset\n")},
	"proc/812/fdinfo/0":                         {Data: []byte("pos:\t0\nflags:\t02\n")},
	"proc/812/fdinfo/3":                         {Data: []byte("pos:\t0\nflags:\t02000000\nmnt_id:\t15\nino:\t1061\ngpio-chip:\tgpiochip0\ngpio-line:\t17\ngpio-line:\t27\n")},
	"proc/90/fdinfo/4":                          {Data: []byte("gpio-chip:\tgpiochip1\ngpio-line:\t4\n")},
	"proc/self/fdinfo/4":                        {Data: []byte("gpio-chip:\tgpiochip0\ngpio-line:\t4\n")},
	"proc/91/fdinfo/4":                          {Data: []byte("gpio-chip:")},
	"proc/version":                              {Data: []byte("Linux")},
	"sys/class/leds/ACT":                        {Mode: fs.ModeDir | 0o755},
	"sys/class/leds/plain":                      {Mode: fs.ModeDir | 0o755},
	"sys/class/leds/ACT/device/driver":          {Mode: fs.ModeSymlink, Data: []byte("../../../bus/platform/drivers/leds-gpio")},
	"sys/bus/platform/devices/onewire@0/driver": {Mode: fs.ModeSymlink, Data: []byte("../../../bus/platform/drivers/w1-gpio")},
	"sys/class/spi_master/spi0/device/driver":   {Mode: fs.ModeSymlink, Data: []byte("../../../../bus/platform/drivers/spi-bcm2835")},
}

func TestInUse(t *testing.T) {
	chip := Chip{Name: "gpiochip0", Label: "pinctrl-bcm2711", Lines: make([]Info, 54)}
	for _, test := range []struct {
		offset         int
		consumer, want string
		todo           string
	}{
		{17, "gpioset", `in use by "gpioset", process 812 (gpioset)`, "Stop that program"},
		{27, "siren", `in use by "siren", process 812 (gpioset)`, "Stop that program"},
		{4, "onewire@0", `in use by the driver w1-gpio of the kernel, as "onewire@0"`, "device tree"},
		{8, "spi0 CS0", `in use by the driver spi-bcm2835 of the kernel, as "spi0 CS0"`, "device tree"},
		{42, "ACT", `in use by the driver leds-gpio of the kernel, as "ACT"`, "device tree"},
		{42, "plain", `in use by "plain"`, "Stop what uses"},
		{5, "sysfs", "in use by /sys/class/gpio", "unexported"},
		{14, "", "in use by another driver or program", "UART"},
		{6, "../../etc", `in use by "../../etc"`, "Stop what uses"},
	} {
		chip.Lines[test.offset] = Info{Name: "GPIO", Used: true, Consumer: test.consumer}
		err := Place{chip, test.offset}.inUse(machine)
		if !errors.Is(err, gpio.ErrInUse) || !strings.Contains(err.Error(), test.want) || !strings.Contains(hint.Of(err), test.todo) {
			t.Errorf("line %d with consumer %q: %q, to do: %q", test.offset, test.consumer, err, hint.Of(err))
		}
	}
}

// TestOwnFiles reads the real /proc, in which no file is a line of a chip of that name.
func TestOwnFiles(t *testing.T) {
	at := Place{Chip{Name: "gpiochip-none", Lines: make([]Info, 1)}, 0}
	if process := at.process(os.DirFS("/")); process != "" {
		t.Errorf("%s has a line that there is not", process)
	}
}

func TestFree(t *testing.T) {
	chip := Chip{Name: "gpiochip-none", Label: "none", Lines: []Info{
		{Name: "A"}, {Name: "B", Used: true, Consumer: "facegate:relay"}, {Name: "C", Used: true, Consumer: "other"},
	}}
	for i, want := range []error{nil, nil, gpio.ErrInUse} {
		if err := chip.Places()[i].Free(); !errors.Is(err, want) {
			t.Errorf("line %d: %v, want %v", i, err, want)
		}
	}
	if holder := chip.Places()[2].Holder(); holder != `"other"` {
		t.Errorf("holder %s", holder)
	}
	if holder := chip.Places()[0].Holder(); holder != "" {
		t.Errorf("a free line is held by %s", holder)
	}
}
