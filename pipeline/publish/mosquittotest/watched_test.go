package mosquittotest

import (
	"testing"

	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
)

// TestBrokerIsWatched looks at a broker for everybody, at one with a password, and at one with an access list.
func TestBrokerIsWatched(t *testing.T) {
	user := loopback.Account{Username: "gate", Password: "x"}
	for name, b := range map[string]*Broker{
		"for everybody":       New(t, loopback.Account{}),
		"with a password":     New(t, user),
		"with an access list": NewGuarded(t, user, "topic write facegate/#"),
	} {
		t.Run(name, func(t *testing.T) {
			contracttest.Watches(t, b, user)
		})
	}
}
