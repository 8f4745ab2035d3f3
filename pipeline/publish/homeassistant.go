package publish

import (
	"io"
	"slices"
	"sync"

	"facegate/pipeline/publish/homeassistant"
	"facegate/pipeline/publish/orders"
)

// The topics that lie below the prefix of Home Assistant.
const (
	discovery = "{prefix}/device/{id}/config"
	birth     = "{prefix}/status"
)

// HomeAssistantTopics returns the topics on which a gate and a Home Assistant speak besides those of Topics. Their names are whole, with
// the prefix of Home Assistant, and the id that the gate has there. What is said on them has the form that Home Assistant wants.
func HomeAssistantTopics() []Topic {
	return []Topic{
		{discovery, Gate, qos, true, nil, nil, "What there is to see of the gate, and where."},
		{birth, Building, 0, false, nil, nil, "Home Assistant has started, or ended."},
	}
}

// retained returns the names of the topics on which the broker keeps what the gate has said last.
func (cfg Config) retained() (names []string) {
	for _, t := range slices.Concat(Topics(), HomeAssistantTopics()) {
		switch {
		case t.From != Gate || !t.Retained:
		case t.Name == request:
			for _, witness := range cfg.Witnesses {
				names = append(names, t.of(witness))
			}
		default:
			names = append(names, t.Name)
		}
	}
	return names
}

// A home is what a Home Assistant learns of the gate, and may order.
type home struct {
	desk *orders.Desk // nil if its orders are not taken
	rand io.Reader

	mu    sync.Mutex          // guards what follows
	gate  *homeassistant.Gate // nil if it learns of none
	order string              // the topic on which it orders on this connection, "" if it does not
}

// Introduce has Home Assistant learn of the gate: what there is to see of it, and of a door that has what is not "" in d. It waits for
// nobody.
func (p *Publisher) Introduce(version string, d Door) error {
	g := &homeassistant.Gate{
		Site: p.cfg.Site, Gate: p.cfg.Gate, Version: version, Events: []string{string(Granted), string(Opened)},
		Topics: homeassistant.Topics{Availability: p.cfg.topic(availability), Health: p.cfg.topic(healthState), Live: p.cfg.topic(passLive)},
	}
	t := &g.Topics
	for _, s := range []struct {
		topic *string
		name  string
		has   bool
	}{
		{&t.Lock, lockState, d.Lock != ""},
		{&t.Door, doorState, d.Leaf != ""},
		{&t.Held, alarmHeld, d.Held != ""},
		{&t.Forced, alarmForced, d.Forced != ""},
		{&t.Tamper, alarmTamper, d.Tamper != ""},
		{&t.Fire, alarmFire, d.Fire != ""},
	} {
		if s.has {
			*s.topic = p.cfg.topic(s.name)
		}
	}
	p.home.mu.Lock()
	defer p.home.mu.Unlock()
	p.home.gate = g
	return p.introduce()
}

// introduce says what Home Assistant is to learn now. p.home.mu must be held.
func (p *Publisher) introduce() error {
	if p.home.gate == nil {
		return nil
	}
	g := *p.home.gate
	g.Topics.Order = p.home.order
	payload, err := g.Discovery()
	if err == nil {
		p.states.Set(discovery, payload)
	}
	return err
}
