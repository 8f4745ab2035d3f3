package guide

import (
	"time"

	"facegate/pipeline"
	"facegate/pipeline/quality"
)

// See tells what a frame has come to.
func (g *Guide) See(r pipeline.Report, now time.Time) {
	switch {
	case r.State == pipeline.Asked && g.shut(now): // to turn the head opens nothing
	case r.State == pipeline.Asked:
		if !now.Before(g.turned.Add(asked)) {
			g.hear(More)
		}
		g.turn, g.turned = r.Asks, now
	case r.State != pipeline.Nobody && r.State != pipeline.Poor: // a frame or two may be missed
		g.turned = time.Time{}
	}
	word := word(r)
	if g.works.Capturing {
		word = Capture(r)
	}
	if word != "" && word != StepIn {
		g.stands(word, r.State, now)
	}
}

// word is what can be said of a picture: what is wrong with it, and never whose face it is.
func word(r pipeline.Report) Step {
	switch r.State {
	case pipeline.Nobody, pipeline.Skipped, pipeline.Resting:
		return ""
	case pipeline.Poor:
		switch r.Reason {
		case quality.OutsideZone: // who is left alone
			return ""
		case quality.TooFar:
			return ComeCloser
		}
	}
	return HoldStill
}

// Capture is what whoever is being enrolled is to do for a better picture than that of a frame.
func Capture(r pipeline.Report) Step {
	switch r.State {
	case pipeline.Nobody:
		return StepIn
	case pipeline.Several:
		return OneOnly
	case pipeline.NotLive:
		return Uncover
	case pipeline.Poor:
		return better(r.Reason)
	}
	return HoldStill
}

// better is what makes up for what is wrong with a picture.
func better(r quality.Reason) Step {
	switch r {
	case quality.OutsideZone:
		return StepIn
	case quality.TooFar:
		return ComeCloser
	case quality.TooDark, quality.SideLit:
		return FaceLight
	case quality.TooBright:
		return LessLight
	case quality.TurnedAway:
		return FaceCamera
	case quality.Tilted:
		return HeadUp
	}
	return HoldStill
}

// stands takes note of a face.
func (g *Guide) stands(word Step, s pipeline.State, now time.Time) {
	p := &g.here
	if now.Sub(p.last) > gone {
		*p = presence{first: now, word: word, at: now, served: g.said == Granted && now.Before(g.until)}
	}
	p.last = now
	if word != p.word && now.Sub(p.at) >= settle {
		p.word, p.at = word, now
	}
	switch {
	case s == pipeline.Asked || g.works.Capturing: // whoever does as asked has time for it
		p.near = now
	case word == HoldStill && p.near.IsZero():
		p.near = now
	}
	p.captured = p.captured || s == pipeline.Captured
	p.lingers = s == pipeline.Lingering && (p.served || p.captured)
}

// face is what is said to a face, "" for nothing.
func (g *Guide) face(now time.Time) Step {
	p := &g.here
	switch {
	case now.Sub(p.last) > gone, !g.works.Faces && !g.works.Capturing:
		return ""
	case p.lingers && !p.served:
		return Enrolled
	case p.lingers:
		return Wait
	case p.served:
		return ""
	case g.terms.PassFirst && !g.works.Capturing && !now.Before(g.claim):
		return g.approach(now)
	case p.near.IsZero():
		return g.approach(now)
	case now.Sub(p.near) < patience:
		return p.word
	}
	if !p.refused {
		p.refused = true
		g.hear(Refused)
	}
	return TryCard
}

// approach is what is said to a face that is not near enough to be looked at, or need not be looked at.
func (g *Guide) approach(now time.Time) Step {
	if g.here.word == ComeCloser && now.Sub(g.here.first) < far {
		return ComeCloser
	}
	return ""
}
