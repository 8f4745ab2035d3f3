package fleet_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/childtest"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
	"facegate/pipeline/publish/natstest"
)

// A broker can be stopped and started again.
type broker interface {
	Start(t testing.TB)
	Stop(t testing.TB)
	URL() string
}

// A consumer is a program of docs/consumers, with what it needs from npm.
type consumer struct {
	env  string // names the folder that has its node_modules
	what string // of scripts/npm.sh
	argv func(address string) []string
	as   []string // how it shows who it is, besides its account
}

// consumers are those of docs/consumers. Each works in a folder with a copy of docs/consumers, and writes passes.jsonl there.
func consumers() map[string]consumer {
	return map[string]consumer{
		"mqtt.js": {env: "FACEGATE_MQTTJS", what: "mqtt", argv: func(address string) []string {
			return []string{"consumer.mjs", "mqtt://" + address, "passes.jsonl"}
		}},
		"Node-RED": {env: "FACEGATE_NODE_RED", what: "node-red", argv: func(string) []string {
			return []string{"node_modules/node-red/red.js", "--userDir", ".", "--settings", "settings.js", "flow.json"}
		}},
	}
}

// TestConsumers has the consumers of docs/consumers get what a gate tells over cut connections, restarts of the broker and of the gate,
// two gaps, and a restart of the consumer while what is behind them waits, after which nobody passes any more: each passage once, in
// order, and each gap by its name. Neither of them connects to anybody but the broker. With FACEGATE_SLOW Node-RED does too, and
// nats-server is a broker.
func TestConsumers(t *testing.T) {
	system := loopback.Account{Username: "building", Password: "hunter2"}
	brokers := map[string]func(t *testing.T) broker{
		"mosquitto": func(t *testing.T) broker {
			return mosquittotest.Installed(t, "../../configs/mosquitto.conf", account, system)
		},
		"nats-server": func(t *testing.T) broker { return natstest.New(t, system, "") },
	}
	for name, c := range consumers() {
		for broker, make := range brokers {
			t.Run(name+" at "+broker, func(t *testing.T) {
				if !slow() && (name != "mqtt.js" || broker != "mosquitto") {
					t.Skip("takes long; set FACEGATE_SLOW=1")
				}
				of := account
				if broker == "nats-server" {
					of = system
				}
				exactlyOnce(t, c, make(t), of, system)
			})
		}
	}
}

func exactlyOnce(t *testing.T, c consumer, b broker, of, system loopback.Account) {
	folder := c.prepare(t)
	b.Start(t)
	line := newRelay(t, b.URL)
	end := c.start(t, folder, line.address(), system, time.Hour)
	cfg, dir := named(t, "north", line.address(), of), t.TempDir()
	g, err := openGate(dir, cfg, outboxSize)
	must(t, err)
	g.run()
	passages := func(n int) {
		for range n {
			must(t, g.pass())
		}
	}
	lines := func() []written { return readLines(t, filepath.Join(folder, "passes.jsonl")) }
	eventually(t, "the first passage is written", func() bool { passages(1); time.Sleep(100 * time.Millisecond); return len(lines()) > 0 })
	for range 5 { // acknowledgements are lost, and so events are told again
		passages(20)
		time.Sleep(20 * time.Millisecond)
		line.cut()
	}
	b.Stop(t)
	passages(10)
	must(t, g.close())
	g, err = openGate(dir, cfg, outboxSize)
	must(t, err)
	var gaps []uint64
	for range 2 {
		passages(1)
		gaps = append(gaps, g.told())
		dropNewest(t, g)
		passages(5)
	}
	b.Start(t)
	g.run()
	eventually(t, "what is before the gaps is written, and the rest told", func() bool {
		l := lines()
		return l[len(l)-1].Event.Seq == gaps[0]-1 && g.publisher.Status().Queued == 0
	})
	time.Sleep(200 * time.Millisecond) // the rest is with the consumer; what is not comes again
	end()
	c.start(t, folder, line.address(), system, time.Second)
	eventually(t, "the last passage is written", func() bool {
		l := lines()
		return l[len(l)-1].Event.Seq == g.told()
	})
	must(t, g.close())
	wantOnce(t, lines(), gaps)
	if told, err := os.ReadFile(filepath.Join(folder, "connections")); err == nil {
		t.Errorf("it has connected to %s", strings.Fields(string(told)))
	}
	b.Stop(t)
}

// dropNewest takes the newest event out of the outbox of a gate that does not run, as if a disk had lost it.
func dropNewest(t *testing.T, g *gate) {
	t.Helper()
	var kept [][]byte
	for n, msg, ok := g.outbox.Next(); ok; n, msg, ok = g.outbox.Next() {
		kept = append(kept, slices.Clone(msg))
		must(t, g.outbox.Outbox.Ack(n))
	}
	for _, msg := range kept[:len(kept)-1] {
		must(t, g.outbox.Append(msg, g.outbox.Mark()))
	}
}

// A written line is one that a consumer writes.
type written struct {
	Gate    string        `json:"gate"`
	Store   string        `json:"store"`
	Event   publish.Event `json:"event"`
	Missing []uint64      `json:"missing"`
}

func readLines(t *testing.T, name string) (lines []written) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	whole := text[:strings.LastIndex(string(text), "\n")+1]
	for _, l := range strings.Split(strings.TrimSpace(string(whole)), "\n") {
		if l == "" {
			continue
		}
		var read written
		must(t, json.Unmarshal([]byte(l), &read))
		lines = append(lines, read)
	}
	return lines
}

// wantOnce expects each passage from the first that was written once, in order, with each gap said in its place.
func wantOnce(t *testing.T, lines []written, gaps []uint64) {
	t.Helper()
	next, replayed := lines[0].Event.Seq, 0
	var got, want []uint64
	for _, l := range lines {
		if slices.Contains(gaps, next) {
			if diff := cmp.Diff([]uint64{next, next}, l.Missing); diff != "" {
				t.Errorf("the gap is said otherwise (-want +got):\n%s", diff)
			}
			next++
			continue
		}
		got, want = append(got, l.Event.Seq), append(want, next)
		if l.Event.Replayed {
			replayed++
		}
		next++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
	t.Logf("%d passages once and in order, %d of them replayed", len(got), replayed)
}

// prepare returns a folder with docs/consumers and what the consumer needs, or skips the test where that is not there.
func (c consumer) prepare(t *testing.T) string {
	t.Helper()
	modules := os.Getenv(c.env)
	if modules == "" {
		t.Skipf("%s does not name the folder of it; make test sets it", c.env)
	}
	modules, err := filepath.Abs(modules)
	must(t, err)
	if _, err := os.Stat(filepath.Join(modules, "node_modules")); err != nil {
		t.Skipf("it is not there: scripts/npm.sh %s %s fetches it", c.what, modules)
	}
	folder := t.TempDir()
	must(t, os.CopyFS(folder, os.DirFS(filepath.Join("..", "..", "docs", "consumers"))))
	must(t, os.Symlink(filepath.Join(modules, "node_modules"), filepath.Join(folder, "node_modules")))
	must(t, os.WriteFile(filepath.Join(folder, "watch.cjs"), []byte(watch), 0o600))
	return folder
}

// watch writes down to whom a program of node connects besides this machine.
const watch = `const net = require('node:net'), fs = require('node:fs'), connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...args) {
  const to = Array.isArray(args[0]) ? args[0][0] : typeof args[0] === 'object' ? args[0] : { host: args[1] }
  if (!to.path && !['127.0.0.1', 'localhost', undefined].includes(to.host)) fs.appendFileSync(__dirname + '/connections', to.host + '\n')
  return connect.apply(this, args)
}
`

// start starts the consumer, which waits so long for what is missing. It is ended by what is returned, or with the test.
func (c consumer) start(t *testing.T, folder, address string, as loopback.Account, patience time.Duration) (end func()) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed (apt-get install npm)")
	}
	host, port, err := net.SplitHostPort(address)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "flow_cred.json"), // what is typed into the editor
		[]byte(`{"facegate-broker":{"user":"`+as.Username+`","password":"`+as.Password+`"}}`), 0o600))
	said, err := os.OpenFile(filepath.Join(folder, "said"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(t, err)
	defer said.Close()
	cmd := exec.Command(node, append([]string{"--require", "./watch.cjs"}, c.argv(address)...)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "MQTT_USER="+as.Username, "MQTT_PASSWORD="+as.Password, "MQTT_HOST="+host, "MQTT_PORT="+port,
		"PATIENCE_MS="+strconv.FormatInt(patience.Milliseconds(), 10), "HOME="+folder, "NODE_RED_CREDENTIAL_SECRET=")
	cmd.Env = append(cmd.Env, c.as...)
	cmd.Stdout, cmd.Stderr = said, said
	must(t, childtest.Start(cmd))
	end = sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		late.Stop()
	})
	t.Cleanup(func() {
		end()
		if text, err := os.ReadFile(said.Name()); err == nil && t.Failed() {
			t.Logf("it said:\n%s", text)
		}
	})
	return end
}
