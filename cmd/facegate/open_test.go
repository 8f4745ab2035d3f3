package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/gpio"
	"facegate/pipeline/order"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
)

// A farDoor is a gate behind a broker, and an operator elsewhere.
type farDoor struct {
	t        *testing.T
	site     gatetest.Site
	empty    string // folder of pictures of nobody
	gate     *program
	building *subscriber
	broker   string
	device   string
	key      string
}

// newFarDoor launches a gate whose operator is called "control room" there, and whose clock is right.
func newFarDoor(t *testing.T, broker *mosquittotest.Broker, more gatetest.Settings) *farDoor {
	t.Helper()
	f := newFarDoorInDoubt(t, broker, more)
	f.confirm()
	return f
}

// newFarDoorInDoubt is newFarDoor, with a clock of which nobody has said that it is right.
func newFarDoorInDoubt(t *testing.T, broker *mosquittotest.Broker, more gatetest.Settings) *farDoor {
	t.Helper()
	f := &farDoor{t: t, site: gatetest.NewSite(t), key: filepath.Join(t.TempDir(), "operator.key")}
	f.empty = emptyPlace(t, f.site)
	broker.Start(t)
	f.building = subscribe(t, broker.URL(), loopback.Account{})
	f.broker = "tcp://" + newTap(t, "tcp", "127.0.0.1:0", broker.URL()).listener.Addr().String()
	facegate(t.Context(), "key", "new", f.key).want(t, exitOK, "stays with the operator", "")
	f.launch(more)
	facegate(t.Context(), "key", "add", "control room", f.key+".pub", "--socket", f.site.Socket()).want(t, exitOK, "orders that it has signed open this gate", "")
	var all people.Operators
	facegate(t.Context(), "key", "list", "--json", "--socket", f.site.Socket()).decode(t, &all)
	if f.device = all.Device; len(all.Operators) != 1 || all.Gate != "test/front" {
		t.Fatalf("registered are %+v", all)
	}
	return f
}

func (f *farDoor) confirm() {
	f.t.Helper()
	facegate(f.t.Context(), "clock", "confirm", "--yes", "--socket", f.site.Socket()).want(f.t, exitOK, "right", "")
}

func (f *farDoor) launch(more gatetest.Settings) {
	f.t.Helper()
	settings := gatetest.Settings{
		"camera": fmt.Sprintf("{source: replay, path: %s, fps: 5, loop: true, max_age: 3s}", f.empty),
		"mqtt":   fmt.Sprintf("{broker: %q}", f.broker),
	}
	for k, v := range more {
		settings[k] = v
	}
	f.gate = launch(f.t, f.site, nil, settings)
	gatetest.Eventually(f.t, "the gate is connected", func() bool { return f.gate.status(f.t).MQTT.Connected })
}

// open gives an order, with flags in the place of the usual ones.
func (f *farDoor) open(flags ...string) printout {
	args := map[string]string{"--gate": "test/front", "--device": f.device, "--key": f.key, "--broker": f.broker, "--within": "15s"}
	for i := 0; i < len(flags); i += 2 {
		args[flags[i]] = flags[i+1]
	}
	line := []string{"open", "--remote"}
	for flag, value := range args {
		line = append(line, flag, value)
	}
	return facegate(f.t.Context(), line...)
}

// pulses returns how often the door was opened, once it is locked again.
func (f *farDoor) pulses() (n uint64) {
	f.t.Helper()
	gatetest.Eventually(f.t, "the door is locked", func() bool {
		s := f.gate.status(f.t)
		n = uint64(s.Door.Pulses)
		return s.Door.State == gpio.Locked
	})
	return n
}

// says publishes as anybody does whom the broker lets.
func (f *farDoor) says(topic string, retained bool, payload []byte) {
	f.t.Helper()
	if token := f.building.client.Publish(topic, 1, retained, payload); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		f.t.Fatalf("publish on %s: %v", topic, token.Error())
	}
}

// sign returns a good order that was just given.
func (f *farDoor) sign() []byte {
	f.t.Helper()
	key, err := readOperatorKey(f.key)
	must(f.t, err)
	payload, _ := f.signed(key, "front", 0)
	return payload
}

// signed returns an order to a gate of the site that was given some time after now, and its nonce.
func (f *farDoor) signed(key ed25519.PrivateKey, gate string, after time.Duration) ([]byte, order.Nonce) {
	f.t.Helper()
	device, err := hex.DecodeString(f.device)
	must(f.t, err)
	nonce, err := order.NewNonce(rand.Reader)
	must(f.t, err)
	issued := time.Now().Add(after).Truncate(time.Millisecond)
	payload, err := order.Sign(key, order.Gate{Site: "test", Name: gate, Device: device}, order.Order{
		Issued: issued, Expires: issued.Add(order.MaxLife), Nonce: nonce,
	})
	must(f.t, err)
	return payload, nonce
}

// replies returns what the building has heard of orders, by their nonces: "" for one that was carried out.
func (f *farDoor) replies() map[order.Nonce][]order.Reason {
	f.t.Helper()
	all := map[order.Nonce][]order.Reason{}
	for _, m := range f.building.on("facegate/test/front/cmd/reply") {
		nonce, why, err := order.ReadReply(m.Payload())
		must(f.t, err)
		all[nonce] = append(all[nonce], why)
	}
	return all
}

const openTopic = "facegate/test/front/cmd/open"

// first gives the first order that is carried out, once the gate listens, and returns it with how often the door was opened.
func (f *farDoor) first() (given []byte, opened uint64) {
	f.t.Helper()
	gatetest.Eventually(f.t, "the first order is carried out", func() bool { return f.open().code == exitOK })
	if opened = f.pulses(); opened == 0 {
		f.t.Fatal("the door was not opened")
	}
	last := f.building.awaitPass(f.t, int(opened)) // which is told after the order
	if !strings.Contains(string(last.Payload()), `"method":"remote"`) {
		f.t.Errorf("the event is %s", last.Payload())
	}
	orders := f.building.on(openTopic)
	return orders[len(orders)-1].Payload(), opened
}

// fence gives an order, before which what was said is taken, and checks that the door is opened for that alone.
func (f *farDoor) fence(opened *uint64, what string) {
	f.t.Helper()
	f.open().want(f.t, exitOK, "test/front is open", "")
	n := f.pulses()
	if n != *opened+1 {
		f.t.Errorf("%s: the door was opened %d times", what, n-*opened-1)
	}
	*opened = n
}

// TestOpenRemote opens a door from afar, once for each order: neither said again, retained, for another gate, after a restart, nor by a
// key that was removed.
func TestOpenRemote(t *testing.T) {
	f := newFarDoor(t, mosquittotest.New(t, loopback.Account{}), nil)
	given, opened := f.first()

	fence := func(what string) {
		t.Helper()
		f.fence(&opened, what)
	}
	f.says(openTopic, false, given)
	f.says(openTopic, false, given)
	fence("an order again")
	f.says(openTopic, true, given)
	f.says(openTopic, true, nil)
	fence("a retained order")
	for _, payload := range []string{"", "open", "{}", "null", string(given) + string(given), strings.Repeat("x", 4000), "\x00\xff"} {
		f.says(openTopic, false, []byte(payload))
	}
	fence("what is no order")

	f.open("--gate", "test/back", "--within", "1s").want(t, exitUnanswered, "", "knows of no gate test/back")
	f.open("--device", strings.Repeat("5", 62)+"00", "--within", "1s").want(t, exitFailed, "", "is no public key of a device")
	another := hex.EncodeToString(publicOf(t, f.key))
	f.open("--device", another, "--within", "1s").want(t, exitUnanswered, "", "facegate key list")
	fence("orders for other gates")

	f.gate.cmd.Process.Kill()
	<-f.gate.done
	f.says(openTopic, false, given)
	f.says(openTopic, false, f.sign())
	own, err := readOperatorKey(f.key)
	must(t, err)
	retained, nonce := f.signed(own, "front", 5*time.Second) // by then the gate is connected, and would not call it queued
	f.says(openTopic, true, retained)
	f.launch(nil)
	if opened = f.pulses(); opened != 0 {
		t.Errorf("the door was opened %d times for what the broker had kept", opened)
	}
	f.says(openTopic, true, nil)
	f.says(openTopic, false, given)
	fence("an order again after kill -9")
	if why, ok := f.replies()[nonce]; ok {
		t.Errorf("an order that the broker had retained is answered with %q", why)
	}

	facegate(t.Context(), "key", "remove", "control room", "--socket", f.site.Socket()).want(t, exitUnconfirmed, "", "--yes")
	facegate(t.Context(), "key", "remove", "control room", "--yes", "--socket", f.site.Socket()).want(t, exitOK, "no order that it has signed opens", "")
	f.open("--within", "1s").want(t, exitUnanswered, "", "the gate has not answered")
	if n := f.pulses(); n != opened {
		t.Errorf("by a key that was removed the door was opened %d times", n-opened)
	}
	f.building.mu.Lock()
	defer f.building.mu.Unlock()
	for _, m := range f.building.heard {
		if strings.Contains(string(m.Payload()), "control") {
			t.Errorf("the operator is named on %s: %s", m.Topic(), m.Payload())
		}
	}
}

// TestOrdersThatOpenNothing gives a running gate every order that opens nothing: one that is genuine is answered once, and any other is not.
func TestOrdersThatOpenNothing(t *testing.T) {
	t.Parallel()
	f := newFarDoorInDoubt(t, mosquittotest.New(t, loopback.Account{}), nil)
	own, err := readOperatorKey(f.key)
	must(t, err)
	_, foreign, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	f.doubts(own)
	f.confirm()
	_, opened := f.first()

	const none = order.Reason("no answer")
	want := map[order.Nonce]order.Reason{}
	give := func(payload []byte, nonce order.Nonce, reason order.Reason) {
		want[nonce] = reason
		f.says(openTopic, false, payload)
	}
	for _, tt := range []struct {
		name  string
		key   ed25519.PrivateKey
		gate  string
		after time.Duration
		want  order.Reason
	}{
		{"expired", own, "front", -time.Minute, order.Expired},
		{"of the future", own, "front", time.Hour, order.Early},
		{"for another gate", own, "back", 0, none},
		{"by nobody who is known", foreign, "front", 0, none},
	} {
		payload, nonce := f.signed(tt.key, tt.gate, tt.after)
		give(payload, nonce, tt.want)
		f.says(openTopic, false, payload) // which has its answer, if it has one
	}
	payload, nonce := f.signed(own, "front", 0)
	forged := []byte(strings.Replace(string(payload), `"signature":"`, `"signature":"00`, 1))
	give(append(forged[:len(forged)-4], `"}`...), nonce, none)

	f.fence(&opened, "of orders that open nothing")
	gatetest.Eventually(t, "all answers are heard", func() bool {
		n := 0
		for _, reasons := range f.replies() {
			if reasons[0] == "" {
				n++
			}
		}
		return n == int(opened) // the last one is that of the fence
	})
	replies := f.replies()
	for nonce, reason := range want {
		got := replies[nonce]
		if reason == none && len(got) > 0 || reason != none && !slices.Equal(got, []order.Reason{reason}) {
			t.Errorf("answered with %q, want %q", got, reason)
		}
	}
}

// doubts gives orders to a gate that listens soon, until one is answered. As long as nobody knows what time it is none opens the door.
func (f *farDoor) doubts(key ed25519.PrivateKey) {
	f.t.Helper()
	var s people.ClockStatus
	if facegate(f.t.Context(), "clock", "--json", "--socket", f.site.Socket()).decode(f.t, &s); s.Right {
		f.t.Log("a time server has set the clock of this machine: nothing is in doubt")
		return
	}
	gatetest.Eventually(f.t, "an order is refused for the clock", func() bool {
		payload, nonce := f.signed(key, "front", 0)
		f.says(openTopic, false, payload)
		time.Sleep(100 * time.Millisecond) // or a slow gate would be given thousands
		return slices.Equal(f.replies()[nonce], []order.Reason{order.Clock})
	})
	if n := f.pulses(); n != 0 {
		f.t.Errorf("by a clock in doubt the door was opened %d times", n)
	}
}

// TestNothingElseOpens says on every other topic what opens doors elsewhere, and a good order.
func TestNothingElseOpens(t *testing.T) {
	f := newFarDoor(t, mosquittotest.New(t, loopback.Account{}).Unwatched(), nil)
	given, opened := f.first()
	for _, name := range foreignTopics() {
		for _, payload := range []string{"OPEN", "UNLOCK", "ON", "{}", `{"state":"OPEN"}`, string(given)} {
			f.says(name, false, []byte(payload))
		}
	}
	f.fence(&opened, "on other topics")
}

// foreignTopics are those of a gate on which no order is taken, and others that look like the one.
func foreignTopics() (names []string) {
	for _, topic := range publish.Topics() {
		if at := "facegate/test/front/" + topic.Name; at != openTopic && !topic.Retained {
			names = append(names, at)
		}
	}
	for _, name := range []string{"cmd", "cmd/open/", "cmd/close", "cmd/OPEN", "lock/set", "ha/lock/set", "door/set", "lock/state/set"} {
		names = append(names, "facegate/test/front/"+name)
	}
	return append(names, "facegate/test/back/cmd/open", "facegate/cmd/open", "cmd/open", "homeassistant/lock/front/set")
}

// publicOf returns the public key of a private one in a file.
func publicOf(t *testing.T, path string) []byte {
	t.Helper()
	key, err := readOperatorKey(path)
	must(t, err)
	return key[32:]
}

// TestOpenRefused asks a door that lets no order open it today, with a key of ssh-keygen where there is one.
func TestOpenRefused(t *testing.T) {
	day := strings.ToLower(time.Now().AddDate(0, 0, 3).UTC().Format("Mon"))
	f := newFarDoor(t, mosquittotest.New(t, loopback.Account{}), gatetest.Settings{
		"time_zone": "UTC", "plans": "{later: [{days: " + day + ", from: 10:00, to: 11:00}]}", "rules": "[{by: [order], when: later}]",
	})
	gatetest.Eventually(t, "the gate answers", func() bool { return f.open().code == exitRefused })
	f.open().want(t, exitRefused, "", "the gate has refused the order: rules")
	f.open().want(t, exitRefused, "", "see facegate rules")
	f.open("--broker", "tcp://127.0.0.1:1").want(t, exitFailed, "", "correct the port in --broker")
	f.open("--key", f.key+".pub").want(t, exitFailed, "", "is no private key of Ed25519")
	f.open("--gate", "front").want(t, exitFailed, "", "--gate SITE/GATE")
	f.open("--broker", "http://broker").want(t, exitFailed, "", "MQTT over the web is not supported")
	must(t, os.Chmod(f.key, 0o644))
	f.open().want(t, exitFailed, "", "chmod 0600")
	if n := f.pulses(); n != 0 {
		t.Errorf("the door was opened %d times", n)
	}
	gatetest.Eventually(t, "the building hears the answer", func() bool {
		replies := f.building.on("facegate/test/front/cmd/reply")
		if len(replies) == 0 {
			return false
		}
		_, why, err := order.ReadReply(replies[len(replies)-1].Payload())
		return err == nil && why == order.Rules
	})
}

// TestOperatorKeys reads keys as OpenSSH and this program write them, and refuses others.
func TestOperatorKeys(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "own")
	facegate(t.Context(), "key", "new", own).want(t, exitOK, "facegate key add NAME", "")
	facegate(t.Context(), "key", "new", own).want(t, exitFailed, "", "to do: name a new file")
	text, err := os.ReadFile(own + ".pub")
	must(t, err)
	if got, err := operatorPublic(string(text)); err != nil || got != hex.EncodeToString(publicOf(t, own)) {
		t.Errorf("own: %s, %v", got, err)
	}
	private, err := os.ReadFile(own)
	must(t, err)
	if _, err := operatorPublic(string(private)); err == nil {
		t.Error("a private key is taken for a public one")
	}
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	for name, args := range map[string][]string{
		"plain": {"-t", "ed25519", "-N", ""}, "locked": {"-t", "ed25519", "-N", "secret"}, "rsa": {"-t", "rsa", "-b", "2048", "-N", ""},
	} {
		path := filepath.Join(dir, name)
		if out, err := exec.Command(keygen, append(args, "-q", "-C", "me", "-f", path)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		line, err := os.ReadFile(path + ".pub")
		must(t, err)
		public, publicErr := operatorPublic(string(line))
		_, privateErr := readOperatorKey(path)
		switch name {
		case "plain":
			if publicErr != nil || privateErr != nil || public != hex.EncodeToString(publicOf(t, path)) {
				t.Errorf("%s: %s, %v, %v", name, public, publicErr, privateErr)
			}
		case "locked":
			if publicErr != nil || privateErr == nil || !strings.Contains(privateErr.Error(), "passphrase") {
				t.Errorf("%s: %v, %v", name, publicErr, privateErr)
			}
		case "rsa":
			if publicErr == nil || privateErr == nil {
				t.Errorf("%s is taken", name)
			}
		}
	}
}
