// Package flood counts what comes without a name, and forgets it steadily: what comes slower than that is never many.
//
// It has no clock: time comes with each call.
package flood

import "time"

// A Gauge counts, and forgets one in each Every. Its zero value has counted nothing and forgets nothing.
type Gauge struct {
	Every time.Duration // in which one is forgotten; 0 for never
	count int
	since time.Time // from which on the next one is being forgotten
}

// Add counts one at now, and returns how many are not forgotten.
func (g *Gauge) Add(now time.Time) int {
	if g.Count(now) == 0 {
		g.since = now
	}
	g.count++
	return g.count
}

// Count returns how many are not forgotten at now.
func (g *Gauge) Count(now time.Time) int {
	for g.Every > 0 && g.count > 0 && now.Sub(g.since) >= g.Every {
		g.count--
		g.since = g.since.Add(g.Every)
	}
	return g.count
}

// Below returns when there will be fewer than n, if no more come. It is the zero time if there are, or nothing is forgotten.
func (g *Gauge) Below(n int) time.Time {
	if g.Every <= 0 || g.count < n {
		return time.Time{}
	}
	return g.since.Add(time.Duration(g.count-n+1) * g.Every)
}
