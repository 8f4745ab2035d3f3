package publish

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A lack is what a broker does without, of what every broker of MQTT 3.1.1 has to have and some have not.
type lack uint8

// The lacks, of which there may be both.
const (
	noRetain lack = 1 << iota // it keeps nothing for whoever asks later
	noQoS1                    // it takes nothing at QoS 1
)

// A broker may end a connection for asking for what it lacks, from the will on, and need not say why. So when one ends early a trial
// asks for less and less, in this order.
func lesser() []lack { return []lack{0, noRetain, noQoS1, noRetain | noQoS1} }

// A trial finds out what a broker lacks:
//
//  1. While connections end early, and not by coincidence, each asks for less than the one before, and after the least for all again.
//  2. One that lasts and asks for less proves nothing: the broker may have begun to work meanwhile. So it is ended, and the next asks for
//     all.
//  3. If that ends early, the broker lacks what is not asked for from then on.
//  4. When such a connection ends, all of this is found out anew: somebody may have mended the broker.
//
// Some brokers take what they lack, and forget it. That is seen on each connection, and told.
type trial struct {
	mu     sync.Mutex // guards what follows
	asks   int        // which of lesser the next connection goes by
	worked int        // which one a connection has lasted by, before it was ended for proof; 0 for none
	proven bool       // that it lasts by nothing better
	late   bool       // the connections that ended early were granted first
	ends   int        // how many in a row did that asked for all
	seen   lack       // what the broker has taken and forgotten on this connection
}

// coincidence is how many connections in a row that end early are more than one.
const coincidence = 2

// errProve ends a connection that lasts and asks for less than all.
var errProve = errors.New("the broker is asked for more again")

// begin returns what the next connection is to do without.
func (t *trial) begin() lack {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = 0
	return lesser()[t.asks]
}

// lasts notes that a connection has come so far that the broker takes all that it asks for: that it is granted, where connections before it
// were not, or announced. The error is errProve where it has to be ended all the same.
func (t *trial) lasts(announced bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.late && !announced:
	case t.asks == 0:
		t.worked, t.proven, t.late = 0, false, false
	case !t.proven:
		t.worked, t.asks = t.asks, 0
		return errProve
	}
	return nil
}

// ended notes that a connection has ended, early or not, and whether it was granted.
func (t *trial) ended(early, granted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if early && granted != t.late {
		t.late, t.ends = granted, 0
	}
	switch {
	case early && t.asks == 0 && t.worked > 0:
		t.asks, t.proven = t.worked, true
	case early && t.asks == 0 && t.ends+1 < coincidence:
		t.ends++
	case early:
		t.asks, t.worked, t.proven = (t.asks+1)%len(lesser()), 0, false
	default:
		t.asks, t.proven, t.ends = 0, false, 0
	}
}

// forgets notes that the broker has taken what it lacks, and returns all that it is known to.
func (t *trial) forgets(l lack) lack {
	t.mu.Lock()
	t.seen |= l
	t.mu.Unlock()
	return t.lacks()
}

// lacks returns what the broker is known to lack.
func (t *trial) lacks() (l lack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proven {
		l = lesser()[t.worked]
	}
	return l | t.seen
}

// mayLack reports whether a connection that ended before all was announced may have because of what it asked for, and whether it was
// granted first.
func (f *Fault) mayLack() (early, granted bool) {
	switch {
	case f.at == greeting:
		return f.Kind == "closed" || f.Kind == "no-broker" || f.Kind == "mute", false
	case f.at == announcing:
		return f.Kind == "unwelcome" || f.Kind == "no-ack", true
	}
	return false, false
}

// without explains what the broker lacks, nil for nothing.
func (e explainer) without(l lack) *Fault {
	const states = "Whoever asks later learns nothing of lock, door and health until they change: let the broker retain messages " +
		"(mosquitto: retain_available true), or use another one."
	const events = "Events are sent until the broker gives them back, and building systems may miss some: let the broker take QoS 1 " +
		"(mosquitto: max_qos 1, or leave it out), or use another one."
	switch l {
	case noRetain:
		return e.fault("no-retain", "retains nothing", "%s", states)
	case noQoS1:
		return e.fault("no-qos1", "takes nothing at QoS 1", "%s", events)
	case noRetain | noQoS1:
		return e.fault("no-retain-no-qos1", "retains nothing, and takes nothing at QoS 1", "%s", events+" "+states)
	}
	return nil
}

// proving is the duty to see that the broker grants over c what was asked for, and does as it has granted.
func (p *Publisher) proving(c *conn, trial *trial) duty {
	forgets := func(l lack) { p.link.lacking(trial.forgets(l)) }
	return duty{
		begin: func(ctx context.Context) error {
			if c.lack&noQoS1 == 0 {
				granted, err := c.grants(ctx, p.cfg.topic(echo))
				if err == nil && granted == 0 {
					forgets(noQoS1)
				}
				return unlessUnseen(err)
			}
			return nil
		},
		serve: func(ctx context.Context, stop <-chan struct{}) error {
			if c.lack&noRetain != 0 {
				return nil
			}
			kept, err := c.keeps(ctx, stop, p.cfg.topic(availability))
			if err == nil && !kept {
				forgets(noRetain)
			}
			return unlessUnseen(err)
		},
	}
}

// grants subscribes to what comes on a topic of the gate, and returns the QoS that the broker grants, of 1 that is asked for.
func (c *conn) grants(ctx context.Context, topic string) (granted byte, err error) {
	granted, err = c.request(ctx, topic, qos, onlyPayload(c.see(topic)))
	if errors.Is(err, errUnheard) {
		return 0, &unseen{topic, err}
	}
	if err == nil {
		c.mirror.watch(topic)
	}
	return granted, err
}

// keeps reports whether the broker has retained what was said on a topic: it sends that to whoever subscribes, again too (MQTT 3.1.1, section
// 3.8.4). What did not come back is not asked for.
func (c *conn) keeps(ctx context.Context, stop <-chan struct{}, topic string) (kept bool, err error) {
	if !c.mirror.sees(topic) {
		return true, nil
	}
	came := c.mirror.expectRetained(topic)
	if err := c.subscribe(ctx, topic, 0, c.see(topic)); errors.Is(err, errUnheard) { // the broker's rules may be others by now
		return false, &unseen{topic, err}
	} else if err != nil {
		return false, err
	}
	late := time.NewTimer(seenTimeout)
	defer late.Stop()
	select {
	case <-came:
		return true, nil
	case <-late.C:
		return false, nil
	case <-stop:
		return true, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}
