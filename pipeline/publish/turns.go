package publish

import "time"

// turns say which broker is tried next, and when: the next one at once, and after all have failed, all again after a pause.
type turns struct {
	brokers int
	at      int           // the one that is tried
	failed  int           // how many have, since the last pause
	pause   time.Duration // the next one
}

func newTurns(brokers int) turns { return turns{brokers: brokers, pause: backoffMin} }

// next goes on to the next broker, and returns the pause before. lasted says that the last one has served for some time.
func (t *turns) next(lasted bool) (pause time.Duration) {
	if lasted {
		t.failed, t.pause = 0, backoffMin
	}
	t.at = (t.at + 1) % t.brokers
	if t.failed++; t.failed < t.brokers {
		return 0
	}
	pause = t.pause
	t.failed, t.pause = 0, min(2*t.pause, backoffMax)
	return pause
}

// stay returns how long to keep to a broker that withholds what it is told. Where there are others they are tried at once. When they do
// not serve either it is kept to for longer each time, up to a minute: states are told there all the same.
func (t *turns) stay() time.Duration {
	switch {
	case t.brokers == 1:
		return forever
	case t.pause == backoffMin:
		return 0
	}
	return 6 * t.pause
}
