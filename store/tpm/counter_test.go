package tpm_test

import (
	"testing"

	"facegate/store/anchor"
	"facegate/store/anchor/anchortest"
	"facegate/store/tpm/tpmtest"
)

// TestCounter holds a counter to what a store relies on. The board is restarted each time that the counter is opened.
func TestCounter(t *testing.T) {
	anchortest.Run(t, func(t *testing.T) func() anchor.Place {
		c := tpmtest.New(t)
		path := create(t, c.Chip)
		return func() anchor.Place {
			c.Restart(t)
			return c.Key(path).Counter()
		}
	})
}
