package cdev

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/warthog618/go-gpiocdev"

	"facegate/configs/hint"
	"facegate/gpio"
	"facegate/gpio/inputtest"
	"facegate/gpio/linetest"
)

// open opens the line for one test.
func open(t *testing.T, cfg Config) *line {
	t.Helper()
	l, err := Open(cfg)
	if err != nil {
		t.Fatalf("Open: %v (%s)", err, hint.Of(err))
	}
	return l.(*line)
}

// readBack reads the logical level through the request itself; it cannot after the release.
func readBack(l *line) linetest.Probe {
	return func() (active, ok bool) {
		active, err := l.held.get()
		return active, err == nil
	}
}

// TestReal drives a line of this machine: nothing that minds being switched may be wired to it.
func TestReal(t *testing.T) {
	cfg := Config{Chip: os.Getenv("FACEGATE_GPIO_CHIP"), Line: os.Getenv("FACEGATE_GPIO_LINE")}
	if cfg.Line == "" {
		t.Skip("set FACEGATE_GPIO_LINE, and FACEGATE_GPIO_CHIP if the line has no unique name, to drive a real line")
	}
	for _, activeLow := range []bool{false, true} {
		t.Run("active low "+strconv.FormatBool(activeLow), func(t *testing.T) {
			cfg := cfg
			cfg.ActiveLow = activeLow
			linetest.Run(t, func(t *testing.T) (gpio.Line, linetest.Probe) {
				l := open(t, cfg)
				return l, readBack(l)
			})
		})
	}
	t.Run("busy", func(t *testing.T) {
		l := open(t, cfg)
		defer l.Close()
		_, err := Open(cfg)
		if !errors.Is(err, gpio.ErrInUse) || !strings.Contains(err.Error(), "facegate:relay") {
			t.Errorf("second Open = %v, want ErrInUse naming facegate:relay", err)
		}
		t.Logf("a second time: %v", err)
	})
	t.Run("left", func(t *testing.T) {
		l := open(t, cfg)
		if err := l.Set(true); err != nil {
			t.Fatal(err)
		}
		file, err := l.Leave()
		if err != nil {
			t.Fatal(err)
		}
		linetest.Left(t, l)
		if _, err := Open(cfg); !errors.Is(err, gpio.ErrInUse) {
			t.Errorf("a line that was left can be opened: %v", err)
		}
		next, err := Adopt(cfg, file)
		if err != nil {
			t.Fatal(err)
		}
		if active, ok := readBack(next.(*line))(); !ok || !active {
			t.Error("the line is inactive after it was taken over")
		}
		if err := next.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	t.Run("what gpioinfo shows", func(t *testing.T) {
		cfg := cfg
		cfg.ActiveLow, cfg.Consumer = true, "facegate:test"
		l := open(t, cfg)
		defer l.Close()
		info := kernelInfo(t, cfg)
		if info.Consumer != cfg.Consumer || !info.Config.ActiveLow || info.Config.Direction != gpiocdev.LineDirectionOutput {
			t.Errorf("the kernel has %+v", info)
		}
	})
}

// TestSimulator drives a line of the kernel's GPIO simulator, whose pin can be read from outside: its physical level,
// after the release too.
func TestSimulator(t *testing.T) {
	level, _ := startSimulator(t)
	for _, activeLow := range []bool{false, true} {
		t.Run("active low "+strconv.FormatBool(activeLow), func(t *testing.T) {
			linetest.Run(t, func(t *testing.T) (gpio.Line, linetest.Probe) {
				l := open(t, Config{Line: "FACEGATE_TEST", ActiveLow: activeLow})
				return l, func() (active, ok bool) {
					if _, err := l.held.get(); err != nil {
						return false, false // released: the simulator takes the line back to its pull
					}
					return level(t) != activeLow, true
				}
			})
		})
	}
}

// TestSimulatedInput watches a line of the kernel's GPIO simulator, whose pin is pulled from outside.
func TestSimulatedInput(t *testing.T) {
	_, pull := startSimulator(t)
	for _, cfg := range []InputConfig{
		{}, {Config: Config{ActiveLow: true}}, {Debounce: 5 * time.Millisecond}, {Bias: PullUp, Debounce: time.Millisecond},
	} {
		t.Run(fmt.Sprintf("active low %t, bias %d, debounce %v", cfg.ActiveLow, cfg.Bias, cfg.Debounce), func(t *testing.T) {
			cfg.Line, cfg.Consumer = "FACEGATE_TEST", "facegate:exit"
			inputtest.Run(t, func(t *testing.T) (gpio.Input, inputtest.Drive) {
				// The kernel debounces by its ticks, of up to 10 ms, and until then the level is the one before.
				drive := func(t *testing.T, active bool) {
					pull(t, active != cfg.ActiveLow)
					if cfg.Debounce > 0 {
						time.Sleep(cfg.Debounce + 30*time.Millisecond)
					}
				}
				in, err := OpenInput(cfg)
				if err != nil {
					t.Fatalf("OpenInput: %v (%s)", err, hint.Of(err))
				}
				drive(t, false) // after the bias of the request, which the simulator takes for the level of the pin
				return in, drive
			})
		})
	}
}

// TestRealInput watches a line of this machine that somebody drives from outside, as it asks them to on standard output.
func TestRealInput(t *testing.T) {
	cfg := InputConfig{Config: Config{Chip: os.Getenv("FACEGATE_GPIO_CHIP"), Line: os.Getenv("FACEGATE_GPIO_INPUT"), Consumer: "facegate:exit"}}
	if cfg.Line == "" {
		t.Skip("set FACEGATE_GPIO_INPUT, and drive that line as is asked for, to watch a real line")
	}
	at, err := find(cfg.Config)
	if err != nil {
		t.Fatal(err)
	}
	if at.chip.abi != (v2{}) {
		t.Fatal("this kernel has not both interfaces")
	}
	for _, test := range abis {
		for _, cfg.Debounce = range []time.Duration{0, 5 * time.Millisecond} {
			cfg.ActiveLow = !cfg.ActiveLow
			t.Run(fmt.Sprintf("%s, debounce %v, active low %t", test.name, cfg.Debounce, cfg.ActiveLow), func(t *testing.T) {
				at.chip.abi = test.abi
				inputtest.Run(t, func(t *testing.T) (gpio.Input, inputtest.Drive) { return openDriven(t, at, cfg) })
			})
		}
	}
}

// openDriven opens an input, and returns how to ask for a level of it.
func openDriven(t *testing.T, at Place, cfg InputConfig) (gpio.Input, inputtest.Drive) {
	t.Helper()
	in, err := openInput(at, cfg)
	if err != nil {
		t.Fatalf("open %v: %v (%s)", at, err, hint.Of(err))
	}
	drive := func(_ *testing.T, active bool) {
		fmt.Printf("lab asks: drive %d %d\n", at.Offset(), map[bool]int{true: 1}[active != cfg.ActiveLow])
		for {
			if now, err := in.(*input).held.get(); err != nil || now == active { // nobody can read a line that is released
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
	drive(t, false)
	return in, drive
}

// TestRealGone watches a line of this machine whose chip goes away and comes back, and drives another.
func TestRealGone(t *testing.T) {
	unbind := os.Getenv("FACEGATE_GPIO_UNBIND")
	if unbind == "" {
		t.Skip("set FACEGATE_GPIO_UNBIND to the file unbind of the driver of the platform device FACEGATE_GPIO_CHIP, to have a chip go")
	}
	chip := os.Getenv("FACEGATE_GPIO_CHIP")
	in, err := OpenInput(InputConfig{Config: Config{Chip: chip, Line: os.Getenv("FACEGATE_GPIO_INPUT")}})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out := open(t, Config{Chip: chip, Line: os.Getenv("FACEGATE_GPIO_LINE")})
	defer out.Close()
	ended := make(chan error, 1)
	told := make(chan gpio.Level, 10)
	watch := func() { ended <- in.Watch(t.Context(), func(l gpio.Level) { told <- l }) }
	go watch()
	<-told
	if err := os.WriteFile(unbind, []byte(chip), 0); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := <-ended; err == nil || hint.Of(err) == "" {
		t.Errorf("Watch = %v with hint %q", err, hint.Of(err))
	} else {
		t.Logf("after %v: %v", time.Since(start).Round(time.Millisecond), err)
	}
	for range 2 { // the first time as the kernel says so, the second because there is no such chip
		if err := out.Set(true); err == nil {
			t.Error("a line without its chip can be driven")
		}
		if err := in.Watch(t.Context(), func(gpio.Level) {}); err == nil {
			t.Error("a line without its chip can be watched")
		}
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(unbind), "bind"), []byte(chip), 0); err != nil {
		t.Fatal(err)
	}
	if err := out.Set(true); err != nil {
		t.Errorf("with the chip back: %v", err)
	}
	if active, ok := readBack(out)(); !ok || !active {
		t.Error("the line is inactive once the chip is back")
	}
	go watch()
	<-told
}

// startSimulator makes a chip with one named line, and returns how to read the pin's physical level and how to pull it. The
// interface is that of the kernel's Documentation/admin-guide/gpio/gpio-sim.rst (Linux 5.17 or later).
func startSimulator(t *testing.T) (level func(*testing.T) bool, pull func(*testing.T, bool)) {
	const root = "/sys/kernel/config/gpio-sim"
	if _, err := os.Stat(root); err != nil {
		t.Skipf("this kernel has no GPIO simulator (modprobe gpio-sim, mount configfs, be root): %v", err)
	}
	dev := filepath.Join(root, "facegate-"+strconv.Itoa(os.Getpid()))
	for _, dir := range []string{dev, dev + "/bank0", dev + "/bank0/line0"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Remove(dir) })
	}
	write := func(name, value string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dev, name), []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("bank0/num_lines", "1")
	write("bank0/line0/name", "FACEGATE_TEST")
	write("live", "1")
	t.Cleanup(func() { write("live", "0") })
	pin := filepath.Join("/sys/devices/platform", contents(t, dev+"/dev_name"), contents(t, dev+"/bank0/chip_name"), "sim_gpio0")
	return func(t *testing.T) bool { return contents(t, pin+"/value") == "1" }, func(t *testing.T, high bool) {
		t.Helper()
		to := map[bool]string{false: "pull-down", true: "pull-up"}[high]
		if err := os.WriteFile(pin+"/pull", []byte(to), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func contents(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// kernelInfo is what the kernel shows of a line to everybody.
func kernelInfo(t *testing.T, cfg Config) gpiocdev.LineInfo {
	t.Helper()
	at, err := find(cfg)
	if err != nil {
		t.Fatal(err)
	}
	chip, err := gpiocdev.NewChip(at.chip.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer chip.Close()
	info, err := chip.LineInfo(at.offset)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestOpenWithoutChips(t *testing.T) {
	if len(gpiocdev.Chips()) > 0 {
		t.Skip("this machine has GPIO chips")
	}
	_, err := Open(Config{Line: "GPIO17"})
	if !errors.Is(err, ErrNotFound) || hint.Of(err) == "" {
		t.Errorf("Open = %v with hint %q, want ErrNotFound with one", err, hint.Of(err))
	}
}
