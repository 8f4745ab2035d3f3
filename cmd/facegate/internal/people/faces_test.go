package people_test

import (
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs/hint"
)

// TestFacesOffOnABrokenDisk turns faces off where that cannot be written down.
func TestFacesOffOnABrokenDisk(t *testing.T) {
	random := new(failing)
	g := openRegister(t, openStore(t, gatetest.NewSite(t), random), gatetest.Terms(t, 0.001))
	random.fail = true
	err := g.As(1000).TurnFacesOff(t.Context(), "")
	if err == nil || hint.Of(err) == "" || !g.FacesOff() {
		t.Errorf("error %v, hint %q, off: %v", err, hint.Of(err), g.FacesOff())
	}
}
