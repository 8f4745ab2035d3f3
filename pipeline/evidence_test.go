package pipeline

import (
	"slices"
	"testing"

	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/enrol"
	"facegate/pipeline/match"
	"facegate/pipeline/track"
)

// A frame is what see is told of one.
type frame struct {
	state  State
	track  track.ID
	answer match.Answer
	v      embed.Vector
}

func (f frame) with(edit func(*frame)) frame { edit(&f); return f }

// TestRenewalEvidence asks which frames are enough to renew somebody.
func TestRenewalEvidence(t *testing.T) {
	one, two := decide.Person{1}, decide.Person{2}
	of := func(p decide.Person, renewable bool) match.Answer {
		return match.Answer{Result: match.Result{OK: true, Best: p}, Renewable: renewable}
	}
	sure := frame{Matching, 1, of(one, true), embed.Vector{0.6, 0.8}}
	granted := sure.with(func(f *frame) { f.state = Granted })
	doubtful := sure.with(func(f *frame) { f.answer.Renewable = false })
	unmatched := func(s State) frame { return frame{s, 1, match.Answer{}, embed.Vector{0, 0}} }
	another := func(f frame) frame { return f.with(func(f *frame) { f.answer = of(two, true) }) }
	tests := []struct {
		name   string
		frames []frame
		want   bool
	}{
		{"three", []frame{sure, sure, granted}, true},
		{"a blink between", []frame{sure, sure, unmatched(Poor), granted}, true},
		{"one that is not surely live between", []frame{sure, sure, unmatched(Checking), granted}, true},
		{"a doubtful one between", []frame{sure, sure, doubtful, granted}, true},
		{"granted on a doubtful one", []frame{sure, sure, sure, doubtful.with(func(f *frame) { f.state = Granted })}, true},
		{"nobody enrolled between", []frame{sure, sure, unmatched(Matching), granted}, true},
		{"two", []frame{sure, granted}, false},
		{"doubtful ones", append(slices.Repeat([]frame{doubtful}, 5), granted), false},
		{"two tracks", []frame{sure, sure.with(func(f *frame) { f.track = 2 }), granted}, false},
		{"somebody else at the end", []frame{sure, sure, another(granted)}, false},
		{"somebody else between", []frame{sure, sure, another(doubtful), granted}, false},
		{"nobody between", []frame{sure, sure, {Nobody, 0, match.Answer{}, embed.Vector{0, 0}}, granted}, false},
		{"refused between", []frame{sure, sure, unmatched(NotLive), granted}, false},
		{"unknown between", []frame{sure, sure, doubtful.with(func(f *frame) { f.state = Unknown }), granted}, false},
		{"let in before", []frame{sure, sure, unmatched(Lingering), granted}, false},
		{"used before", []frame{sure, sure, granted, granted}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := renewal{agree: 3, sample: enrol.NewSample(2)}
			var last Report
			for _, f := range tt.frames {
				last = Report{State: f.state, Track: f.track}
				r.see(&last, f.answer, f.v)
				if last.Sample != nil && f.state != Granted {
					t.Errorf("a sample is handed out after %v", f.state)
				}
			}
			if got := last.Sample != nil; got != tt.want || got && !slices.Equal(last.Sample, sure.v) {
				t.Errorf("the sample is %v", last.Sample)
			}
			if n := r.sample.Taken(); n != 0 {
				t.Errorf("%d frames are left after the grant", n)
			}
		})
	}
}
