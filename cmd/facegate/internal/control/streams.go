package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/pipeline/survey"
	"facegate/pipeline/template"
)

// AimTime is how long one aiming lasts at the longest.
const AimTime = 2 * time.Minute

// WatchTime is how long one watching of the door lasts at the longest.
const WatchTime = 2 * time.Minute

// PromptTime is how long one following of the prompts lasts at the longest. Whoever goes on following asks again.
const PromptTime = 10 * time.Minute

// streams returns the routes of the questions whose answer takes its time: it has many lines.
func (s *Server) streams() []route {
	return []route{
		{"POST /enrol", offices, s.enrol},
		{"POST /card/add", offices, s.addCard},
		{"POST /door/watch", technicians, s.watchDoor},
		{"POST /camera/aim", technicians, s.aim},
		{"POST /camera/prompt", technicians, s.prompt},
		{"POST /camera/calibrate", technicians, s.calibrate},
	}
}

// An update is one line of an answer that takes its time. That to an enrolment has progress lines, then one with the person
// or the error.
type update struct {
	Progress *people.Progress   `json:"progress,omitempty"`
	Person   *people.Person     `json:"person,omitempty"`
	Pass     token              `json:"pass,omitzero"`    // beside Person
	Former   string             `json:"former,omitempty"` // beside Person: see Enrolled
	Warned   string             `json:"warned,omitempty"` // likewise
	View     *status.View       `json:"view,omitempty"`   // of an aiming, whose answer is of these
	Prompt   *status.Prompt     `json:"prompt,omitempty"` // of a following, whose answer is of these
	Step     *status.SurveyStep `json:"step,omitempty"`   // of a survey, which ends with one Survey
	Survey   *survey.Report     `json:"survey,omitempty"`
	Moment   *status.DoorMoment `json:"moment,omitempty"` // of a watching of the door, whose answer is of these
	Wait     *people.CardWait   `json:"wait,omitempty"`   // of a card that is waited for, which ends with one Card
	Card     *people.CardAdded  `json:"card,omitempty"`
	Failure  *failure           `json:"failure,omitempty"`
	Ends     string             `json:"ends,omitempty"` // beside Person: see endsHeader
}

func (s *Server) enrol(w http.ResponseWriter, r *http.Request) {
	var req people.EnrolRequest
	if err := decode(r, &req); err != nil {
		fail(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	// Nobody is let in by face during an enrolment, so a client that has stopped reading must not make it longer.
	send, err := stream(w, s.timeout+goodbye)
	if err != nil {
		fail(w, err)
		return
	}
	enrolled, err := s.host.Running(actor(r)).Enrol(ctx, req, func(p people.Progress) { send(update{Progress: &p}) })
	if err != nil {
		send(update{Failure: failureOf(err)})
		return
	}
	defer enrolled.Pass.Clear()
	send(update{Person: &enrolled.Person, Pass: token(enrolled.Pass), Former: enrolled.Former, Warned: enrolled.Warned, Ends: s.ends()})
}

// stream returns what sends one line of an answer that is over after limit.
func stream(w http.ResponseWriter, limit time.Duration) (send func(update), err error) {
	out := http.NewResponseController(w)
	if err := out.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	lines := json.NewEncoder(w)
	return func(u update) {
		lines.Encode(u)
		out.Flush()
	}, nil
}

func (s *Server) prompt(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), PromptTime)
	defer cancel()
	send, err := stream(w, PromptTime+goodbye)
	if err != nil {
		fail(w, err)
		return
	}
	if err := s.host.Running(actor(r)).Prompt(ctx, func(p status.Prompt) { send(update{Prompt: &p}) }); err != nil {
		send(update{Failure: failureOf(err)})
	}
}

func (s *Server) aim(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), AimTime)
	defer cancel()
	send, err := stream(w, AimTime+goodbye)
	if err != nil {
		fail(w, err)
		return
	}
	if err := s.host.Running(actor(r)).Aim(ctx, func(v status.View) { send(update{View: &v}) }); err != nil {
		send(update{Failure: failureOf(err)})
	}
}

func (s *Server) watchDoor(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), WatchTime)
	defer cancel()
	send, err := stream(w, WatchTime+goodbye)
	if err != nil {
		fail(w, err)
		return
	}
	if err := s.host.Running(actor(r)).WatchDoor(ctx, func(m status.DoorMoment) { send(update{Moment: &m}) }); err != nil {
		send(update{Failure: failureOf(err)})
	}
}

// The bounds of a survey. One that is shorter says nothing, and a longer one takes the door from people.
const (
	shortestPhase = 5 * time.Second
	surveyTime    = AimTime
)

var errPlan = errors.New("a survey cannot last so long")

func (s *Server) calibrate(w http.ResponseWriter, r *http.Request) {
	var plan status.SurveyPlan
	if err := decode(r, &plan); err != nil {
		fail(w, err)
		return
	}
	if min(plan.Empty, plan.Occupied) < shortestPhase || max(plan.Empty, plan.Occupied) > surveyTime || plan.Empty+plan.Occupied > surveyTime {
		fail(w, hint.Wrap(errPlan, "give each part %v at least, and both together %v at most", shortestPhase, surveyTime))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), surveyTime+goodbye)
	defer cancel()
	send, err := stream(w, surveyTime+2*goodbye)
	if err != nil {
		fail(w, err)
		return
	}
	report, err := s.host.Running(actor(r)).Calibrate(ctx, plan, func(step status.SurveyStep) { send(update{Step: &step}) })
	if err != nil {
		send(update{Failure: failureOf(err)})
		return
	}
	send(update{Survey: &report})
}

// Calibrate implements Running. step is called from the calling goroutine.
func (c *Client) Calibrate(ctx context.Context, plan status.SurveyPlan, step func(status.SurveyStep)) (survey.Report, error) {
	res, err := c.do(ctx, http.MethodPost, "/camera/calibrate", plan)
	if err != nil {
		return survey.Report{}, err
	}
	defer res.Body.Close()
	for lines := json.NewDecoder(res.Body); ; {
		var u update
		if err := lines.Decode(&u); err != nil {
			return survey.Report{}, broken("/camera/calibrate", err)
		}
		switch {
		case u.Failure != nil:
			return survey.Report{}, u.Failure.err()
		case u.Survey != nil:
			return *u.Survey, nil
		case u.Step != nil:
			step(*u.Step)
		}
	}
}

// Enrol implements Running. progress is called from the calling goroutine. The end of ctx gives the capture up.
func (c *Client) Enrol(ctx context.Context, r people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error) {
	res, err := c.do(ctx, http.MethodPost, "/enrol", r)
	if err != nil {
		return people.Enrolled{}, err
	}
	defer res.Body.Close()
	for lines := json.NewDecoder(res.Body); ; {
		var u update
		if err := lines.Decode(&u); err != nil {
			return people.Enrolled{}, broken("/enrol", err)
		}
		switch {
		case u.Failure != nil:
			return people.Enrolled{}, u.Failure.err()
		case u.Person != nil:
			return people.Enrolled{Person: *u.Person, Pass: template.Token(u.Pass), Former: u.Former, Warned: u.Warned}, c.outlive(ctx, u.Ends)
		case u.Progress != nil:
			progress(*u.Progress)
		}
	}
}

// Aim implements Running. view is called from the calling goroutine.
func (c *Client) Aim(ctx context.Context, view func(status.View)) error {
	return c.watch(ctx, "/camera/aim", func(u update) {
		if u.View != nil {
			view(*u.View)
		}
	})
}

// WatchDoor implements Running. show is called from the calling goroutine.
func (c *Client) WatchDoor(ctx context.Context, show func(status.DoorMoment)) error {
	return c.watch(ctx, "/door/watch", func(u update) {
		if u.Moment != nil {
			show(*u.Moment)
		}
	})
}

// Prompt implements Running. show is called from the calling goroutine.
func (c *Client) Prompt(ctx context.Context, show func(status.Prompt)) error {
	return c.watch(ctx, "/camera/prompt", func(u update) {
		if u.Prompt != nil {
			show(*u.Prompt)
		}
	})
}

// watch asks for an answer that goes on until it ends, and calls take with each line of it.
func (c *Client) watch(ctx context.Context, path string, take func(update)) error {
	res, err := c.do(ctx, http.MethodPost, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	for lines := json.NewDecoder(res.Body); ; {
		var u update
		err := lines.Decode(&u)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return broken(path, err)
		case u.Failure != nil:
			return u.Failure.err()
		}
		take(u)
	}
}
