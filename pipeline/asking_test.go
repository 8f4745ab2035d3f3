package pipeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/pipeline"
	"facegate/pipeline/attempt"
	"facegate/pipeline/challenge"
	"facegate/pipeline/enrol"
	"facegate/pipeline/liveness"
)

// asking are settings of a gate that asks. Of Anna and the others the networks cannot tell whether they are live.
func asking(when pipeline.When) pipeline.Settings {
	s := settings()
	s.Liveness = liveness.Thresholds{Accept: 0.95, Refuse: 0.5}
	n := 0
	s.Asking = pipeline.Asking{When: when, Same: 0.5, Below: func(most int) int { n++; return n / 2 % most }}
	return s
}

// A reply is how an actor looks when a direction has been asked for so long.
type reply func(a actor, asks challenge.Direction, since time.Duration) actor

// obeys turns as asked.
func obeys(a actor, asks challenge.Direction, since time.Duration) actor {
	if since >= 300*time.Millisecond {
		a.yaw = map[challenge.Direction]float64{challenge.Left: 30, challenge.Right: -30}[asks]
	}
	return a
}

// refuses looks ahead, whatever is asked.
func refuses(a actor, _ challenge.Direction, _ time.Duration) actor { return a }

// mirrored turns the other way.
func mirrored(a actor, asks challenge.Direction, since time.Duration) actor {
	a = obeys(a, asks, since)
	a.yaw = -a.yaw
	return a
}

// answer shows an actor who replies, and whoever else is there, for some frames. It ends with a grant.
func (d *door) answer(frames int, a actor, r reply, others ...actor) (reports []pipeline.Report) {
	asks, since := challenge.None, d.now
	for range frames {
		report := d.see(append([]actor{r(a, asks, d.now.Add(d.every).Sub(since))}, others...)...)
		if report.Asks != asks {
			asks, since = report.Asks, d.now
		}
		reports = append(reports, report)
		if report.State == pipeline.Granted {
			break
		}
	}
	return reports
}

func statesOf(reports []pipeline.Report) (states []pipeline.State) {
	for _, r := range reports {
		states = append(states, r.State)
	}
	return slices.Compact(states)
}

// asked lists the directions that were asked for, one after the other.
func asked(reports []pipeline.Report) (directions []challenge.Direction) {
	for _, r := range reports {
		directions = append(directions, r.Asks)
	}
	return slices.DeleteFunc(slices.Compact(directions), func(d challenge.Direction) bool { return d == challenge.None })
}

func ended(reports []pipeline.Report) (found []attempt.Finding) {
	for _, r := range reports {
		for _, e := range r.Ended {
			found = append(found, e.Finding)
		}
	}
	return found
}

func TestAskedTurnsAndIsGranted(t *testing.T) {
	for _, when := range []pipeline.When{pipeline.InDoubt, pipeline.Always} {
		d := newDoor(t, asking(when), "ab")
		reports := d.answer(100, anna, obeys)
		want := []pipeline.State{
			pipeline.Checking, pipeline.Asked, pipeline.Checking, pipeline.Matching, pipeline.Granted,
		}
		if diff := cmp.Diff(want, statesOf(reports)); diff != "" {
			t.Errorf("%v: (-want +got):\n%s", when, diff)
		}
		if n := len(asked(reports)); n != 5 { // ahead, turn, ahead, turn, ahead
			t.Errorf("asked for %v", asked(reports))
		}
		if later := d.run(100, anna); count(later, pipeline.Lingering) != 100 {
			t.Errorf("then %v", slices.Compact(later))
		}
		if d.run(20); d.pipeline.Faces() > 0 {
			t.Error("a face is left behind")
		}
	}
}

// Who asks whom: never anybody, in doubt those of whom the networks cannot tell, always everybody; a print in no case.
func TestWhoIsAsked(t *testing.T) {
	sure, doubtful := anna.with(func(a *actor) { a.live = 0.99 }), anna
	tests := []struct {
		when pipeline.When
		who  actor
		want bool
	}{
		{pipeline.Never, sure, false},
		{pipeline.Never, doubtful, false},
		{pipeline.Never, anna.photo(), false},
		{pipeline.InDoubt, sure, false},
		{pipeline.InDoubt, doubtful, true},
		{pipeline.InDoubt, anna.photo(), false},
		{pipeline.Always, sure, true},
		{pipeline.Always, doubtful, true},
		{pipeline.Always, anna.photo(), false},
	}
	for _, tt := range tests {
		d := newDoor(t, asking(tt.when), "a")
		states := d.run(30, tt.who)
		if got := count(states, pipeline.Asked) > 0; got != tt.want {
			t.Errorf("%v, live %v: %v", tt.when, tt.who.live, slices.Compact(states))
		}
		if !tt.want && tt.who.live < 0.95 && (count(states, pipeline.Granted) > 0 || len(d.embeds) > 0) {
			t.Errorf("%v, live %v: %v", tt.when, tt.who.live, slices.Compact(states))
		}
	}
}

// What is asked must not tell whether somebody is enrolled.
func TestStrangersAreAskedLikeEverybody(t *testing.T) {
	for _, r := range []reply{obeys, refuses, mirrored} {
		known, unknown := newDoor(t, asking(pipeline.InDoubt), "a"), newDoor(t, asking(pipeline.InDoubt), "b")
		a, b := known.answer(150, anna, r), unknown.answer(150, anna, r)
		for i := range a {
			matched := a[i].State == pipeline.Matching || a[i].State == pipeline.Granted
			if a[i].Asks != b[i].Asks || !matched && a[i].State != b[i].State {
				t.Fatalf("frame %d: %v %v, a stranger %v %v", i, a[i].State, a[i].Asks, b[i].State, b[i].Asks)
			}
			if matched {
				break
			}
		}
		if slices.Contains(statesOf(b), pipeline.Granted) {
			t.Errorf("a stranger is granted: %v", statesOf(b))
		}
	}
}

// Whoever does not answer is asked once more, and then left alone for half a minute: there is another way in. They have tried
// nothing.
func TestWhoDoesNotAnswer(t *testing.T) {
	for name, r := range map[string]reply{"does nothing": refuses, "turns the wrong way": mirrored} {
		d := newDoor(t, asking(pipeline.InDoubt), "a")
		reports := d.answer(400, anna, r)
		i := slices.IndexFunc(reports, func(r pipeline.Report) bool { return r.State == pipeline.Unknown })
		if i < 0 || slices.Contains(statesOf(reports), pipeline.Granted) {
			t.Fatalf("%s: %v", name, statesOf(reports))
		}
		if diff := cmp.Diff([]attempt.Finding{attempt.Unknown}, ended(reports[:i+1])); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
		starts := 0
		for k, r := range reports[:i+1] {
			if r.State == pipeline.Asked && (k == 0 || reports[k-1].State != pipeline.Asked) {
				starts++
			}
		}
		rests := statesOf(reports[i : i+290])
		if diff := cmp.Diff([]pipeline.State{pipeline.Unknown, pipeline.Checking}, rests); starts != 2 || diff != "" {
			t.Errorf("%s: asked %d times, then (-want +got):\n%s", name, starts, diff)
		}
	}
}

// Nobody is asked who could not be told where to look. They are looked at for as long as they stand there.
func TestNobodyIsAskedUntold(t *testing.T) {
	s, told := asking(pipeline.InDoubt), false
	s.Asking.Told = func() bool { return told }
	d := newDoor(t, s, "a")
	if states := d.run(100, anna); count(states, pipeline.Checking) != 100 {
		t.Errorf("%v", slices.Compact(states))
	}
	if told = true; d.see(anna).State != pipeline.Asked {
		t.Error("nobody is asked when they could be")
	}
}

// A picture that is turned as asked is an attack, and one that replaces somebody too.
func TestPicturesAreAttacks(t *testing.T) {
	flat := func(a actor, asks challenge.Direction, since time.Duration) actor {
		a = obeys(a, asks, since)
		a.yaw, a.flat = 2*a.yaw, true
		return a
	}
	swapped := func(a actor, asks challenge.Direction, since time.Duration) actor {
		a = obeys(a, asks, since)
		if asks == challenge.Left || asks == challenge.Right {
			a.who = 's'
		}
		return a
	}
	for name, r := range map[string]reply{"turned": flat, "swapped": swapped} {
		s := asking(pipeline.InDoubt)
		s.Attempts = pipeline.Attempts{Wary: 5, Rest: 30 * time.Second, Flood: 50}
		d := newDoor(t, s, "a")
		reports := d.answer(60, anna, r)
		if found := ended(reports); !slices.Equal(found, []attempt.Finding{attempt.Attack}) {
			t.Errorf("%s: %v, %v", name, found, statesOf(reports))
		}
	}
}

// Somebody who turned as asked, and then holds up a picture of somebody else, has proved nothing for them.
func TestProofIsOfOnePerson(t *testing.T) {
	for frame := range 40 {
		d := newDoor(t, asking(pipeline.InDoubt), "a")
		n := 0
		reports := d.answer(400, stranger, func(a actor, asks challenge.Direction, since time.Duration) actor {
			if a = obeys(a, asks, since); n >= frame {
				a.who, a.flat = 'a', true
			}
			n++
			return a
		})
		if slices.Contains(statesOf(reports), pipeline.Granted) {
			t.Fatalf("a picture shown from frame %d on is granted: %v", frame, statesOf(reports))
		}
	}
}

// A picture held up while a live face does the turning is not live.
func TestPictureBetweenTurns(t *testing.T) {
	d := newDoor(t, asking(pipeline.InDoubt), "a")
	reports := d.answer(400, anna, func(a actor, asks challenge.Direction, since time.Duration) actor {
		if a = obeys(a, asks, since); a.yaw != 0 {
			a.who = 's'
		}
		return a
	})
	if slices.Contains(statesOf(reports), pipeline.Granted) {
		t.Errorf("%v", statesOf(reports))
	}
}

// Whoever goes away and comes back until the direction suits them is asked for more turns each time, and so is everybody else
// for a while.
func TestTriesGrowLonger(t *testing.T) {
	d := newDoor(t, asking(pipeline.InDoubt), "ab")
	turnsAsked := func(who actor) (n int) {
		for _, direction := range asked(d.answer(300, who, obeys)) {
			if direction != challenge.Ahead {
				n++
			}
		}
		d.run(60)
		return n
	}
	for tries, want := range []int{2, 3, 4, 5, 5} {
		if got := turnsAsked(anna); got != want {
			t.Errorf("after %d tries %d turns, want %d", tries, got, want)
		}
		for d.see(bert).State != pipeline.Asked {
		}
		d.run(10, bert)
		d.run(10) // gone
	}
	d.run(3000)
	if got := turnsAsked(anna); got != 2 {
		t.Errorf("five minutes later %d turns", got)
	}
}

// Who is asked keeps the camera for that time, and no longer.
func TestOthersWait(t *testing.T) {
	d := newDoor(t, asking(pipeline.InDoubt), "ab")
	sure := bert.with(func(a *actor) { a.live = 0.99 })
	reports := d.answer(400, anna, refuses, sure)
	i := slices.IndexFunc(reports, func(r pipeline.Report) bool { return r.State == pipeline.Granted })
	if i < 0 || reports[i].Person != person('b') || i > 120 {
		t.Errorf("granted in frame %d: %v", i, statesOf(reports))
	}
}

// While prints are about, a face must be live beyond doubt, or prove it.
func TestWaryAsks(t *testing.T) {
	s := asking(pipeline.InDoubt)
	s.Liveness = liveness.Thresholds{Accept: 0.8, Refuse: 0.5}
	s.Attempts = pipeline.Attempts{Wary: 1, Rest: time.Minute, Flood: 50}
	unsteady := anna.with(func(a *actor) { a.live = 0.85 })
	d := newDoor(t, s, "a")
	if states := d.run(2, unsteady); count(states, pipeline.Asked) > 0 {
		t.Fatalf("before any print: %v", states)
	}
	d.run(10, bert.photo())
	d.run(10)
	d.run(2, unsteady)
	if reports := d.answer(100, unsteady, obeys); !slices.Contains(statesOf(reports), pipeline.Asked) ||
		reports[len(reports)-1].State != pipeline.Granted {
		t.Errorf("after a print: %v", statesOf(reports))
	}
}

// Whoever is enrolled stands before somebody who sees them, and is not asked. Faces that are not looked at are forgotten.
func TestAskingEndsWithOtherWork(t *testing.T) {
	for name, other := range map[string]func(*door){
		"capture": func(d *door) {
			if r, err := d.capture(enrol.NewSession(3, dim), anna); err != nil || r.State != pipeline.Checking {
				t.Errorf("%v, %v", r.State, err)
			}
		},
		"skip": func(d *door) { d.pipeline.Skip(d.frame()) },
	} {
		d := newDoor(t, asking(pipeline.InDoubt), "a")
		for d.see(anna).State != pipeline.Asked {
		}
		if d.pipeline.Faces() != 1 {
			t.Errorf("%s: nobody is asked", name)
		}
		if other(d); d.pipeline.Faces() != 0 {
			t.Errorf("%s: the face that was asked is still there", name)
		}
		reports := d.answer(100, anna, obeys)
		if reports[len(reports)-1].State != pipeline.Granted {
			t.Errorf("%s: then %v", name, statesOf(reports))
		}
	}
}
