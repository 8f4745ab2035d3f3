package decide

// An excess is by how much a frame has more than is asked of it, less than 0 if it has not enough.
type excess struct {
	score float64 // over the threshold
	lead  float64 // over the second and the margin
}

// met reports whether the frame has all that is asked of it.
func (x excess) met() bool { return x.score >= 0 && x.lead >= 0 }

// asked is what is asked of a frame.
func (r Rules) asked(m Match) excess {
	return excess{m.Score - m.Threshold, m.Score - m.Second - r.Margin}
}

// askedAnywhere is what would be asked of a frame if nobody else were near to the face.
func (r Rules) askedAnywhere(m Match) excess { return excess{score: m.Score - (m.Threshold - m.Raise)} }

// contradicts reports whether a frame says by itself that somebody else is there than person. It goes by the threshold without a
// raise: a crowd around the face makes it harder to be let in, and no frame of another less of a reason to wait.
func (r Rules) contradicts(m Match, person Person) bool {
	x := r.asked(m)
	x.score += m.Raise
	return m.Person != person && x.met()
}

// suffice reports whether the frames of a track suffice for the person whom the newest of them names, if that is what is asked.
func (r Rules) suffice(frames []Match, asked func(Match) excess) bool {
	person := frames[len(frames)-1].Person
	for _, m := range frames {
		if r.contradicts(m, person) {
			return false
		}
	}
	if r.Judge == Every {
		return each(frames, person, asked) >= r.Agree && asked(frames[len(frames)-1]).met()
	}
	return len(frames) >= r.Agree && together(frames[len(frames)-max(1, r.Agree):], person, asked)
}

// each returns how many frames name a person and have, each by itself, what is asked.
func each(frames []Match, person Person, asked func(Match) excess) (n int) {
	for _, m := range frames {
		if m.Person == person && asked(m).met() {
			n++
		}
	}
	return n
}

// together reports whether all frames name a person, and have on the mean what is asked of each.
func together(frames []Match, person Person, asked func(Match) excess) bool {
	var sum excess
	for _, m := range frames {
		x := asked(m)
		if m.Person != person || x.score < -slack {
			return false
		}
		sum.score += x.score
		sum.lead += x.lead
	}
	return sum.met()
}
