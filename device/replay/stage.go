package replay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"facegate/device"
)

// ErrInterrupted says that the stage was closed before the clip had been played to its end.
var ErrInterrupted = errors.New("replay: the clip was interrupted")

// A Stage is a source that shows an idle picture, as a camera before an empty doorway does, and in between the clips
// that Play hands to it.
type Stage struct {
	fps   float64
	idle  picture
	clips chan *clip
}

type picture struct {
	data          []byte
	width, height int
}

// A clip is what one call of Play wants to have shown.
type clip struct {
	ctx      context.Context // of that call
	pictures []picture
	done     chan error // gets one value
}

// NewStage returns a Stage that delivers fps frames per second, of the JPEG picture idle when there is nothing to play.
func NewStage(fps float64, idle []byte) (*Stage, error) {
	if !(fps > 0) {
		return nil, fmt.Errorf("replay: a stage needs a frame rate above 0, not %v", fps)
	}
	pics, err := parse([][]byte{idle})
	if err != nil {
		return nil, fmt.Errorf("replay: idle picture: %w", err)
	}
	return &Stage{fps: fps, idle: pics[0], clips: make(chan *clip)}, nil
}

func (s *Stage) String() string { return "stage" }

// Play shows the JPEG pictures of frames, one a frame, and returns when the last of them has been delivered. Calls from
// several goroutines are played one after another. The error is that of a picture that is not whole, that of ctx, or
// ErrInterrupted.
func (s *Stage) Play(ctx context.Context, frames [][]byte) error {
	pics, err := parse(frames)
	if err != nil {
		return fmt.Errorf("replay: clip: %w", err)
	}
	if len(pics) == 0 {
		return nil
	}
	c := &clip{ctx: ctx, pictures: pics, done: make(chan error, 1)}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case s.clips <- c:
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-c.done:
		return err
	}
}

// Stream implements device.Source. A Stage never ends by itself.
func (s *Stage) Stream(ctx context.Context, emit func(device.Frame)) error {
	var c *clip
	for p := newPacer(s.fps); p.wait(ctx); {
		if c == nil || c.ctx.Err() != nil {
			c = s.nextClip()
		}
		pic := s.idle
		if c != nil {
			pic, c.pictures = c.pictures[0], c.pictures[1:]
		}
		emit(device.Frame{
			Format: device.JPEG, Data: pic.data, Width: pic.width, Height: pic.height, Seq: p.next, Time: time.Now(),
		})
		if c != nil && len(c.pictures) == 0 {
			c.done <- nil
			c = nil
		}
	}
	if c != nil {
		c.done <- ErrInterrupted
	}
	return nil
}

// nextClip returns the clip of a Play that waits, or nil.
func (s *Stage) nextClip() *clip {
	select {
	case c := <-s.clips:
		return c
	default:
		return nil
	}
}

func parse(frames [][]byte) ([]picture, error) {
	pics := make([]picture, len(frames))
	for i, data := range frames {
		w, h, err := device.JPEGSize(data)
		if err == nil && len(data) > device.MaxBytes {
			err = device.ErrFrameSize
		}
		if err != nil {
			return nil, fmt.Errorf("picture %d: %w", i+1, err)
		}
		pics[i] = picture{data: data, width: w, height: h}
	}
	return pics, nil
}

// Load reads the files in dir that end in .jpg or .jpeg, in the order of their names, as a clip for Play.
func Load(dir string) ([][]byte, error) {
	names, err := pictureNames(dir)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	frames := make([][]byte, len(names))
	for i, name := range names {
		if frames[i], err = os.ReadFile(path.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("replay: %w", err)
		}
	}
	if len(frames) == 0 {
		return nil, fmt.Errorf("replay: %s: %w", dir, ErrNoPicture)
	}
	return frames, nil
}
