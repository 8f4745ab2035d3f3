package publish

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/orders"
)

const everyUnsigned = "facegate/hq/north/cmd/home-assistant/+"

// TestHeeding says to a gate, which takes orders of Home Assistant, what may be one. It takes what comes on the topic of this connection
// for the first time, and nothing that a broker marks as said before.
func TestHeeding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(script)
		var log strings.Builder
		var done []string
		carry := func(_ context.Context, o orders.Order) ([]byte, error) {
			done = append(done, string(o.Payload))
			return nil, nil
		}
		desk := orders.New(orders.Parts{Handle: carry, Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
		g := playWith(t, s, Parts{Outbox: feed.NewMemory(10), Home: desk, Rand: io.MultiReader(draws(), rand.Reader)})
		synctest.Wait()
		first := g.Publisher.home.order
		says := func(topic, payload string, dup, retained bool) {
			p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
			p.TopicName, p.Payload, p.Dup, p.Retain, p.Qos, p.MessageID = topic, []byte(payload), dup, retained, 1, 7
			p.Write(s.conn)
			synctest.Wait()
			time.Sleep(time.Hour) // the log says each time what it refuses
		}
		says(first, "one", false, false)
		says(first, "again", true, false)
		says(first, "retained", false, true)
		says(strings.Replace(everyUnsigned, "+", "0123456789abcdef", 1), "elsewhere", false, false)
		s.conn.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		second := g.Publisher.home.order
		says(first, "late", false, false)
		says(second, "two", false, false)
		g.stop()
		if diff := cmp.Diff([]string{"one", "two"}, done); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
		if first == second || len(first) != len(everyUnsigned)+15 {
			t.Errorf("orders were given on %s, and then on %s", first, second)
		}
		for _, why := range []error{orders.ErrRetained, errNotNow, errRepeated} {
			if !strings.Contains(log.String(), why.Error()) {
				t.Errorf("the log does not say that %v:\n%s", why, &log)
			}
		}
		if s.subs[everyUnsigned] != 2 {
			t.Errorf("the gate has subscribed to %v", s.subs)
		}
	})
}

// TestHeedsNobody checks that a gate which takes no orders of Home Assistant subscribes to nothing where they are given, and where one is
// introduced ends what may be left of it.
func TestHeedsNobody(t *testing.T) {
	for _, introduced := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := new(script)
			cfg := goodConfig()
			cfg.Discovery = introduced
			g := playAs(t, s, cfg, Parts{Outbox: feed.NewMemory(10), Rand: draws()})
			synctest.Wait()
			g.stop()
			for topic := range s.subs {
				if strings.Contains(topic, "cmd/") || strings.ContainsAny(topic, "+#") {
					t.Errorf("introduced %t: it has subscribed to %s", introduced, topic)
				}
			}
			if ended := slices.Contains(s.heard, "UNSUBSCRIBE "+everyUnsigned); ended != introduced || g.Status().Unsigned {
				t.Errorf("introduced %t: the broker heard %q", introduced, s.heard)
			}
		})
	}
}
