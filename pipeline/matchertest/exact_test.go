package matchertest_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/matchertest"
	"facegate/pipeline/template"
)

// changing is an Exact whose people come and go while it is in use.
type changing struct {
	mu    sync.RWMutex // guards exact
	exact matchertest.Exact
}

func (c *changing) Match(v embed.Vector, now time.Time) match.Answer {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.exact.Match(v, now)
}

func (c *changing) remove(id template.PersonID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exact.People = slices.DeleteFunc(c.exact.People, func(p matchertest.Person) bool { return p.ID == id })
}

func TestExact(t *testing.T) {
	matchertest.Run(t, matchertest.Maker{
		Most: 50, Renews: true,
		Open: func(_ *testing.T, people []matchertest.Person, r match.Rules) matchertest.Opened {
			c := &changing{exact: matchertest.Exact{People: people, Rules: r}}
			return matchertest.Opened{Matcher: c, Remove: c.remove}
		},
	})
}
