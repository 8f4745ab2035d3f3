package publish_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/mosquittotest"
)

// TestTry tries a broker that serves a gate, beside that gate, which does not notice; then one that acknowledges and drops what it is
// told, and one that is gone.
func TestTry(t *testing.T) {
	t.Parallel()
	b := mosquittotest.NewGuarded(t, account, "topic readwrite facegate/#")
	r := newRig(t, b)
	r.run()
	r.connected()
	cfg := gate("tcp", r.cable)
	if err := publish.Try(t.Context(), cfg, rand.Reader); err != nil {
		t.Errorf("a broker that serves: %v", err)
	}
	if n := strings.Count(r.log.String(), "connected to the broker"); n != 1 || r.publisher.Status().Fault != "" {
		t.Errorf("the gate has connected %d times:\n%s", n, &r.log)
	}
	fails := func(what, kind, says string) {
		err, fault := publish.Try(t.Context(), cfg, rand.Reader), new(publish.Fault)
		if !errors.As(err, &fault) || fault.Kind != kind || fault.Hint == "" || !strings.Contains(fault.Error(), says) {
			t.Errorf("%s: %v, of kind %q", what, err, fault.Kind)
		}
	}
	b.Allow(t, "topic read facegate/#")
	fails("one that drops what it is told", "withheld", "facegate/hq/north/echo")
	r.cable.block(true)
	r.cable.cut()
	fails("one that breaks off", "closed", "")
	cfg.Brokers[0].Port = 1
	fails("one that is not there", "refused", "nothing listens on that port")
}
