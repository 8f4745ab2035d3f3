// Package replay plays recorded pictures as if they came from a camera: a folder of JPEG files, an MJPEG stream, or a
// stage on which a program shows one clip after another.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/device"
)

// Options say how a recording is played.
type Options struct {
	FPS  float64 // frames per second; 0 plays as fast as they can be read
	Loop bool    // begin again at the end, instead of ending with device.ErrEnd
}

// ErrNoPicture is the final error of a recording in which there is no whole JPEG picture within the limits of device.
var ErrNoPicture = errors.New("no whole JPEG picture found")

// Open returns the source that name asks for: "-" is an MJPEG stream on stdin, a folder is its JPEG files in the order
// of their names, and a file is an MJPEG stream. The errors carry hints.
func Open(name string, stdin io.Reader, opts Options) (device.Source, error) {
	if name == "-" {
		if opts.Loop {
			return nil, hint.Wrap(errors.New("replay: standard input cannot be looped"), "give the name of a file")
		}
		return Stream("standard input", func() (io.ReadCloser, error) { return reopen(stdin) }, opts), nil
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, hint.Wrap(fmt.Errorf("replay: %w", err),
			"give a folder of JPEG files, an MJPEG file, or - for MJPEG on standard input")
	case info.IsDir():
		return Folder(name, opts), nil
	case info.Mode().IsRegular():
		return Stream("file "+name, func() (io.ReadCloser, error) { return os.Open(name) }, opts), nil
	}
	return nil, hint.Wrap(fmt.Errorf("replay: %s is neither a folder nor a regular file", name),
		"feed a pipe through standard input (-); a camera is not a recording")
}

// reopen gives r a Close that interrupts a Read. A pipe inherited as standard input is in blocking mode, which is shared
// with other processes and so not ours to change; opened anew through /proc it is ours alone.
func reopen(r io.Reader) (io.ReadCloser, error) {
	f, ok := r.(*os.File)
	if !ok {
		return io.NopCloser(r), nil
	}
	mine, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		return io.NopCloser(r), nil // a socket cannot be opened
	}
	return mine, nil
}

// Folder returns a source of the files in dir that end in .jpg or .jpeg, in the order of their names.
func Folder(dir string, opts Options) device.Source {
	return &recording{
		name: "folder " + dir,
		opts: opts,
		open: func() (pictures, error) {
			names, err := pictureNames(dir)
			return &folder{dir: dir, names: names}, err
		},
	}
}

// Stream returns a source of the concatenated JPEG pictures in what open returns. It is closed when Stream returns and
// also, to interrupt a Read, when the context is cancelled; cancelling takes effect no sooner than that Read returns.
func Stream(name string, open func() (io.ReadCloser, error), opts Options) device.Source {
	return &recording{
		name: name,
		opts: opts,
		open: func() (pictures, error) {
			r, err := open()
			if err != nil {
				return nil, err
			}
			s := &stream{Closer: r}
			s.Reset(r)
			return s, nil
		},
	}
}

// pictures are the frames of a recording, each valid until the next call, then io.EOF.
type pictures interface {
	Next() (device.Frame, error)
	Reset(io.Reader) // clears the memory of the pictures
	io.Closer        // may be called twice, and while Next runs
}

type recording struct {
	name string
	opts Options
	open func() (pictures, error)

	played bool // some Stream has delivered a frame: an input with nothing more in it has ended, it is not empty
}

func (r *recording) String() string { return r.name }

func (r *recording) Stream(ctx context.Context, emit func(device.Frame)) error {
	p := newPacer(r.opts.FPS)
	for ctx.Err() == nil {
		before := p.next
		if err := r.play(ctx, p, emit); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		if !r.played || r.opts.Loop && p.next == before {
			return fmt.Errorf("replay: %s: %w", r.name, noPicture())
		}
		if !r.opts.Loop {
			return device.ErrEnd
		}
	}
	return nil
}

// play delivers the frames of the recording once, and returns nil at its end.
func (r *recording) play(ctx context.Context, p *pacer, emit func(device.Frame)) error {
	pics, err := r.open()
	if err != nil {
		return device.AsFinal(hint.Wrap(fmt.Errorf("replay: open %s: %w", r.name, err), "see that it exists and may be read"))
	}
	defer pics.Reset(nil)
	defer pics.Close()
	defer context.AfterFunc(ctx, func() { pics.Close() })()
	for {
		f, err := pics.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("replay: %s: %w", r.name, err)
		}
		if !p.wait(ctx) {
			return nil
		}
		f.Seq, f.Time = p.next, time.Now()
		emit(f)
		r.played = true
	}
}

func noPicture() error {
	return device.AsFinal(hint.Wrap(ErrNoPicture,
		"the limits are %d pixels a side and %d MiB; turn a film into pictures with: ffmpeg -i FILM -f mjpeg OUT.mjpeg",
		device.MaxSide, device.MaxBytes>>20))
}

// A pacer holds frame k back until k/fps seconds after the first, so that what delays one frame does not add up.
type pacer struct {
	fps   float64
	start time.Time
	next  uint64 // how many frames have been let through
}

func newPacer(fps float64) *pacer { return &pacer{fps: fps, start: time.Now()} }

// wait returns when the next frame is due, or false as soon as ctx is done.
func (p *pacer) wait(ctx context.Context) bool {
	if p.fps > 0 {
		due := p.start.Add(time.Duration(float64(p.next) / p.fps * float64(time.Second)))
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	p.next++
	return ctx.Err() == nil
}

// stream is an MJPEG stream.
type stream struct {
	device.JPEGReader
	io.Closer
}

// folder is a list of files, each of which is one picture.
type folder struct {
	device.JPEGReader
	dir   string
	names []string
}

func (d *folder) Close() error { return nil }

// maxFile bounds a file of a folder, in bytes: what follows the picture may be longer than it.
const maxFile = 4 * device.MaxBytes

// Next returns the first picture in the next file. Phones append things to a picture, so more may follow there.
func (d *folder) Next() (device.Frame, error) {
	if len(d.names) == 0 {
		return device.Frame{}, io.EOF
	}
	name := path.Join(d.dir, d.names[0])
	d.names = d.names[1:]
	in, err := file.Open(name, maxFile)
	if err != nil {
		return device.Frame{}, err
	}
	defer in.Close()
	d.Reset(in)
	f, err := d.JPEGReader.Next()
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %w", name, noPicture())
	}
	return f, err
}

// pictureNames lists the JPEG files of dir by name.
func pictureNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if ext := strings.ToLower(path.Ext(e.Name())); !e.IsDir() && (ext == ".jpg" || ext == ".jpeg") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
