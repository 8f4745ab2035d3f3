package daemon

import (
	"context"
	"crypto/rand"
	"errors"

	"facegate/configs"
	"facegate/pipeline/publish"
)

// TryMQTT sees whether the brokers of a configuration serve its gate, which does not run; see publish.Try. Files that a broker needs and
// that cannot be used are told first.
func TryMQTT(ctx context.Context, c *configs.Config) error {
	cfg, err := publishing(c)
	if err := errors.Join(err, checkPapers(cfg)); err != nil {
		return err
	}
	return publish.Try(ctx, cfg, rand.Reader)
}
