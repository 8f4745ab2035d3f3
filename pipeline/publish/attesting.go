package publish

import (
	"context"
	"maps"
	"slices"
)

// Attest tells how far the audit log has come: to everybody the signed checkpoint, and to each witness, by the id of its key, what it is to
// cosign. It waits for nobody. All of it is told, though it be the same as before: a message that were missing would tell something too.
func (p *Publisher) Attest(signed []byte, requests map[string][]byte) {
	p.states.Say(checkpoint, signed)
	for _, witness := range slices.Sorted(maps.Keys(requests)) {
		p.states.Say(p.topic(request).of(witness), requests[witness])
	}
}

// cosigned is the duty to hear over c what the witnesses know, before the gate says anything: what the broker has retained of them comes
// first.
func (p *Publisher) cosigned(c *conn) duty {
	hear := func(ctx context.Context, witness string) error {
		topic := p.cfg.topic(p.topic(cosignature).of(witness))
		err := c.subscribe(ctx, topic, qos, func(signed []byte, _ bool) { p.hearWitness(witness, signed) })
		return p.unlessUnheard(err, "a witness is not heard", topic)
	}
	return duty{
		begin: func(ctx context.Context) error {
			for _, witness := range p.cfg.Witnesses {
				if err := hear(ctx, witness); err != nil {
					return err
				}
			}
			return nil
		},
		serve: func(context.Context, <-chan struct{}) error { return nil },
	}
}
