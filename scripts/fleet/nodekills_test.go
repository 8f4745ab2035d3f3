package fleet_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

var killedPassages = flag.Int("passages", 0, "of how many passages gates tell while nodes and gates are killed; "+
	"TestNodesKilled is skipped for 0, or with FACEGATE_SLOW has 10,000")

// TestNodesKilled kills the nodes of a cluster, with the shipped configuration, and the gates, each a process of its own with its outbox
// on disk, again and again for as long as the gates tell of passages. Mostly one node dies, and the next when it is back and well; each
// tenth time two do, which stops everything until they are back, and each twentieth all three. Two building systems and the stream get
// every passage, and the stream has them in order.
func TestNodesKilled(t *testing.T) {
	if *killedPassages == 0 && !slow() {
		t.Skip("it takes a quarter of an hour; make fleet-kills, or set FACEGATE_SLOW=1")
	}
	const gates, pause = 4, 400 * time.Millisecond
	passages := uint64(cmp.Or(*killedPassages, 10_000) / gates)
	f := newFleet(t, gates)
	systems := []*building{f.building(0), f.building(1)}
	f.keep()
	doors, told := f.children(gates, passages, pause)
	nodeKills, gateKills := 0, 0
	for round := 0; !done(doors); round++ {
		before := systems[0].missing(told)
		eventually(t, "passages are told", func() bool { return systems[0].missing(told) < before || done(doors) })
		time.Sleep(rand.N(2 * time.Second))
		victims := dying(round)
		for _, node := range victims {
			f.cluster.nodes[node].Kill()
		}
		if c := doors[rand.IntN(gates)]; rand.IntN(2) == 0 && c.kill() {
			gateKills++
			c.start()
		}
		time.Sleep(rand.N(2 * time.Second))
		f.revive(victims)
		nodeKills += len(victims)
	}
	f.since(fmt.Sprintf("%d passages of %d gates are told; nodes were killed %d times, gates %d times", passages*gates, gates, nodeKills, gateKills))
	f.arrived(systems, told)
}

// dying returns the nodes that die in a round, which take turns.
func dying(round int) []int {
	n := 1
	switch {
	case round%20 == 19:
		n = 3
	case round%10 == 9:
		n = 2
	}
	var victims []int
	for i := range n {
		victims = append(victims, (round+i)%nodes)
	}
	return victims
}

// revive starts nodes again, and waits until they are well.
func (f *fleet) revive(victims []int) {
	f.t.Helper()
	for _, node := range victims {
		f.cluster.start(node)
	}
	for _, node := range victims {
		f.cluster.healthy(node)
	}
}

// children starts gates as processes of their own, each of which tells of so many passages. It returns them with what they will have told.
func (f *fleet) children(gates int, passages uint64, pause time.Duration) (doors []*child, told map[string]uint64) {
	f.t.Helper()
	dir := f.t.TempDir()
	told = map[string]uint64{}
	for i := range gates {
		c := &child{t: f.t, orders: childOrders{filepath.Join(dir, gateName(i)), f.config(i), passages, pause}}
		c.start()
		doors, told[gateName(i)] = append(doors, c), passages
	}
	return doors, told
}

// done reports whether all gates have told all, and ended.
func done(doors []*child) bool {
	return !slices.ContainsFunc(doors, func(c *child) bool { return !c.done() })
}
