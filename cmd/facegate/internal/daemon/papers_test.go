package daemon_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
)

// TestExitWithoutPapers presses the exit button of a gate of whose broker every file is missing, and gives it them while it goes on.
func TestExitWithoutPapers(t *testing.T) {
	t.Parallel()
	site, w := gatetest.NewSite(t), wire()
	more := doorOf(", fire: {line: F}")
	more["mqtt"] = fmt.Sprintf(`{broker: "ssl://127.0.0.1:1", username: a, password_file: %s, ca_file: %s, cert_file: %s, key_file: %s}`,
		site.Path("password"), site.Path("ca"), site.Path("cert"), site.Path("key"))
	r := start(t, site, more, daemon.Outside{Inputs: w.inputs()})
	w.leave(t, r.line)
	w.burn(t, r.line)
	says := func(kind, todo string) {
		t.Helper()
		gatetest.Eventually(t, "it says "+kind, func() bool { return r.Status().MQTT.Fault == kind })
		s := r.Status()
		broker := conditionsOf(s.Health, health.Broker)
		if len(broker) != 1 || broker[0].State != health.Degraded || !strings.Contains(broker[0].Todo, todo) {
			t.Errorf("%s: %+v", kind, s.Health)
		}
	}
	says("password-file", "mqtt.password_file")
	must(t, os.WriteFile(site.Path("password"), []byte("secret"), 0o600))
	says("ca-file", "Check that the file is there")
}
