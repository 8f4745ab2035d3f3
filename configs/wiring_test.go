package configs_test

import (
	"os"
	"strings"
	"testing"

	"facegate/configs"
)

// TestWiring reads the doors that docs/wiring.md shows.
func TestWiring(t *testing.T) {
	text, err := os.ReadFile("../docs/wiring.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin = "    door:\n"
	doors := strings.Split(string(text), begin)[1:]
	if len(doors) != 3 {
		t.Errorf("%d doors, want a strike, a magnet and that of a Jetson Nano", len(doors))
	}
	for _, rest := range doors {
		door, _, _ := strings.Cut(begin+rest, "\n\n")
		c, err := configs.Parse("wiring.md", strings.NewReader(minimal+strings.ReplaceAll("\n"+door, "\n    ", "\n")+"\n"))
		if err != nil {
			t.Errorf("%s\n%v", door, err)
			continue
		}
		if d := c.Door; d.Driver != configs.Cdev || !d.Exit.Wired() || !d.Fire.Wired() || !d.Exit.ActiveLow || d.Fire.ActiveLow {
			t.Errorf("%s\nis read as %+v", door, d)
		}
	}
}
