package feed_test

import (
	"testing"

	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/feed/outboxtest"
)

func TestMemory(t *testing.T) {
	outboxtest.Test(t, func(capacity int) feed.Outbox { return feed.NewMemory(capacity) }, nil)
}
