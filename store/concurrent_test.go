package store_test

import (
	"errors"
	"sync"
	"testing"

	"facegate/store/storetest"
)

// TestFacesOffWhileTheClockIsRead turns faces off and on while something else asks for the time, for the race detector.
func TestFacesOffWhileTheClockIsRead(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 20 {
			s.Clock().Verdict()
		}
	})
	for range 3 {
		if err := errors.Join(s.Faces().TurnOff("a film is made", 1000), s.Faces().TurnOn(1000)); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}
