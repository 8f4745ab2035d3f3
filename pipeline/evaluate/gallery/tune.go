package gallery

import (
	"context"
	"math"
	"time"

	"facegate/pipeline/calibrate"
	"facegate/pipeline/decide"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
)

// A Study is people and how templates are made of their pictures.
type Study struct {
	People    []Person
	Mean      template.Mean // public mean of the embedder
	Templates int           // up to so many pictures make a template
	Draws     int           // galleries of mixed crowds that are drawn for each figure, twice as many of people alike, four times to tune beta
	Seed      uint64        // of everything that is drawn
}

// usualCrowds returns the numbers of people for which the crowding is measured.
func usualCrowds() []int {
	return []int{3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000, 2000, 5000, 10000}
}

// Crowds measures how crowded the places of genuine probes are in mixed crowds of usual numbers of people, and of all.
// See match.Rules.Crowding.
func (s Study) Crowds(ctx context.Context) ([]calibrate.Crowd, error) {
	probed := 5 * s.Draws // people, about
	measuring := match.Rules{
		Threshold: func(int) (float64, error) { return 1, nil },
		Crowding:  func(int) float64 { return 0 }, // so that all crowding is in excess
	}
	var crowds []calibrate.Crowd
	for _, n := range usualCrowds() {
		if n = min(n, len(s.People)); n < usualCrowds()[0] {
			break
		}
		plan := Plan{Enrolled: n, Draws: max(2, probed/n), Tries: probed}
		outcomes, err := s.Measure(ctx, plan, []Way{oneFrame(measuring)}, nil)
		if err != nil {
			return nil, err
		}
		crowds = append(crowds, calibrate.Crowd{N: n, H: math.Round(outcomes[0].Crowding*1e4) / 1e4}) // more digits are chance
		if n == len(s.People) {
			break
		}
	}
	return crowds, nil
}

const (
	// tunedFPIR and tunedEnrolled are the promise by which the raise is tuned: the default, for a site of the usual size.
	tunedFPIR     = 0.001
	tunedEnrolled = 50

	// bearable is how many times as often as promised strangers may be let in who look like everybody enrolled.
	bearable = 2

	// dear is how much more often, as a share of their tries, people who are alike may be refused for the raise.
	dear = 0.025

	// betaSteps is how finely beta is looked for between 0 and 1.
	betaSteps = 20
)

// Beta returns the least share of the excess crowding by which the threshold of f has to rise, so that in galleries of
// people who are alike the FPIR of one frame, at the upper end of its interval, is at most bearable times the promise. Each
// step upward costs refusals. Where none is enough it is the greatest that is not too dear, and it is 1 where f or the people
// are too few to tell.
func (s Study) Beta(ctx context.Context, f *calibrate.File) (float64, error) {
	threshold, err := f.Threshold(1, tunedEnrolled, tunedFPIR)
	if err != nil || float64(len(s.People)) < 3/(bearable*tunedFPIR) { // the rule of three
		return 1, nil
	}
	var ways []Way
	for step := range betaSteps + 1 {
		ways = append(ways, oneFrame(match.Rules{
			Threshold: func(int) (float64, error) { return threshold, nil },
			Crowding:  f.Crowding, Beta: float64(step) / betaSteps,
		}))
	}
	outcomes, err := s.Measure(ctx, Plan{Alike: true, Enrolled: tunedEnrolled, Draws: 4 * s.Draws, Tries: neighbours}, ways, nil)
	if err != nil {
		return 0, err
	}
	return leastBeta(outcomes), nil
}

// leastBeta returns the share, of those that the outcomes are of in rising order, from which on they are bearable, as far as
// that is not too dear.
func leastBeta(outcomes []Outcome) float64 {
	step := len(outcomes)
	for step > 0 && outcomes[step-1].FPIR.Interval.High <= bearable*tunedFPIR {
		step--
	}
	step = min(step, len(outcomes)-1)
	for step > 0 && outcomes[step].FNIR.Rate > outcomes[0].FNIR.Rate+dear {
		step--
	}
	return float64(step) / betaSteps
}

// oneFrame judges each picture by itself, with the margin that gates have by default.
func oneFrame(r match.Rules) Way {
	return Way{Match: r, Decide: decide.Rules{Judge: decide.Every, Agree: 1, Window: time.Second, Margin: 0.06}}
}
