package challenge_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"facegate/pipeline/challenge"
	"facegate/pipeline/detect"
)

// A solid is five points in space, in distances between the eyes: x to the right of the picture, y down, z towards the camera.
type solid [5][3]float64

// head is a head in mean proportions whose nose stands out by depth.
func head(depth float64) solid {
	return solid{
		detect.LeftEye: {-0.5, 0, 0}, detect.RightEye: {0.5, 0, 0}, detect.NoseTip: {0, 0.6, depth},
		detect.LeftMouth: {-0.4, 1.1, -0.02}, detect.RightMouth: {0.4, 1.1, -0.02},
	}
}

// A pose is where a solid stands: degrees that it is turned, positive to the right of the picture, nods and leans, and how far
// from the camera it is.
type pose struct{ yaw, pitch, roll, x, y, distance float64 }

// see is what a camera sees of a solid that turns about an axis behind the face, in pixels of a face whose eyes are some 60
// pixels apart.
func (s solid) see(p pose) (l detect.Landmarks) {
	const behind, focus = 1.2, 600
	sin := func(d float64) float64 { return math.Sin(d * math.Pi / 180) }
	cos := func(d float64) float64 { return math.Cos(d * math.Pi / 180) }
	for i, q := range s {
		x, y, z := q[0], q[1], q[2]+behind
		x, z = x*cos(p.yaw)+z*sin(p.yaw), z*cos(p.yaw)-x*sin(p.yaw)
		y, z = y*cos(p.pitch)+z*sin(p.pitch), z*cos(p.pitch)-y*sin(p.pitch)
		x, y = x*cos(p.roll)-y*sin(p.roll), y*cos(p.roll)+x*sin(p.roll)
		depth := p.distance - (z - behind)
		l[i] = detect.Point{X: float32(320 + focus*(x+p.x)/depth), Y: float32(200 + focus*(y+p.y)/depth)}
	}
	return l
}

// jitter moves landmarks as a detector does.
func jitter(l detect.Landmarks, by func() float64) detect.Landmarks {
	apart := float64(l[detect.RightEye].X - l[detect.LeftEye].X)
	for i := range l {
		l[i].X += float32(apart * by())
		l[i].Y += float32(apart * by())
	}
	return l
}

var ahead = pose{distance: 10}

func (p pose) turned(degrees float64) pose { p.yaw += degrees; return p }

const frame = 66 * time.Millisecond

var begin = time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)

// A person answers a challenge: it is where a head is turned to, in degrees to the right of the picture, if a direction has been
// asked for so long.
type person func(asks challenge.Direction, since time.Duration) (degrees float64)

// obedient turns by some degrees as asked, after a while.
func obedient(degrees float64, after time.Duration) person {
	return func(asks challenge.Direction, since time.Duration) float64 {
		share := min(1, max(0, (since-after).Seconds()/0.4))
		switch asks {
		case challenge.Left:
			return degrees * share
		case challenge.Right:
			return -degrees * share
		}
		return 0
	}
}

// stays never looks ahead again.
func stays(p person) person {
	turned := 0.0
	return func(asks challenge.Direction, since time.Duration) float64 {
		if asks != challenge.Ahead {
			turned = p(asks, since)
		}
		return turned
	}
}

// put puts a challenge to a person and returns what it came to.
func put(turns []challenge.Turn, s solid, p person, noise func() float64) (challenge.Outcome, time.Duration) {
	c := challenge.New(turns)
	asked, asks := begin, c.Asks()
	for now := begin; ; now = now.Add(frame) {
		if c.Asks() != asks {
			asked, asks = now.Add(-frame), c.Asks()
		}
		l := jitter(s.see(ahead.turned(p(asks, now.Sub(asked)))), noise)
		if o := c.See(challenge.View{Time: now, Landmarks: l, Good: true, Same: true}); o != challenge.Going {
			return o, now.Sub(begin)
		}
	}
}

func still() float64 { return 0 }

func turns(directions ...challenge.Direction) (t []challenge.Turn) {
	for _, d := range directions {
		t = append(t, challenge.Turn{Direction: d})
	}
	return t
}

func TestAnswers(t *testing.T) {
	const left, right = challenge.Left, challenge.Right
	obeys := obedient(30, 400*time.Millisecond)
	tests := []struct {
		name   string
		asked  []challenge.Turn
		solid  solid
		person person
		want   challenge.Outcome
	}{
		{"left", turns(left), head(0.45), obeys, challenge.Passed},
		{"right", turns(right), head(0.45), obeys, challenge.Passed},
		{"twice the same way", turns(left, left), head(0.45), obeys, challenge.Passed},
		{"both ways", turns(right, left), head(0.45), obeys, challenge.Passed},
		{"five times", turns(right, left, left, right, left), head(0.45), obeys, challenge.Passed},
		{"a flat nose", turns(right, left), head(0.33), obeys, challenge.Passed},
		{"does nothing", turns(left), head(0.45), func(challenge.Direction, time.Duration) float64 { return 0 }, challenge.Late},
		{"too little", turns(left), head(0.45), obedient(10, 400*time.Millisecond), challenge.Late},
		{"too late", turns(left), head(0.45), obedient(30, 1900*time.Millisecond), challenge.Late},
		{"mirrored", turns(left), head(0.45), func(d challenge.Direction, s time.Duration) float64 { return -obeys(d, s) }, challenge.Opposite},
		{"before it can know", turns(left), head(0.45), obedient(30, -200*time.Millisecond), challenge.Early},
		{"never ahead", turns(left), head(0.45), func(challenge.Direction, time.Duration) float64 { return 30 }, challenge.Late},
		{"stays turned", turns(left), head(0.45), stays(obeys), challenge.Late},
		{"to both sides at once", turns(right), head(0.45), func(d challenge.Direction, s time.Duration) float64 {
			if d == right && s < time.Second {
				return obeys(left, s)
			}
			return obeys(d, s-800*time.Millisecond)
		}, challenge.Opposite},
		{"a flat picture turned as asked", turns(left), head(0), obedient(30, 400*time.Millisecond), challenge.Late},
		{"a flat picture turned far", turns(left), head(0), obedient(60, 400*time.Millisecond), challenge.Flat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, took := put(tt.asked, tt.solid, tt.person, still)
			if got != tt.want {
				t.Errorf("%v after %v, want %v", got, took, tt.want)
			}
			if limit := 3*time.Second + time.Duration(2*len(tt.asked))*(challenge.Turning+frame); took > limit {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestAnswersAreInTime asks at every rate of frames that a gate accepts, and with pauses.
func TestAnswersAreInTime(t *testing.T) {
	for every := 16 * time.Millisecond; every <= 200*time.Millisecond; every += 8 * time.Millisecond {
		for pause := time.Duration(0); pause <= challenge.MaxPause; pause += 100 * time.Millisecond {
			c := challenge.New([]challenge.Turn{{Direction: challenge.Left, Pause: pause}})
			asks, asked := challenge.Ahead, begin
			for now := begin; c.Outcome() == challenge.Going; now = now.Add(every) {
				l := head(0.45).see(ahead.turned(obedient(30, 400*time.Millisecond)(asks, now.Sub(asked))))
				c.See(challenge.View{Time: now, Landmarks: l, Good: true, Same: true})
				if asks == challenge.Ahead && c.Asks() == challenge.Left && now.Sub(begin) < max(pause, 2*every) {
					t.Errorf("asked after %v, with a pause of %v", now.Sub(begin), pause)
				}
				if c.Asks() != asks {
					asks, asked = c.Asks(), now
				}
			}
			if c.Outcome() != challenge.Passed {
				t.Errorf("a frame in %v, pause %v: %v", every, pause, c.Outcome())
			}
		}
	}
}

// TestNoPlanePasses holds up flat pictures in every way: turned, tilted, leant, moved, and nearer or farther, in each frame
// anew, or slowly as asked. No sequence of them passes.
func TestNoPlanePasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := head(0)
		for i := range shape { // another flat face
			shape[i][0] += rapid.Float64Range(-0.08, 0.08).Draw(t, "x")
			shape[i][1] += rapid.Float64Range(-0.08, 0.08).Draw(t, "y")
		}
		noise := normal(t, rapid.Float64Range(0, 0.02).Draw(t, "jitter"))
		wild := rapid.Bool().Draw(t, "wild")
		far := rapid.Float64Range(10, 65).Draw(t, "far")
		at := pose{
			pitch: rapid.Float64Range(-40, 40).Draw(t, "pitch"), roll: rapid.Float64Range(-20, 20).Draw(t, "roll"),
			distance: rapid.Float64Range(3, 15).Draw(t, "distance"),
		}
		c := challenge.New(challenge.Draw(1, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "chance") }))
		asks, asked := challenge.Ahead, begin
		for now := begin; c.Outcome() == challenge.Going; now = now.Add(frame) {
			p := at.turned(obedient(far, 400*time.Millisecond)(asks, now.Sub(asked)))
			if wild && asks != challenge.Ahead {
				p.yaw = rapid.Float64Range(-65, 65).Draw(t, "yaw")
				p.pitch = rapid.Float64Range(-50, 50).Draw(t, "pitch")
				p.x = rapid.Float64Range(-1, 1).Draw(t, "aside")
			}
			c.See(challenge.View{Time: now, Landmarks: jitter(shape.see(p), noise), Good: true, Same: true})
			if c.Asks() != asks {
				asks, asked = c.Asks(), now
			}
		}
		if c.Outcome() == challenge.Passed {
			t.Fatalf("a flat picture passes")
		}
	})
}

// TestEveryHeadPasses turns heads whose nose stands out as noses do, by 27 degrees and more, at every distance.
func TestEveryHeadPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := head(rapid.Float64Range(0.38, 0.6).Draw(t, "depth"))
		degrees := rapid.Float64Range(27, 45).Draw(t, "degrees")
		after := time.Duration(rapid.IntRange(250, 1000).Draw(t, "after")) * time.Millisecond
		asked := challenge.Draw(3, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "chance") })
		o, took := put(asked, s, obedient(degrees, after), normal(t, rapid.Float64Range(0, 0.01).Draw(t, "jitter")))
		if o != challenge.Passed {
			t.Fatalf("%v after %v", o, took)
		}
	})
}

// normal returns what draws from a normal distribution, as seven tosses add up to one, within three standard deviations.
func normal(t *rapid.T, deviation float64) func() float64 {
	source := rapid.Uint64().Draw(t, "noise")
	return func() float64 {
		sum := 0.0
		for range 7 {
			source = source*6364136223846793005 + 1442695040888963407 // PCG's linear congruence
			sum += float64(source>>11)/(1<<53) - 0.5
		}
		return sum * deviation / math.Sqrt(7.0/12)
	}
}

// A step is one frame of a made-up sequence.
type step struct {
	what byte // 'a' looks ahead, 'l' left, 'r' right, 'o' is somebody else, 'b' is blurred and like nobody
}

func (s step) view(now time.Time) challenge.View {
	v := challenge.View{Time: now, Good: s.what != 'b', Same: s.what != 'o' && s.what != 'b'}
	degrees := map[byte]float64{'l': 30, 'r': -30}[s.what]
	v.Landmarks = head(0.45).see(ahead.turned(degrees))
	return v
}

// A witness follows a challenge and holds it to its rules, by its own count.
type witness struct {
	asked, seen time.Time
	asks        challenge.Direction
	run         string // of the frames since asked
}

// follow takes the frame that c has just seen, and reports what is against the rules.
func (w *witness) follow(c *challenge.Challenge, what byte, now time.Time) error {
	toward := map[challenge.Direction]byte{challenge.Left: 'l', challenge.Right: 'r'}[w.asks]
	late := !w.seen.IsZero() && (now.Sub(w.seen) > 500*time.Millisecond || !now.After(w.seen))
	w.run, w.seen = w.run+string(what), now
	count := func(b byte) int {
		n := 0
		for i := range w.run {
			if w.run[i] == b {
				n++
			}
		}
		return n
	}
	done := map[bool]string{true: "aaa", false: string([]byte{toward, toward, toward})}[w.asks == challenge.Ahead]
	moved := c.Asks() != w.asks
	var err error
	switch o := c.Outcome(); {
	case o == challenge.Passed && (late || w.asks != challenge.Ahead || !endsWith(w.run, done)):
		err = fmt.Errorf("passed")
	case o == challenge.Going && late:
		err = fmt.Errorf("goes on after a gap")
	case o == challenge.Going && now.Sub(w.asked) > 3*time.Second:
		err = fmt.Errorf("goes on for ever")
	case o == challenge.Going && moved && !endsWith(w.run, done):
		err = fmt.Errorf("goes on to %v", c.Asks())
	case o == challenge.Swapped && !endsWith(w.run, "ooo"):
		err = fmt.Errorf("swapped")
	case o == challenge.Opposite && (w.asks == challenge.Ahead || count('l')+count('r')-count(toward) < 3):
		err = fmt.Errorf("opposite")
	case (o == challenge.Going) == (c.Asks() == challenge.None):
		err = fmt.Errorf("%v, and asks %q", o, c.Asks())
	case o == challenge.Flat:
		err = fmt.Errorf("flat")
	}
	if err != nil {
		return fmt.Errorf("%w after %q of %v", err, w.run, w.asks)
	}
	if moved {
		w.asks, w.asked, w.run = c.Asks(), now, ""
	}
	return nil
}

// endsWith reports whether run ends with want, blurred frames and those of others left out.
func endsWith(run, want string) bool {
	kept := slices.DeleteFunc([]byte(run), func(b byte) bool { return b == 'b' || b == 'o' && want != "ooo" })
	return len(kept) >= len(want) && string(kept[len(kept)-len(want):]) == want
}

// TestEverySequence leads every sequence of frames into a challenge of one turn, and holds it to its rules. With the longer
// step nobody is too early.
func TestEverySequence(t *testing.T) {
	outcomes := map[challenge.Outcome]int{}
	var walk func(c challenge.Challenge, w witness, now time.Time, every time.Duration, n int)
	walk = func(c challenge.Challenge, w witness, now time.Time, every time.Duration, n int) {
		if n == 0 || c.Outcome() != challenge.Going {
			outcomes[c.Outcome()]++
			return
		}
		for _, what := range []byte("alrob")[:4+n%5/4] {
			d, v := c, w
			d.See(step{what}.view(now))
			if err := v.follow(&d, what, now); err != nil {
				t.Fatal(err)
			}
			walk(d, v, now.Add(every), every, n-1)
		}
	}
	for every, frames := range map[time.Duration]int{130 * time.Millisecond: 7, 210 * time.Millisecond: 9} {
		walk(*challenge.New(turns(challenge.Left)), witness{asked: begin, asks: challenge.Ahead}, begin, every, frames)
	}
	for _, o := range []challenge.Outcome{
		challenge.Going, challenge.Passed, challenge.Early, challenge.Opposite, challenge.Swapped,
	} {
		if outcomes[o] == 0 {
			t.Errorf("no sequence is %v: %v", o, outcomes)
		}
	}
}

// TestTimes sends frames at any time: late, missing, twice, and from before.
func TestTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gap := rapid.OneOf(
			rapid.Int64Range(1, 200), rapid.SampledFrom([]int64{66, 100}), rapid.Int64Range(-100, 700),
			rapid.SampledFrom([]int64{-3600_000, 0, 500, 501, 3600_000}))
		c := challenge.New(challenge.Draw(2, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "chance") }))
		w := witness{asked: begin, asks: challenge.Ahead}
		toward := func() byte { return map[challenge.Direction]byte{challenge.Left: 'l', challenge.Right: 'r'}[w.asks] }
		for now := begin; c.Outcome() == challenge.Going; {
			s := step{what: rapid.SampledFrom([]byte("aaalrob!")).Draw(t, "what")}
			if s.what == '!' || w.asks == challenge.Ahead {
				s.what = max('a', toward())
			}
			c.See(s.view(now))
			if err := w.follow(c, s.what, now); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Duration(gap.Draw(t, "gap")) * time.Millisecond)
		}
	})
}

// TestNonsense feeds landmarks that are of no face.
func TestNonsense(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	numbers := rapid.OneOf(rapid.Float32(), rapid.SampledFrom([]float32{0, 1, -1, nan, inf, -inf, 1e30}))
	rapid.Check(t, func(t *rapid.T) {
		c := challenge.New(turns(challenge.Left))
		for now := begin; c.Outcome() == challenge.Going; now = now.Add(frame) {
			l := head(0.45).see(ahead)
			if c.Asks() == challenge.Left || rapid.Bool().Draw(t, "nonsense") {
				for i := range l {
					l[i] = detect.Point{X: numbers.Draw(t, "x"), Y: numbers.Draw(t, "y")}
				}
			}
			if c.Asks() == challenge.Left { // the same five points in every frame, so that luck does not repeat
				l = detect.Landmarks{l[0], l[0], l[2], l[3], l[3]}
			}
			c.See(challenge.View{Time: now, Landmarks: l, Good: true, Same: true})
		}
		if c.Outcome() == challenge.Passed {
			t.Fatal("nonsense passes")
		}
	})
}

// TestDraw checks that every series comes up, and every pause.
func TestDraw(t *testing.T) {
	seen, n := map[string]bool{}, 0
	next := func(most int) int { n = (n*1103515245 + 12345) & 0x7fffffff; return (n >> 8) % most }
	var least, longest time.Duration = time.Hour, 0
	for range 5000 {
		series := ""
		for _, turn := range challenge.Draw(3, next) {
			series += turn.Direction.String()[5:6]
			least, longest = min(least, turn.Pause), max(longest, turn.Pause)
		}
		seen[series] = true
	}
	if len(seen) != 8 || least > 5*time.Millisecond || longest < challenge.MaxPause-5*time.Millisecond || longest > challenge.MaxPause {
		t.Errorf("series %v, pauses from %v to %v", seen, least, longest)
	}
}
