// Package hint attaches to an error what a technician should do next.
//
// It is the one leaf that every other package may import.
package hint

import (
	"errors"
	"fmt"
)

type hinted struct {
	err  error
	hint string
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// Wrap returns err carrying the advice formatted from format and args. The text of err itself does not change, so
// that logs stay short; the command line prints the advice on a line of its own. Wrap returns nil if err is nil.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err: err, hint: fmt.Sprintf(format, args...)}
}

// Of returns the advice nearest to the surface of err's chain, or "" if it has none.
func Of(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
