package daemon_test

import (
	"errors"
	"testing"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/configs"
	"facegate/gpio"
	"facegate/gpio/sim"
)

// TestSimulatedLine opens the line of a simulated door, in memory and on a board.
func TestSimulatedLine(t *testing.T) {
	inMemory, err := daemon.OpenLine(configs.Door{Driver: configs.Sim, Line: "GPIO17"})
	must(t, err)
	must(t, inMemory.Close())
	for name, door := range map[string]configs.Door{
		"relay":  {Line: ""},
		"GPIO17": {Line: "GPIO17", ActiveLow: true},
	} {
		board := sim.Board(t.TempDir())
		door.Driver, door.Chip = configs.Sim, string(board)
		line, err := daemon.OpenLine(door)
		must(t, err)
		if _, err := daemon.OpenLine(door); !errors.Is(err, gpio.ErrInUse) {
			t.Errorf("the line %s was had twice: %v", name, err)
		}
		must(t, line.Set(true))
		if high, err := board.Pin(name); err != nil || high == door.ActiveLow {
			t.Errorf("the pin of the active line %s is high = %t, %v", name, high, err)
		}
		must(t, line.Close())
	}
}
