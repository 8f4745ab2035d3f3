package track_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/pipeline/detect"
	"facegate/pipeline/track"
)

const frame = 100 * time.Millisecond

var start = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)

// at is a face of 100 by 100 pixels.
func at(x, y float32) detect.Face {
	return detect.Face{Box: detect.Box{Left: x, Top: y, Right: x + 100, Bottom: y + 100}, Score: 0.9}
}

// ids returns which track each face went to, in the order of faces.
func ids(t interface{ Fatalf(string, ...any) }, found []*track.Track, faces []detect.Face) []track.ID {
	if len(found) != len(faces) {
		t.Fatalf("%d tracks for %d faces", len(found), len(faces))
	}
	out := make([]track.ID, len(faces))
	for i, f := range faces {
		j := slices.IndexFunc(found, func(tr *track.Track) bool { return tr.Face == f })
		if j < 0 {
			t.Fatalf("no track for %+v", f.Box)
		}
		out[i] = found[j].ID
	}
	return out
}

func TestPeople(t *testing.T) {
	// A person's place in each frame; nil where nobody is found.
	type path []*detect.Face
	walk := func(x, y, dx, dy float32, frames int) (p path) {
		for i := range frames {
			f := at(x+dx*float32(i), y+dy*float32(i))
			p = append(p, &f)
		}
		return p
	}
	hidden := func(p path, from, to int) path {
		p = slices.Clone(p)
		clear(p[from:to])
		return p
	}
	for name, people := range map[string][]path{
		"standing":                  {walk(200, 100, 0, 0, 10)},
		"walking by":                {walk(0, 100, 45, 0, 12)},
		"walking, then stopping":    {append(walk(0, 100, 45, 0, 6), walk(225, 100, 0, 0, 6)...)},
		"turning back":              {append(walk(0, 100, 45, 0, 6), walk(180, 100, -45, 0, 6)...)},
		"side by side":              {walk(0, 100, 20, 0, 12), walk(110, 100, 20, 0, 12)},
		"crossing":                  {walk(0, 100, 40, 0, 12), walk(440, 120, -40, 0, 12)},
		"crossing, seen in between": {walk(0, 100, 40, 0, 12), walk(420, 120, -40, 0, 12)},
		"overtaking":                {walk(0, 100, 45, 0, 12), walk(150, 120, 15, 0, 12)},
		"passing behind": {
			walk(200, 100, 0, 0, 12),
			hidden(walk(0, 80, 40, 0, 12), 3, 7),
		},
		"passing in front": {
			hidden(walk(200, 100, 0, 0, 12), 3, 7),
			walk(0, 110, 40, 0, 12),
		},
	} {
		t.Run(name, func(t *testing.T) {
			var tracker track.Tracker
			known := make([]track.ID, len(people))
			for i := range people[0] {
				var faces []detect.Face
				var who []int
				for k, p := range people {
					if p[i] != nil {
						faces, who = append(faces, *p[i]), append(who, k)
					}
				}
				found, ended := tracker.Update(faces, start.Add(time.Duration(i)*frame))
				if len(ended) > 0 {
					t.Errorf("frame %d: tracks %v end", i, ended)
				}
				for j, id := range ids(t, found, faces) {
					k := who[j]
					if known[k] == 0 {
						known[k] = id
					}
					if id != known[k] {
						t.Errorf("frame %d: person %d is track %d, was %d", i, k, id, known[k])
					}
				}
			}
		})
	}
}

func TestGapEndsATrack(t *testing.T) {
	for _, test := range []struct {
		gap  time.Duration
		same bool
	}{
		{500 * time.Millisecond, true},
		{501 * time.Millisecond, false},
		{time.Hour, false},
	} {
		var tracker track.Tracker
		first, _ := tracker.Update([]detect.Face{at(0, 0)}, start)
		id := first[0].ID
		if found, ended := tracker.Update(nil, start.Add(test.gap/2)); len(found) > 0 || len(ended) > 0 && test.same {
			t.Errorf("after half of %v without a face: found %v, ended %v", test.gap, found, ended)
		}
		found, _ := tracker.Update([]detect.Face{at(0, 0)}, start.Add(test.gap))
		if same := found[0].ID == id; same != test.same {
			t.Errorf("after %v it is the same track: %v", test.gap, same)
		}
	}
}

// Where somebody else stands far off in the next frame, that is another track, even with nobody left for the first.
func TestFarApartIsSomebodyElse(t *testing.T) {
	var tracker track.Tracker
	first, _ := tracker.Update([]detect.Face{at(0, 0)}, start)
	id := first[0].ID
	found, _ := tracker.Update([]detect.Face{at(70, 0)}, start.Add(frame)) // IoU 0.18
	if found[0].ID == id {
		t.Error("two people are joined into one track")
	}
}

// Each of two people who cross is soon where the other was, and the detector's boxes tremble.
func TestCrossing(t *testing.T) {
	tremor := rapid.Float32Range(-4, 4)
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.Float32Range(30, 45).Draw(t, "step")
		lower := rapid.Float32Range(0, 30).Draw(t, "lower")
		var tracker track.Tracker
		var known []track.ID
		for i := range 12 {
			x := step * (float32(i) - 5.5) // they meet between two frames
			a := at(300+x+tremor.Draw(t, "x"), 100+tremor.Draw(t, "y"))
			b := at(300-x+tremor.Draw(t, "x"), 100+lower+tremor.Draw(t, "y"))
			faces := []detect.Face{a, b}
			found, _ := tracker.Update(faces, start.Add(time.Duration(i)*frame))
			who := ids(t, found, faces)
			if known == nil {
				known = who
			}
			if !slices.Equal(who, known) {
				t.Fatalf("frame %d: tracks %v, were %v", i, who, known)
			}
		}
	})
}

// A scene is a time and the faces in the frame of it. No two are alike, but they overlap now and then.
type scene struct {
	Time  time.Time
	Faces []detect.Face
}

var scenes = rapid.Custom(func(t *rapid.T) (all []scene) {
	now := start
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	for range rapid.IntRange(1, 30).Draw(t, "frames") {
		now = now.Add(time.Duration(rapid.IntRange(1, 700).Draw(t, "ms")) * time.Millisecond)
		s := scene{Time: now}
		for range rapid.IntRange(0, 6).Draw(t, "faces") {
			s.Faces = append(s.Faces, at(random.Float32()*400, random.Float32()*200))
		}
		all = append(all, s)
	}
	return all
})

func TestTracker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tracker track.Tracker
		seen := map[track.ID]time.Time{}
		over := map[track.ID]bool{}
		var newest track.ID
		for _, s := range scenes.Draw(t, "scenes") {
			found, ended := tracker.Update(s.Faces, s.Time)
			for _, id := range ended {
				if over[id] || s.Time.Sub(seen[id]) <= 500*time.Millisecond {
					t.Fatalf("track %d, last seen %v ago, ends (again: %v)", id, s.Time.Sub(seen[id]), over[id])
				}
				over[id] = true
			}
			this := map[track.ID]bool{}
			for _, id := range ids(t, found, s.Faces) {
				if _, old := seen[id]; !old && id <= newest || over[id] || this[id] {
					t.Fatalf("track %d is used again", id)
				}
				newest, seen[id], this[id] = max(newest, id), s.Time, true
			}
			for id, last := range seen {
				if !over[id] && s.Time.Sub(last) > 500*time.Millisecond {
					t.Fatalf("track %d, last seen %v ago, has not ended", id, s.Time.Sub(last))
				}
			}
			for _, tr := range found {
				if !tr.Seen.Equal(s.Time) {
					t.Fatalf("track %d was found at %v, not %v", tr.ID, tr.Seen, s.Time)
				}
			}
		}
	})
}

// The detector lists faces by its confidence, which says nothing of who they are.
func TestOrderOfFacesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var one, other track.Tracker
		began := [2]map[track.ID]detect.Box{{}, {}} // where each track was first
		for _, s := range scenes.Draw(t, "scenes") {
			shuffled := rapid.Permutation(s.Faces).Draw(t, "shuffled")
			foundOne, endedOne := one.Update(s.Faces, s.Time)
			foundOther, endedOther := other.Update(shuffled, s.Time)
			if len(endedOne) != len(endedOther) {
				t.Fatalf("%d tracks end, or %d", len(endedOne), len(endedOther))
			}
			var origins [2][]detect.Box
			for k, found := range [][]*track.Track{foundOne, foundOther} {
				for i, id := range ids(t, found, s.Faces) {
					if _, ok := began[k][id]; !ok {
						began[k][id] = s.Faces[i].Box
					}
					origins[k] = append(origins[k], began[k][id])
				}
			}
			if diff := cmp.Diff(origins[0], origins[1]); diff != "" {
				t.Fatalf("the same faces belong to other tracks:\n%s", diff)
			}
		}
	})
}
