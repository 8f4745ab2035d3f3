package people_test

import (
	"log/slog"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/law"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock/clocktest"
)

// TestLapse sets the clock ahead over everybody's term, and back. Who was kept from matching matches again, and who was to
// be erased meanwhile does not.
func TestLapse(t *testing.T) {
	for _, mode := range []law.Mode{law.OneToMany, law.OneToOne} {
		site, random := gatetest.NewSite(t), new(failing)
		machine := clocktest.New(time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC))
		machine.Sync(true)
		o, err := opening.Options(gatetest.Lab(t), store.KeyFile(site.Path("device.key")), machine.Read, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		o.Dir, o.KeyDir, o.AnchorDir, o.Rand = site.State(), site.Keyrings(), site.Anchor(), random
		s, err := store.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		g := openRegister(t, s, inMode(t, mode))
		for i, label := range []string{"one", "two", "three"} {
			if _, err := g.Enrol(request(label), face(uint64(i+1))); err != nil {
				t.Fatal(err)
			}
		}
		sweep := func(want int) {
			t.Helper()
			if n, err := g.EraseDue(); n != 0 || err != nil || g.Len() != want {
				t.Errorf("%s: %d erased, %v; %d people match, want %d", mode, n, err, g.Len(), want)
			}
		}
		sweep(3)
		machine.Ahead(2 * gatetest.Valid)
		sweep(0)
		random.fail = true
		if _, err := g.As(audit.Daemon).Erase(t.Context(), people.Who{Label: "two"}, audit.Requested); err == nil {
			t.Error("erased without randomness")
		}
		random.fail = false
		machine.Ahead(0)
		sweep(2)
		if mode == law.OneToMany && (!matches(g, face(1)) || matches(g, face(2)) || !matches(g, face(3))) {
			t.Errorf("back again: %v, %v, %v", matches(g, face(1)), matches(g, face(2)), matches(g, face(3)))
		}
		// Those who could not match at the start do so later, but for whom an erasure is owed.
		machine.Ahead(2 * gatetest.Valid)
		g = openRegister(t, s, inMode(t, mode))
		sweep(0)
		machine.Ahead(0)
		sweep(2)
	}
}
