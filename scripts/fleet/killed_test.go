package fleet_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
)

// account is that of gates where they have no certificates.
var account = loopback.Account{Username: "facegate", Password: "correct horse battery staple"}

// TestKilled has a gate tell of passages while its broker, with the shipped configuration, is killed and started again, and while the
// gate itself is killed, at any moment. A building system gets each passage, in order, and some twice. With FACEGATE_SLOW it is 10,000
// passages and 100 kills of the broker.
func TestKilled(t *testing.T) {
	passages, kills, pause := uint64(400), 4, 5*time.Millisecond
	if slow() {
		passages, kills, pause = 10_000, 100, 40*time.Millisecond
	}
	system := loopback.Account{Username: "building", Password: "hunter2"}
	broker := mosquittotest.Installed(t, "../../configs/mosquitto.conf", account, system)
	broker.Start(t)
	line := newRelay(t, broker.URL)
	c := &child{t: t, orders: childOrders{t.TempDir(), named(t, "north", line.address(), account), passages, pause}}
	b := newBuilding(t, "building", nil, system.Username, system.Password, "tcp://"+line.address())
	c.start()
	gateKills := 0
	for range kills {
		before := b.count("north")
		eventually(t, "passages are told", func() bool { return b.count("north") > before || c.done() })
		time.Sleep(rand.N(2 * time.Duration(passages) * pause / time.Duration(kills)))
		broker.Kill(t)
		if rand.IntN(2) == 0 && c.kill() {
			gateKills++
			c.start()
		}
		time.Sleep(rand.N(200 * time.Millisecond))
		broker.Start(t)
	}
	within(t, patience+2*time.Duration(passages)*pause, "the gate has told all", c.done)
	eventually(t, "all have come", func() bool { return b.count("north") >= int(passages) })
	y := b.mustHave(t, "north", passages)
	if y.outOfOrder > 0 {
		t.Errorf("%d passages came after later ones", y.outOfOrder)
	}
	broker.Stop(t)
	t.Logf("%d passages, the broker killed %d times, the gate %d times: %d came twice", passages, kills, gateKills, y.repeated)
}

// TestKillDone has a gate that has told all be done, also after a kill that came too late.
func TestKillDone(t *testing.T) {
	c := &child{t: t, orders: childOrders{Dir: t.TempDir(), Config: named(t, "north", "127.0.0.1:1", account)}}
	c.start()
	eventually(t, "the gate has told all", c.done)
	for range 2 {
		if c.kill() {
			t.Error("a gate was killed that had ended")
		}
		if !c.done() {
			t.Error("a gate that was done is so no longer")
		}
	}
}
