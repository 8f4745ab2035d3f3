package opening_test

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/clock/clocktest"
)

var discard = slog.New(slog.DiscardHandler)

// TestOptions checks that the store keeps to what the configuration says.
func TestOptions(t *testing.T) {
	const day = 24 * time.Hour
	c := gatetest.NewSite(t).Config(t, gatetest.Settings{
		"retention": "{idle_days: 61, access_log_days: 31}",
	})
	o, err := opening.Options(c, opening.Keys(c), clocktest.Right(time.Now), discard)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(store.RetentionPolicy{Idle: 61 * day, Access: 31 * day, Records: 1096 * day}, o.Retention); diff != "" {
		t.Errorf("retention (-want +got):\n%s", diff)
	}
	texts, err := c.Particulars().Texts()
	if err != nil {
		t.Fatal(err)
	}
	if o.Dir != c.StateDir || o.KeyDir != c.KeysDir || o.Profile != "lab" || o.FilingAt != 0 ||
		len(o.Notices) != len(texts) || o.Notices[0] != texts[0].SHA256 || o.Languages[0] != string(texts[0].Language) {
		t.Errorf("the options are %+v", o)
	}
}

// TestStoreWithoutItsKey checks that who has no key is told to make one where that loses nothing, and to restore it elsewhere.
func TestStoreWithoutItsKey(t *testing.T) {
	c := gatetest.NewSite(t).Config(t, nil)
	key, err := os.ReadFile(c.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"facegate key create " + c.KeyFile, "restore its own to " + c.KeyFile} {
		if err := os.Remove(c.KeyFile); err != nil {
			t.Fatal(err)
		}
		_, err := opening.Store(c, clocktest.Right(time.Now), discard)
		if !errors.Is(err, store.ErrKey) || !strings.Contains(hint.Of(err), want) {
			t.Errorf("%v with hint %q, want %q", err, hint.Of(err), want)
		}
		if err := os.WriteFile(c.KeyFile, key, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := opening.Store(c, clocktest.Right(time.Now), discard) // which makes records
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
