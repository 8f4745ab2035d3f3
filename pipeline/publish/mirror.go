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
	awaited map[sight]awaited
	came    map[string]bool          // topics on which what was published has come back
	kept    map[string]chan struct{} // closed once something that was retained has come on a topic
	left    map[string]bool          // topics on which something has come that the broker had retained
	stands  map[string]string        // what has come back last on a topic that the broker retains it on

	will    sight         // what a broker says for a gate that it has lost
	belied  chan struct{} // tells that something else has come after what stands on a topic
	strange []string      // topics on which that was not the will, since they were asked for
}

// A sight is what a mirror may see.
type sight struct{ topic, payload string }

// An awaited is what is to come back.
type awaited struct {
	came  chan struct{}
	stays bool // the broker is to retain it
}

func newMirror(will sight) *mirror {
	return &mirror{
		watched: map[string]bool{}, awaited: map[sight]awaited{}, came: map[string]bool{}, kept: map[string]chan struct{}{},
		left: map[string]bool{}, stands: map[string]string{}, will: will, belied: make(chan struct{}, 1),
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
// the same payload on the same topic meanwhile. Of what stays it is seen from then on whether it is the last word.
func (m *mirror) expect(topic string, payload []byte, stays bool) (came <-chan struct{}, forget func()) {
	s, c := sight{topic, string(payload)}, make(chan struct{})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.awaited[s] = awaited{c, stays}
	delete(m.stands, topic) // what comes before it comes back does not outlast it
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
	s := sight{topic, string(payload)}
	switch a, awaits := m.awaited[s]; {
	case retained:
		m.left[topic] = m.left[topic] || len(payload) > 0
		if c, ok := m.kept[topic]; ok {
			close(c)
			delete(m.kept, topic)
		}
	case awaits:
		close(a.came)
		delete(m.awaited, s)
		m.came[topic] = true
		if a.stays {
			m.stands[topic] = s.payload
		}
	default:
		m.compare(s)
	}
}

// compare holds what nobody awaits against what stands on its topic. The last word is what a broker retains. m.mu must be held.
func (m *mirror) compare(s sight) {
	if stands, ok := m.stands[s.topic]; !ok || stands == s.payload {
		return
	}
	if s != m.will {
		m.strange = append(m.strange, s.topic)
	}
	delete(m.stands, s.topic) // until it is told again
	select {
	case m.belied <- struct{}{}:
	default:
	}
}

// strangers returns the topics on which something has come since the last call that is neither of this gate nor its will.
func (m *mirror) strangers() (topics []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	topics, m.strange = m.strange, nil
	return topics
}

// leaves reports whether the broker has shown that it had retained something on a topic.
func (m *mirror) leaves(topic string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left[topic]
}

// sees reports whether anything that was published on a topic has come back.
func (m *mirror) sees(topic string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.came[topic]
}
