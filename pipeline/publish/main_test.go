package publish_test

import (
	"testing"

	"go.uber.org/goleak"

	"facegate/store/durable/durabletest"
)

func TestMain(m *testing.M) {
	durabletest.InMemory() // for the disk of a broker
	goleak.VerifyTestMain(m)
}
