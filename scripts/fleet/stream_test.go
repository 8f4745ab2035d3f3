package fleet_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"facegate/pipeline/attempt"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/natstest"
)

// streamReader returns the consumer of docs/consumers that reads the stream, of servers "nats://address,...". as says who it is.
func streamReader(servers string, as ...string) consumer {
	return consumer{env: "FACEGATE_NATSJS", what: "nats", as: as, argv: func(string) []string {
		return []string{"stream.mjs", servers, "passes.jsonl"}
	}}
}

// TestBackAfterAWeek ends the consumer that reads the stream, has people pass the gates for a week, and starts the broker and the
// consumer again. It is ended once more while it catches up, and people go on passing meanwhile. It writes each passage once and in
// order, without a gap where what it has missed ends and what comes begins. With FACEGATE_SLOW the week has 100,000 passages.
func TestBackAfterAWeek(t *testing.T) {
	gates, week := 2, 200
	if slow() {
		gates, week = 20, 5000
	}
	broker := natstest.New(t, account, "").Unwatched() // its own protocol is not that of the contract
	passages := newRelay(t, broker.Clients).address()
	reader := streamReader("nats://"+passages, "NATS_USER="+account.Username, "NATS_PASSWORD="+account.Password)
	folder := reader.prepare(t)
	broker.Start(t)
	doors := openDoors(t, gates, newRelay(t, broker.URL).address())
	keepPasses(t, broker)
	count := func() int { return countLines(t, filepath.Join(folder, "passes.jsonl")) }

	end := reader.start(t, folder, passages, account, time.Hour)
	passAll(t, doors, 10)
	eventually(t, "the consumer has begun", func() bool { return count() == 10*gates })
	end()
	aWeek(t, doors, week)
	broker.Stop(t)
	broker.Start(t)

	began := time.Now()
	end = reader.start(t, folder, passages, account, time.Hour)
	eventually(t, "the consumer catches up", func() bool { passAll(t, doors, 1); return count() > 10*gates })
	end()
	reader.start(t, folder, passages, account, time.Hour)
	passAll(t, doors, 1)
	told := 0
	for _, g := range doors {
		told += int(g.told())
	}
	within(t, patience+time.Duration(told)*10*time.Millisecond, "the consumer has caught up", func() bool { return count() >= told })
	t.Logf("%d passages in %.1f s", count()-10*gates, time.Since(began).Seconds())
	lines := readLines(t, filepath.Join(folder, "passes.jsonl"))
	for i, g := range doors {
		wantAll(t, lines, gateName(i), g.told())
		must(t, g.close())
	}
}

// TestStreamOfACluster has the same consumer read the stream of three nodes as a user who may do nothing else, while one after the other
// is killed and started again.
func TestStreamOfACluster(t *testing.T) {
	if !slow() {
		t.Skip("three brokers take half a minute; set FACEGATE_SLOW=1")
	}
	const gates, passages, pause = 2, 100, 200 * time.Millisecond
	f := newFleet(t, gates)
	f.building(0)
	f.keep()
	f.papers("archive")
	file := func(name string) string { return filepath.Join(f.cluster.dir, name) }
	var servers []string
	for _, n := range f.cluster.nodes {
		_, port, err := net.SplitHostPort(newRelay(t, func() string { return "tcp://" + n.Address(natstest.Clients) }).address())
		must(t, err)
		servers = append(servers, "tls://localhost:"+port)
	}
	reader := streamReader(strings.Join(servers, ","),
		"NATS_CA="+f.cluster.pki.ca(), "NATS_CERT="+file("archive.crt"), "NATS_KEY="+file("archive.key"))
	folder := reader.prepare(t)
	reader.start(t, folder, f.cluster.relays[0].address(), loopback.Account{}, time.Hour)
	doors, told := f.children(gates, passages, pause)
	for node := range nodes {
		f.cluster.nodes[node].Kill()
		time.Sleep(time.Second)
		f.revive([]int{node})
	}
	within(t, 3*patience, "the gates have told all", func() bool { return done(doors) })
	within(t, 3*patience, "the consumer has all", func() bool {
		return countLines(t, filepath.Join(folder, "passes.jsonl")) >= gates*passages
	})
	lines := readLines(t, filepath.Join(folder, "passes.jsonl"))
	for gate, told := range told {
		wantAll(t, lines, gate, told)
	}
}

// wantAll expects each passage of a gate from the first to the last once, and in order.
func wantAll(t *testing.T, lines []written, gate string, told uint64) {
	t.Helper()
	of := slices.DeleteFunc(slices.Clone(lines), func(l written) bool { return l.Gate != "hq/"+gate })
	if wantOnce(t, of, nil); len(of) != int(told) {
		t.Errorf("%s has told of %d passages, and %d are written", gate, told, len(of))
	}
}

// keepPasses makes the stream of passages at a broker of one machine.
func keepPasses(t *testing.T, b *natstest.Broker) {
	t.Helper()
	nc, err := nats.Connect(b.Clients(), nats.UserInfo(account.Username, account.Password))
	must(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	must(t, err)
	stream := passes()
	stream.Replicas = 1
	keep(t, js, stream)
}

// openDoors returns gates, which are connected to a broker.
func openDoors(t *testing.T, gates int, broker string) (doors []*gate) {
	t.Helper()
	for i := range gates {
		g, err := openGate(t.TempDir(), named(t, gateName(i), broker, account), outboxSize)
		must(t, err)
		g.run()
		doors = append(doors, g)
	}
	eventually(t, "all gates are connected", func() bool { return connected(doors) })
	return doors
}

// passAll has so many people pass each gate.
func passAll(t *testing.T, doors []*gate, n int) {
	t.Helper()
	for _, g := range doors {
		for range n {
			must(t, g.pass())
		}
	}
}

// aWeek has so many pass each gate in the last seven days, and waits until all of it is told.
func aWeek(t *testing.T, doors []*gate, passages int) {
	t.Helper()
	const days = 7 * 24 * time.Hour
	begin := time.Now().Add(-days)
	for _, g := range doors {
		for i := range passages {
			must(t, g.publisher.Tell(door().Granted(begin.Add(time.Duration(i)*days/time.Duration(passages)), attempt.Face, time.Second)))
		}
	}
	within(t, patience+time.Duration(passages*len(doors))*20*time.Millisecond, "the week is told", func() bool {
		return !slices.ContainsFunc(doors, func(g *gate) bool { return g.publisher.Status().Queued > 0 })
	})
}

// countLines returns how many lines a file has, and 0 of none.
func countLines(t *testing.T, name string) int {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}
