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
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/ended"
	"facegate/configs/hint"
)

// A Client talks to the daemon behind one socket. Its errors carry hints, those of the daemon among them.
type Client struct {
	path  string
	table table
	http  http.Client
}

// NewClient returns a Client of the socket at path. Nothing is opened yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path: path, table: newTable(), http: http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
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
	if method == http.MethodGet && errors.Is(err, io.EOF) { // the process that was asked hands over, and did not come to it any more
		req.Body, _ = req.GetBody()
		res, err = c.http.Do(req)
	}
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
	return nil, f.err()
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
