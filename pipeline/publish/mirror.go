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
	came    map[string]bool          // topics on which what was published has come back
	kept    map[string]chan struct{} // closed once something that was retained has come on a topic

	will   sight         // what a broker says for a gate that it has lost
	belied chan struct{} // tells that the will has come after what was published on its topic
}

// A sight is what a mirror may see.
type sight struct{ topic, payload string }

func newMirror(will sight) *mirror {
	return &mirror{
		watched: map[string]bool{}, awaited: map[sight]chan struct{}{}, came: map[string]bool{}, kept: map[string]chan struct{}{},
		will: will, belied: make(chan struct{}, 1),
	}
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

// expectRetained returns what is closed when something that the broker has retained comes on a topic from now on.
func (m *mirror) expectRetained(topic string) (came <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := make(chan struct{})
	m.kept[topic] = c
	return c
}

// see takes what comes on a topic. What the broker had retained says nothing of what it takes now.
func (m *mirror) see(topic string, payload []byte, retained bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.kept[topic]; ok && retained {
		close(c)
		delete(m.kept, topic)
	}
	s := sight{topic, string(payload)}
	if s == m.will && !retained && m.came[topic] {
		select {
		case m.belied <- struct{}{}:
		default:
		}
	}
	if c, ok := m.awaited[s]; ok && !retained {
		close(c)
		delete(m.awaited, s)
		m.came[topic] = true
	}
}

// sees reports whether anything that was published on a topic has come back.
func (m *mirror) sees(topic string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.came[topic]
}
