package publish_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/configs/address"
	"facegate/pipeline/publish"
	"facegate/pipeline/publish/mosquittotest"
)

// A site is three brokers, each with a cable to it and an observer beside.
type site struct {
	brokers [3]*mosquittotest.Broker
	cables  [3]*cable
}

func newSite(t *testing.T, make func(i int) *mosquittotest.Broker) *site {
	t.Helper()
	s := new(site)
	for i := range s.brokers {
		s.brokers[i] = make(i)
		s.brokers[i].Start(t)
		s.cables[i] = newCable(t, listen(t), s.brokers[i])
	}
	return s
}

// config is that of a gate of the site.
func (s *site) config() publish.Config {
	cfg := gate("tcp", s.cables[0])
	for _, c := range s.cables[1:] {
		cfg.Brokers = append(cfg.Brokers, addressOf("tcp", c.listener.Addr()))
	}
	return cfg
}

// at returns the broker at an address.
func (s *site) at(text string) int {
	return slices.IndexFunc(s.cables[:], func(c *cable) bool { return addressOf("tcp", c.listener.Addr()).String() == text })
}

// TestBrokersKilledInTurn kills the broker that the gate is at, again and again, and brings it back after the next. No event is lost: each is
// at one of the brokers. The gate is at another one at once, and says which, and what is wrong with the one before.
func TestBrokersKilledInTurn(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(int) *mosquittotest.Broker { return mosquittotest.New(t, account) })
	r := &rig{t: t}
	r.build(s.config())
	r.run()
	r.connected()
	seen := map[uint64]bool{}
	down := -1
	for round := range 6 {
		at := s.at(r.publisher.Status().Broker)
		watch := observe(t, s.brokers[at])
		r.grant(5)
		eventually(t, "the events of a round", func() bool {
			for _, m := range watch.on("pass") {
				seen[decode(t, m.payload).Seq] = true
			}
			return len(seen) == 5*(round+1)
		})
		if down >= 0 {
			s.brokers[down].Start(t)
		}
		killed := time.Now()
		s.brokers[at].Kill(t)
		eventually(t, "the gate is at another broker", func() bool {
			st := r.publisher.Status()
			return st.Connected && s.at(st.Broker) != at
		})
		t.Logf("at another broker after %v", time.Since(killed).Round(time.Millisecond))
		st := r.publisher.Status()
		was := slices.IndexFunc(st.Others, func(o publish.Other) bool { return s.at(o.Broker) == at })
		if len(st.Others) != 2 || was < 0 || st.Others[was].Fault == "" || st.Others[was].Hint == "" || st.Others[was].Tried.IsZero() {
			t.Errorf("round %d: the status is %+v", round, st)
		}
		if st.Fault != "" {
			t.Errorf("round %d: %s", round, st.Err)
		}
		down = at
	}
	s.brokers[down].Start(t) // for who stops them
}

// TestNoBrokerOfThree has all of them away: each is tried, the status says so of each, and the first that is back is taken.
func TestNoBrokerOfThree(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(int) *mosquittotest.Broker { return mosquittotest.New(t, account) })
	for _, b := range s.brokers {
		b.Kill(t)
	}
	r := &rig{t: t}
	r.build(s.config())
	r.run()
	r.grant(3)
	eventually(t, "all have been tried", func() bool {
		st := r.publisher.Status()
		return strings.HasPrefix(st.Err, "none of 3 brokers serves this gate; ") && len(st.Others) == 2 && st.Others[0].Err != "" && st.Others[1].Err != ""
	})
	if st := r.publisher.Status(); st.Connected || st.Queued != 3 || st.Hint == "" {
		t.Errorf("the status is %+v", st)
	}
	s.brokers[1].Start(t)
	r.connected()
	eventually(t, "the events are told", func() bool { return r.publisher.Status().Queued == 0 })
	if st := r.publisher.Status(); s.at(st.Broker) != 1 {
		t.Errorf("it is at %s", st.Broker)
	}
}

// TestNextBrokerWhereOneWithholds leaves a broker whose access list lets no event through for the next one.
func TestNextBrokerWhereOneWithholds(t *testing.T) {
	t.Parallel()
	first := 0
	s := newSite(t, func(i int) *mosquittotest.Broker {
		return mosquittotest.NewGuarded(t, account, "topic readwrite facegate/#")
	})
	r := &rig{t: t}
	r.build(s.config())
	first = s.at(r.publisher.Status().Broker) // which it is to be tried first
	s.brokers[first].Allow(t, "topic read facegate/#")
	r.grant(2)
	r.run()
	eventually(t, "the events are told", func() bool { return r.publisher.Status().Queued == 0 })
	st := r.publisher.Status()
	was := slices.IndexFunc(st.Others, func(o publish.Other) bool { return s.at(o.Broker) == first })
	if !st.Connected || was < 0 || st.Others[was].Fault != "withheld" || st.Fault != "" {
		t.Errorf("the status is %+v", st)
	}
}

// TestOrderOfBrokers spreads gates over the brokers, the same at every start, and when a broker is added.
func TestOrderOfBrokers(t *testing.T) {
	first := func(id string, hosts ...string) string {
		cfg := publish.Config{ClientID: id, Site: "hq", Gate: "north"}
		for _, h := range hosts {
			cfg.Brokers = append(cfg.Brokers, address.Address{Host: h, Port: 8883, TLS: true})
		}
		return publish.FirstBroker(cfg)
	}
	count, moved := map[string]int{}, 0
	for i := range 300 {
		id := "facegate-hq-" + string(rune('a'+i%26)) + strings.Repeat("x", i/26)
		at := first(id, "a", "b", "c")
		if again := first(id, "c", "a", "b"); again != at {
			t.Fatalf("%s is at %s, and by another order in the file at %s", id, at, again)
		}
		count[at]++
		switch now := first(id, "a", "b", "c", "d"); {
		case now == at:
		case now == "ssl://d:8883":
			moved++
		default:
			t.Errorf("%s goes from %s to %s because there is a fourth", id, at, now)
		}
	}
	for at, n := range count {
		if n < 70 || n > 130 {
			t.Errorf("%d of 300 gates are at %s", n, at)
		}
	}
	if moved < 45 || moved > 105 {
		t.Errorf("%d of 300 gates go to a fourth broker", moved)
	}
}
