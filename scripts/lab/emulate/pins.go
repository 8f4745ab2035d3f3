package main

import (
	"regexp"
	"strconv"
	"strings"
)

// A pinChange is a level that a pin has taken: "0", "1", or "z" for an input, which drives nothing.
type pinChange struct {
	At    float64 `json:"at"` // seconds on the host's clock
	Pin   int     `json:"pin"`
	Level string  `json:"level"`
}

// pl061 reads what the controller of virt does.
type pl061 struct{}

var pl061Line = regexp.MustCompile(`@([0-9.]+):pl061_set_output .*output ([0-7]) to ([01])$`)

func (pl061) event() string { return "pl061_set_output" }

func (pl061) read(line string) []pinChange {
	m := pl061Line.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	at, _ := strconv.ParseFloat(m[1], 64)
	pin, _ := strconv.Atoi(m[2])
	return []pinChange{{at, pin, m[3]}}
}

// A bcm2835 follows the registers of the controller of a Raspberry Pi (BCM2835 ARM Peripherals, 6.1), of pins 0 to 31.
type bcm2835 struct {
	selected [4]uint64 // function select registers, of ten pins each and three bits a pin: 1 makes it an output
	set      uint64    // the levels that outputs have
	levels   [32]string
}

func newBCM2835() *bcm2835 {
	b := new(bcm2835)
	for pin := range b.levels {
		b.levels[pin] = "z"
	}
	return b
}

// What is written to which register, of those at 0x3f200000.
var bcm2835Line = regexp.MustCompile(`@([0-9.]+):.* addr 0x3f2000([0-9a-f]{2}) value 0x([0-9a-f]+) `)

func (*bcm2835) event() string { return "memory_region_ops_write" }

func (b *bcm2835) read(line string) (changes []pinChange) {
	if !strings.Contains(line, " addr 0x3f2000") { // of thousands a second
		return nil
	}
	m := bcm2835Line.FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	at, _ := strconv.ParseFloat(m[1], 64)
	register, _ := strconv.ParseUint(m[2], 16, 8)
	value, _ := strconv.ParseUint(m[3], 16, 64)
	switch register {
	case 0x00, 0x04, 0x08, 0x0c: // GPFSEL0 to 3
		b.selected[register/4] = value
	case 0x1c: // GPSET0
		b.set |= value
	case 0x28: // GPCLR0
		b.set &^= value
	}
	for pin := range b.levels {
		if level := b.level(pin); level != b.levels[pin] {
			b.levels[pin] = level
			changes = append(changes, pinChange{at, pin, level})
		}
	}
	return changes
}

func (b *bcm2835) level(pin int) string {
	if b.selected[pin/10]>>(3*(pin%10))&7 != 1 {
		return "z"
	}
	return strconv.FormatUint(b.set>>pin&1, 10)
}
