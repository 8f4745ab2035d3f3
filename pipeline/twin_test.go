package pipeline_test

import (
	"errors"
	"math"
	"slices"
	"time"

	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/decide"
	"facegate/pipeline/detect"
	"facegate/pipeline/embed"
	"facegate/pipeline/enrol"
	"facegate/pipeline/liveness"
	"facegate/pipeline/match"
	"facegate/pipeline/matchertest"
	"facegate/pipeline/quality"
)

// The picture is 1000 by 500 pixels; whoever stands in its right-hand fifth is outside the zone.
const (
	width, height = 1000, 500
	zoneEdge      = 800
	dim           = 26
)

// An actor is a face in the picture.
type actor struct {
	who    byte    // 'a' to 'z'; a photo is of whom it shows
	x      float32 // of the box's left side, which tells the actors of a frame apart
	side   float32 // of the box, 100 if zero: the larger, the nearer
	live   float64 // what the liveness network says
	turned bool    // looks past the camera
	yaw    float64 // degrees that the head is turned to the right of the picture
	flat   bool    // it is a picture of a face
	aside  bool    // is lit from the side
	like   float32 // the cosine of the face with Anna's, if it is not hers
	fails  string  // the call that fails on this face: locate, align, live or embed
}

func (a actor) box() detect.Box {
	side := a.side
	if side == 0 {
		side = 100
	}
	return detect.Box{Left: a.x, Top: 100, Right: a.x + side, Bottom: 100 + side}
}

func (a actor) outside() bool { c := a.box().Center(); return c.X > zoneEdge }

// vector is the embedding of a person: all are at right angles to each other.
func vector(who byte) embed.Vector {
	v := make(embed.Vector, dim)
	v[who-'a'] = 1
	return v
}

var errScript = errors.New("fails as the script says")

// A vision is the twin of the networks: it sees what the script puts before it, counts what it is asked, and fails
// the test where the pipeline breaks the contract of pipeline.Vision.
type vision struct {
	t       interface{ Fatalf(string, ...any) }
	next    []actor // in the next frame
	broken  string  // what goes wrong with the next frame: load, detect or damaged
	scene   []actor // in the picture that is loaded, nil without one
	loaded  bool
	aligned *actor
	looked  []actor // all that were located, in order
	embeds  []actor // all that were embedded, in order
	cleared bool    // since the last Load
	filled  []embed.Vector
}

func (v *vision) Size() (int, int) { return width, height }
func (v *vision) Dim() int         { return dim }

func (v *vision) Load(device.Frame) error {
	v.cleared = false
	switch v.broken {
	case "load":
		return errScript
	case "damaged":
		return device.ErrCorrupt
	}
	v.scene, v.loaded = v.next, true
	return nil
}

func (v *vision) Detect() ([]detect.Face, error) {
	if v.broken == "detect" {
		return nil, errScript
	}
	var faces []detect.Face
	for _, a := range v.scene {
		faces = append(faces, detect.Face{Box: a.box(), Score: 0.9})
	}
	return faces, nil
}

func (v *vision) Grid(dst []byte, width, height int) error {
	if !v.loaded || len(dst) != width*height {
		v.t.Fatalf("a grid of %dx%d in %d bytes, with a picture: %v", width, height, len(dst), v.loaded)
	}
	for i := range dst {
		dst[i] = byte(100 + i/width)
	}
	return nil
}

func (v *vision) actor(f *detect.Face, call string) (*actor, error) {
	i := slices.IndexFunc(v.scene, func(a actor) bool { return a.box() == f.Box })
	if !v.loaded || i < 0 {
		v.t.Fatalf("%s of a face that is not in the picture", call)
	}
	if v.scene[i].fails == call {
		return nil, errScript
	}
	return &v.scene[i], nil
}

func (v *vision) Locate(f *detect.Face) error {
	a, err := v.actor(f, "locate")
	if err != nil {
		return err
	}
	v.looked = append(v.looked, *a)
	f.Landmarks, f.Located = embed.ArcFace112().Points, true
	if a.turned {
		f.Landmarks[detect.NoseTip].X += 40
	}
	a.turn(&f.Landmarks)
	return nil
}

// turn turns landmarks that look ahead. A nose stands out by half the distance between the eyes.
func (a actor) turn(l *detect.Landmarks) {
	sin, cos := math.Sincos(a.yaw * math.Pi / 180)
	middle, depth := (l[detect.LeftEye].X+l[detect.RightEye].X)/2, (l[detect.RightEye].X-l[detect.LeftEye].X)/2
	for i := range l {
		l[i].X = middle + (l[i].X-middle)*float32(cos)
	}
	if !a.flat {
		l[detect.NoseTip].X += depth * float32(sin)
	}
}

func (v *vision) Align(f *detect.Face) ([]byte, int, error) {
	if !f.Located {
		v.t.Fatalf("align without landmarks")
	}
	a, err := v.actor(f, "align")
	if err != nil {
		return nil, 0, err
	}
	v.aligned = a
	if a.aside {
		return halfLit(), 16, nil
	}
	const size = 8
	bgr := make([]byte, 3*size*size)
	for i := range bgr {
		bgr[i] = byte(100 + 50*(i/3%2)) // striped: neither dark nor blurred
	}
	return bgr, size, nil
}

// halfLit is an aligned face of 16 by 16 pixels, of which one half gets nearly all of the light.
func halfLit() (bgr []byte) {
	for i := range 16 * 16 {
		v := byte(30 + 170*(i%16/8))
		bgr = append(bgr, v, v, v)
	}
	return bgr
}

func (v *vision) Live(dst []float64, f *detect.Face) ([]float64, error) {
	a, err := v.actor(f, "live")
	if err != nil {
		return dst, err
	}
	return append(dst, a.live), nil
}

func (v *vision) Embed(dst embed.Vector) error {
	if v.aligned == nil || len(dst) != dim {
		v.t.Fatalf("embed into %d numbers, with nothing aligned", len(dst))
	}
	v.embeds = append(v.embeds, *v.aligned)
	copy(dst, vector(v.aligned.who))
	if l := v.aligned.like; l != 0 {
		dst[v.aligned.who-'a'] = float32(math.Sqrt(float64(1 - l*l)))
		dst[0] = l
	}
	v.filled = append(v.filled, dst)
	if v.aligned.fails == "embed" {
		return errScript // with half a vector in dst
	}
	return nil
}

func (v *vision) Clear() {
	v.scene, v.loaded, v.aligned, v.cleared = nil, false, nil, true
}

func person(who byte) decide.Person { return decide.Person{who} }

// A gallery is a Matcher of a few people. It keeps what it is given, as a careless one would.
type gallery struct {
	matchertest.Exact
	closed bool // whoever it is, there is no threshold by which to tell
	kept   []embed.Vector
}

func newGallery(people string) *gallery {
	g := &gallery{Exact: matchertest.Exact{Rules: match.Rules{
		Threshold: func(int) (float64, error) { return 0.5, nil },
		Barred:    func(decide.Person, time.Time) bool { return false },
	}}}
	for i := range len(people) {
		g.People = append(g.People, matchertest.Person{ID: person(people[i]), Face: vector(people[i])})
	}
	return g
}

func (g *gallery) Match(v embed.Vector, now time.Time) match.Answer {
	g.kept = append(g.kept, v)
	a := g.Exact.Match(v, now)
	a.OK = a.OK && !g.closed
	return a
}

// settings are the defaults of the configuration.
func settings() pipeline.Settings {
	return pipeline.Settings{
		Zone: quality.Zone{Region: detect.Box{Right: float32(zoneEdge) / width, Bottom: 1}, MinFace: 50},
		Quality: quality.Limits{
			MinSharpness: 25, MinBrightness: 40, MaxBrightness: 220, MaxYaw: 35, MaxPitch: 35, MaxRoll: 25, MaxSideLight: 45,
		},
		Liveness: liveness.Thresholds{Accept: 0.5, Refuse: 0.5}, LivenessWindow: 5,
		Rules: decide.Rules{Agree: 3, Window: 2 * time.Second, Rearm: 5 * time.Second, Margin: 0.06},
	}
}

// A door is a Pipeline with what it sees and whom it knows.
type door struct {
	*vision
	gallery  *gallery
	pipeline *pipeline.Pipeline
	now      time.Time
	every    time.Duration // from frame to frame
}

func newDoor(t interface{ Fatalf(string, ...any) }, s pipeline.Settings, enrolled string) *door {
	v := &vision{t: t}
	return &door{
		vision: v, gallery: newGallery(enrolled), pipeline: pipeline.New(s, v),
		now: time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC), every: 100 * time.Millisecond,
	}
}

// try leads the next frame, with these actors in it, through Identify.
func (d *door) try(actors ...actor) (pipeline.Report, error) {
	d.next = actors
	report, err := d.pipeline.Identify(d.frame(), d.gallery)
	d.check(report)
	return report, err
}

// frame is the next one.
func (d *door) frame() device.Frame {
	d.now = d.now.Add(d.every)
	return device.Frame{Format: device.JPEG, Time: d.now}
}

// pendings are the states of frames after which more is needed to tell who is there.
var pendings = []pipeline.State{pipeline.Poor, pipeline.Checking, pipeline.Matching}

// check holds what every frame must leave behind.
func (d *door) check(r pipeline.Report) {
	if !d.cleared {
		d.t.Fatalf("the picture is still there")
	}
	for _, v := range slices.Concat(d.filled, d.gallery.kept) {
		if slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) {
			d.t.Fatalf("the vector is still there: %v", v)
		}
	}
	if d.pipeline.Gathered() > 0 && !slices.Contains(pendings, r.State) || r.Sample != nil && r.State != pipeline.Granted {
		d.t.Fatalf("%d frames for a template are still there after %v, with %v", d.pipeline.Gathered(), r.State, r.Sample)
	}
	if !r.Time.Equal(d.now) || r.State != pipeline.Granted && r.Person != (decide.Person{}) ||
		r.State == pipeline.Poor && r.Reason == quality.OK ||
		r.State != pipeline.Poor && r.Reason != quality.OK && r.Reason != quality.SideLit {
		d.t.Fatalf("report %+v of the frame of %v", r, d.now)
	}
}

// see is try for frames that do not fail.
func (d *door) see(actors ...actor) pipeline.Report {
	report, err := d.try(actors...)
	if err != nil {
		d.t.Fatalf("%v", err)
	}
	return report
}

// run shows the same actors for a while and returns what each frame came to.
func (d *door) run(frames int, actors ...actor) (states []pipeline.State) {
	for range frames {
		states = append(states, d.see(actors...).State)
	}
	return states
}

// untilGranted shows the same actors until everybody of who was granted, and returns after how many frames. Whoever
// has been granted stays where they are.
func (d *door) untilGranted(limit int, who string, actors ...actor) int {
	waiting := []byte(who)
	for i := range limit {
		r := d.see(actors...)
		if r.State != pipeline.Granted {
			continue
		}
		j := slices.Index(waiting, r.Person[0])
		if j < 0 {
			d.t.Fatalf("frame %d grants %q, waiting for %q", i, r.Person[0], waiting)
		}
		if waiting = slices.Delete(waiting, j, j+1); len(waiting) == 0 {
			return i + 1
		}
	}
	d.t.Fatalf("nobody of %q was granted in %d frames", waiting, limit)
	return 0
}

// capture leads the next frame through Capture.
func (d *door) capture(s *enrol.Session, actors ...actor) (pipeline.Report, error) {
	d.next = actors
	report, err := d.pipeline.Capture(d.frame(), s)
	d.check(report)
	return report, err
}
