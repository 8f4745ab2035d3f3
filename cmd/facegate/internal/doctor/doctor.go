// Package doctor says what is wrong with a gate and with the machine that it runs on, and what to do next about each. It looks at what it
// is handed, changes nothing, and knows nobody.
package doctor

import (
	"cmp"
	"slices"

	"facegate/cmd/facegate/internal/health"
)

// A State is how something is that was looked at.
type State string

// The states, from good to bad.
const (
	OK      State = "ok"
	Advice  State = "advice"  // it works, and is not as safe or as lasting as it may be
	Unknown State = "unknown" // it could not be looked at
	Wrong   State = "wrong"
)

// States lists every State, from good to bad.
func States() []State { return []State{OK, Advice, Unknown, Wrong} }

// rank orders the states from good to bad.
func (s State) rank() int { return slices.Index(States(), s) }

// The parts that only a doctor looks at. The others are those of the health.
const (
	Configuration health.Part = "configuration"
	Service       health.Part = "service" // as systemd starts it
	Control       health.Part = "control socket"
	Power         health.Part = "power" // that the board is given
	Temperature   health.Part = "temperature"
	Processor     health.Part = "processor"
)

// A Finding is something that is not well, and the one thing to do next. It names nobody, and holds no secret.
type Finding struct {
	Part   health.Part `json:"part"`
	State  State       `json:"state"`
	Reason string      `json:"reason"`
	Todo   string      `json:"todo"`
}

// A Look is what was looked at, and what was found.
type Look struct {
	Parts    []health.Part `json:"parts"`
	Findings []Finding     `json:"findings"`
}

// A Report is what came of all looks.
type Report struct {
	State    State         `json:"state"` // the worst of the findings
	As       string        `json:"as"`    // whose rights were looked at
	Running  bool          `json:"running"`
	Findings []Finding     `json:"findings"` // the worst first; never nil
	Well     []health.Part `json:"well"`     // parts that were looked at, of which nothing was found; never nil
}

// Assess joins looks. Of what is equally bad the causes come first, which is the order of the looks.
func Assess(looks ...Look) Report {
	r := Report{State: OK, Findings: []Finding{}, Well: []health.Part{}}
	for _, l := range looks {
		r.Findings = append(r.Findings, l.Findings...)
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(b.State.rank(), a.State.rank()) })
	r.Findings = once(r.Findings)
	if len(r.Findings) > 0 {
		r.State = r.Findings[0].State
	}
	for _, l := range looks {
		for _, p := range l.Parts {
			ill := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Part == p })
			if !ill && !slices.Contains(r.Well, p) {
				r.Well = append(r.Well, p)
			}
		}
	}
	return r
}

// once leaves the first of the findings that say the same, and no advice on a part that is wrong: it waits until that is mended.
func once(all []Finding) []Finding {
	kept := all[:0]
	for _, f := range all {
		if !slices.ContainsFunc(kept, func(k Finding) bool {
			return k.Part == f.Part && (k.Reason == f.Reason || k.State == Wrong && f.State == Advice)
		}) {
			kept = append(kept, f)
		}
	}
	return kept
}

// when returns the finding as a list of one if it holds, and otherwise none.
func when(holds bool, part health.Part, state State, reason, todo string) []Finding {
	if !holds {
		return nil
	}
	return []Finding{{part, state, reason, todo}}
}

// Conditions returns what the conditions of a health are to a doctor: each of them is wrong.
func Conditions(all []health.Condition) (found []Finding) {
	for _, c := range all {
		found = append(found, Finding{c.Part, Wrong, c.Reason, c.Todo})
	}
	return found
}

// Health returns the Look of a running gate at itself.
func Health(r health.Report) Look { return Look{Parts: parts(), Findings: Conditions(r.Conditions)} }

// parts are those of which the health of a running gate tells.
func parts() []health.Part {
	return []health.Part{
		health.Profile, health.Camera, health.Frames, health.Door, health.Entry, health.Faces, health.Screen, health.People, health.Broker, health.Witness,
		health.Disk, health.Key, health.Clock, health.Memory, health.Log, health.Package, health.Law, health.Metrics,
	}
}
