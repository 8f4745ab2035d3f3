package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/configs/show"
)

// yesFlag confirms beforehand what cannot be undone.
type yesFlag struct {
	Yes bool `help:"Do not ask whether it is meant. Needed where there is no terminal to ask in."`
}

// errUnconfirmed means that nobody has confirmed what cannot be undone.
var errUnconfirmed = errors.New("not confirmed, and nothing was done")

// A question is asked before something that cannot be undone.
type question struct {
	what  string   // is going to be done, as a sentence without a full stop
	about []string // whom it concerns and what is destroyed, a line each
	word  string   // that confirms it: y, or for what concerns everybody a name that nobody types by accident
}

// confirm asks q, unless the flag has answered. It returns errUnconfirmed where the answer is another than the word, or
// nobody can be asked.
func (f yesFlag) confirm(ctx context.Context, t terminal, q question) error {
	if f.Yes {
		return nil
	}
	if !t.asks {
		what := strings.Join(append([]string{q.what}, q.about...), "; ")
		return hint.Wrap(fmt.Errorf("%w: %s", errUnconfirmed, what), "give the same command with --yes if that is meant")
	}
	show.Fprintf(t.err, "%s:\n", q.what)
	for _, line := range q.about {
		show.Fprintf(t.err, "  %s\n", line)
	}
	show.Fprintf(t.err, "This cannot be undone. Type %s to go on: ", q.word)
	answer, err := t.readLine(ctx)
	if err != nil {
		return err
	}
	if answer != q.word {
		return hint.Wrap(errUnconfirmed, "give the command again, and type %s when it asks", q.word)
	}
	return nil
}

// maxAnswer is the longest line that is read as an answer, in bytes.
const maxAnswer = 256

// readLine reads one line, and nothing behind it. It ends with ctx.
func (t terminal) readLine(ctx context.Context) (string, error) {
	line, err := t.readBytes(ctx)
	return strings.TrimSpace(string(line)), err
}

// readBytes is readLine for what is to be cleared after use.
func (t terminal) readBytes(ctx context.Context) ([]byte, error) {
	line := make([]byte, 0, maxAnswer) // which never grows, and so leaves no copies
	for b := []byte{0}; len(line) < maxAnswer; {
		if err := t.awaitInput(ctx); err != nil {
			return nil, err
		}
		_, err := io.ReadFull(t.in, b)
		if errors.Is(err, io.EOF) || err == nil && b[0] == '\n' {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		line = append(line, b[0])
	}
	return bytes.TrimSpace(line), nil
}

// awaitInput waits until there is something to read, because a read that waits would not end with ctx.
func (t terminal) awaitInput(ctx context.Context) error {
	const every = 100 // milliseconds between looks at ctx
	file, ok := t.in.(*os.File)
	for ok && ctx.Err() == nil {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(file.Fd()), Events: unix.POLLIN}}, every)
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	return ctx.Err()
}
