package cdev

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"facegate/configs/hint"
	"facegate/gpio"
)

// isOurs reports whether a consumer is a gate.
func isOurs(consumer string) bool { return strings.HasPrefix(consumer, "facegate:") }

// A holder is whoever has a line.
type holder struct {
	name string
	todo string // how to get the line from it
}

// inUse says who has the line.
func (p Place) inUse(root fs.FS) error {
	h := p.holder(root)
	return hint.Wrap(fmt.Errorf("%w by %s", gpio.ErrInUse, h.name), "%s, or use another line.", h.todo)
}

// holder finds out who has the line, as far as this user may see: a process, or a driver of the kernel.
func (p Place) holder(root fs.FS) holder {
	as := p.Info().Consumer
	if process := p.process(root); process != "" {
		return holder{fmt.Sprintf("%q, %s", as, process), "Stop that program"}
	}
	if as == "sysfs" {
		return holder{"/sys/class/gpio, where somebody has exported it", "Have it unexported (by what writes to /sys/class/gpio/export)"}
	}
	if driver := kernelDriver(root, as); driver != "" {
		return holder{
			fmt.Sprintf("the driver %s of the kernel, as %q", driver, as),
			"Switch that function off in the device tree (config.txt of a Raspberry Pi, jetson-io of a Jetson)",
		}
	}
	if as == "" {
		return holder{"another driver or program, which gives no name", "Look whether the pin has another function (UART, I2C, SPI)"}
	}
	return holder{fmt.Sprintf("%q", as), "Stop what uses the line"}
}

// process returns the process that has the line, where the kernel says so: from Linux 6.1 on, to whoever may look at it
// (/proc/PID/fdinfo).
func (p Place) process(root fs.FS) string {
	files, _ := fs.Glob(root, "proc/[0-9]*/fdinfo/*") // the pattern is fine
	for _, file := range files {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			continue // it is somebody else's, or was closed
		}
		words := strings.Fields(string(text))
		if !pairs(words, "gpio-chip:", p.chip.Name) || !pairs(words, "gpio-line:", fmt.Sprint(p.offset)) {
			continue
		}
		id := strings.Split(file, "/")[1]
		name, err := fs.ReadFile(root, "proc/"+id+"/comm")
		if err != nil {
			return "process " + id
		}
		return fmt.Sprintf("process %s (%s)", id, strings.TrimSpace(string(name)))
	}
	return ""
}

// pairs reports whether a key is followed by a value somewhere.
func pairs(words []string, key, value string) bool {
	for i, w := range words[:max(0, len(words)-1)] {
		if w == key && words[i+1] == value {
			return true
		}
	}
	return false
}

// kernelDriver returns the driver behind a consumer whose device can be told from its name: a light, a chip select of SPI
// ("spi0 CS0"), or a device that the board describes ("onewire@0").
func kernelDriver(root fs.FS, consumer string) string {
	if consumer == "" || strings.Contains(consumer, "/") {
		return ""
	}
	first, _, _ := strings.Cut(consumer, " ")
	for _, link := range []string{
		"sys/class/leds/" + consumer + "/device/driver",
		"sys/class/spi_master/" + first + "/device/driver",
		"sys/bus/platform/devices/" + consumer + "/driver",
	} {
		if target, err := fs.ReadLink(root, link); err == nil {
			return path.Base(target)
		}
	}
	return ""
}
