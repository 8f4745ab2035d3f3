package pipeline

import (
	"time"

	"facegate/pipeline/attempt"
	"facegate/pipeline/challenge"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/quality"
	"facegate/pipeline/track"
)

// A State says how far the frame's most promising face came. It carries no score and no name.
type State uint8

// The states, in the order of the stages.
const (
	Nobody    State = iota // no face
	Poor                   // a face that the zone or the quality gate refuses; Report.Reason says why
	Checking               // more frames are needed to tell whether it is live
	NotLive                // a print or a screen: refused, and neither recognised nor reported
	Matching               // more frames are needed to tell who it is
	Granted                // open now
	Lingering              // was let in, or just enrolled, and has not left
	Unknown                // not enrolled
	Several                // several people are in the zone: only one can be enrolled at a time
	Captured               // the frame was taken for an enrolment
	Resting                // after a flood of prints: no face is looked at
	Skipped                // no face was to be looked for; whoever wanted it so knows why
	Asked                  // the person is to turn the head; Report.Asks says where
)

func (s State) String() string {
	return [...]string{
		"nobody", "poor picture", "checking liveness", "not live", "matching", "granted", "lingering", "unknown",
		"several people", "captured", "resting", "skipped", "asked to turn the head",
	}[s]
}

// A Report says what one frame came to.
type Report struct {
	State  State
	Reason quality.Reason // with Poor; otherwise what is wrong with the light on a face that was looked at all the same
	Faces  int            // faces found, in the zone or not
	Person decide.Person  // with Granted only
	Track  track.ID       // of the face that was looked at closely, 0 if none was
	Ended  []Ended        // attempts that have ended with this frame

	Asks challenge.Direction // with Asked: where the person is to look
	Time time.Time           // of the frame

	Sight Sight // of the nearest face, where Pipeline.Sights has asked for it; zero if there is no face

	// Sample is the mean of the frames that Person was granted on, with Granted and only where Person is to be given a new
	// template; see match.Answer. It belongs to whoever takes the Report, who clears it.
	Sample embed.Vector
}

// An Ended is what an attempt has come to: somebody has stood before the door, and was taken for somebody or not.
type Ended struct {
	Finding attempt.Finding
	Person  decide.Person // with Matched; with NearMiss and Alike: whom it was nearly taken for
}

func (r *Report) end(f attempt.Finding, p decide.Person) { r.Ended = append(r.Ended, Ended{f, p}) }
