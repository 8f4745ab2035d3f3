package guide_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/cmd/facegate/internal/guide"
	"facegate/configs/words"
	"facegate/pipeline"
	"facegate/pipeline/attempt"
	"facegate/pipeline/challenge"
	"facegate/pipeline/quality"
)

const (
	pulse = 3 * time.Second
	wait  = 20 * time.Second // for something else
	frame = time.Second / 15
)

// A door is a guide and what it said, as whoever stands there sees and hears it.
type door struct {
	*guide.Guide
	now  time.Time
	said []string // each step once, and each cue as "(more)"
}

func open(passFirst bool) *door {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	d := &door{Guide: guide.New(guide.Terms{Pulse: pulse, PassFirst: passFirst}, now), now: now}
	d.Works(guide.Works{Door: true, Faces: true, Passes: passFirst})
	return d
}

// look takes down what is said now.
func (d *door) look() {
	step, cue := d.Step(d.now)
	if cue != guide.Silence {
		d.said = append(d.said, "("+cue.String()+")")
	}
	steps := slices.DeleteFunc(slices.Clone(d.said), func(s string) bool { return s[0] == '(' })
	if len(steps) == 0 || steps[len(steps)-1] != string(step) {
		d.said = append(d.said, string(step))
	}
}

// see shows a frame after another for a while.
func (d *door) see(during time.Duration, r pipeline.Report) {
	for end := d.now.Add(during); d.now.Before(end); d.now = d.now.Add(frame) {
		d.See(r, d.now)
		d.look()
	}
}

// nobody lets time pass.
func (d *door) nobody(during time.Duration) { d.see(during, pipeline.Report{State: pipeline.Nobody}) }

func (d *door) answer(m attempt.Means, o attempt.Outcome) {
	if o.Wait != 0 && o.Until.IsZero() {
		o.Until = d.now.Add(wait)
	}
	if o.Reason == attempt.None && o.Wait == 0 {
		o.Opened = d.now
	}
	d.Answer(m, o, d.now)
	d.look()
}

func (d *door) want(t *testing.T, said ...string) {
	t.Helper()
	d.look()
	if diff := cmp.Diff(said, d.said); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func poor(r quality.Reason) pipeline.Report { return pipeline.Report{State: pipeline.Poor, Reason: r} }

func asks(d challenge.Direction) pipeline.Report {
	return pipeline.Report{State: pipeline.Asked, Asks: d}
}

var matching = pipeline.Report{State: pipeline.Matching}

func TestSomebodyIsLetInByFace(t *testing.T) {
	d := open(false)
	d.nobody(time.Second)
	d.see(time.Second, poor(quality.TooFar))
	d.see(time.Second, poor(quality.Blurred))
	d.see(time.Second, matching)
	d.answer(attempt.Face, attempt.Outcome{})
	d.see(pulse+time.Second, pipeline.Report{State: pipeline.Lingering})
	d.nobody(30 * time.Second)
	d.want(t, "idle", "come-closer", "hold-still", "(welcome)", "granted", "wait", "idle", "notice")
}

func TestSomebodyIsAskedToTurn(t *testing.T) {
	d := open(false)
	d.see(2*time.Second, pipeline.Report{State: pipeline.Checking})
	for range 2 {
		d.see(time.Second, asks(challenge.Ahead))
		d.see(time.Second, asks(challenge.Left))
		d.nobody(3 * frame) // the face is lost while it turns
		d.see(time.Second, asks(challenge.Right))
	}
	d.see(frame, matching)
	d.answer(attempt.Face, attempt.Outcome{})
	d.want(t, "hold-still", "(more)", "look-ahead", "look-left", "look-right", "look-ahead", "look-left", "look-right", "hold-still",
		"(welcome)", "granted")
}

func TestPassThenFace(t *testing.T) {
	d := open(true)
	d.nobody(time.Minute)
	d.see(2*time.Second, poor(quality.TooFar))
	d.see(10*time.Second, matching) // who stands there without a pass is not measured, and not refused
	d.answer(attempt.Pass, attempt.Outcome{Wait: attempt.Face})
	d.see(time.Second, pipeline.Report{State: pipeline.Nobody})
	d.see(time.Second, matching)
	d.answer(attempt.Face, attempt.Outcome{})
	d.nobody(time.Minute)
	d.want(t, "show-pass", "come-closer", "show-pass", "(more)", "show-face", "hold-still", "(welcome)", "granted", "show-pass")

	d = open(true)
	d.answer(attempt.Pass, attempt.Outcome{Wait: attempt.Face})
	d.see(10*time.Second, matching) // somebody else's face
	d.nobody(30 * time.Second)
	d.want(t, "(more)", "show-face", "hold-still", "(refused)", "try-card", "show-face", "show-pass")
}

func TestCardThenPIN(t *testing.T) {
	d := open(false)
	d.answer(attempt.Card, attempt.Outcome{Wait: attempt.PIN})
	d.see(10*time.Second, matching) // whoever types stands before the camera, and is no failure of a face
	d.answer(attempt.PIN, attempt.Outcome{})
	d.see(10*time.Second, pipeline.Report{State: pipeline.Unknown})
	d.nobody(2 * time.Second)
	d.want(t, "(more)", "enter-pin", "(welcome)", "granted", "idle")
}

// TestWhoeverTypesIsNotHurried lets somebody who types stand before the camera, and then begins with the face.
func TestWhoeverTypesIsNotHurried(t *testing.T) {
	d := open(false)
	d.see(2*time.Second, matching)
	d.answer(attempt.Card, attempt.Outcome{Wait: attempt.PIN})
	d.see(wait+2*time.Second, matching)
	d.want(t, "hold-still", "(more)", "enter-pin", "hold-still")
}

// TestWhatIsWaitedFor asks for something else for as long as the rule waits for it, and no longer.
func TestWhatIsWaitedFor(t *testing.T) {
	for m, step := range map[attempt.Means]guide.Step{
		attempt.Face: guide.ShowFace, attempt.PIN: guide.EnterPIN, attempt.Pass: guide.ShowPass, attempt.Card: guide.TryCard,
	} {
		for _, within := range []time.Duration{time.Second, wait, 2 * time.Minute} {
			d := open(false)
			d.answer(attempt.SecureCard, attempt.Outcome{Wait: m, Until: d.now.Add(within)})
			start := d.now
			if got, _ := d.Step(start.Add(within - 1)); got != step {
				t.Errorf("%v within %v: just before the end it is %s", m, within, got)
			}
			if got, _ := d.Step(start.Add(within)); got == step {
				t.Errorf("%v within %v: it is asked for at the end", m, within)
			}
		}
	}
	for _, within := range []time.Duration{5 * time.Second, 40 * time.Second} { // before it nobody is sent away who shows their face
		d := open(true)
		d.answer(attempt.Pass, attempt.Outcome{Wait: attempt.Face, Until: d.now.Add(within)})
		d.nobody(within - time.Second)
		d.see(2*time.Second, matching)
		d.want(t, "(more)", "show-face", "hold-still", "show-pass")
	}
}

// TestWhoeverGoesThroughIsNotRefused opens the door for somebody whom the camera sees only on the way.
func TestWhoeverGoesThroughIsNotRefused(t *testing.T) {
	d := open(false)
	d.answer(attempt.Card, attempt.Outcome{})
	d.nobody(time.Second)
	d.see(10*time.Second, pipeline.Report{State: pipeline.Unknown})
	d.want(t, "(welcome)", "granted", "idle")
}

// TestFramesOfNothing says nothing of frames in which no face was looked for.
func TestFramesOfNothing(t *testing.T) {
	for _, s := range []pipeline.State{pipeline.Skipped, pipeline.Resting, pipeline.Nobody} {
		d := open(false)
		d.see(10*time.Second, pipeline.Report{State: s})
		d.want(t, "idle")
	}
}

func TestEachRefusedScanIsHeard(t *testing.T) {
	d := open(false)
	for range 3 {
		d.answer(attempt.Card, attempt.Outcome{Reason: attempt.Unproven})
		d.nobody(time.Second)
	}
	d.want(t, "(refused)", "try-card", "(refused)", "(refused)")
}

func TestSomebodyElseIsPassing(t *testing.T) {
	for _, reason := range []attempt.Reason{attempt.Passing, attempt.Interlock} {
		d := open(false)
		for range 20 { // a face is tried again with every decision
			d.answer(attempt.Face, attempt.Outcome{Reason: reason})
			d.see(200*time.Millisecond, matching)
		}
		d.want(t, "(refused)", "wait")
	}
}

func TestWhatDoesNotWork(t *testing.T) {
	for _, test := range []struct {
		works guide.Works
		first bool // a pass comes first
		want  guide.Step
	}{
		{guide.Works{}, false, guide.OutOfOrder},
		{guide.Works{Faces: true, Passes: true}, true, guide.OutOfOrder},
		{guide.Works{Door: true}, false, guide.TryCard},
		{guide.Works{Door: true}, true, guide.TryCard},
		{guide.Works{Door: true, Passes: true}, false, guide.ShowPass},
		{guide.Works{Door: true, Passes: true}, true, guide.ShowPass},
		{guide.Works{Door: true, Faces: true}, true, guide.TryCard},
		{guide.Works{Door: true, Open: true}, false, guide.Granted},
		{guide.Works{Door: true, Faces: true, Passes: true}, false, guide.Notice},
		{guide.Works{Door: true, Faces: true, Passes: true, Shut: true}, false, guide.Shut},
		{guide.Works{Door: true, Passes: true, Shut: true}, true, guide.Shut},
		{guide.Works{Door: true, Shut: true, Open: true}, false, guide.Granted}, // somebody holds it open
		{guide.Works{Shut: true}, false, guide.OutOfOrder},
	} {
		d := open(test.first)
		d.Works(test.works)
		d.now = d.now.Add(time.Minute)
		if got, cue := d.Step(d.now); got != test.want || cue != guide.Silence {
			t.Errorf("%+v, a pass first %v: %s, %v, want %s", test.works, test.first, got, cue, test.want)
		}
		d.see(10*time.Second, matching)
		if got, _ := d.Step(d.now); !test.works.Faces && got != test.want {
			t.Errorf("%+v, with somebody there: %s, want %s", test.works, got, test.want)
		}
	}
}

// TestShutToAll has everybody told that the door is shut, who shows a face, a good card or a bad one. No face and no PIN is asked for,
// because neither helps, and all are refused with the same sound.
func TestShutToAll(t *testing.T) {
	for name, happens := range map[string]func(*door){
		"a face that stands there": func(d *door) { d.see(10*time.Second, matching) },
		"a face that is asked to turn": func(d *door) {
			d.see(5*time.Second, asks(challenge.Left))
			d.see(5*time.Second, matching)
		},
		"a good card":          func(d *door) { d.answer(attempt.Card, attempt.Outcome{Reason: attempt.Shut}) },
		"a card of nobody":     func(d *door) { d.answer(attempt.Card, attempt.Outcome{Reason: attempt.Unproven}) },
		"a card and then PIN":  func(d *door) { d.answer(attempt.Card, attempt.Outcome{Wait: attempt.PIN}) },
		"a pass and then face": func(d *door) { d.answer(attempt.Pass, attempt.Outcome{Wait: attempt.Face}) },
	} {
		d := open(false)
		d.nobody(time.Second)
		d.Works(guide.Works{Door: true, Faces: true, Passes: true, Shut: true})
		happens(d)
		d.nobody(30 * time.Second)
		d.Works(guide.Works{Door: true, Faces: true, Passes: true})
		d.nobody(time.Second)
		t.Run(name, func(t *testing.T) {
			refused := slices.Index(d.said, "(refused)")
			if refused < 0 {
				t.Fatalf("nothing is heard: %q", d.said)
			}
			d.said = slices.Delete(d.said, refused, refused+1) // of a face later, and once
			d.want(t, "idle", "shut", "idle")
		})
	}
}

// TestShutBehindSomebody shuts the door while somebody goes through, and while somebody is enrolled before it.
func TestShutBehindSomebody(t *testing.T) {
	d := open(false)
	d.answer(attempt.Card, attempt.Outcome{})
	d.Works(guide.Works{Door: true, Faces: true, Shut: true})
	d.nobody(pulse + time.Second)
	d.Works(guide.Works{Door: true, Faces: true, Shut: true, Capturing: true})
	d.see(2*time.Second, poor(quality.TurnedAway))
	d.want(t, "(welcome)", "granted", "shut", "face-camera")
}

func TestWhoeverIsEnrolledIsNotSentAway(t *testing.T) {
	d := open(true)
	d.Works(guide.Works{Door: true, Passes: true, Capturing: true})
	for range 10 {
		d.see(time.Second, poor(quality.TooDark))
		d.see(time.Second, pipeline.Report{State: pipeline.Captured})
		d.nobody(2 * time.Second)
	}
	d.want(t, slices.Repeat([]string{"face-light", "hold-still", "step-in"}, 10)...)
}

// TestCapture says to whoever is being enrolled what makes their picture better, whatever is wrong with it, and that there are words
// for all of it.
func TestCapture(t *testing.T) {
	for _, test := range []struct {
		r    pipeline.Report
		want guide.Step
	}{
		{pipeline.Report{State: pipeline.Nobody}, guide.StepIn},
		{pipeline.Report{State: pipeline.Several}, guide.OneOnly},
		{pipeline.Report{State: pipeline.NotLive}, guide.Uncover},
		{pipeline.Report{State: pipeline.Checking}, guide.HoldStill},
		{pipeline.Report{State: pipeline.Captured}, guide.HoldStill},
		{poor(quality.OutsideZone), guide.StepIn},
		{poor(quality.TooFar), guide.ComeCloser},
		{poor(quality.TooDark), guide.FaceLight},
		{poor(quality.SideLit), guide.FaceLight},
		{poor(quality.TooBright), guide.LessLight},
		{poor(quality.TurnedAway), guide.FaceCamera},
		{poor(quality.Tilted), guide.HeadUp},
		{poor(quality.Blurred), guide.HoldStill},
	} {
		if got := guide.Capture(test.r); got != test.want {
			t.Errorf("%v, %v: %s, want %s", test.r.State, test.r.Reason, got, test.want)
		}
	}
	said := map[string]guide.Step{}
	for _, lang := range []string{"en", "zh"} {
		for _, s := range guide.Steps() {
			text := words.Of(lang).Say(s.Word())
			if other, twice := said[text]; text == "" || twice {
				t.Errorf("%s says %q for %s, as for %s", lang, text, s, other)
			}
			said[text] = s
		}
	}
}

// TestWhoeverWasEnrolledIsSentAwayOnce says it for as long as the gate knows that they stand there, and of nobody who was not enrolled.
func TestWhoeverWasEnrolledIsSentAwayOnce(t *testing.T) {
	d := open(false)
	capture := guide.Works{Door: true, Faces: true, Capturing: true}
	d.Works(capture)
	d.see(2*time.Second, pipeline.Report{State: pipeline.Checking})
	d.see(frame, pipeline.Report{State: pipeline.Captured})
	capture.Capturing = false
	d.Works(capture)
	d.see(20*time.Second, pipeline.Report{State: pipeline.Lingering})
	d.nobody(6 * time.Second)
	d.see(time.Second, matching)
	d.answer(attempt.Face, attempt.Outcome{})
	d.see(2*pulse, pipeline.Report{State: pipeline.Lingering})
	d.want(t, "hold-still", "enrolled", "idle", "hold-still", "(welcome)", "granted", "wait")
}

// TestWhoeverPassesByIsLeftAlone says nothing to faces outside the zone, and does not call a face for ever that stays away.
func TestWhoeverPassesByIsLeftAlone(t *testing.T) {
	d := open(false)
	d.see(10*time.Second, poor(quality.OutsideZone))
	d.see(15*time.Second, poor(quality.TooFar))
	d.want(t, "idle", "come-closer", "idle")
}

// TestWordsCanBeRead holds that what is said of a picture does not change from frame to frame.
func TestWordsCanBeRead(t *testing.T) {
	d := open(false)
	for range 15 {
		d.see(frame, poor(quality.TooFar))
		d.see(frame, poor(quality.TurnedAway))
	}
	if n := len(d.said); n > 4 {
		t.Errorf("in two seconds it said %q", d.said)
	}
}

// refused are the ways in which a face does not open the door: the states of its frames, and what entry answers.
func refused() map[string]func(*door) {
	states := func(all ...pipeline.State) func(*door) {
		return func(d *door) {
			for i := range 120 {
				d.see(frame, pipeline.Report{State: all[i%len(all)]})
			}
		}
	}
	turned := func(reason attempt.Reason, o attempt.Outcome) func(*door) {
		return func(d *door) {
			for range 120 {
				o.Reason = reason
				d.answer(attempt.Face, o)
				d.see(frame, pipeline.Report{State: pipeline.Granted})
			}
		}
	}
	return map[string]func(*door){
		"not enrolled":                   states(pipeline.Checking, pipeline.Matching, pipeline.Unknown, pipeline.Unknown),
		"a print":                        states(pipeline.Checking, pipeline.NotLive),
		"a print that rests":             states(pipeline.Unknown),
		"not decided":                    states(pipeline.Matching),
		"locked out":                     turned(attempt.Closed, attempt.Outcome{}),
		"expired":                        turned(attempt.Expired, attempt.Outcome{}),
		"like another":                   turned(attempt.Unproven, attempt.Outcome{}),
		"like another, who shows a card": turned(attempt.Unproven, attempt.Outcome{Wait: attempt.Card}),
		"half of two":                    turned(attempt.None, attempt.Outcome{Wait: attempt.PIN}),
		"in no rule":                     turned(attempt.NoWay, attempt.Outcome{}),
		"let in just before":             turned(attempt.Again, attempt.Outcome{}),
		"too late":                       turned(attempt.Late, attempt.Outcome{}),
		"not written down":               turned(attempt.Record, attempt.Outcome{}),
		"the door shut to all":           turned(attempt.Shut, attempt.Outcome{}),
		"the door stuck":                 turned(attempt.Fault, attempt.Outcome{}),
	}
}

// TestRefusalsOfAFaceAreAlike holds that nobody learns from screen or buzzer whether a face is enrolled, locked out or a print.
func TestRefusalsOfAFaceAreAlike(t *testing.T) {
	for name, happens := range refused() {
		d := open(false)
		d.nobody(time.Second)
		happens(d)
		d.nobody(2 * time.Second)
		t.Run(name, func(t *testing.T) { d.want(t, "idle", "hold-still", "(refused)", "try-card", "idle") })
	}
}

// TestRefusalsOfAScanAreAlike holds the same of what is shown to a reader.
func TestRefusalsOfAScanAreAlike(t *testing.T) {
	for _, m := range attempt.All()[1:] {
		for reason := attempt.Unproven; reason.String() != ""; reason++ {
			if reason == attempt.Passing || reason == attempt.Interlock || m.Afar() {
				continue
			}
			d := open(false)
			d.answer(m, attempt.Outcome{Reason: reason})
			d.nobody(10 * time.Second)
			t.Run(fmt.Sprintf("%v %v", m, reason), func(t *testing.T) { d.want(t, "(refused)", "try-card", "idle") })
		}
	}
}

// TestOnlyAnOpeningWelcomes draws what may happen at a door: Granted is said for a pulse after an opening, and never otherwise.
func TestOnlyAnOpeningWelcomes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := open(rapid.Bool().Draw(t, "pass first"))
		opened := time.Time{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				d.now = d.now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			case 1:
				d.See(pipeline.Report{
					State: rapid.SampledFrom([]pipeline.State{pipeline.Nobody, pipeline.Poor, pipeline.Granted, pipeline.Lingering, pipeline.Asked}).Draw(t, "state"),
					Asks:  challenge.Left,
				}, d.now)
			case 2:
				o := attempt.Outcome{Reason: attempt.Reason(rapid.IntRange(1, 11).Draw(t, "reason"))}
				if rapid.Bool().Draw(t, "opens") {
					o = attempt.Outcome{Opened: d.now}
					opened = d.now
				}
				d.Answer(rapid.SampledFrom(attempt.All()).Draw(t, "means"), o, d.now)
			case 3:
				d.Works(guide.Works{Door: rapid.Bool().Draw(t, "door"), Faces: rapid.Bool().Draw(t, "faces"), Shut: rapid.Bool().Draw(t, "shut")})
			}
			step, cue := d.Step(d.now)
			if during := !opened.IsZero() && d.now.Before(opened.Add(pulse)); step == guide.Granted && !during {
				t.Fatalf("granted, %v after the last opening", d.now.Sub(opened))
			}
			if cue == guide.Welcome && d.now != opened {
				t.Fatal("welcomed without an opening")
			}
			if !slices.Contains(guide.Steps(), step) {
				t.Fatalf("step %q", step)
			}
		}
	})
}
