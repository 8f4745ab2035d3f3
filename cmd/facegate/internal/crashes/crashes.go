// Package crashes counts how often a gate has crashed, and says how much of it is to be started. A gate whose camera or
// networks end it again and again is of use to nobody: with faces off its cards open the door still.
//
// The count is a small file beside the control socket. It outlives the process, and not the machine.
package crashes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/store/clock"
	"facegate/store/durable"
)

// maxFile is how large the file may be, in bytes.
const maxFile = 64 << 10

// pathOf returns the file beside a control socket.
func pathOf(socket string) string { return strings.TrimSuffix(socket, ".sock") + ".crashes" }

// Of returns the record of the gate that has, or would have, this socket.
func Of(socket string) (r Record, err error) {
	text, err := file.ReadOwn(pathOf(socket), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

// A Count is what a process knows of the crashes before it, and tells of its own end.
type Count struct {
	path string
	now  clock.Source

	mu     sync.Mutex // guards what follows
	record Record
	ended  bool // as it should, or it is for the next process to go on
}

// Begin notes that a process of the gate with this socket starts. Whatever ends it from now on counts as a crash, unless
// Asked or Refused was called before. why says of what the process before this one has crashed, if it has. takesOver says
// that there was none: this process goes on in the place of another. The Count can be used even with an error, which says
// that crashes will not be counted.
func Begin(socket string, now clock.Source, takesOver bool, why func(Start) string) (*Count, error) {
	c := &Count{path: pathOf(socket), now: now}
	before, err := Of(socket)
	if takesOver {
		before.Running = nil
	}
	reason := ""
	if before.Running != nil {
		reason = why(*before.Running)
	}
	c.record = before.start(now(), reason)
	if err != nil {
		err = fmt.Errorf("what is known of crashes cannot be read: %w", err)
	}
	return c, errors.Join(err, c.write())
}

// Level is how much of the gate is to be started.
func (c *Count) Level() Level {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record.Level
}

// Last returns the crash that came last, and false if there is none.
func (c *Count) Last() (Crash, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record.last()
}

// Asked says that somebody has asked for the end of the process. Its end is no crash, and the next start does all again. It
// may be called more than once.
func (c *Count) Asked() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	c.ended = true
	return c.remove()
}

// Failed says that the process ends because of err. In service that is a crash. Otherwise it was refused, as for a fault in
// the configuration, and what was counted stays.
func (c *Count) Failed(err error, inService bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	c.ended = true
	if c.record.Running = nil; inService {
		now := c.now()
		c.record = c.record.crashed(Crash{At: now.Wall, Up: now.Up, Why: err.Error()})
	}
	return c.write()
}

// Forgive has the next start do all again, whatever came before.
func (c *Count) Forgive() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.record.Level, c.record.Crashes, c.record.Last = Full, nil, nil
	return c.write()
}

// write keeps the record. What says nothing is not kept.
func (c *Count) write() error {
	if r := c.record; r.Running == nil && r.Level == Full && len(r.Crashes) == 0 {
		return c.remove()
	}
	text, err := json.Marshal(c.record)
	if err == nil {
		err = durable.Publish(durable.OS{}, c.path, text, 0o640)
	}
	if err != nil {
		return hint.Wrap(fmt.Errorf("crashes cannot be counted: %w", err), "see that the folder of control.socket is there and can be written to")
	}
	return nil
}

func (c *Count) remove() error {
	if err := os.Remove(c.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
