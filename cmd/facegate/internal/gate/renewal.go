package gate

import (
	"facegate/pipeline"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/track"
)

// confident is how far above the threshold a match must be for its face to be made a template of: who is let in is somebody
// enrolled, and who is renewed must be that person beyond the doubts that a threshold leaves.
const confident = 0.15

// A renewal gathers the embeddings of one person, whose record is of an earlier epoch, while they are being recognised. It
// is in memory alone, and overwritten as soon as somebody else is seen, the person is turned away, or it has been used.
// For each frame comes hold, then weigh, then watch; without people of an earlier epoch none of them does anything.
type renewal struct {
	frame embed.Vector // of the frame under way
	looks bool         // frame is held
	best  decide.Person
	good  bool // frame is one to be used
	seen  bool // frame was matched, with best

	person decide.Person // whom sum is of
	track  track.ID
	sum    embed.Vector
	frames int
}

func newRenewal(dim int) renewal {
	return renewal{frame: make(embed.Vector, dim), sum: make(embed.Vector, dim)}
}

// hold keeps the embedding of a frame until watch, if there is anybody to renew.
func (r *renewal) hold(v embed.Vector, anybody bool) {
	if r.looks = anybody && len(v) == len(r.frame); r.looks {
		copy(r.frame, v)
	}
}

// weigh says what the frame that is held was found to be. It counts if it is confident, and nobody else would match.
func (r *renewal) weigh(found match.Result, threshold float64, earlier bool) {
	if !r.looks {
		return
	}
	r.seen, r.best = found.OK, found.Best
	r.good = found.OK && earlier && found.Score >= threshold+confident && found.Second < threshold
	if !r.good {
		clear(r.frame)
	}
}

// watch says what the frame came to.
func (r *renewal) watch(report pipeline.Report) {
	defer r.drop()
	if r.frames > 0 && (report.Track != r.track || !pending(report.State) || r.seen && r.best != r.person) {
		r.clear()
	}
	if !r.good || !pending(report.State) {
		return
	}
	r.person, r.track = r.best, report.Track
	for i, x := range r.frame {
		r.sum[i] += x
	}
	r.frames++
}

// pending reports whether a frame of this state leaves it open who is there, or has just decided it.
func pending(s pipeline.State) bool {
	return s == pipeline.Poor || s == pipeline.Checking || s == pipeline.Matching || s == pipeline.Granted
}

// drop overwrites the frame that is held.
func (r *renewal) drop() {
	if r.looks {
		clear(r.frame)
	}
	r.looks, r.seen, r.good = false, false, false
}

// clear overwrites all that was gathered.
func (r *renewal) clear() {
	clear(r.sum)
	r.frames = 0
}

// of returns the sum of the frames of a person, the renewal's own memory, if they are enough.
func (r *renewal) of(person decide.Person, agree int) (embed.Vector, bool) {
	return r.sum, r.frames >= agree && r.person == person
}

// Watch tells the gallery what came of the frame that was matched last, or of one that was not.
func (g *Gallery) Watch(report pipeline.Report) { g.renewal.watch(report) }

// Renew gives a person who was just let in a template of the current epoch, made of the face that has opened the door, in
// the place of one of an earlier epoch. It takes the mean of at least agree frames of one track, each of which was surely
// theirs; if there are not so many it does nothing, and may do it when the person comes again.
func (g *Gallery) Renew(person decide.Person, agree int) error {
	v, ok := g.renewal.of(person, agree)
	if !ok {
		return nil
	}
	defer g.renewal.clear()
	g.mu.Lock()
	defer g.mu.Unlock()
	lane, err := g.store.Templates().NextLane("")
	if err != nil {
		return err
	}
	now := g.current()
	code, ok := now.projector.Protect(v, lane)
	if !ok {
		return nil
	}
	p, renewed, err := g.store.Epochs().Renew(person, g.modelID, lane, code)
	if err != nil || !renewed {
		return err
	}
	g.forget(person)
	now.index.Add(recordOf(p, code))
	g.settle()
	return nil
}
