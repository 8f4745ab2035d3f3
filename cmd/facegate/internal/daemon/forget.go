package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/pipeline/publish"
)

// forgetPatience is how long a broker is waited for that is to forget the gate.
const forgetPatience = 30 * time.Second

var (
	errNotForgotten = errors.New("the broker was not told to forget this gate")
	errUnspoken     = errors.New("the broker is not spoken to, because the gate has crashed again and again")
)

// ForgetMQTT implements control.Running.
func (r running) ForgetMQTT(ctx context.Context) (status.Forgotten, error) {
	d := r.d
	if !d.speaks() {
		return status.Forgotten{}, hint.Wrap(errUnspoken, "%s; or stop the gate, and give the command with --config", d.lesser.advice())
	}
	d.log.Info("the broker is to forget this gate", "by", people.UserName(r.by))
	waiting, cancel := context.WithTimeout(ctx, forgetPatience)
	defer cancel()
	f, err := d.publisher.Forget(waiting)
	if err == nil {
		return f, nil
	}
	s := d.publisher.Status()
	if s.Err != "" {
		err = fmt.Errorf("%w: %s", errNotForgotten, s.Err)
	} else {
		err = fmt.Errorf("%w: %w", errNotForgotten, err)
	}
	return f, hint.Wrap(err, "it is as soon as it answers, if the gate is not started anew before. %s", s.Hint)
}

// ForgetMQTT has the broker forget the stopped gate of a configuration.
func ForgetMQTT(ctx context.Context, c *configs.Config, log *slog.Logger) (status.Forgotten, error) {
	cfg, err := publishing(c)
	if err != nil {
		return status.Forgotten{}, err
	}
	f, err := publish.Forget(ctx, cfg, log)
	if err == nil {
		return f, nil
	}
	advice := hint.Of(err)
	if fault := new(publish.Fault); errors.As(err, &fault) {
		advice = fault.Hint
	}
	return f, hint.Wrap(fmt.Errorf("%w: %w", errNotForgotten, err), "%s", cmp.Or(advice, "see that the broker can be reached, and give the command again"))
}
