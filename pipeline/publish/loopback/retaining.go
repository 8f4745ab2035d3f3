package loopback

import (
	"strings"
	"sync"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// A retaining hook has mochi retain messages and look for those that somebody who subscribes is to get one at a time. By itself mochi
// (v2.7.9) reads what it has retained without the lock under which it is written, when a filter has a wildcard.
type retaining struct {
	mqtt.HookBase
	mu sync.Mutex // held from a hook before mochi retains, or looks, to the one after it
}

func (*retaining) ID() string { return "retaining" }

func (*retaining) Provides(method byte) bool {
	switch method {
	case mqtt.OnPublish, mqtt.OnWill, mqtt.OnRetainMessage, mqtt.OnSubscribe, mqtt.OnPacketProcessed:
		return true
	}
	return false
}

// OnPublish lets every message through, and is asked last: what is to be retained is retained next.
func (r *retaining) OnPublish(_ *mqtt.Client, p packets.Packet) (packets.Packet, error) {
	if p.FixedHeader.Retain {
		r.mu.Lock()
	}
	return p, nil
}

// OnWill comes before a will is retained, unless that is done later, by a task of mochi.
func (r *retaining) OnWill(c *mqtt.Client, w mqtt.Will) (mqtt.Will, error) {
	if w.Retain && c.Properties.Will.WillDelayInterval == 0 {
		r.mu.Lock()
	}
	return w, nil
}

func (r *retaining) OnRetainMessage(_ *mqtt.Client, p packets.Packet, _ int64) {
	if p.Connect.WillProperties.WillDelayInterval == 0 {
		r.mu.Unlock()
	}
}

func (r *retaining) OnSubscribe(_ *mqtt.Client, p packets.Packet) packets.Packet {
	if looks(p) {
		r.mu.Lock()
	}
	return p
}

// OnPacketProcessed comes after what is retained was handed to whoever has subscribed.
func (r *retaining) OnPacketProcessed(_ *mqtt.Client, p packets.Packet, _ error) {
	if p.FixedHeader.Type == packets.Subscribe && looks(p) {
		r.mu.Unlock()
	}
}

// looks reports whether mochi goes through what it has retained for p.
func looks(p packets.Packet) bool {
	for _, s := range p.Filters {
		if strings.ContainsAny(s.Filter, "+#") {
			return true
		}
	}
	return false
}
