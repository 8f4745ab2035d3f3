package natstest

import (
	"testing"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
)

// TestBrokerIsWatched looks at a broker whose user has all rights, and at one whose user has few.
func TestBrokerIsWatched(t *testing.T) {
	user := loopback.Account{Username: "gate", Password: "x"}
	for name, permissions := range map[string]string{"all rights": "", "few rights": `publish: [ "facegate.>" ], subscribe: [ "$MQTT.sub.>" ]`} {
		t.Run(name, func(t *testing.T) {
			b := New(t, user, permissions)
			contracttest.Watches(t, b, mqtt.NewClientOptions().AddBroker(b.URL()).SetClientID("gate").
				SetUsername(user.Username).SetPassword(user.Password))
		})
	}
}
