package bypeople

import "math"

// Sums hold, for each person, the sum and the sum of squares of the scores of their comparisons, each weighing its share of
// the person, or of the pair of people.
type sums struct{ genuine, genuine2, impostor, impostor2 []float64 }

func newSums(people int) sums {
	zero := func() []float64 { return make([]float64, people) }
	return sums{zero(), zero(), zero(), zero()}
}

func (s *sums) own(a int32, score, share float64) {
	s.genuine[a] += score * share
	s.genuine2[a] += score * score * share
}

func (s *sums) between(a, b int32, score, share float64) {
	x, x2 := score*share, score*score*share
	s.impostor[a] += x
	s.impostor[b] += x
	s.impostor2[a] += x2
	s.impostor2[b] += x2
}

func (s *sums) add(o sums) {
	for i := range s.genuine {
		s.genuine[i] += o.genuine[i]
		s.genuine2[i] += o.genuine2[i]
		s.impostor[i] += o.impostor[i]
		s.impostor2[i] += o.impostor2[i]
	}
}

// A spread is the number, sum and sum of squares of scores.
type spread struct{ n, sum, sum2 float64 }

func (s spread) without(o spread) spread { return spread{s.n - o.n, s.sum - o.sum, s.sum2 - o.sum2} }

func (s spread) mean() float64 { return s.sum / s.n }

func (s spread) variance() float64 { return s.sum2/s.n - s.mean()*s.mean() }

// dPrime is evaluate.Performance.DPrime of exact scores.
func dPrime(genuine, impostor spread) float64 {
	return math.Abs(genuine.mean()-impostor.mean()) / math.Sqrt((genuine.variance()+impostor.variance())/2)
}

// dPrime returns the decidability by people with its jackknife interval: each person is left out in turn, with all of their
// comparisons. The interval is rounded, since the sums were added up in any order. It is nil where it is undefined.
func (s *Scores) dPrime() Figure {
	var genuine, impostor spread
	own := func(a int) spread {
		if s.pictures[a] < 2 {
			return spread{}
		}
		return spread{1, s.sums.genuine[a], s.sums.genuine2[a]}
	}
	n := len(s.pictures)
	others := func(a int) spread { return spread{float64(n - 1), s.sums.impostor[a], s.sums.impostor2[a]} }
	for a := range n {
		g, i := own(a), others(a)
		genuine = spread{genuine.n + g.n, genuine.sum + g.sum, genuine.sum2 + g.sum2}
		impostor = spread{impostor.n + i.n/2, impostor.sum + i.sum/2, impostor.sum2 + i.sum2/2}
	}
	without := make([]float64, n)
	var mean float64
	for a := range n {
		without[a] = dPrime(genuine.without(own(a)), impostor.without(others(a)))
		mean += without[a] / float64(n)
	}
	var squares float64
	for _, d := range without {
		squares += (d - mean) * (d - mean)
	}
	const z, digits = 1.959964, 1e6
	half := z * math.Sqrt(squares*float64(n-1)/float64(n))
	f := Figure{Value: s.People.DPrime()}
	if !math.IsNaN(half) && !math.IsInf(half, 0) {
		f.Interval = &Interval{math.Round((f.Value-half)*digits) / digits, math.Round((f.Value+half)*digits) / digits}
	}
	return f
}
