package witness

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/publish"
)

// again is how long after a connection to the broker has ended there is the next.
const again = 5 * time.Second

// Follow answers the requests that gates leave at a broker, until ctx is done. A connection that ends is made anew. An error wraps
// publish.ErrConfig, or is ErrBroken.
func (w *Witness) Follow(ctx context.Context, broker publish.Config, gates publish.Gates, log *slog.Logger) error {
	told := ""
	for {
		err := publish.Cosign(ctx, broker, rand.Reader, gates, publish.Cosigner{
			KeyID: w.KeyID(),
			Begun: func(id string) { told = ""; log.Info("connected to the broker", "client", id) },
			Answer: func(from string, request []byte) ([]byte, bool) {
				answer, ok, err := w.Answer(request)
				tell(log, from, request, err)
				return answer, ok
			},
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, publish.ErrConfig):
			return err
		case err.Error() != told:
			told = err.Error()
			log.Warn("no connection to the broker, trying again", "error", err, "hint", adviceOf(err))
		}
		select {
		case <-time.After(again):
		case <-w.Broken():
			return ErrBroken
		case <-ctx.Done():
			return nil
		}
	}
}

// adviceOf returns what to do about a connection.
func adviceOf(err error) string {
	if f := new(publish.Fault); errors.As(err, &f) {
		return f.Hint
	}
	return hint.Of(err)
}
