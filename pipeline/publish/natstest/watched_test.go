package natstest

import (
	"testing"

	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
)

// TestBrokerIsWatched looks at a broker whose user has all rights, and at one whose user has few.
func TestBrokerIsWatched(t *testing.T) {
	user := loopback.Account{Username: "gate", Password: "x"}
	for name, permissions := range map[string]string{"all rights": "", "few rights": `publish: [ "facegate.>" ], subscribe: [ "$MQTT.sub.>" ]`} {
		t.Run(name, func(t *testing.T) {
			contracttest.Watches(t, New(t, user, permissions), user)
		})
	}
}
