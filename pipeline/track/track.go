// Package track follows faces from frame to frame, so that a decision can rest on several pictures of one person.
package track

import (
	"cmp"
	"slices"
	"time"

	"facegate/pipeline/detect"
)

// An ID names a track. It is never used again within one Tracker, and means nothing outside it.
type ID uint64

// A Track is one face over time.
type Track struct {
	ID   ID
	Face detect.Face // as in the newest frame
	Seen time.Time   // time of the newest frame that it was found in

	velocity detect.Point // of the centre, pixels a second
}

// A Tracker finds out which face of a frame is which of the frame before, by how much their boxes overlap:
//
//  1. Each face is compared with where each track should be by now, at its last velocity.
//  2. Faces and tracks that are left over are compared where the tracks were last.
//  3. Faces that are left over begin new tracks.
//
// A track that was not found for maxGap ends: two people must not be joined into one.
type Tracker struct {
	next   ID
	tracks []*Track
}

const (
	maxGap     = 500 * time.Millisecond
	minOverlap = 0.25 // IoU below which two boxes are two people
)

// Update takes the faces of one frame and returns the tracks that were found in it, new ones among them. ended lists the
// tracks that are over. now is the time of the frame, which is later than that of the frame before.
func (t *Tracker) Update(faces []detect.Face, now time.Time) (found []*Track, ended []ID) {
	t.tracks, ended = expire(t.tracks, now)
	taken := make([]bool, len(faces))
	// Of two people who cross, each is soon where the other was, so the prediction goes first. A person who stops or
	// turns belies it.
	for _, place := range []func(*Track) detect.Box{predictedAt(now), lastPlace} {
		for _, p := range pairs(t.tracks, faces, place) {
			if p.track.Seen.Equal(now) || taken[p.face] {
				continue
			}
			p.track.follow(faces[p.face], now)
			taken[p.face] = true
			found = append(found, p.track)
		}
	}
	for i, f := range faces {
		if !taken[i] {
			t.next++
			n := &Track{ID: t.next, Face: f, Seen: now}
			t.tracks, found = append(t.tracks, n), append(found, n)
		}
	}
	return found, ended
}

func expire(tracks []*Track, now time.Time) (alive []*Track, ended []ID) {
	alive = tracks[:0]
	for _, tr := range tracks {
		if now.Sub(tr.Seen) > maxGap {
			ended = append(ended, tr.ID)
		} else {
			alive = append(alive, tr)
		}
	}
	clear(tracks[len(alive):])
	return alive, ended
}

type pair struct {
	track   *Track
	face    int
	overlap float32
}

// pairs lists which face may continue which track, seen from place, the best overlap first.
func pairs(tracks []*Track, faces []detect.Face, place func(*Track) detect.Box) []pair {
	var all []pair
	for _, tr := range tracks {
		box := place(tr)
		for i, f := range faces {
			if o := detect.IoU(box, f.Box); o >= minOverlap {
				all = append(all, pair{tr, i, o})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(b.overlap, a.overlap) })
	return all
}

func predictedAt(now time.Time) func(*Track) detect.Box {
	return func(tr *Track) detect.Box {
		dt := float32(now.Sub(tr.Seen).Seconds())
		dx, dy := tr.velocity.X*dt, tr.velocity.Y*dt
		b := tr.Face.Box
		return detect.Box{Left: b.Left + dx, Top: b.Top + dy, Right: b.Right + dx, Bottom: b.Bottom + dy}
	}
}

func lastPlace(tr *Track) detect.Box { return tr.Face.Box }

func (tr *Track) follow(f detect.Face, now time.Time) {
	from, to := tr.Face.Box.Center(), f.Box.Center()
	if dt := float32(now.Sub(tr.Seen).Seconds()); dt > 0 {
		tr.velocity = detect.Point{X: (to.X - from.X) / dt, Y: (to.Y - from.Y) / dt}
	}
	tr.Face, tr.Seen = f, now
}
