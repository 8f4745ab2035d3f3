package cosigning_test

import (
	"testing"

	"facegate/store/durable/durabletest"
)

func TestMain(m *testing.M) {
	durabletest.InMemory()
	m.Run()
}
