// Package controltest is the contract between the command line and a gate, as a test suite over the socket.
package controltest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/store/audit"
)

// A Subject is a running gate with nobody enrolled.
type Subject struct {
	Socket string
	Site   string // that it says it is at

	// Appear has a person stand before the camera until ctx is done, the same one at each call.
	Appear func(ctx context.Context)
}

// Run tests the gates that open returns; each serves one subtest.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Subject, *control.Client)
	}{
		{"status", tellsHow},
		{"enrol, list, erase", enrolListErase},
		{"enrolment refused", enrolmentRefused},
		{"enrolment broken off", enrolmentBrokenOff},
		{"erase nobody", eraseNobody},
		{"rights", rights},
		{"passes", passes},
		{"lockdown", lockdown},
		{"faces", faces},
		{"aim", aim},
		{"test the camera", testCamera},
		{"prompt", follow},
		{"calibrate", calibrate},
		{"epoch", epoch},
		{"clock", clock},
		{"door", door},
		{"watch the door", watchDoor},
		{"hold the door", holdDoor},
	} {
		t.Run(test.name, func(t *testing.T) {
			subject := open(t)
			test.run(t, subject, control.NewClient(subject.Socket))
		})
	}
}

func tellsHow(t *testing.T, subject Subject, c *control.Client) {
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Site != subject.Site || s.People.Enrolled != 0 || (s.People.Limit == 0) != (s.Mode == law.OneToOne) || s.UpS < 0 || s.UpS > 3600 || time.Since(s.Started) > time.Hour {
		t.Errorf("status is %+v", s)
	}
}

func enrolListErase(t *testing.T, subject Subject, c *control.Client) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	list, err := c.People(ctx)
	if list == nil || len(list) != 0 || err != nil {
		t.Errorf("at first the people are %v, %v", list, err)
	}
	progress := 0
	person := enrol(t, subject, c, "Ada", func(p people.Progress) {
		progress++
		if p.Want == 0 || p.Taken > p.Want || p.State == "" {
			t.Errorf("progress is %+v", p)
		}
	})
	if progress == 0 {
		t.Error("there was no progress")
	}
	now := time.Now()
	if person.Label != "Ada" || person.Consent != "form Ada" || !person.Expires.After(now) || person.Enrolled.After(now) {
		t.Errorf("enrolled %+v", person)
	}
	list, err = c.People(ctx)
	if err != nil || len(list) != 1 || !list[0].Expires.Equal(person.Expires) || list[0].Label != "Ada" {
		t.Errorf("the people are %v, %v", list, err)
	}
	if s, err := c.Status(ctx); err != nil || s.People.Enrolled != 1 {
		t.Errorf("status: %+v, %v", s.People, err)
	}
	_, err = c.Enrol(ctx, people.EnrolRequest{Label: "Ada", Consent: "form", Age: "adult"}, nil)
	refused(t, "enrol the label again", err)

	if e, err := c.Erase(ctx, people.Who{Label: "Ada"}, audit.Requested); err != nil || e.Erased != "Ada" || e.Receipt == "" {
		t.Errorf("erased %+v, %v", e, err)
	}
	if list, err = c.People(ctx); err != nil || len(list) != 0 {
		t.Errorf("after the erasure the people are %v, %v", list, err)
	}
	_, err = c.Erase(ctx, people.Who{Label: "Ada"}, audit.Requested)
	refused(t, "erase again", err)
}

// enrol enrols whoever appears.
func enrol(t *testing.T, subject Subject, c *control.Client, label string, progress func(people.Progress)) people.Person {
	t.Helper()
	return enrolAs(t, subject, c, people.EnrolRequest{Label: label, Consent: "form " + label, Age: "adult"}, progress).Person
}

func enrolAs(t *testing.T, subject Subject, c *control.Client, r people.EnrolRequest, progress func(people.Progress)) people.Enrolled {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		subject.Appear(ctx)
	}()
	enrolled, err := c.Enrol(ctx, r, progress)
	for err != nil && strings.Contains(err.Error(), "another enrolment is under way") { // one that was broken off, as the gate has not noticed yet
		time.Sleep(10 * time.Millisecond)
		enrolled, err = c.Enrol(ctx, r, progress)
	}
	cancel()
	<-gone
	if err != nil {
		t.Fatalf("enrol %s: %v", r.Label, err)
	}
	return enrolled
}

// refused checks that err was sent by the gate, with what to do.
func refused(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, control.ErrRefused) || hint.Of(err) == "" {
		t.Errorf("%s: error %v, hint %q; want a refusal with a hint", what, err, hint.Of(err))
	}
}

func enrolmentRefused(t *testing.T, _ Subject, c *control.Client) {
	for _, r := range []people.EnrolRequest{{}, {Label: "Ada"}, {Consent: "form"}, {Label: "A\nB", Consent: "form"}} {
		_, err := c.Enrol(t.Context(), r, nil)
		refused(t, "enrol", err)
	}
}

// enrolmentBrokenOff cancels while nobody stands before the camera, and then enrols somebody.
func enrolmentBrokenOff(t *testing.T, subject Subject, c *control.Client) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	_, err := c.Enrol(ctx, people.EnrolRequest{Label: "Ada", Consent: "form", Age: "adult"}, func(people.Progress) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) { // the gate must notice
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := c.Enrol(short, people.EnrolRequest{Label: "Ada", Consent: "form", Age: "adult"}, func(people.Progress) {})
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			break // it took the request
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the cancellation: %v", err)
		}
	}
	time.Sleep(time.Second) // in which the gate notices that this one was broken off too: whoever appears before would be captured for it
	enrol(t, subject, c, "Ada", func(people.Progress) {})
}

func eraseNobody(t *testing.T, _ Subject, c *control.Client) {
	_, err := c.Erase(t.Context(), people.Who{Label: "nobody"}, audit.Requested)
	refused(t, "erase", err)
}

func rights(t *testing.T, subject Subject, c *control.Client) {
	ctx := t.Context()
	person := enrol(t, subject, c, "Ada", func(people.Progress) {})
	if f, err := c.Show(ctx, "Ada"); err != nil || f.Label != "Ada" || f.Consent != person.Consent {
		t.Errorf("shown %+v, %v", f, err)
	}
	if p, err := c.Relabel(ctx, "Ada", "Ada L."); err != nil || p.Label != "Ada L." {
		t.Errorf("relabelled %+v, %v", p, err)
	}
	_, err := c.Show(ctx, "Ada")
	refused(t, "show the old label", err)
	_, err = c.Relabel(ctx, "Ada", "Eve")
	refused(t, "relabel the old label", err)
	r, err := c.Verify(ctx, nil)
	if err != nil || r.Size == 0 || r.Held != 0 {
		t.Errorf("audit: %+v, %v", r, err)
	}
	end := tlog.Tree{N: r.Size}
	if _, err := hex.Decode(end.Hash[:], []byte(r.Root)); err != nil {
		t.Errorf("audit: the root %q: %v", r.Root, err)
	}
	if c, err := c.Checkpoint(ctx); err != nil || !strings.Contains(c.Signed, fmt.Sprint("\n", r.Size, "\n")) {
		t.Errorf("audit: the checkpoint %q: %v", c.Signed, err)
	}
	if r, err := c.Verify(ctx, []tlog.Tree{end, end}); err != nil || r.Held != 2 {
		t.Errorf("audit since its end: %+v, %v", r, err)
	}
	end.Hash[0] ^= 1
	_, err = c.Verify(ctx, []tlog.Tree{end})
	refused(t, "verify the audit log of another gate", err)
	_, err = c.Verify(ctx, []tlog.Tree{{N: r.Size + 1000}})
	refused(t, "verify a longer audit log", err)
	if d, err := c.Device(ctx); err != nil || d.PublicKey == "" || d.Fingerprint == "" {
		t.Errorf("device: %+v, %v", d, err)
	}
	if r, err := c.Receipts(ctx); r == nil || len(r) != 0 || err != nil {
		t.Errorf("receipts: %v, %v", r, err)
	}
	refused(t, "fetch no receipt", c.Fetched(ctx, ""))
	if b, err := c.Backup(ctx); err != nil || b.People != 1 || len(b.Data) == 0 {
		t.Errorf("backup: %d bytes of %d people, %v", len(b.Data), b.People, err)
	}
	if e, err := c.Erase(ctx, people.Who{Label: "Ada L."}, audit.Withdrawn); err != nil || e.Receipt == "" {
		t.Errorf("withdrawn %+v, %v", e, err)
	}
}

func passes(t *testing.T, subject Subject, c *control.Client) {
	ctx := t.Context()
	s, err := c.Status(ctx)
	if err != nil || s.Mode != law.OneToOne && s.Mode != law.OneToMany {
		t.Fatalf("the mode is %q, %v", s.Mode, err)
	}
	bound := s.Mode == law.OneToOne
	request := people.EnrolRequest{Label: "Ada", Consent: "form Ada", Age: "adult", Pass: !bound}
	first := enrolAs(t, subject, c, request, func(people.Progress) {}).Pass
	if first.Text() == "" {
		t.Fatal("enrolled without a pass")
	}
	if f, err := c.Show(ctx, "Ada"); err != nil || !f.Pass || f.Scheme != map[bool]string{true: "S2", false: "S1"}[bound] {
		t.Errorf("shown %+v, %v", f, err)
	}
	second, err := c.IssuePass(ctx, "Ada")
	if bound {
		refused(t, "a new pass without a new capture", err)
		second = first
	} else {
		if err != nil || second.Text() == "" || second.Text() == first.Text() {
			t.Errorf("a new pass: %v", err)
		}
		_, err = c.Erase(ctx, people.Who{Pass: first}, audit.Requested)
		refused(t, "erase by the old pass", err)
	}
	_, err = c.IssuePass(ctx, "nobody")
	refused(t, "a pass for nobody", err)
	if e, err := c.Erase(ctx, people.Who{Pass: second}, audit.Withdrawn); err != nil || e.Erased != "" || e.Receipt == "" {
		t.Errorf("erased by pass %+v, %v", e, err)
	}
	_, err = c.Erase(ctx, people.Who{Pass: second}, audit.Withdrawn)
	refused(t, "erase by pass again", err)
	if list, err := c.People(ctx); err != nil || len(list) != 0 {
		t.Errorf("after the erasure the people are %v, %v", list, err)
	}
}

// epoch begins one with somebody enrolled, ends it, and captures them again.
func epoch(t *testing.T, subject Subject, c *control.Client) {
	ctx := t.Context()
	_, err := c.EndEpoch(ctx)
	refused(t, "end the first epoch", err)
	first, err := c.Epoch(ctx)
	if err != nil || first.Number == 0 || first.Renewed+first.Earlier+first.Foreign+first.None != 0 {
		t.Errorf("at first the epoch is %+v, %v", first, err)
	}
	enrol(t, subject, c, "Ada", func(people.Progress) {})
	if s, err := c.Status(ctx); err != nil || s.Mode == law.OneToOne {
		staysInEpoch(t, c, first.Number)
		return
	}
	want := people.Epoch{Number: first.Number + 1, Earlier: 1}
	if e, err := c.BeginEpoch(ctx); err != nil || e != want {
		t.Errorf("began %+v, %v", e, err)
	}
	_, err = c.BeginEpoch(ctx)
	refused(t, "begin another epoch", err)
	want = people.Epoch{Number: first.Number + 1, None: 1, Ended: 1}
	if e, err := c.EndEpoch(ctx); err != nil || e != want {
		t.Errorf("ended %+v, %v", e, err)
	}
	again := people.EnrolRequest{Label: "Eve", Consent: "form", Age: "adult", Again: true}
	_, err = c.Enrol(ctx, again, nil)
	refused(t, "capture somebody again who is not there", err)
	again.Label = "Ada"
	if p := enrolAs(t, subject, c, again, func(people.Progress) {}); p.Label != "Ada" || p.Receipt != "" {
		t.Errorf("captured again: %+v", p)
	}
	want = people.Epoch{Number: first.Number + 1, Renewed: 1}
	if e, err := c.Epoch(ctx); err != nil || e != want {
		t.Errorf("at last the epoch is %+v, %v", e, err)
	}
}

func lockdown(t *testing.T, subject Subject, c *control.Client) {
	enrol(t, subject, c, "Ada", func(people.Progress) {})
	lock := func(ctx context.Context) error {
		f, err := c.Lockdown(ctx)
		if f.People != 1 || time.Since(f.Time) > time.Minute {
			t.Errorf("the facts are %+v", f)
		}
		return err
	}
	for _, step := range []struct {
		name   string
		do     func(context.Context) error
		locked bool
	}{{"lock down", lock, true}, {"end it", c.EndLockdown, false}, {"reset the lock-out", c.ResetLockout, false}} {
		if err := step.do(t.Context()); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if s, err := c.Status(t.Context()); err != nil || s.Lockout.LockedDown != step.locked {
			t.Errorf("after %s: %+v, %v", step.name, s.Lockout, err)
		}
	}
}

// faces turns them off and on.
func faces(t *testing.T, subject Subject, c *control.Client) {
	ctx := t.Context()
	refused(t, "a reason of two lines", c.TurnFacesOff(ctx, "a\nb"))
	if s, err := c.Status(ctx); err != nil || s.FacesOff != nil {
		t.Errorf("at first faces are off: %+v, %v", s.FacesOff, err)
	}
	if err := c.TurnFacesOff(ctx, "a film is made"); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Status(ctx); err != nil || s.FacesOff == nil || s.FacesOff.Reason != "a film is made" || time.Since(s.FacesOff.Since) > time.Minute {
		t.Errorf("turned off: %+v, %v", s.FacesOff, err)
	}
	_, err := c.Enrol(ctx, people.EnrolRequest{Label: "Ada", Consent: "form", Age: "adult"}, func(people.Progress) {})
	refused(t, "enrol while faces are off", err)
	if err := c.TurnFacesOn(ctx); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Status(ctx); err != nil || s.FacesOff != nil {
		t.Errorf("turned on: %+v, %v", s.FacesOff, err)
	}
	enrol(t, subject, c, "Ada", func(people.Progress) {})
}

func aim(t *testing.T, subject Subject, c *control.Client) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	seen := 0
	err := c.Aim(ctx, func(v status.View) {
		if v.Sees == "" {
			t.Error("a view says nothing")
		}
		seen++
		cancel()
	})
	if seen == 0 {
		t.Errorf("nothing was seen: %v", err)
	}
}

// testCamera has what the camera sends measured.
func testCamera(t *testing.T, _ Subject, c *control.Client) {
	v, err := c.TestCamera(t.Context())
	if err != nil || v.Source == "" || v.Frames == 0 || v.Rate == 0 || v.Wanted.FPS == 0 || v.Findings == nil {
		t.Errorf("%+v, %v", v, err)
	}
}

// follow follows the prompts for a moment. Before a gate nobody stands, and then nothing is asked.
func follow(t *testing.T, _ Subject, c *control.Client) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := c.Prompt(ctx, func(p status.Prompt) {
		if p.Look != "" && p.Say == "" {
			t.Errorf("asks to look %s without a word", p.Look)
		}
	})
	if ctx.Err() == nil {
		t.Errorf("the following ended with %v", err)
	}
}

// calibrate begins a survey, and gives it up at its first step. What one comes to takes a while, and is for others to test.
func calibrate(t *testing.T, _ Subject, c *control.Client) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	steps := 0
	_, err := c.Calibrate(ctx, status.SurveyPlan{Empty: 5 * time.Second, Occupied: 5 * time.Second}, func(s status.SurveyStep) {
		if s.Phase == "" || s.Do == "" || s.LeftS < 0 || s.Sees == "" {
			t.Errorf("a step says %+v", s)
		}
		steps++
		cancel()
	})
	if steps == 0 {
		t.Errorf("it says nothing: %v", err)
	}
	_, err = c.Calibrate(t.Context(), status.SurveyPlan{Empty: time.Second, Occupied: time.Hour}, func(status.SurveyStep) {})
	refused(t, "a survey of an hour", err)
}

func clock(t *testing.T, _ Subject, c *control.Client) {
	s, err := c.Clock(t.Context())
	if err != nil || time.Since(s.Wall).Abs() > time.Minute || !s.Right && s.Reason == "" {
		t.Errorf("at first the clock is %+v, %v", s, err)
	}
	_, err = c.ConfirmClock(t.Context(), s.Wall.AddDate(0, 0, -1))
	refused(t, "confirm what it said yesterday", err)
	if s, err = c.ConfirmClock(t.Context(), s.Wall); err != nil || !s.Right {
		t.Errorf("confirmed, the clock is %+v, %v", s, err)
	}
	if s, err = c.Clock(t.Context()); err != nil || !s.Right {
		t.Errorf("after that the clock is %+v, %v", s, err)
	}
}

func door(t *testing.T, _ Subject, c *control.Client) {
	for i := range 2 {
		r, err := c.TestDoor(t.Context())
		if i > 0 { // the door rests
			refused(t, "test the door at once again", err)
		}
		for deadline := time.Now().Add(20 * time.Second); i > 0 && err != nil && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
			r, err = c.TestDoor(t.Context())
		}
		if err != nil || r.Line == "" || r.Pulse <= 0 {
			t.Errorf("test of the door: %+v, %v", r, err)
		}
		if s, err := c.Status(t.Context()); err != nil || s.Door.Pulses != uint64(i+1) {
			t.Errorf("status of the door: %+v, %v", s.Door, err)
		}
	}
}

// holdDoor holds the door, for too long and for a while, and releases it.
func holdDoor(t *testing.T, _ Subject, c *control.Client) {
	for _, d := range []time.Duration{-time.Second, 0, 1000 * time.Hour} {
		refused(t, "hold the door for "+d.String(), c.HoldDoor(t.Context(), status.DoorHold{For: d, Reason: "furniture"}))
	}
	refused(t, "release what nobody holds", c.ReleaseDoor(t.Context()))
	if err := c.HoldDoor(t.Context(), status.DoorHold{For: 10 * time.Minute, Reason: "furniture"}); err != nil {
		t.Fatal(err)
	}
	if d, err := c.Door(t.Context()); err != nil || d.Why != "hold" || d.Held == "" {
		t.Errorf("a door that is held is %+v, %v", d, err)
	}
	if err := c.ReleaseDoor(t.Context()); err != nil {
		t.Error(err)
	}
	if d, err := c.Door(t.Context()); err != nil || d.Why == "hold" || d.Held != "" {
		t.Errorf("a door that is released is %+v, %v", d, err)
	}
	refused(t, "release it again", c.ReleaseDoor(t.Context()))
}

// watchDoor watches the door until every line has said its level, and asks how it is.
func watchDoor(t *testing.T, _ Subject, c *control.Client) {
	d, err := c.Door(t.Context())
	if err != nil || d.State == "" || d.Kind == "" || d.Pulse <= 0 || len(d.Lines) == 0 {
		t.Errorf("the door is %+v, %v", d, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	seen := 0
	err = c.WatchDoor(ctx, func(m status.DoorMoment) {
		if m.What == "" {
			t.Errorf("a moment says %+v", m)
		}
		seen++
		cancel()
	})
	if seen == 0 {
		t.Errorf("nothing was seen: %v", err)
	}
}

// staysInEpoch wants no other epoch where faces are compared 1:1, as it would renew nothing.
func staysInEpoch(t *testing.T, c *control.Client, first int) {
	t.Helper()
	ctx := t.Context()
	_, err := c.BeginEpoch(ctx)
	refused(t, "begin an epoch", err)
	_, err = c.EndEpoch(ctx)
	refused(t, "end the epoch", err)
	if e, err := c.Epoch(ctx); err != nil || e != (people.Epoch{Number: first, Renewed: 1}) {
		t.Errorf("then the epoch is %+v, %v", e, err)
	}
}
