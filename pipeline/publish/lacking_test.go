package publish_test

import (
	"testing"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/mosquittotest"
)

// TestLackingMosquitto has mosquitto do without what it has by default, for which it ends connections and does not say why. The status
// names it, and what happens is told all the same.
func TestLackingMosquitto(t *testing.T) {
	for _, tt := range []struct{ line, want string }{{"retain_available false", "no-retain"}, {"max_qos 0", "no-qos1"}} {
		t.Run(tt.want, func(t *testing.T) {
			t.Parallel()
			b := mosquittotest.New(t, account)
			b.Configure(t, tt.line)
			r := newRig(t, b)
			r.publisher.SetDoor(publish.Door{Lock: publish.Locked})
			r.grant(3)
			r.run()
			eventually(t, "the status names it", func() bool {
				s := r.publisher.Status()
				return s.Connected && s.Fault == tt.want && s.Hint != "" && s.Queued == 0
			})
			eventually(t, "all is told", func() bool {
				return len(r.observer.on("pass")) == 3 && len(r.observer.on("lock/state")) > 0 && len(r.observer.on("availability")) > 0
			})
		})
	}
}
