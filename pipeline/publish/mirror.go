package publish

import (
	"errors"
	"fmt"
	"sync"

	"facegate/pipeline/publish/states"
)

// errUnseen means that the broker takes what this gate publishes on a topic, and gives it to nobody. The connection is as good as
// before, and what was published counts as not told.
var errUnseen = errors.New("what was published did not come back")

// An unseen is an errUnseen, or errUnheard, about a topic.
type unseen struct {
	topic string // whole
	why   error
}

func (u *unseen) Error() string { return fmt.Sprintf("%s: %v", u.topic, u.why) }
func (u *unseen) Unwrap() error { return u.why }

// Is makes it a state that was missed: others may be seen all the same.
func (u *unseen) Is(target error) bool { return target == states.ErrMissed }

// A mirror sees what a broker gives back of what is published over one connection. The acknowledgement of a broker says only that it
// has the message: one whose access list forbids the topic acknowledges all the same, and drops it (MQTT 3.1.1, section 3.3.5).
type mirror struct {
	mu      sync.Mutex // guards what follows
	watched map[string]bool
	awaited map[sight]chan struct{}
}

// A sight is what a mirror may see.
type sight struct{ topic, payload string }

func newMirror() *mirror {
	return &mirror{watched: map[string]bool{}, awaited: map[sight]chan struct{}{}}
}

// watches reports whether a topic is subscribed to.
func (m *mirror) watches(topic string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.watched[topic]
}

func (m *mirror) watch(topic string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watched[topic] = true
}

// expect returns what is closed when payload has come back on topic, and what ends the expectation. Nothing else may be expected of
// the same payload on the same topic meanwhile.
func (m *mirror) expect(topic string, payload []byte) (came <-chan struct{}, forget func()) {
	s, c := sight{topic, string(payload)}, make(chan struct{})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.awaited[s] = c
	return c, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.awaited, s)
	}
}

// see takes what comes on a topic. What the broker had retained says nothing of what it takes now.
func (m *mirror) see(topic string, payload []byte, retained bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := sight{topic, string(payload)}
	if c, ok := m.awaited[s]; ok && !retained {
		close(c)
		delete(m.awaited, s)
	}
}
