// Package ended keeps why a gate did not start, or ended, beside its control socket, where whoever asks for the gate looks.
// The journal says the same at more length, to whoever thinks of it and may read it.
package ended

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"facegate/configs/file"
	"facegate/store/durable"
)

// A Failure is why a gate ended the last time. It names nobody.
type Failure struct {
	At    time.Time `json:"at"`
	Error string    `json:"error"`
	ToDo  string    `json:"todo,omitempty"`
	Count int       `json:"count"` // failures in a row, this one among them
}

// String says it in one line.
func (f Failure) String() string {
	text := fmt.Sprintf("it ended at %s: %s", f.At.Local().Format(time.DateTime), f.Error)
	if f.Count > 1 {
		text = fmt.Sprintf("it failed %d times in a row, the last time at %s: %s", f.Count, f.At.Local().Format(time.DateTime), f.Error)
	}
	return text
}

// inARow is how long after a failure another one is of the same row: systemd starts a gate again after seconds, and it may
// take a minute to fail.
const inARow = 5 * time.Minute

// maxFile is how large a file may be, in bytes.
const maxFile = 64 << 10

// pathOf returns the file beside a control socket.
func pathOf(socket string) string { return strings.TrimSuffix(socket, ".sock") + ".failure" }

// Note keeps a failure of the gate that has, or would have, this socket.
func Note(socket string, f Failure) error {
	f.Count = 1
	if last, ok := Last(socket); ok && f.At.Sub(last.At).Abs() < inARow {
		f.Count = last.Count + 1
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return durable.Publish(durable.OS{}, pathOf(socket), text, 0o640)
}

// Last returns the failure that was kept last, and false if there was none since the gate was in service.
func Last(socket string) (f Failure, ok bool) {
	text, err := file.ReadOwn(pathOf(socket), maxFile)
	return f, err == nil && json.Unmarshal(text, &f) == nil
}

// Forget removes what is kept: the gate is in service.
func Forget(socket string) error {
	if err := os.Remove(pathOf(socket)); !os.IsNotExist(err) {
		return err
	}
	return nil
}
