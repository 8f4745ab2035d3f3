package configs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"facegate/configs"
	"facegate/configs/law"
)

func TestTelling(t *testing.T) {
	for _, tt := range []struct{ mqtt, want string }{
		{"{resolution: 1ms}", ""},
		{"{resolution: 250ms}", ""},
		{"{resolution: 15m}", ""},
		{"{resolution: 1h}", ""},
		{"{means: told}", ""},
		{"{means: withheld}", ""},
		{"{resolution: 0s}", "mqtt.resolution: 0s is not between"},
		{"{resolution: 100us}", "mqtt.resolution: 100µs is not between"},
		{"{resolution: 61m}", "mqtt.resolution: 1h1m0s is not between"},
		{"{resolution: -1m}", "mqtt.resolution"},
		{"{resolution: 7m}", "mqtt.resolution: 7m0s is no part of an hour"},
		{"{resolution: 45m}", "mqtt.resolution: 45m0s is no part of an hour"},
		{"{resolution: 1500us}", "mqtt.resolution: 1.5ms is no whole number of milliseconds"},
		{"{means: true}", "mqtt.means"},
		{"{means: face}", `mqtt.means: "face" is none of`},
	} {
		_, err := configs.Parse("x.yaml", strings.NewReader(locked(minimal+"mqtt: "+tt.mqtt+"\n")))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.mqtt, err, tt.want)
		}
	}
}

// TestWithholdsMeans checks that means are withheld in profile eu unless the operator wants them told, and told elsewhere.
func TestWithholdsMeans(t *testing.T) {
	for _, tt := range []struct {
		profile law.Jurisdiction
		means   configs.MeansTold
		want    bool
	}{
		{law.EU, configs.AutoMeans, true},
		{law.EU, configs.TellMeans, false},
		{law.CN, configs.AutoMeans, false},
		{law.USIL, configs.AutoMeans, false},
		{law.Lab, configs.AutoMeans, false},
		{law.Lab, configs.WithholdMeans, true},
	} {
		c := configs.Config{Jurisdiction: tt.profile, MQTT: configs.MQTT{Means: tt.means, Resolution: time.Millisecond}}
		if got := c.WithholdsMeans(); got != tt.want {
			t.Errorf("%s, %s: withheld %t, want %t", tt.profile, tt.means, got, tt.want)
		}
	}
	for means, want := range map[string]bool{"": false, "mqtt: {means: withheld}\n": true} {
		c, err := configs.Parse("x.yaml", strings.NewReader(locked(fmt.Sprint(minimal, means))))
		if err != nil || c.WithholdsMeans() != want {
			t.Errorf("%q: withheld %t, want %t: %v", means, c.WithholdsMeans(), want, err)
		}
	}
}
