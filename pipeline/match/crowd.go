package match

import "facegate/pipeline/template"

const (
	// crowd is how many others say how crowded the place of a face is.
	crowd = 5

	// fewest is with how many people the others begin to say anything: of one other nobody can tell a crowd.
	fewest = 3
)

// An Other is somebody else than the best match, and their best score.
type Other struct {
	Person template.PersonID // zero for somebody of whom no more is known than that they score no better
	Score  float64           // -1 for nobody
}

// nobody stands where there are no more others.
func nobody() Other { return Other{Score: -1} }

// A ranking keeps the people with the best scores of all that are offered, one score a person, the best first.
type ranking struct {
	n    int
	list [1 + len(Result{}.Others)]Other
}

// offer takes note of the score of one record of a person.
func (k *ranking) offer(person template.PersonID, score float64) {
	if k.n == len(k.list) && score <= k.list[k.n-1].Score {
		return // of a person on the list it is not the best score either
	}
	i := 0
	for i < k.n && k.list[i].Person != person {
		i++
	}
	if i < k.n && k.list[i].Score >= score {
		return
	}
	k.insert(min(i, len(k.list)-1), Other{person, score})
}

// fill takes note of somebody of whom no more is known than that they score no better than bound. They are never the best.
func (k *ranking) fill(bound float64) {
	if bound = min(bound, k.list[0].Score); k.n < len(k.list) || bound > k.list[k.n-1].Score {
		k.insert(min(k.n, len(k.list)-1), Other{Score: bound})
	}
}

// insert puts o in its place among those before i. What is at i is dropped.
func (k *ranking) insert(i int, o Other) {
	k.n = max(k.n, i+1)
	for ; i > 0 && k.list[i-1].Score < o.Score; i-- {
		k.list[i] = k.list[i-1]
	}
	k.list[i] = o
}

// take offers all that are in r.
func (k *ranking) take(r Result) {
	if r.OK {
		k.offer(r.Best, r.Score)
	}
	for _, o := range r.Others {
		switch {
		case !r.OK || o == nobody():
			return
		case o.Person == template.PersonID{}:
			k.fill(o.Score)
		default:
			k.offer(o.Person, o.Score)
		}
	}
}

// result returns the ranking as the outcome of a search.
func (k *ranking) result() Result {
	if k.n == 0 {
		return Result{}
	}
	r := Result{OK: true, Best: k.list[0].Person, Score: k.list[0].Score}
	for i := range r.Others {
		r.Others[i] = nobody()
		if i+1 < k.n {
			r.Others[i] = k.list[i+1]
		}
	}
	r.Second = r.Others[0].Score
	return r
}

// excess returns by how much the place of the face is more crowded than ordinary is. The crowding of a place is the mean score
// of the others who are most like the face.
func (f Found) excess(ordinary float64) float64 {
	others := f.Others[:min(crowd, f.People-1)]
	var sum float64
	for _, o := range others {
		sum += o.Score
	}
	return sum/float64(len(others)) - ordinary
}

// raise returns by how much more than the threshold a face has to score, and the excess that it is for. The raise is never
// negative. A few others say little, and count for less.
func (r Rules) raise(f Found) (raise, excess float64) {
	if f.People < fewest || r.Crowding == nil {
		return 0, 0
	}
	excess = f.excess(r.Crowding(f.People))
	return max(0, r.Beta*Weight(f.People)*excess), excess
}

// Weight returns what the others are worth as a measure of the crowd around a face, if it is compared with so many people: 1 from
// six people on, and less among fewer.
func Weight(people int) float64 { return float64(min(crowd, people-1)+1) / (crowd + 1) }
