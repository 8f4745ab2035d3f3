package daemon_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/desk"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/device/evdev"
	"facegate/gpio/door"
	"facegate/gpio/sim"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
	"facegate/store"
	"facegate/store/audit"
)

// What Anna types, and what she types when she is forced to.
const (
	usualPIN  = "271828"
	duressPIN = "314159"
)

// A pad is a gate with a keypad and a reader of cards, both as the kernel shows them, and no camera. Anna gives no face, and has a
// card and a number with a PIN.
type pad struct {
	*running
	keys, cards *evdev.Twin
	said        chan desk.Said
	number      string
}

// openPad starts the gate of a site. At its first start Anna is put on the list.
func openPad(t *testing.T, site gatetest.Site, more gatetest.Settings, out daemon.Outside) *pad {
	t.Helper()
	p := &pad{said: make(chan desk.Said, 10)}
	plug := func(name string) (*evdev.Twin, string) {
		path := filepath.Join(t.TempDir(), name)
		twin, err := evdev.Plug(path)
		must(t, err)
		t.Cleanup(func() { twin.Unplug() })
		return twin, path
	}
	var keys, cards string
	p.keys, keys = plug("pad-event-kbd")
	p.cards, cards = plug("desk-event-kbd")
	settings := with(more, "readers", fmt.Sprintf("[{name: pad, kind: keypad, device: %s}, {name: desk, kind: usb, device: %s}]", keys, cards))
	out.Source, out.Said = lost{}, func(s desk.Said) { p.said <- s }
	p.running = start(t, site, with(settings, "alternatives", "[card, pin]"), out)
	if _, err := p.Store().Person("Anna"); err != nil {
		p.join(t)
	}
	n, err := p.Store().Credentials().Number("Anna")
	must(t, err)
	p.number = n.String()
	return p
}

func (p *pad) join(t *testing.T) {
	t.Helper()
	_, err := p.client.Join(t.Context(), people.JoinRequest{Label: "Anna", Reference: "contract 7", Until: time.Now().Add(gatetest.Valid)})
	must(t, err)
	for _, r := range []people.PINRequest{{Label: "Anna", PIN: []byte(usualPIN)}, {Label: "Anna", PIN: []byte(duressPIN), Duress: true}} {
		_, err := p.client.SetPIN(t.Context(), r)
		must(t, err)
	}
	_, err = p.Store().Credentials().AddCard("Anna", store.ShownCard{Value: []byte("04A2B3C4")}, store.Terms{}, 1000)
	must(t, err)
}

// types has keys pressed, and returns what came of them.
func (p *pad) types(t *testing.T, keys string) attempt.Outcome {
	t.Helper()
	must(t, p.keys.Type(keys))
	return p.answer(t)
}

func (p *pad) card(t *testing.T) attempt.Outcome {
	t.Helper()
	must(t, p.cards.Type("04A2B3C4\n"))
	return p.answer(t)
}

func (p *pad) answer(t *testing.T) attempt.Outcome {
	t.Helper()
	select {
	case s := <-p.said:
		if s.Unread {
			t.Error("it could not be read")
		}
		return s.Outcome
	case <-time.After(30 * time.Second):
		t.Fatalf("nothing came of it:\n%s", p.log)
		return attempt.Outcome{}
	}
}

// locked waits until the door is locked again, and what was said about it is over.
func (p *pad) locked(t *testing.T) {
	t.Helper()
	gatetest.Eventually(t, "the door is locked", func() bool { return p.Status().Door.State == "locked" })
}

// TestTypedPIN has somebody type number and PIN at a running gate, as the kernel tells of the keys. What is right opens the door; what
// is wrong locks the PIN out, which outlives a restart, and no card takes it back.
func TestTypedPIN(t *testing.T) {
	site := gatetest.NewSite(t)
	settings := gatetest.Settings{
		"door": "{driver: sim, pulse: 200ms}", "lockout": "{delay_after: 2, delay: 1h, disable_after: 40}",
	}
	p := openPad(t, site, settings, daemon.Outside{})
	opened := 0
	opens := func(what string, o attempt.Outcome) {
		t.Helper()
		p.locked(t)
		if opened++; o.Opened.IsZero() || len(p.line.Edges()) != 2*opened {
			t.Errorf("%s: %+v, and the relay has changed %d times\n%s", what, o, len(p.line.Edges()), p.log)
		}
	}
	refuses := func(what, pin string, want attempt.Reason) {
		t.Helper()
		if o := p.types(t, p.number+"*"+pin+"#"); o.Reason != want || !o.Opened.IsZero() || len(p.line.Edges()) != 2*opened {
			t.Errorf("%s: %+v, want %v", what, o, want)
		}
	}
	right := func() attempt.Outcome { return p.types(t, p.number+"*"+usualPIN+"#") }
	opens("number and PIN", right())
	refuses("a wrong PIN", "271829", attempt.Unproven)
	opens("the PIN after a wrong one", right())
	refuses("a wrong PIN", "271829", attempt.Unproven)
	refuses("a second one", "271829", attempt.Unproven)
	opens("the card of whose PIN is locked out", p.card(t))
	refuses("the right PIN", usualPIN, attempt.Closed)
	p.stop()

	p, opened = openPad(t, site, settings, daemon.Outside{}), 0
	opens("the card after a restart", p.card(t))
	refuses("the right PIN after a restart and a card", usualPIN, attempt.Closed)
	if m := p.Status().Lockout.Means; len(m) != 1 || m[0].Means != "pin" || m[0].Slowed != 1 {
		t.Errorf("the status says of what is locked out: %+v", m)
	}
	must(t, p.client.ResetLockout(t.Context()))
	opens("the PIN after the reset", right())
}

// A traceOf is all that can be seen, heard and asked of a gate at which somebody has typed a PIN, times aside.
type traceOf struct {
	Outcomes []string
	Door     []bool // levels of the line, in their order
	Buzzer   []bool
	Screen   []string
	Told     []string // to building systems, but for alarms
	Asked    map[string]string
	Log      []string
}

// TestDuressLooksLikeTheUsualPIN has Anna type her PIN at a running gate, and at another one that for duress. Whatever can be seen of
// the two is the same; the second raises an alarm.
func TestDuressLooksLikeTheUsualPIN(t *testing.T) {
	usual, none := visits(t, usualPIN)
	forced, raised := visits(t, duressPIN)
	if diff := cmp.Diff(usual, forced); diff != "" {
		t.Errorf("what is seen of somebody who is forced (-usual +forced):\n%s", diff)
	}
	if len(usual.Told) == 0 || len(usual.Buzzer) != 4 || !slices.Contains(usual.Screen, "granted") || len(usual.Door) != 4 {
		t.Errorf("too little is seen: %+v", usual)
	}
	if none != [2]int{} || raised != [2]int{2, 2} {
		t.Errorf("%v alarms are told and noted of who is forced twice, and %v otherwise", raised, none)
	}
}

// visits has Anna come in twice by number and PIN at a gate of her own, and returns what was seen, and how many alarms building systems
// were told of, and the audit log has.
func visits(t *testing.T, pin string) (seen traceOf, alarms [2]int) {
	t.Helper()
	site := gatetest.NewSite(t).FixKey(t)
	building, broker := hears(t, site)
	buzzer, red, green := sim.New(), sim.New(), sim.New()
	p := openPad(t, site, gatetest.Settings{
		"door":  "{driver: sim, pulse: 3s, contact: {line: C}, buzzer: {line: B}, led_red: {line: R}, led_green: {line: G}}",
		"kiosk": `{listen: "127.0.0.1:0", tones: true}`, "mqtt": broker,
	}, daemon.Outside{Inputs: door.Inputs{Contact: sim.NewInput()}, Signals: door.Signals{Buzzer: buzzer, Red: red, Green: green}})
	screen := p.screen(t)
	n := screen.await(t, 0, "try-card")
	for range 2 {
		o := p.types(t, p.number+"*"+pin+"#")
		seen.Outcomes = append(seen.Outcomes, fmt.Sprint(o.Opened.IsZero(), o.Wait, o.Reason, o.Err))
		n = screen.await(t, n, "granted")
		lit(t, green, red)
		n = screen.await(t, n-1, "try-card")
		p.locked(t)
		lit(t, red, green)
	}
	gatetest.Eventually(t, "all is written down and told", func() bool {
		s := p.Status()
		return s.Record.Waiting == 0 && s.MQTT.Queued == 0 && len(building.on("/pass")) == 2
	})
	seen.Asked = p.answers(t, site)
	log, err := p.Store().Log().Read()
	must(t, err)
	for _, r := range log.Records {
		if r.Entry.Kind == audit.Duress {
			alarms[1]++
		}
	}
	alarms[0] = len(building.on("/alarm/duress"))
	p.stop()
	seen.Door, seen.Buzzer = levels(p.line), levels(buzzer)
	seen.Screen, seen.Told, seen.Log = screen.since(0), building.others(p.number), logged(p.log, p.number)
	return seen, alarms
}

// lit waits until one light is lit and the other is not, whatever blinks meanwhile.
func lit(t *testing.T, one, other *sim.Line) {
	t.Helper()
	gatetest.Eventually(t, "the light is lit", func() bool { return one.Active() && !other.Active() })
}

// levels are those that a line has had.
func levels(l *sim.Line) (all []bool) {
	for _, e := range l.Edges() {
		all = append(all, e.Active)
	}
	return all
}

// answers asks a gate all that does not change it, over its socket.
func (p *pad) answers(t *testing.T, site gatetest.Site) map[string]string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", site.Socket())
		},
	}}
	all := map[string]string{}
	for _, q := range []struct{ method, path, body string }{
		{"GET", "/status", ""},
		{"GET", "/people", ""},
		{"POST", "/person", `{"label": "Anna"}`},
		{"POST", "/pin/number", `{"label": "Anna"}`},
		{"GET", "/device", ""},
		{"GET", "/receipts", ""},
		{"GET", "/visits", ""},
		{"GET", "/clock", ""},
		{"GET", "/door", ""},
		{"GET", "/epoch", ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), q.method, "http://gate"+q.path, strings.NewReader(q.body))
		must(t, err)
		res, err := client.Do(r)
		must(t, err)
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		must(t, err)
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %s\n%s", q.path, res.Status, body)
		}
		all[q.path] = timeless(strings.ReplaceAll(string(body), site.Dir, "DIR"), p.number)
	}
	return all
}

// What is not the same at any two gates: times, and what is drawn at random.
var (
	times  = regexp.MustCompile(`\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?|"[a-z_]+_(s|ms)":[\d.]+|=[\d.]+(µs|ms|s)\b`)
	random = regexp.MustCompile(`\b[0-9a-f]{16,}\b|"id":"[0-9a-f]+"|(127\.0\.0\.1|facegate-)[:\d]*\d|[A-Za-z0-9+/]{40,}=*`)
)

// timeless returns a text without what differs between any two gates.
func timeless(text, number string) string {
	text = times.ReplaceAllString(text, "TIME")
	return random.ReplaceAllString(strings.ReplaceAll(text, number, "NUMBER"), "RANDOM")
}

// logged are the lines of a log from which on people could come in. Two rooms write at once, so their order is none.
func logged(l *log, number string) (lines []string) {
	for line := range strings.Lines(l.String()) {
		_, line, _ = strings.Cut(line, " ") // the time
		lines = append(lines, timeless(line, number))
	}
	slices.Sort(lines)
	return lines
}

// A building hears all that a gate tells.
type building struct {
	mu    sync.Mutex // guards heard
	heard []mqtt.Message
}

// hears starts a broker, and returns who hears it, and the settings of a gate that uses it.
func hears(t *testing.T, site gatetest.Site) (*building, string) {
	t.Helper()
	account := loopback.NewAccount()
	broker := contracttest.Start(t, account)
	must(t, os.WriteFile(site.Path("password"), []byte(account.Password), 0o600))
	b := new(building)
	client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(broker.URL()).SetClientID("building").
		SetUsername(account.Username).SetPassword(account.Password))
	for _, step := range []func() mqtt.Token{client.Connect, func() mqtt.Token { return client.Subscribe("#", 1, b.hear) }} {
		if token := step(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatalf("subscribe: %v", token.Error())
		}
	}
	t.Cleanup(func() { client.Disconnect(100) })
	return b, fmt.Sprintf("{broker: %q, username: %s, password_file: %s}", broker.URL(), account.Username, site.Path("password"))
}

func (b *building) hear(_ mqtt.Client, m mqtt.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, m)
}

// on returns what was heard on the topics that end so.
func (b *building) on(end string) (found []mqtt.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.heard {
		if strings.HasSuffix(m.Topic(), end) {
			found = append(found, m)
		}
	}
	return found
}

// others returns what was heard besides alarms of duress. How often a state was told, and what of the start, is chance.
func (b *building) others(number string) (all []string) {
	passed := false
	for _, m := range b.on("") {
		passed = passed || strings.HasSuffix(m.Topic(), "/pass")
		beginning := !passed && (strings.HasSuffix(m.Topic(), "/health") || strings.HasSuffix(m.Topic(), "/mode"))
		if strings.HasSuffix(m.Topic(), "/alarm/duress") || strings.HasPrefix(m.Topic(), "$") || beginning {
			continue
		}
		text := fmt.Sprintf("%s %d %v %s", m.Topic(), m.Qos(), m.Retained(), timeless(string(m.Payload()), number))
		if !isState(m.Topic()) || !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	slices.Sort(all)
	return all
}

// isState reports whether a broker retains what is said on a topic.
func isState(topic string) bool {
	return slices.ContainsFunc(publish.Topics(), func(t publish.Topic) bool { return t.Retained && strings.HasSuffix(topic, "/"+t.Name) })
}
