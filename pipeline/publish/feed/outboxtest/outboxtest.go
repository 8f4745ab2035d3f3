// Package outboxtest is the contract of feed.Outbox, as tests that every implementation passes.
package outboxtest

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"facegate/pipeline/publish/feed"
)

// Test compares outboxes with a plain list that is cut to the capacity. open returns one that is empty, and reopen, if it
// is not nil, the same one after the process has ended.
func Test(t *testing.T, open func(capacity int) feed.Outbox, reopen func() feed.Outbox) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{capacity: rapid.IntRange(1, 5).Draw(t, "capacity")}
		m.outbox = open(m.capacity)
		actions := map[string]func(*rapid.T){
			"append":         m.append,
			"ack the oldest": m.ack,
			"ack another":    m.ackAnother,
			"":               m.check,
		}
		if reopen != nil {
			actions["reopen"] = func(*rapid.T) { m.outbox, m.dropped = reopen(), 0 }
		}
		t.Repeat(actions)
	})
}

// A model is an outbox and what it should hold.
type model struct {
	outbox   feed.Outbox
	capacity int
	list     []string
	made     int
	mark     string
	dropped  uint64
}

func (m *model) append(t *rapid.T) {
	m.made++
	text := fmt.Sprint("message ", m.made)
	buffer, before := []byte(text), m.outbox.Last()
	m.mark = fmt.Sprint("mark ", m.made)
	mark := []byte(m.mark)
	if err := m.outbox.Append(buffer, mark); err != nil {
		t.Fatal(err)
	}
	clear(buffer) // the outbox has a copy
	clear(mark)
	if n := m.outbox.Last(); n <= before {
		t.Fatalf("message %d comes after message %d", n, before)
	}
	if m.list = append(m.list, text); len(m.list) > m.capacity {
		m.list = m.list[1:]
		m.dropped++
	}
}

func (m *model) ack(t *rapid.T) {
	n, _, ok := m.outbox.Next()
	if !ok {
		t.Skip("empty")
	}
	if err := m.outbox.Ack(n); err != nil {
		t.Fatal(err)
	}
	m.list = m.list[1:]
}

// ackAnother acknowledges what is not the oldest.
func (m *model) ackAnother(t *rapid.T) {
	n, _, _ := m.outbox.Next()
	if err := errors.Join(m.outbox.Ack(n+1), m.outbox.Ack(n-1)); err != nil {
		t.Fatal(err)
	}
}

func (m *model) check(t *rapid.T) {
	if queued, gone := m.outbox.Stats(); queued != len(m.list) || gone != m.dropped {
		t.Fatalf("%d queued and %d dropped, want %d and %d", queued, gone, len(m.list), m.dropped)
	}
	if got := m.outbox.Mark(); string(got) != m.mark || got == nil != (m.made == 0) {
		t.Fatalf("after %d messages the mark is %q, want %q", m.made, got, m.mark)
	}
	n, msg, ok := m.outbox.Next()
	if ok != (len(m.list) > 0) {
		t.Fatalf("Next is ok = %t with %d held", ok, len(m.list))
	}
	if ok && string(msg) != m.list[0] {
		t.Fatalf("the oldest is %q, want %q", msg, m.list[0])
	}
	if ok && m.outbox.Last()-n != uint64(len(m.list)-1) {
		t.Fatalf("the oldest of %d is %d, the newest %d", len(m.list), n, m.outbox.Last())
	}
}
