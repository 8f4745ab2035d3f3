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
	"syscall"

	"facegate/configs/hint"
)

// A Client talks to the daemon behind one socket.
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
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, http.MethodGet, "/status", nil, &s)
}

// People lists everybody enrolled.
func (c *Client) People(ctx context.Context) (p []Person, err error) {
	return p, c.call(ctx, http.MethodGet, "/people", nil, &p)
}

// Erase removes a person.
func (c *Client) Erase(ctx context.Context, label string) error {
	return c.call(ctx, http.MethodPost, "/erase", map[string]string{"label": label}, &struct{}{})
}

// TestDoor gives one pulse of the door.
func (c *Client) TestDoor(ctx context.Context) (t DoorTest, err error) {
	return t, c.call(ctx, http.MethodPost, "/door/test", nil, &t)
}

// Enrol captures the person who stands before the camera.
func (c *Client) Enrol(ctx context.Context, r EnrolRequest, progress func(Progress)) (Person, error) {
	body, err := c.do(ctx, http.MethodPost, "/enrol", r)
	if err != nil {
		return Person{}, err
	}
	defer body.Close()
	for lines := json.NewDecoder(body); ; {
		var u update
		if err := lines.Decode(&u); err != nil {
			return Person{}, fmt.Errorf("control: the gate stopped during the enrolment: %w", err)
		}
		switch {
		case u.Failure != nil:
			return Person{}, u.Failure.err()
		case u.Person != nil:
			return *u.Person, nil
		case u.Progress != nil:
			progress(*u.Progress)
		}
	}
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	body, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("control: %s: %w", path, err)
	}
	return nil
}

func (c *Client) do(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
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
		return nil, c.explain(err)
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	var f failure
	if err := json.NewDecoder(res.Body).Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrRefused, res.Status)
	}
	return nil, f.err()
}

func (c *Client) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return hint.Wrap(fmt.Errorf("%w: nothing answers at %s", ErrNotRunning, c.path),
			"start it (systemctl start facegate), or name its socket with --socket")
	case errors.Is(err, fs.ErrPermission):
		return hint.Wrap(fmt.Errorf("control: open %s: %w", c.path, fs.ErrPermission),
			"run the command as root or as a member of the socket's group (ls -l %s)", c.path)
	}
	return fmt.Errorf("control: %w", err)
}
