package bypeople

import (
	"cmp"
	"slices"
)

// worst is how many of the people with the most errors are looked at.
const worst = 10

// Errors are the comparisons that a threshold decides wrongly.
type errors struct {
	of     []weighed // between whom
	people int       // of the whole set, whose numbers are in of
}

// falseMatches returns the impostor comparisons at or above t, as far as the tail has them.
func (c *cut) falseMatches(t float64) errors {
	for i, x := range c.tail {
		if float64(x.score) < t {
			return errors{c.tail[:i], c.everybody}
		}
	}
	return errors{c.tail, c.everybody}
}

// falseNonMatches returns the genuine comparisons below t.
func (c *cut) falseNonMatches(t float64) errors {
	for i, x := range slices.Backward(c.genuine) {
		if float64(x.score) >= t {
			return errors{c.genuine[i+1:], c.everybody}
		}
	}
	return errors{c.genuine, c.everybody}
}

// rate returns the rate of the errors, without its interval.
func (e errors) rate(value float64, of int64) Rate {
	byPeople, erring := e.worst(func(x weighed) int64 { return x.weight })
	byPairs, _ := e.worst(func(weighed) int64 { return 1 })
	return Rate{Figure{Value: value}, of, erring, byPeople, byPairs}
}

// worst returns which share of the errors, as they weigh, the ten people with the most of them take part in, and how many
// people have any.
func (e errors) worst(weight func(weighed) int64) (share float64, erring int) {
	by := make([]int64, e.people)
	var all int64
	for _, x := range e.of {
		w := weight(x)
		all += w
		by[x.a] += w
		if x.a != x.b {
			by[x.b] += w
		}
	}
	var people []int32
	for a, w := range by {
		if w > 0 {
			people = append(people, int32(a))
		}
	}
	slices.SortFunc(people, func(a, b int32) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	ten := people[:min(worst, len(people))]
	var theirs int64
	for _, x := range e.of {
		if slices.Contains(ten, x.a) || slices.Contains(ten, x.b) {
			theirs += weight(x)
		}
	}
	if all == 0 {
		return 0, 0
	}
	return float64(theirs) / float64(all), len(people)
}
