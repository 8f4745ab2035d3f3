package fleet_test

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"facegate/configs/address"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/natstest"
)

// What a fleet is; make fleet has 200 gates.
var (
	fleetGates = flag.Int("gates", 0, "how many gates; TestFleet is skipped for 0, or with FACEGATE_SLOW has 20")
	fleetTime  = flag.Duration("time", 6*time.Second, "how long they tell of passages; a third into it a node is killed, after two it is back")
	fleetEach  = flag.Duration("each", 200*time.Millisecond, "how long it is from one passage of a gate to the next, in the mean")
	fleetSync  = flag.String("sync", "always", "sync_interval of the nodes")
)

// TestFleet has many gates at a cluster of three, of which the node is killed that leads the stream of passages, and brought back. Two
// building systems with sessions of their own and the stream get every passage. It prints what came twice or late, and how long things took.
func TestFleet(t *testing.T) {
	if *fleetGates == 0 && !slow() {
		t.Skip("three brokers take half a minute; make fleet, or set FACEGATE_SLOW=1")
	}
	*fleetGates = cmp.Or(*fleetGates, 20)
	f := newFleet(t, *fleetGates)
	f.open()
	systems := []*building{f.building(0), f.building(1)}
	f.keep()
	f.run()
	stop := time.After(*fleetTime)
	passing := f.pass(stop)
	time.Sleep(*fleetTime / 3)
	back := f.kill(f.leader())
	time.Sleep(*fleetTime / 3)
	back()
	passing.Wait()
	f.since("nobody passes any more")
	eventually(t, "every outbox is empty", func() bool { return f.queued() == 0 })
	f.since("every outbox is empty")
	f.arrived(systems, f.told())
	f.printTimes()
	f.close()
	f.since("all is ended")
}

// arrived waits until building systems and the stream have all that was told, and prints what came of it.
func (f *fleet) arrived(systems []*building, told map[string]uint64) {
	f.t.Helper()
	for i, s := range systems {
		eventually(f.t, fmt.Sprintf("building system %d has all", i+1), func() bool { return s.missing(told) == 0 })
	}
	waited := time.Now()
	stream := f.read()
	for stream.missing(told) > 0 && time.Since(waited) < 3*patience { // after a node has died it takes up its source again by and by
		time.Sleep(time.Second)
		stream = f.read()
	}
	f.since(fmt.Sprintf("the stream has it all, %.0f s after the building systems", time.Since(waited).Seconds()))
	for i, s := range systems {
		s.print(f.t, fmt.Sprintf("building system %d", i+1), told)
	}
	if late := stream.print(f.t, "stream", told); late > 0 {
		f.t.Errorf("the stream has %d passages behind later ones", late)
	}
}

// A fleet is a cluster and its gates.
type fleet struct {
	t       *testing.T
	cluster *cluster
	reader  jetstream.JetStream // nil before it is asked for the first time
	started time.Time
	killed  time.Time // when a node was
	gates   []*gate
}

func gateName(i int) string { return fmt.Sprintf("gate%03d", i+1) }

// newFleet starts a cluster for gates and two building systems.
func newFleet(t *testing.T, gates int) *fleet {
	f := &fleet{t: t, started: time.Now()}
	f.cluster = newCluster(t, users(t, gates), func(shipped string) string {
		return strings.Replace(shipped, "sync_interval: always", "sync_interval: "+*fleetSync, 1)
	})
	f.since(fmt.Sprintf("%d nodes are well", nodes))
	return f
}

// passes is the stream of docs/fleet.md. It takes from what the nodes keep of MQTT, and so has whatever a gate had acknowledged. One
// of the subjects facegate.*.*.pass by themselves misses what comes while nobody leads it, for seconds after a node has died.
func passes() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: "PASSES", Replicas: nodes, Storage: jetstream.FileStorage, MaxAge: 30 * 24 * time.Hour,
		Sources: []*jetstream.StreamSource{{Name: "$MQTT_msgs", SubjectTransforms: []jetstream.SubjectTransformConfig{
			{Source: "$MQTT.msgs.facegate.*.*.pass", Destination: "facegate.{{wildcard(1)}}.{{wildcard(2)}}.pass"},
		}}},
	}
}

// users returns the users of the shipped configuration, with its gate and its building system repeated.
func users(t *testing.T, gates int) string {
	shipped, err := os.ReadFile(filepath.Join("..", "..", "configs", "nats.conf"))
	must(t, err)
	_, comment, _ := strings.Cut(string(shipped), "#   users: [\n")
	comment, _, _ = strings.Cut(comment, "#   ]\n")
	entries := regexp.MustCompile(`(?m)^#     \{ user: `).Split(comment, -1)[1:]
	all := "users: [\n"
	add := func(entry, from, to string) {
		all += "{ user: " + strings.ReplaceAll(strings.ReplaceAll(entry, "\n#", "\n"), from, to) + "\n"
	}
	for i := range gates {
		add(strings.ReplaceAll(entries[0], "hq.north", "hq."+gateName(i)), "hq-north", "hq-"+gateName(i))
	}
	for i := range 2 {
		add(entries[1], "CN=building", fmt.Sprint("CN=building", i+1))
	}
	add(entries[2], "", "")
	add(entries[3], "", "")
	return all + "]\n"
}

// keep makes the stream of passages. The nodes keep nothing of MQTT before its first client has come.
func (f *fleet) keep() {
	keep(f.t, f.jetStream("admin"), passes())
}

// keep makes a stream, and returns when it has a place of its own at its source, from which on it misses nothing.
func keep(t *testing.T, js jetstream.JetStream, config jetstream.StreamConfig) {
	t.Helper()
	s, err := js.CreateStream(t.Context(), config)
	must(t, err)
	eventually(t, "the stream has taken up its source", func() bool {
		info, err := s.Info(t.Context())
		return err == nil && len(info.Sources) == 1 && info.Sources[0].Active >= 0
	})
}

// config is the configuration of a gate.
func (f *fleet) config(i int) publish.Config {
	var brokers []address.Address
	for _, r := range f.cluster.relays {
		brokers = append(brokers, addressOf(f.t, "ssl://"+r.address()))
	}
	cert, key := f.cluster.pki.issue(f.t, "hq-"+gateName(i))
	return publish.Config{
		Brokers: brokers, ClientID: "facegate-hq-" + gateName(i), CAFile: f.cluster.pki.ca(), CertFile: cert, KeyFile: key,
		Site: "hq", Gate: gateName(i),
	}
}

// since says how long the fleet has been there when something has come.
func (f *fleet) since(what string) {
	fmt.Printf("%4.0f s: %s\n", time.Since(f.started).Seconds(), what)
}

// open makes the stores of all gates, at once: each of them waits for the disk.
func (f *fleet) open() {
	dir := f.t.TempDir()
	f.gates = make([]*gate, *fleetGates)
	var all errgroup.Group
	for i := range f.gates {
		config := f.config(i)
		all.Go(func() (err error) {
			f.gates[i], err = openGate(filepath.Join(dir, gateName(i)), config, outboxSize)
			return err
		})
	}
	must(f.t, all.Wait())
	f.since(fmt.Sprintf("%d gates have their outbox", len(f.gates)))
}

// run connects all gates.
func (f *fleet) run() {
	for _, g := range f.gates {
		g.run()
	}
	eventually(f.t, "all gates are connected", func() bool { return connected(f.gates) })
	f.since("all gates are connected")
}

// pass has people pass all gates until stop.
func (f *fleet) pass(stop <-chan time.Time) *sync.WaitGroup {
	ended := make(chan struct{})
	var all sync.WaitGroup
	for _, g := range f.gates {
		all.Go(func() {
			for {
				select {
				case <-ended:
					return
				case <-time.After(rand.N(2 * *fleetEach)):
				}
				if err := g.pass(); err != nil {
					f.t.Error(err)
				}
			}
		})
	}
	all.Go(func() { <-stop; close(ended) })
	return &all
}

// leader returns the node that leads the stream of passages.
func (f *fleet) leader() int {
	s, err := f.jetStream("admin").Stream(f.t.Context(), "PASSES")
	must(f.t, err)
	return int(s.CachedInfo().Cluster.Leader[0] - 'a')
}

// kill kills a node. What it returns brings the node back.
func (f *fleet) kill(node int) (back func()) {
	f.killed = time.Now()
	f.cluster.nodes[node].Kill()
	f.since(fmt.Sprintf("node %c is killed", 'a'+node))
	return func() {
		again := time.Now()
		f.cluster.start(node)
		f.cluster.healthy(node)
		f.since(fmt.Sprintf("node %c is back, and well %.1f s after its start", 'a'+node, time.Since(again).Seconds()))
	}
}

// building connects a building system.
func (f *fleet) building(i int) *building {
	name := fmt.Sprint("building", i+1)
	var brokers []string
	for n := range nodes {
		brokers = append(brokers, "ssl://"+f.cluster.relays[(i+n)%nodes].address())
	}
	return newBuilding(f.t, name, f.papers(name), "", "", brokers...)
}

// papers is what a user that is no gate shows, and whom it believes.
func (f *fleet) papers(name string) *tls.Config {
	cert, key := f.cluster.pki.issue(f.t, name)
	pair, err := tls.LoadX509KeyPair(cert, key)
	must(f.t, err)
	roots := x509.NewCertPool()
	ca, err := os.ReadFile(f.cluster.pki.ca())
	must(f.t, err)
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func (f *fleet) jetStream(name string) jetstream.JetStream {
	f.t.Helper()
	var urls []string
	for _, n := range f.cluster.nodes {
		if a := n.Address(natstest.Clients); a != "" {
			urls = append(urls, "tls://"+a)
		}
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.Secure(f.papers(name)))
	must(f.t, err)
	f.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(f.t, err)
	return js
}

// read returns what the stream has, as a building system reads it that was away for a week.
func (f *fleet) read() *ledger {
	l := new(ledger)
	if f.reader == nil {
		f.reader = f.jetStream("archive")
	}
	c, err := f.reader.OrderedConsumer(f.t.Context(), "PASSES", jetstream.OrderedConsumerConfig{})
	must(f.t, err)
	messages, err := c.Messages()
	must(f.t, err)
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextMaxWait(5 * time.Second))
		if errors.Is(err, nats.ErrTimeout) {
			return l
		}
		must(f.t, err)
		l.take(m.Subject(), m.Data())
		if about, err := m.Metadata(); err == nil && about.NumPending == 0 {
			return l
		}
	}
}

func (f *fleet) queued() (n int) {
	for _, g := range f.gates {
		n += g.publisher.Status().Queued
	}
	return n
}

// told returns how many passages each gate has told of.
func (f *fleet) told() map[string]uint64 {
	told := map[string]uint64{}
	for i, g := range f.gates {
		told[gateName(i)] = g.told()
	}
	return told
}

// printTimes says how long things took.
func (f *fleet) printTimes() {
	told := uint64(0)
	var took, away []time.Duration
	for _, g := range f.gates {
		told += g.told()
		took = append(took, g.outbox.took...)
		if d, ok := g.links.after(f.killed); ok {
			away = append(away, d)
		}
	}
	fmt.Printf("%d passages of %d gates, sync_interval %s\n", told, len(f.gates), *fleetSync)
	fmt.Printf("%d gates had to connect again, which took p50 %v, max %v\n", len(away), share(away, 50), share(away, 100))
	fmt.Printf("told, acknowledged and given back: p50 %v, p99 %v, max %v\n", share(took, 50), share(took, 99), share(took, 100))
}

// share returns the duration that a share of all, in per cent, does not exceed.
func share(all []time.Duration, percent int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)*percent/100].Round(time.Millisecond)
}

func (f *fleet) close() {
	for _, g := range f.gates {
		must(f.t, g.close())
	}
}
