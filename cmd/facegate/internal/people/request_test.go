package people_test

import (
	"crypto/rand"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs/law"
)

// TestNobodyBeforeAClaim checks that no face is compared with anybody before something else has said whose it is to be, in either mode.
func TestNobodyBeforeAClaim(t *testing.T) {
	for trigger, compares := range map[law.Trigger]bool{law.ZoneTrigger: true, law.RequestTrigger: false} {
		c := gatetest.Terms(t, 0.001)
		c.Profile = law.Resolve(law.Terms{Jurisdiction: law.Lab, Mode: law.OneToMany, Trigger: trigger})
		g := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), c)
		if m := g.Matcher(); (m != nil) != compares {
			t.Errorf("with the trigger %s faces are compared with %v", trigger, m)
		}
	}
}
