package notice

import (
	"io"
	"time"

	"facegate/configs/law"
)

// A Policy is what an auditor is told of one gate.
type Policy struct {
	Particulars

	Site, Gate string
	Assessment law.Assessment
	Insisted   bool // the operator answers for one-to-many

	MaxAge  time.Duration // an older picture opens nothing
	MinFace int           // pixels, width of a face in the zone

	Liveness       Threshold // from which a face counts as live
	LivenessWindow int       // frames whose mean is that

	Judge        string        // "mean" or "every": how the frames are weighed that open the door
	Agree        int           // how many they are
	Within       time.Duration // and in which time
	Rearm        time.Duration // absence after which the same person may open the door again
	FPIR, Margin float64

	Broker   string // that pass events go to
	Transfer string // reference of the decision that lets them leave the site, "" for none
	Unsigned bool   // whoever may write there may open the door: orders of a Home Assistant, which nobody signs, open it
}

// A Threshold is a score, or the one that was measured for the networks in use. A photo opens a gate at which it is 0.
type Threshold struct {
	Auto  bool // the measured one; Score is 0
	Score float64
}

// Write writes the retention schedule and the rules of the gate as Markdown.
func (p Policy) Write(w io.Writer) error {
	text, err := render("policy.md", policyPage{
		Policy: p, Law: law.Of(p.Profile.Jurisdiction), Ways: p.listed(English, p.Ways), Second: p.second(English), Beside: p.beside(English),
		FilingWorkingDays: law.FilingWorkingDays, FaceAloneFrom: law.FaceAloneFrom, Majority: law.Majority,
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// A policyPage is what the policy is filled from.
type policyPage struct {
	Policy
	Law    law.Rules
	Ways   string
	Second string // of Ways, those that are asked for besides a face
	Beside string // of Ways, those that are on the operator's word, "" for none

	FilingWorkingDays, FaceAloneFrom, Majority int
}
