package show_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"time"

	"facegate/configs/show"
)

// TestPlain takes the words of the authors out of errors as the libraries make them.
func TestPlain(t *testing.T) {
	_, badNumber := strconv.Atoi("x")
	_, badDate := time.Parse(time.DateOnly, "26.11.2027")
	var n int
	for _, tt := range []struct{ text, want string }{
		{"the store is damaged", "the store is damaged"},
		{"store: the store is damaged", "the store is damaged"},
		{"control: open /run/s: permission denied", "open /run/s: permission denied"},
		{"the gate refused the request: store: people.db: receipt: it was changed", "the gate refused the request: people.db: it was changed"},
		{"read the request: http: request body too large", "read the request: the request is too long"},
		{"the gate stopped before it had answered: /status: unexpected EOF", "the gate stopped before it had answered: /status: it ends too early"},
		{"/enrol: context deadline exceeded", "/enrol: it took too long"},
		{fmt.Sprint("read x: ", json.Unmarshal([]byte("{"), &n)), "read x: it ends too early"},
		{fmt.Sprint("read x: ", json.Unmarshal([]byte("x"), &n)), "read x: it is no JSON"},
		{fmt.Sprint("read x: ", json.Unmarshal([]byte(`"x"`), &n)), "read x: a value is not of the kind that is wanted"},
		{badNumber.Error(), `parsing "x": it is no number`},
		{"store", "store"},
		{"", ""},
		{"cannot read store: it is there", "cannot read store: it is there"},
		{(&fs.PathError{Op: "open", Path: "/a/store", Err: fs.ErrNotExist}).Error(), "open /a/store: file does not exist"},
	} {
		if got := show.Plain(tt.text); got != tt.want {
			t.Errorf("%q is shown as %q, want %q", tt.text, got, tt.want)
		}
	}
	if got := show.Plain(badDate.Error()); strings.Contains(got, "2006") {
		t.Errorf("a date is shown as %q", got)
	}
}
