// Package replay plays recorded pictures as if they came from a camera: a folder of JPEG files, an MJPEG stream, or a
// stage on which a program shows one clip after another.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
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

	Log *slog.Logger // names the files of a folder that are passed over, each once; may be nil
}

// ErrNoPicture is the final error of a recording in which there is no whole JPEG picture within the limits of device.
var ErrNoPicture = errors.New("no whole JPEG picture found")

var errEmpty = errors.New("the file is empty")

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

// Folder returns a source of the files in dir that end in .jpg or .jpeg, in the order of their names. A file that does not
// begin with a whole picture is passed over.
func Folder(dir string, opts Options) device.Teller {
	r := newRecording("folder "+dir, opts)
	named := map[string]bool{} // files passed over that the log has named
	r.open = func() (pictures, error) {
		names, err := pictureNames(dir)
		return &folder{dir: dir, names: names, passedOver: func(name string, why error) {
			if !named[name] {
				named[name] = true
				r.opts.Log.Warn("a file is no whole picture and is passed over", "file", name, "error", why)
			}
			if !strings.Contains(why.Error(), name) {
				why = fmt.Errorf("%s: %w", name, why)
			}
			r.passOver(why)
		}}, err
	}
	return r
}

// Stream returns a source of the concatenated JPEG pictures in what open returns. It is closed when Stream returns and
// also, to interrupt a Read, when the context is cancelled; cancelling takes effect no sooner than that Read returns.
func Stream(name string, open func() (io.ReadCloser, error), opts Options) device.Teller {
	r := newRecording(name, opts)
	r.open = func() (pictures, error) {
		in, err := open()
		if err != nil {
			return nil, err
		}
		s := &stream{Closer: in}
		s.Reset(in)
		s.PassedOver = r.passOver
		return s, nil
	}
	return r
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

	told func(why error) // of pictures that are passed over; may be nil

	played bool         // some Stream has delivered a frame: an input with nothing more in it has ended, it is not empty
	why    error        // the last picture was passed over
	ending func() error // why the Stream ends, nil while it goes on
}

func newRecording(name string, opts Options) *recording {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return &recording{name: name, opts: opts}
}

func (r *recording) String() string { return r.name }

// Tell implements device.Teller.
func (r *recording) Tell(told func(why error)) { r.told = told }

// passOver takes note of a picture that cannot be used. One that is cut off because the input was closed at the end is none.
func (r *recording) passOver(why error) {
	if r.ending() != nil {
		return
	}
	r.why = hint.Wrap(why, "%s", advice(why))
	if r.told != nil {
		r.told(r.why)
	}
}

// advice says what to do about a picture that cannot be used.
func advice(why error) string {
	switch {
	case errors.Is(why, fs.ErrPermission):
		return "let the service's user read the files"
	case errors.Is(why, device.ErrFrameSize), errors.Is(why, device.ErrPictureSize):
		return fmt.Sprintf("the limits are %d pixels a side and %d MiB", device.MaxSide, device.MaxBytes>>20)
	case device.Damaged(why):
		return device.AdviceDamaged + ", or see whether the recording was copied whole"
	}
	return "turn it into pictures that can be decoded with: ffmpeg -i FILM -f mjpeg OUT.mjpeg"
}

func (r *recording) Stream(ctx context.Context, emit func(device.Frame)) error {
	p := newPacer(r.opts.FPS)
	r.ending = ctx.Err
	for ctx.Err() == nil {
		before := p.next
		if err := r.play(ctx, p, emit); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		if !r.played || r.opts.Loop && p.next == before {
			return fmt.Errorf("replay: %s: %w", r.name, r.noPicture())
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

func (r *recording) noPicture() error {
	err := ErrNoPicture
	if r.why != nil {
		err = fmt.Errorf("%w, the last one passed over: %w", err, r.why)
	}
	if errors.Is(r.why, fs.ErrPermission) {
		return device.AsFinal(err) // with its own hint
	}
	return device.AsFinal(hint.Wrap(err,
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

// folder is a list of files, each of which begins with one picture. Phones append things to it.
type folder struct {
	dir        string
	names      []string
	passedOver func(name string, why error)
	buf        []byte
}

func (d *folder) Close() error { return nil }

func (d *folder) Reset(io.Reader) { clear(d.buf) }

// maxFile bounds a file of a folder, in bytes: what follows the picture may be longer than it.
const maxFile = 4 * device.MaxBytes

// Next returns the picture of the next file that has one.
func (d *folder) Next() (device.Frame, error) {
	for len(d.names) > 0 {
		name := path.Join(d.dir, d.names[0])
		d.names = d.names[1:]
		info, err := d.read(name)
		if err == nil {
			return device.Frame{
				Format: device.JPEG, Data: d.buf[:info.Length], Width: info.Width, Height: info.Height,
			}, nil
		}
		d.passedOver(name, err)
	}
	return device.Frame{}, io.EOF
}

// read reads the beginning of a file, as much as a picture may have.
func (d *folder) read(name string) (device.JPEGInfo, error) {
	in, err := file.Open(name, maxFile)
	if err != nil {
		return device.JPEGInfo{}, err
	}
	defer in.Close()
	stat, err := in.Stat()
	if err != nil {
		return device.JPEGInfo{}, err
	}
	if stat.Size() == 0 {
		return device.JPEGInfo{}, errEmpty
	}
	clear(d.buf)
	if size := int(min(stat.Size(), device.MaxBytes)); len(d.buf) < size {
		d.buf = make([]byte, size+size/4)
	}
	n, err := io.ReadFull(in, d.buf[:min(len(d.buf), device.MaxBytes)])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // which is the end of the file
		return device.JPEGInfo{}, err
	}
	return device.CheckJPEG(d.buf[:n])
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
