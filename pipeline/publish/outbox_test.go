package publish_test

import (
	"testing"

	"facegate/pipeline/publish"
	"facegate/pipeline/publish/outboxtest"
)

func TestMemoryOutbox(t *testing.T) {
	outboxtest.Test(t, func(capacity int) publish.Outbox { return publish.NewMemoryOutbox(capacity) }, nil)
}
