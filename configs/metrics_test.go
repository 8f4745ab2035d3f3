package configs_test

import (
	"strings"
	"testing"

	"facegate/configs/law"
)

// TestMetricsAreOfThisMachine holds that no configuration has a gate answer monitoring on another machine.
func TestMetricsAreOfThisMachine(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:9686": "127.0.0.1:9686", "localhost:9686": "127.0.0.1:9686", "[::1]:9686": "[::1]:9686", "": "",
	} {
		if c := parse(t, minimal+"metrics: {listen: '"+listen+"'}\n"); c.Metrics.Listen != want {
			t.Errorf("%s: %s, want %s", listen, c.Metrics.Listen, want)
		}
	}
	for text, want := range map[string]string{
		"metrics: {listen: '0.0.0.0:9686'}":                                      "0.0.0.0 can be reached from other machines, and metrics are for a collector on this one, such as Prometheus: write 127.0.0.1:9686",
		"metrics: {listen: '[::]:9686'}":                                         ":: can be reached from other machines",
		"metrics: {listen: '192.168.1.4:9686'}":                                  "192.168.1.4 can be reached from other machines",
		"metrics: {listen: ':9686'}":                                             "is no address of this machine with a port; write 127.0.0.1:9686",
		"metrics: {listen: '9686'}":                                              "is no address of this machine",
		"metrics: {listen: 'unix:/run/facegate/m.sock'}":                         "is no address of this machine",
		"metrics: {listen: 'gate.example.org:9686'}":                             "is no address of this machine",
		"kiosk: {listen: '127.0.0.1:8686'}\nmetrics: {listen: 'localhost:8686'}": "is where the page of the screen is (kiosk.listen)",
		"metrics: {listen: '127.0.0.1:99999'}":                                   "is no address of this machine",
	} {
		list := faults(t, minimal+text+"\n")
		if len(list) != 1 || list[0].Key != "metrics.listen" || !strings.Contains(list[0].Message, want) {
			t.Errorf("%s: %v, want %q", text, list, want)
		}
	}
	if c := parse(t, lawful(law.EU).with(file{"metrics": "{listen: '127.0.0.1:9686'}"}).text()); c.Metrics.Listen == "" {
		t.Error("eu has no metrics")
	}
}
