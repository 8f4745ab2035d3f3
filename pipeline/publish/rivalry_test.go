package publish_test

import (
	"strings"
	"testing"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/mosquittotest"
)

// TestLastWord bridges to the gate's broker another one, which has retained what the gate said long ago. Then somebody speaks for the gate
// again and again. The last word is the gate's each time, and the status says on which topic somebody else speaks.
func TestLastWord(t *testing.T) {
	t.Parallel()
	former := mosquittotest.New(t, account)
	former.Start(t)
	t.Cleanup(func() { former.Stop(t) })
	wire := newCable(t, listen(t), former)
	wire.block(true)
	b := mosquittotest.New(t, account)
	b.Configure(t, "connection former", "address "+wire.listener.Addr().String(), "topic facegate/# in 1", "restart_timeout 1",
		"remote_username "+account.Username, "remote_password "+account.Password)
	r := newRig(t, b)
	door := publish.Door{Lock: publish.Locked, Leaf: publish.Closed, Held: publish.Off}
	r.publisher.SetDoor(door)
	health := publish.Health{State: "ok", Conditions: []publish.Condition{}, Time: "2026-03-02T08:14:07.412Z", Clock: publish.Synced}
	mode := publish.Mode{Ways: []string{"face"}, Schedule: "rules", Match: "one-to-many"}
	if r.publisher.SetHealth(health) != nil || r.publisher.SetMode(mode) != nil {
		t.Fatal("the states cannot be told")
	}
	r.run()
	r.connected()
	topics := []string{"availability", "lock/state", "door/state", "alarm/held/state", "health", "mode"}
	eventually(t, "all is told", func() bool { return len(r.said(topics)) == len(topics) })
	want := r.said(topics)

	then := dial(t, former, account)
	defer then.Disconnect(100)
	for name, was := range map[string]string{
		"lock/state": "UNLOCKED", "door/state": "OPEN", "alarm/held/state": "ON",
		"health": strings.Replace(want["health"], `"ok"`, `"down"`, 1), "mode": strings.Replace(want["mode"], `"face"`, `"card"`, 1),
	} {
		wait(t, "say", then.Publish("facegate/hq/north/"+name, 1, true, was))
	}
	wire.block(false)
	for _, name := range topics[1:] {
		eventually(t, "the bridge has brought "+name, func() bool {
			for _, m := range r.observer.on(name) {
				if m.payload != want[name] {
					return true
				}
			}
			return false
		})
	}
	stands := func() bool {
		said := r.said(topics)
		for name, text := range want {
			if said[name] != text {
				return false
			}
		}
		return true
	}
	eventually(t, "the gate has the last word", stands)
	late := r.anotherObserver()
	eventually(t, "whoever comes later is told", func() bool { return len(late.messagesNow()) >= len(topics) })
	if !stands() {
		t.Errorf("the broker retains %q", r.said(topics))
	}

	for range 3 {
		wait(t, "say", late.client.Publish("facegate/hq/north/lock/state", 1, true, "UNLOCKED"))
		eventually(t, "it has the last word again", func() bool { return len(late.on("lock/state")) > 1 && stands() })
	}
	eventually(t, "the status says who speaks", func() bool {
		s := r.publisher.Status()
		return s.Connected && s.Fault == "overruled" && strings.Contains(s.Err, "facegate/hq/north/lock/state") && s.Hint != ""
	})
}

// said returns what the observer has heard last on each of some topics.
func (r *rig) said(topics []string) map[string]string {
	last := map[string]string{}
	for _, name := range topics {
		for _, m := range r.observer.on(name) {
			last[name] = m.payload
		}
	}
	return last
}
