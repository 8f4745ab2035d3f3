package gallery

import (
	"math/rand/v2"

	"facegate/pipeline/embed"
)

// Correlation returns how much alike the scores of two pictures of one person with the template of another are, beyond
// what scores of any two people are: their intraclass correlation, 0 for pictures that are as good as of different people
// and 1 for pictures that are all the same. Where it is near to 1 the mean of several pictures says no more than one does,
// and needs the threshold of one. Each ordered pair of people counts once.
func (s Study) Correlation() (float64, error) {
	var vectors []embed.Vector
	for _, p := range s.People {
		vectors = append(vectors, average(p.Pictures))
	}
	first := make([]int, len(s.People)) // the number of each person's first picture
	for i, p := range s.People {
		first[i] = len(vectors)
		vectors = append(vectors, p.Pictures...)
	}
	hash, err := codesOf(vectors, drawKey(rand.New(rand.NewPCG(s.Seed, 0))), s.Mean)
	if err != nil {
		return 0, err
	}
	var all moments
	scores := make([]float32, 0)
	for probe, p := range s.People {
		for enrolled := range s.People {
			if n := len(p.Pictures); enrolled != probe && n > 1 {
				pictures := make([]int, n)
				for i := range pictures {
					pictures[i] = first[probe] + i
				}
				scores = append(scores[:0], make([]float32, n)...)
				hash.Score(scores, pictures, []int{enrolled})
				all.add(scores)
			}
		}
	}
	return all.correlation(), nil
}

// moments are sums over pairs of people, by which two scores of a pair are compared with two scores of any.
type moments struct{ pairs, mean, square, product float64 }

func (m *moments) add(scores []float32) {
	var sum, squares float64
	for _, x := range scores {
		sum += float64(x)
		squares += float64(x) * float64(x)
	}
	n := float64(len(scores))
	m.pairs++
	m.mean += sum / n
	m.square += squares / n
	m.product += (sum*sum - squares) / (n * (n - 1)) // the mean over pairs of different scores
}

func (m *moments) correlation() float64 {
	mean := m.mean / m.pairs
	return (m.product/m.pairs - mean*mean) / (m.square/m.pairs - mean*mean)
}
