// Package pipeline leads one frame through the stages, from picture to verdict. It has no clock, no goroutine and no disk:
// time comes with the frame.
//
// These of its children are stages. A frame passes them in this order:
//
//  1. vision decodes the picture and runs the networks, and detect makes faces of what the detector says.
//  2. track follows each face from frame to frame.
//  3. quality refuses poor pictures.
//  4. liveness refuses prints and screens.
//  5. embed aligns the face and holds the vector that the embedder makes of it.
//  6. template projects the vector, and match searches for the person.
//  7. decide weighs the matches of several frames.
//
// Six more are as pure as the stages. Enrol gathers the frames of a new template. Challenge judges whether somebody of whom
// liveness is in doubt turns the head as asked. Flood counts prints. Crowd says how crowded the place is to the embedder.
// Attempt and admit weigh whoever asks for the door, by whatever means.
//
// The others are no stages. Models, calibrate and evaluate prepare what the stages are given before there is a frame.
// Publish comes after the door: no stage knows of it. Matchertest is the contract of Matcher.
package pipeline

import (
	"cmp"
	"slices"
	"time"

	"facegate/device"
	"facegate/pipeline/attempt"
	"facegate/pipeline/crowd"
	"facegate/pipeline/decide"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/enrol"
	"facegate/pipeline/flood"
	"facegate/pipeline/liveness"
	"facegate/pipeline/match"
	"facegate/pipeline/quality"
	"facegate/pipeline/track"
)

// Vision is what the pipeline asks of the networks; package vision documents each call.
type Vision interface {
	Load(f device.Frame) error
	Size() (width, height int)
	Grid(dst []byte, width, height int) error
	Detect() ([]detect.Face, error)
	Locate(f *detect.Face) error
	Align(f *detect.Face) (bgr []byte, size int, err error)
	Live(dst []float64, f *detect.Face) ([]float64, error)
	Embed(dst embed.Vector) error
	Dim() int
	Clear()
}

// A Matcher compares an embedding with the people whom it knows: with everybody enrolled (match.Everybody), or with the
// one person whose pass was shown (match.Claimed). It is safe for concurrent use. Package matchertest is its contract.
type Matcher interface {
	// Match compares v, which is of a face in the frame of now. One of these happens:
	//
	//  1. There is nobody to compare with, or v has no direction or not the length of an embedding. The Answer is zero.
	//  2. Score reaches Threshold: as far as one frame can tell, v is of Best. If Renewable is set, this is beyond doubt.
	//  3. Score stays below Threshold: v is of nobody whom the Matcher knows, or Best is barred at that time.
	//
	// Score and Second are estimated cosines. Second is that of the best other person, and -1 if there is none.
	//
	// v is the caller's, who clears it: Match does not change it, and leaves nothing of it in memory. It does not allocate,
	// and waits for no disk.
	Match(v embed.Vector, now time.Time) match.Answer
}

// Settings are the limits of the stages.
type Settings struct {
	Zone           quality.Zone
	Quality        quality.Limits
	Liveness       liveness.Thresholds
	LivenessWindow int // frames whose mean is judged
	Asking         Asking
	Rules          decide.Rules
	Attempts       Attempts
	Crowd          *crowd.Gauge // is told of everybody who is let in; nil for nobody
}

// A Pipeline holds what must be known between frames: the tracks and their evidence. It is not safe for concurrent use.
type Pipeline struct {
	settings Settings
	vision   Vision
	tracker  track.Tracker
	decider  *decide.Decider
	subjects map[track.ID]*subject
	turn     turn
	live     []float64
	vector   embed.Vector
	refused  flood.Gauge // prints and screens; one is forgotten in each Attempts.Rest
	renewal  renewal

	enrolled  decide.Person // who was captured last; zero for nobody
	presuming time.Time     // see Presume

	sights  bool         // somebody wants to see what is measured
	nearest *track.Track // in the frame under way, or nil

	question   *question   // put to one track, or nil
	unanswered flood.Gauge // questions that were not passed
}

// A turn is the right of one track to be looked at frame after frame. It ends when a frame leads nowhere. It ends after
// Rules.Window in any case, so that nobody can hold up the others.
type turn struct {
	of   track.ID
	ends time.Time
}

// New returns a Pipeline that sees through v, which it uses from the goroutine that calls it.
func New(s Settings, v Vision) *Pipeline {
	return &Pipeline{
		settings: s, vision: v,
		decider:  decide.New(s.Rules),
		subjects: map[track.ID]*subject{},
		vector:   make(embed.Vector, v.Dim()),
		refused:  flood.Gauge{Every: s.Attempts.Rest},
		renewal:  renewal{sample: enrol.NewSample(v.Dim()), agree: s.Rules.Agree},

		unanswered: flood.Gauge{Every: forget},
	}
}

// Identify leads one frame through all stages. An error concerns this frame only.
func (p *Pipeline) Identify(f device.Frame, m Matcher) (Report, error) {
	if p.resting(f.Time) {
		report := p.Skip(f)
		report.State = Resting
		return report, nil
	}
	defer p.vision.Clear()
	defer clear(p.vector)
	report, answer, err := p.identify(f, m)
	if p.sights && err == nil {
		report.Sight = p.sight()
	}
	p.nearest = nil
	if !device.Damaged(err) { // such a frame is of nobody, and stands between no two others
		p.renewal.see(&report, answer, p.vector)
	}
	return report, err
}

// Rematch has every face compared anew, because it is to be compared with others now, as after a pass was shown. What the Matcher
// before has said of it counts no more. Whether it is live, and what it has tried, is remembered.
func (p *Pipeline) Rematch() {
	p.renewal.clear()
	p.turn = turn{}
	p.decider.Rematch()
	for _, s := range p.subjects {
		if s.unmatched {
			s.restUntil, s.unmatched = time.Time{}, false
		}
	}
}

// Skip takes note of a frame in which no face is to be looked for.
func (p *Pipeline) Skip(f device.Frame) Report {
	p.renewal.clear()
	p.forgetFaces()
	return Report{State: Skipped, Time: f.Time}
}

// identify is Identify, without what is gathered over several frames. It leaves the embedding that was matched in p.vector.
func (p *Pipeline) identify(f device.Frame, m Matcher) (report Report, answer match.Answer, err error) {
	near, report, err := p.look(f)
	if err != nil || len(near) == 0 {
		return report, answer, err
	}
	tr := p.choose(near)
	if tr == nil {
		report.State = p.idle(near[0])
		return report, answer, nil
	}
	answer, err = p.judge(tr, &report, m)
	if err != nil || report.State != Checking && report.State != Matching {
		p.turn = turn{}
	}
	return report, answer, err
}

// look decodes a frame, finds its faces and follows them. It returns the tracks before the door, the nearest first. If there
// are none, the report says why.
func (p *Pipeline) look(f device.Frame) (near []*track.Track, report Report, err error) {
	tracks, report, err := p.follow(f)
	if err != nil {
		return nil, report, err
	}
	near, reason := p.beforeDoor(tracks)
	p.nearest = nil
	if len(tracks) > 0 {
		p.nearest = tracks[0]
	}
	p.presume(near, f.Time)
	p.decider.See(f.Time, near)
	if reason != quality.OK {
		report.State, report.Reason = Poor, reason
	}
	return near, report, nil
}

// follow decodes a frame, finds its faces and follows them.
func (p *Pipeline) follow(f device.Frame) (tracks []*track.Track, report Report, err error) {
	report.Time = f.Time
	if err := p.vision.Load(f); err != nil {
		return nil, report, err
	}
	faces, err := p.vision.Detect()
	if err != nil {
		return nil, report, err
	}
	report.Faces = len(faces)
	tracks, ended := p.tracker.Update(faces, f.Time)
	for _, id := range ended {
		if person, ok := p.decider.TakeNear(id); ok { // stepping back before the verdict is no way round the count
			report.end(attempt.NearMiss, person)
		} else if person, ok := p.decider.TakeLately(id, f.Time); ok { // and whoever has turned to a reader has shown half
			report.end(attempt.Alike, person)
		}
		p.lose(id, f.Time)
		p.decider.Forget(id)
	}
	return tracks, report, nil
}

// beforeDoor returns the tracks in the zone, the nearest first. Without any, reason says what keeps the nearest out.
func (p *Pipeline) beforeDoor(tracks []*track.Track) (near []*track.Track, reason quality.Reason) {
	slices.SortFunc(tracks, func(a, b *track.Track) int { return cmp.Compare(b.Face.Box.Area(), a.Face.Box.Area()) })
	width, height := p.vision.Size()
	for _, tr := range tracks {
		switch r := p.settings.Zone.Check(tr.Face.Box, width, height); {
		case r == quality.OK:
			near = append(near, tr)
		case reason == quality.OK:
			reason = r
		}
	}
	if len(near) > 0 {
		return near, quality.OK
	}
	return nil, reason
}

// choose picks the one track of the frame to look at closely, nil for none. One track a frame bounds the time that a frame
// can take. Tracks that need no decision are left out. Of the others it is, in this order:
//
//  1. The track that is asked to turn. That takes some seconds, twice at the most.
//  2. The track whose turn it is. A turn is several frames long, because evidence lapses: of many people seen in rotation
//     none would ever gather enough.
//  3. The track that was not looked at for longest, which then has its turn. Of two that were never looked at it is the
//     nearer one.
func (p *Pipeline) choose(near []*track.Track) *track.Track {
	if i := slices.IndexFunc(near, p.asks); i >= 0 {
		return near[i]
	}
	var chosen *track.Track
	for _, tr := range near {
		s := p.subject(tr.ID)
		switch {
		case p.decider.Decided(tr.ID, tr.Seen) || tr.Seen.Before(s.restUntil):
			continue
		case tr.ID == p.turn.of && tr.Seen.Before(p.turn.ends):
			return tr
		case chosen == nil || s.examined.Before(p.subject(chosen.ID).examined):
			chosen = tr
		}
	}
	if chosen != nil {
		p.turn = turn{chosen.ID, chosen.Seen.Add(p.settings.Rules.Window)}
	}
	return chosen
}

// idle is the state of a frame in which no track needs a closer look.
func (p *Pipeline) idle(nearest *track.Track) State {
	if p.decider.Decided(nearest.ID, nearest.Seen) {
		return Lingering
	}
	return Unknown
}

// judge takes one track through the stages behind the zone. It returns what the Matcher says, if it came to that.
func (p *Pipeline) judge(tr *track.Track, report *Report, m Matcher) (answer match.Answer, err error) {
	report.Track = tr.ID
	if p.asks(tr) {
		return answer, p.hear(tr, report)
	}
	verdict, err := p.examine(tr, report)
	switch {
	case err != nil || report.State == Poor:
		return answer, err
	case verdict == liveness.NotLive:
		p.refuse(tr, report)
		return answer, nil
	case !p.proved(tr) && p.settings.Asking.wants(verdict):
		p.ask(tr, report)
		return answer, nil
	case !p.proved(tr) && verdict != liveness.Live:
		return answer, nil
	}
	if err := p.vision.Embed(p.vector); err != nil {
		return answer, err
	}
	if !p.stillProved(tr) {
		report.State = Checking
		return answer, nil
	}
	answer = m.Match(p.vector, tr.Seen)
	p.decide(tr, report, answer)
	return answer, nil
}

// examine takes one track through quality and liveness and leaves its aligned face in the vision. Only a face that is good
// enough, and live, may be compared with anybody: prints, screens and faces that nobody could recognise never are. The verdict
// is Unknown where the picture is too poor for one.
func (p *Pipeline) examine(tr *track.Track, report *Report) (verdict liveness.Verdict, err error) {
	if good, err := p.checkQuality(tr, report); !good {
		return liveness.Unknown, err
	}
	return p.checkLiveness(tr, report)
}

func (p *Pipeline) checkQuality(tr *track.Track, report *Report) (good bool, err error) {
	p.subject(tr.ID).examined = tr.Seen
	if err := p.vision.Locate(&tr.Face); err != nil {
		return false, err
	}
	bgr, size, err := p.vision.Align(&tr.Face)
	if err != nil {
		return false, err
	}
	measure := quality.Of(bgr, size, tr.Face.Landmarks)
	if report.Reason = p.settings.Quality.Check(measure); report.Reason != quality.OK {
		report.State = Poor
		return false, nil
	}
	report.Reason = p.settings.Quality.Warn(measure)
	return true, nil
}

func (p *Pipeline) checkLiveness(tr *track.Track, report *Report) (verdict liveness.Verdict, err error) {
	p.live, err = p.vision.Live(p.live[:0], &tr.Face)
	if err != nil {
		return liveness.Unknown, err
	}
	window := p.subject(tr.ID).window
	window.Add(liveness.Fuse(p.live))
	verdict = window.Judge(p.settings.Liveness)
	if verdict == liveness.Live && p.wary(tr.Seen) && !window.Sure(p.settings.Liveness) {
		verdict = liveness.Doubtful
	}
	switch verdict {
	case liveness.Unknown, liveness.Doubtful:
		report.State = Checking
	case liveness.NotLive:
		report.State = NotLive
	}
	return verdict, nil
}

// decide weighs what a frame of a track was found to be.
func (p *Pipeline) decide(tr *track.Track, report *Report, a match.Answer) {
	if !a.OK { // nobody was there to compare with, which is a miss
		a = match.Answer{Result: match.Result{Score: -1, Second: -1}, Threshold: 1}
	}
	switch p.decider.Observe(decide.Match{
		Track: tr.ID, Time: tr.Seen, Person: a.Best, Score: a.Score, Second: a.Second, Threshold: a.Threshold, Raise: a.Raise,
		Half: a.Half,
	}) {
	case decide.Undecided:
		report.State = Matching
	case decide.Grant:
		if p.settings.Crowd != nil {
			p.settings.Crowd.Add(a.Excess)
		}
		report.State, report.Person = Granted, a.Best
		report.end(attempt.Matched, a.Best)
	case decide.Lingering:
		report.State = Lingering
	case decide.Unknown:
		report.State = Unknown
		p.unknown(tr, report)
	case decide.Alike:
		report.State = Unknown
		p.alike(tr, report)
	}
}

// Revoke takes back a grant that did not open the door: whoever still stands there is granted anew.
func (p *Pipeline) Revoke(person decide.Person) { p.decider.Revoke(person) }
