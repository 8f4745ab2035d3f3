package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/systime"
	"facegate/cmd/facegate/internal/unsigned"
	"facegate/configs"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
	"facegate/store/audit"
)

// lock returns where the lock of the gate takes orders, by what Home Assistant was told last; "" if it has a sensor in its place, or knows
// of neither.
func (s *subscriber) lock(t *testing.T) (order string, known bool) {
	t.Helper()
	told := s.on("homeassistant/device/facegate_test_front/config")
	if len(told) == 0 {
		return "", false
	}
	var m struct {
		Components map[string]struct {
			Topic   string `json:"state_topic"`
			Command string `json:"command_topic"`
		} `json:"components"`
	}
	must(t, json.Unmarshal(told[len(told)-1].Payload(), &m))
	sensor, lock := m.Components["lock"], m.Components["opener"]
	if (sensor.Topic == "") == (lock.Topic == "") {
		t.Errorf("Home Assistant has both, or neither: %s", told[len(told)-1].Payload())
	}
	return lock.Command, true
}

// TestHomeAssistantOpens has a Home Assistant open a door with what it is told, not more often than it may, and say so everywhere; and no
// more once the words are gone by which it may.
func TestHomeAssistantOpens(t *testing.T) {
	t.Parallel()
	site, account := gatetest.NewSite(t), loopback.NewAccount()
	b := mosquittotest.New(t, account)
	b.Start(t)
	must(t, os.WriteFile(site.Path("password"), []byte(account.Password), 0o600))
	building := subscribe(t, b.URL(), account)
	says := func(topic, word string) {
		t.Helper()
		if token := building.client.Publish(topic, 1, false, word); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatalf("publish on %s: %v", topic, token.Error())
		}
	}
	heard := func() { // the gate has heard what was said before that
		t.Helper()
		before := len(building.on(gateTopics + "info"))
		says("homeassistant/status", "online")
		gatetest.Eventually(t, "the gate says again what it is", func() bool { return len(building.on(gateTopics+"info")) > before })
	}
	settings := func(words string) gatetest.Settings {
		return gatetest.Settings{"mqtt": fmt.Sprintf(
			"{broker: 'tcp://%s', username: %s, password_file: %s, home_assistant: {discovery: true, unsigned_orders: %q}}",
			newTap(t, "tcp", "127.0.0.1:0", b.URL()).listener.Addr(), account.Username, site.Path("password"), words)}
	}
	started := func(with gatetest.Settings) *live {
		t.Helper()
		l := startLive(t, site, with)
		gatetest.Eventually(t, "the gate is connected", func() bool {
			var s status.Status
			l.do(t, "status", "--json").decode(t, &s)
			return s.MQTT.Connected
		})
		return l
	}

	on := settings(configs.UnsignedWords)
	facegate(t.Context(), "config", "check", "--config", site.WriteConfig(t, on)).want(t, exitOK, configs.UnsignedWords, "")
	l := started(on)
	var topic string
	gatetest.Eventually(t, "the lock takes orders", func() bool { topic, _ = building.lock(t); return topic != "" })
	for _, word := range []string{"LOCK", "OPEN", "unlock", "", strings.Repeat("UNLOCK", 2000)} {
		says(topic, word)
	}
	first := time.Now()
	says(topic, "UNLOCK")
	if e := string(building.awaitPass(t, 1).Payload()); !strings.Contains(e, `"opened"`) || !strings.Contains(e, `"method":"home-assistant"`) {
		t.Errorf("the event is %s", e)
	}
	for range 100 {
		says(topic, "UNLOCK")
	}
	heard()
	most := 1 + int(time.Since(first)/unsigned.Rest) // one, unless this machine is slow
	for _, command := range [][]string{{"status"}, {"mqtt", "status"}} {
		l.do(t, command...).want(t, exitOK, "whoever may write to the broker may open this door", "")
	}
	l.do(t, "rules").want(t, exitOK, "Home Assistant, with an order that nobody signs", "")
	l.stop()

	off := settings("")
	l = started(off)
	gatetest.Eventually(t, "a sensor is in place of the lock", func() bool { order, known := building.lock(t); return known && order == "" })
	says(topic, "UNLOCK")
	heard()
	if said := l.do(t, "mqtt", "status").out; strings.Contains(said, "nobody signs") {
		t.Errorf("without the words the status is\n%s", said)
	}
	l.stop()
	records, err := opening.Store(site.Config(t, off), systime.New(), discard)
	must(t, err)
	defer records.Close()
	log, err := records.Log().Read()
	must(t, err)
	opened := 0
	for _, r := range log.Records {
		if r.Entry != nil && r.Entry.Kind == audit.OpenedUnsigned {
			opened++
		}
	}
	if told := len(building.on(passTopic)); opened == 0 || opened > most || told != opened {
		t.Errorf("the audit log has %d openings of %d at most, and building systems were told %d", opened, most, told)
	}
}
