package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/ended"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

// A Client talks to the daemon behind one socket. Its errors carry hints, those of the daemon among them.
type Client struct {
	path string
	http http.Client
}

// NewClient returns a Client of the socket at path. Nothing is opened yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks how the gate is.
func (c *Client) Status(ctx context.Context) (s status.Status, err error) {
	err = c.call(ctx, http.MethodGet, "/status", nil, &s)
	return s, err
}

// People lists everybody enrolled.
func (c *Client) People(ctx context.Context) (p []people.Person, err error) {
	err = c.call(ctx, http.MethodGet, "/people", nil, &p)
	return p, err
}

// Erase removes a person. If withdrawn, the consent is kept as one that was withdrawn.
func (c *Client) Erase(ctx context.Context, label string, withdrawn bool) (e people.Erasure, err error) {
	err = c.call(ctx, http.MethodPost, "/erase", eraseRequest{Label: label, Withdrawn: withdrawn}, &e)
	return e, err
}

// EraseByPass removes the person whose pass has the token t.
func (c *Client) EraseByPass(ctx context.Context, t template.Token, withdrawn bool) (e people.Erasure, err error) {
	err = c.call(ctx, http.MethodPost, "/erase", eraseRequest{Pass: t.Text(), Withdrawn: withdrawn}, &e)
	return e, err
}

// IssuePass gives a person a new pass.
func (c *Client) IssuePass(ctx context.Context, label string) (template.Token, error) {
	var issued passAnswer
	if err := c.call(ctx, http.MethodPost, "/pass", personRequest{label}, &issued); err != nil {
		return template.Token{}, err
	}
	return tokenOf("/pass", issued.Pass)
}

// tokenOf returns the token of an answer, which is the zero Token for none.
func tokenOf(path, text string) (template.Token, error) {
	if text == "" {
		return template.Token{}, nil
	}
	t, err := template.ParseToken(text)
	if err != nil {
		return template.Token{}, broken(path, err)
	}
	return t, nil
}

// Receipts lists the receipts that nobody has fetched.
func (c *Client) Receipts(ctx context.Context) (r []string, err error) {
	err = c.call(ctx, http.MethodGet, "/receipts", nil, &r)
	return r, err
}

// Backup makes a sealed copy of people, consents and templates.
func (c *Client) Backup(ctx context.Context) (b people.Backup, err error) {
	err = c.call(ctx, http.MethodPost, "/backup", struct{}{}, &b)
	return b, err
}

// Fetched says that the receipt with this id need not be kept.
func (c *Client) Fetched(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/receipts/fetched", fetchedRequest{id}, &struct{}{})
}

// Show returns all that is held of a person, but for the template.
func (c *Client) Show(ctx context.Context, label string) (f people.File, err error) {
	err = c.call(ctx, http.MethodPost, "/person", personRequest{label}, &f)
	return f, err
}

// Relabel corrects a label.
func (c *Client) Relabel(ctx context.Context, old, label string) (p people.Person, err error) {
	err = c.call(ctx, http.MethodPost, "/relabel", relabelRequest{old, label}, &p)
	return p, err
}

// Verify checks the audit log, also against places in it that were seen before.
func (c *Client) Verify(ctx context.Context, seen ...audit.Head) (r people.AuditReport, err error) {
	query := url.Values{}
	for _, h := range seen {
		query.Add(seenKey, headText(h))
	}
	err = c.call(ctx, http.MethodGet, "/audit?"+query.Encode(), nil, &r)
	return r, err
}

// Device asks for the identity of the device.
func (c *Client) Device(ctx context.Context) (d people.Device, err error) {
	err = c.call(ctx, http.MethodGet, "/device", nil, &d)
	return d, err
}

// Lockdown makes every template unusable.
func (c *Client) Lockdown(ctx context.Context) (f people.Facts, err error) {
	err = c.call(ctx, http.MethodPost, "/templates/destroy", nil, &f)
	return f, err
}

// Reopen lets people be captured again after that.
func (c *Client) Reopen(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/templates/destroy/end", nil, &struct{}{})
}

// TurnFacesOff has no face looked at until TurnFacesOn.
func (c *Client) TurnFacesOff(ctx context.Context, reason string) error {
	return c.call(ctx, http.MethodPost, "/faces/off", facesOffRequest{reason}, &struct{}{})
}

// TurnFacesOn has faces looked at again.
func (c *Client) TurnFacesOn(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/faces/on", nil, &struct{}{})
}

// Unlock lets faces open the door again after too many failures.
func (c *Client) Unlock(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/lockout/reset", nil, &struct{}{})
}

// Epoch asks how far a change of epoch has come.
func (c *Client) Epoch(ctx context.Context) (e people.Epoch, err error) {
	err = c.call(ctx, http.MethodGet, "/epoch", nil, &e)
	return e, err
}

// BeginEpoch begins a new epoch.
func (c *Client) BeginEpoch(ctx context.Context) (e people.Epoch, err error) {
	err = c.call(ctx, http.MethodPost, "/epoch/begin", nil, &e)
	return e, err
}

// EndEpoch destroys the templates of earlier epochs.
func (c *Client) EndEpoch(ctx context.Context) (e people.Epoch, err error) {
	err = c.call(ctx, http.MethodPost, "/epoch/end", nil, &e)
	return e, err
}

// Clock asks what is known of the time.
func (c *Client) Clock(ctx context.Context) (s people.ClockStatus, err error) {
	err = c.call(ctx, http.MethodGet, "/clock", nil, &s)
	return s, err
}

// ConfirmClock says that the date is right, which was seen a moment ago.
func (c *Client) ConfirmClock(ctx context.Context, seen time.Time) (s people.ClockStatus, err error) {
	err = c.call(ctx, http.MethodPost, "/clock/confirm", clockRequest{seen}, &s)
	return s, err
}

// TestDoor gives one pulse of the door.
func (c *Client) TestDoor(ctx context.Context) (t status.DoorTest, err error) {
	err = c.call(ctx, http.MethodPost, "/door/test", nil, &t)
	return t, err
}

// Enrol captures the person who stands before the camera. progress is called from the calling goroutine. The end of ctx
// gives the capture up.
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
			return people.Enrolled{}, u.Failure.err(ErrRefused)
		case u.Person != nil:
			t, err := tokenOf("/enrol", u.Pass)
			return people.Enrolled{Person: *u.Person, Pass: t, Former: u.Former}, errors.Join(err, c.outlive(ctx, u.Ends))
		case u.Progress != nil:
			progress(*u.Progress)
		}
	}
}

// Aim calls view, from the calling goroutine, for what the camera sees, until the gate ends it or ctx is done.
func (c *Client) Aim(ctx context.Context, view func(status.View)) error {
	res, err := c.do(ctx, http.MethodPost, "/camera/aim", nil)
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
			return broken("/camera/aim", err)
		case u.Failure != nil:
			return u.Failure.err(ErrRefused)
		case u.View != nil:
			view(*u.View)
		}
	}
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	res, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	err = json.NewDecoder(res.Body).Decode(out)
	res.Body.Close()
	if err != nil {
		return broken(path, err)
	}
	return c.outlive(ctx, res.Header.Get(endsHeader))
}

// Process asks for the name of the process of the gate that answers. Each has another one.
func (c *Client) Process(ctx context.Context) (name string, err error) {
	var p process
	err = c.call(ctx, http.MethodGet, "/process", nil, &p)
	return p.Name, err
}

// outlive waits until another process answers than the one of this name, which is going to hand over; "" is none.
func (c *Client) outlive(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, handoverTime)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		next, err := c.Process(ctx)
		if err == nil && next != name {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return hint.Wrap(errors.Join(ErrMemory, err),
				"see facegate status, and start the gate anew: systemctl restart facegate; receipts are kept: facegate receipt fetch DIR")
		}
	}
}

// do sends a request. The caller closes the body of the answer.
func (c *Client) do(ctx context.Context, method, path string, in any) (*http.Response, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://gate"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(path, err)
	}
	if res.StatusCode == http.StatusOK {
		return res, nil
	}
	defer res.Body.Close()
	var f failure
	if err := json.NewDecoder(res.Body).Decode(&f); err != nil {
		return nil, hint.Wrap(fmt.Errorf("%w: %s: %s", ErrRefused, path, res.Status), adviceVersion)
	}
	return nil, f.err(kindOf(res.StatusCode))
}

func (c *Client) explain(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		if last, ok := ended.Last(c.path); ok {
			return hint.Wrap(&EndedError{c.path, last}, "%s", strings.TrimPrefix(last.ToDo+"\n"+adviceLog, "\n"))
		}
		return hint.Wrap(fmt.Errorf("%w: nothing answers at %s", ErrNotRunning, c.path),
			"start it (systemctl start facegate), or name its socket with --socket; %s", adviceLog)
	case errors.Is(err, fs.ErrPermission):
		return hint.Wrap(fmt.Errorf("control: open %s: %w", c.path, fs.ErrPermission),
			"run the command as root or as a member of the socket's group (ls -l %s)", c.path)
	}
	return broken(path, err)
}

const adviceLog = "its log says more: journalctl -u facegate"

// An EndedError is ErrNotRunning of a gate that has told why it ended.
type EndedError struct {
	socket string
	Last   ended.Failure
}

func (e *EndedError) Error() string {
	return fmt.Sprintf("%v: nothing answers at %s; %v", ErrNotRunning, e.socket, e.Last)
}

// Unwrap returns ErrNotRunning.
func (e *EndedError) Unwrap() error { return ErrNotRunning }

// broken tells of an answer that did not come, or not to its end.
func broken(path string, err error) error {
	return hint.Wrap(fmt.Errorf("%w: %s: %w", ErrBroken, path, err),
		"see facegate status, and its log (journalctl -u facegate)")
}
