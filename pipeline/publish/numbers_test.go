package publish

import (
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/pipeline/attempt"
	"facegate/pipeline/publish/feed"
)

// draws returns what a boot and a store are drawn of.
func draws() io.Reader {
	return strings.NewReader("\x7c\x1e\x5a\x0b\x93\xd2\xf1\x48\x5e\x0a\xd3\xc4\x41\x6b\x27\xf9")
}

func TestIDs(t *testing.T) {
	for _, test := range []struct{ mark, want string }{
		{"", "5e0ad3c4416b27f9"},
		{"no JSON", "5e0ad3c4416b27f9"},
		{`{"events":7}`, "5e0ad3c4416b27f9"}, // of another version
		{`{"store":"0123456789abcdef","events":7,"alarms":1}`, "0123456789abcdef"},
	} {
		o := feed.NewMemory(1)
		if err := o.Append(nil, []byte(test.mark)); err != nil {
			t.Fatal(err)
		}
		p, err := New(goodConfig(), Parts{Outbox: o, Rand: draws()}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if p.boot != "7c1e5a0b93d2f148" || p.numbers.Store != test.want || (p.numbers.Events > 0) != (test.want != "5e0ad3c4416b27f9") {
			t.Errorf("after mark %q: boot %s, %+v", test.mark, p.boot, p.numbers)
		}
	}
	for _, too := range []string{"seven b", "eight by and s"} {
		if _, err := New(goodConfig(), Parts{Outbox: feed.NewMemory(1), Rand: strings.NewReader(too)}, nil); err == nil {
			t.Errorf("%d bytes were enough", len(too))
		}
	}
}

// A tight disk is an Outbox that is full at times.
type tight struct {
	*feed.Memory
	full bool
}

var errTight = errors.New("the disk is full")

func (d *tight) Append(msg, mark []byte) error {
	if d.full {
		return errTight
	}
	return d.Memory.Append(msg, mark)
}

// TestNumbers tells events and alarms of a gate that is started again, whose messages are delivered, and whose disk is full at times.
// What is told has numbers of one store that only grow, by one unless something was lost. After a wipe the store is another one.
func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &numbered{disk: &tight{Memory: feed.NewMemory(1000)}}
		m.start(t)
		t.Repeat(map[string]func(*rapid.T){
			"tell": m.tell, "deliver": m.deliver, "start again": m.start, "wipe": m.wipe,
			"fill the disk": func(*rapid.T) { m.disk.full = true }, "make room": func(*rapid.T) { m.disk.full = false },
		})
		m.disk.full = false
		m.deliver(t)
	})
}

// TestGivenUp fills an outbox. The events that it gives up are counted, and an alarm by itself is not: nobody is to learn that somebody was
// forced.
func TestGivenUp(t *testing.T) {
	p, err := New(goodConfig(), Parts{Outbox: feed.NewMemory(2), Rand: draws()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	opened := attempt.Fact{Attempt: attempt.Attempt{Means: attempt.PIN, Asked: time.Unix(1, 0)}, Opened: time.Unix(1, 0)}
	refused := opened
	refused.Attempt.Duress, refused.Opened = true, time.Time{}
	forced := opened
	forced.Attempt.Duress = true
	for i, tt := range []struct {
		fact attempt.Fact
		want uint64
	}{{refused, 0}, {forced, 0}, {opened, 0}, {opened, 1}, {refused, 2}, {opened, 3}, {opened, 3}, {opened, 4}} {
		if err := p.TellFact(source(), tt.fact); err != nil {
			t.Fatal(err)
		}
		if s := p.Status(); s.Dropped != tt.want {
			t.Errorf("after message %d there were %d events given up, want %d", i+1, s.Dropped, tt.want)
		}
	}
}

// A numbered model is a gate, and the newest numbers that were delivered of its store.
type numbered struct {
	disk         *tight
	publisher    *Publisher
	store        string   // "" until something is delivered
	stores       []string // of before the last wipe
	event, alarm uint64
	lost         bool // something could not be kept
}

func (m *numbered) start(t *rapid.T) {
	random := rand.NewChaCha8([32]byte([]byte(rapid.StringMatching(`[a-z]{32}`).Draw(t, "seed"))))
	p, err := New(goodConfig(), Parts{Outbox: m.disk, Rand: random}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	m.publisher = p
}

func (m *numbered) tell(t *rapid.T) {
	f := attempt.Fact{Attempt: attempt.Attempt{Means: attempt.PIN, Asked: time.Unix(1, 0)}, Opened: time.Unix(1, 0)}
	f.Attempt.Duress = rapid.Bool().Draw(t, "forced")
	if f.Attempt.Duress && rapid.Bool().Draw(t, "refused") {
		f.Opened = time.Time{}
	}
	err := m.publisher.TellFact(source(), f)
	if errors.Is(err, errTight) != m.disk.full || err != nil && !m.disk.full {
		t.Fatal(err)
	}
	m.lost = m.lost || err != nil
}

// deliver takes everything out of the outbox.
func (m *numbered) deliver(t *rapid.T) {
	for n, msg, ok := m.disk.Next(); ok; n, msg, ok = m.disk.Next() {
		got, err := decode(msg)
		if err != nil {
			t.Fatal(err)
		}
		if got.Topic != "" {
			m.take(t, &m.event, got.Event.Store, got.Event.Seq)
		}
		if got.Alarm != nil {
			m.take(t, &m.alarm, got.Alarm.Store, got.Alarm.Seq)
		}
		if err := m.disk.Ack(n); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *numbered) take(t *rapid.T, newest *uint64, store string, seq uint64) {
	if m.store == "" {
		m.store = store
	}
	if slices.Contains(m.stores, store) {
		t.Fatalf("store %s is there again", store)
	}
	if store != m.store || seq <= *newest || seq > *newest+1 && !m.lost {
		t.Fatalf("number %d of %s comes after %d of %s", seq, store, *newest, m.store)
	}
	*newest = seq
}

func (m *numbered) wipe(t *rapid.T) {
	m.deliver(t)
	if m.store != "" {
		m.stores = append(m.stores, m.store)
	}
	m.disk, m.store, m.event, m.alarm, m.lost = &tight{Memory: feed.NewMemory(1000)}, "", 0, 0, false
	m.start(t)
}
