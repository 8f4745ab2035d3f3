package daemon

import (
	"context"
	"crypto/rand"
	"errors"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/pipeline/publish"
)

// ListenMQTT hears what a broker gives of the topics of a gate, whether the gate runs or not; see publish.Listen. It is the broker at an
// address, or the first of the gate's that answers if at is "" or none of them.
func ListenMQTT(ctx context.Context, c *configs.Config, at string, begun func(id string), hear func(publish.Heard)) error {
	cfg, err := publishing(c)
	if err != nil {
		return err
	}
	for i, b := range cfg.Brokers {
		if b.String() == at {
			cfg.Brokers = cfg.Brokers[i:][:1]
		}
	}
	err = publish.Listen(ctx, cfg, rand.Reader, begun, hear)
	if f := new(publish.Fault); errors.As(err, &f) {
		return hint.Wrap(err, "%s", f.Hint)
	}
	return err
}
