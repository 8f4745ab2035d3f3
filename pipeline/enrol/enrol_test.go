package enrol_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/pipeline/embed"
	"facegate/pipeline/enrol"
)

var start = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)

const spacing = 250 * time.Millisecond

// at is a unit vector in the plane, so many degrees from the first axis.
func at(degrees float64) embed.Vector {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return embed.Vector{float32(cos), float32(sin)}
}

func TestSession(t *testing.T) {
	s := enrol.NewSession(3, 2)
	for i, degrees := range []float64{0, 60, 30} {
		now := start.Add(time.Duration(i) * spacing)
		if i > 0 && s.Due(now.Add(-1)) {
			t.Errorf("frame %d is due too soon after the last", i)
		}
		if !s.Due(now) || s.Done() {
			t.Errorf("frame %d: due %v, done before %v", i, s.Due(now), s.Done())
		}
		s.Add(at(degrees), 1, now)
		if taken, want := s.Progress(); taken != i+1 || want != 3 {
			t.Errorf("after frame %d: %d of %d", i, taken, want)
		}
	}
	if c := embed.Cosine(s.Mean(), at(30)); !s.Done() || math.Abs(c-1) > 1e-6 {
		t.Errorf("done %v, mean %v", s.Done(), s.Mean())
	}
}

func TestAnotherPersonBeginsAnew(t *testing.T) {
	s := enrol.NewSession(5, 2)
	s.Add(at(0), 1, start)
	s.Add(at(20), 1, start.Add(spacing))
	s.Add(at(75), 1, start.Add(2*spacing)) // cosine 0.42 with the mean so far: a poor frame of the same person
	if taken, _ := s.Progress(); taken != 3 {
		t.Fatalf("%d frames of one person taken, want 3", taken)
	}
	s.Add(at(180), 1, start.Add(3*spacing))
	if taken, _ := s.Progress(); taken != 1 || math.Abs(embed.Cosine(s.Mean(), at(180))-1) > 1e-6 {
		t.Errorf("of somebody else %d frames are taken, with mean %v", taken, s.Mean())
	}
}

func TestAnotherTrackBeginsAnew(t *testing.T) {
	s := enrol.NewSession(5, 2)
	s.Add(at(0), 1, start)
	s.Add(at(0), 2, start.Add(spacing))
	if taken, _ := s.Progress(); taken != 1 {
		t.Errorf("%d frames of two tracks are taken, want only the last", taken)
	}
}

// What was gathered is gone from the session's own memory, and the next person starts from nothing.
func TestClear(t *testing.T) {
	s := enrol.NewSession(1, 2)
	s.Add(at(0), 1, start)
	mean := s.Mean()
	s.Clear()
	if !slices.Equal(mean, embed.Vector{0, 0}) || s.Done() || !s.Due(start) {
		t.Errorf("mean %v, done %v, due %v", mean, s.Done(), s.Due(start))
	}
	if s.Add(at(90), 1, start); math.Abs(embed.Cosine(s.Mean(), at(90))-1) > 1e-6 {
		t.Errorf("after somebody else the mean is %v", s.Mean())
	}
}

// In whatever order the frames of one person come, the mean is of unit length and favours none of them.
func TestMeanProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		degrees := rapid.SliceOfN(rapid.Float64Range(-30, 30), 1, 30).Draw(t, "degrees")
		mean := func(degrees []float64) embed.Vector {
			s := enrol.NewSession(len(degrees), 2)
			for i, d := range degrees {
				s.Add(at(d), 1, start.Add(time.Duration(i)*spacing))
			}
			if !s.Done() {
				t.Fatal("frames of one person are taken for two people's")
			}
			return s.Mean()
		}
		m, other := mean(degrees), mean(rapid.Permutation(degrees).Draw(t, "other"))
		if math.Abs(embed.Cosine(m, m)-1) > 1e-5 || math.Abs(embed.Cosine(m, other)-1) > 1e-5 {
			t.Fatalf("%v, and %v in another order", m, other)
		}
	})
}
