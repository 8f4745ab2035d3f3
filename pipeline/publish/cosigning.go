package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Limits of what the broker can have a witness keep.
const (
	mostAsking  = 16 << 10  // gates whose requests wait
	mostRequest = 128 << 10 // bytes of a request
)

// Gates are gates of a broker.
type Gates struct {
	Site, Gate string // "" for every one
}

// filter returns the topics of gates that are called name.
func (g Gates) filter(name string) string {
	return strings.Join([]string{"facegate", cmp.Or(g.Site, "+"), cmp.Or(g.Gate, "+"), name}, "/")
}

// check says what is no gate.
func (g Gates) check() error {
	return levels(cmp.Or(g.Site, "every"), cmp.Or(g.Gate, "every"))
}

// A Cosigner is a witness.
type Cosigner struct {
	KeyID  string                                                  // of its key, which the topics that it reads and writes end in
	Begun  func(id string)                                         // is called once there is a connection, with the id of the client
	Answer func(gate string, body []byte) (answer []byte, ok bool) // is called for one request at a time; not ok is no answer
}

// Cosign has a witness answer the requests of gates, those that the broker retains and those that come, until ctx is done, which is no
// error, or the connection ends. Of several brokers the first is taken that serves. Of a gate that asks again before it is answered the
// newer request counts. cfg is the account of the witness; its site and gate are not used. An error is a *Fault, wraps ErrConfig, or is that
// of rand.
func Cosign(ctx context.Context, cfg Config, rand io.Reader, gates Gates, w Cosigner) error {
	if err := errors.Join(cfg.checkLink(), gates.check()); err != nil {
		return err
	}
	p, err := newGuest(cfg, "witness", rand)
	if err != nil {
		return err
	}
	return p.visit(ctx, func(linked context.Context, c *conn) error {
		asked := requests{came: make(chan struct{}, 1), newest: map[string][]byte{}}
		filter := gates.filter(Topic{Name: request}.of(w.KeyID))
		if _, err := c.request(linked, filter, qos, func(_ mqtt.Client, m mqtt.Message) { asked.put(m.Topic(), m.Payload()) }); err != nil {
			return c.deaf(fmt.Errorf("%s: %w", filter, err), filter)
		}
		w.Begun(p.cfg.ClientID)
		return c.explain(serving, c.cosign(linked, &asked, w))
	})
}

// cosign answers requests until the connection ends.
func (c *conn) cosign(ctx context.Context, asked *requests, w Cosigner) error {
	asks, answers := Topic{Name: request}.of(w.KeyID), Topic{Name: cosignature}.of(w.KeyID)
	for {
		select {
		case <-asked.came:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		for topic, body := asked.take(); topic != ""; topic, body = asked.take() {
			gate, ok := strings.CutSuffix(topic, "/"+asks)
			if !ok {
				continue // the broker gives what nobody has asked for
			}
			answer, ok := w.Answer(gate, body)
			if !ok {
				continue
			}
			if err := c.acknowledged(ctx, gate+"/"+answers, true, answer); err != nil {
				return err
			}
		}
	}
}

// requests are those that wait for an answer, the newest of each topic. Nobody who puts one waits: the library would read nothing more
// meanwhile, not even the acknowledgement that the answer before waits for.
type requests struct {
	came chan struct{} // holds a token when there are some

	mu     sync.Mutex // guards what follows
	newest map[string][]byte
	order  []string // topics, the oldest first
}

func (r *requests) put(topic string, body []byte) {
	if len(body) == 0 || len(body) > mostRequest { // one that was taken back, or none
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, waits := r.newest[topic]; !waits {
		if len(r.order) == mostAsking {
			return // the gate asks again
		}
		r.order = append(r.order, topic)
	}
	r.newest[topic] = body
	select {
	case r.came <- struct{}{}:
	default:
	}
}

// take returns the request that waits longest, "" for none.
func (r *requests) take() (topic string, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.order) == 0 {
		return "", nil
	}
	topic, r.order = r.order[0], r.order[1:]
	body = r.newest[topic]
	delete(r.newest, topic)
	return topic, body
}
