package replay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/replay"
	"facegate/device/sourcetest"
)

// picture returns a JPEG that is 16 pixels high and as wide as given, which tells one from another.
func picture(t testing.TB, width int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, width, 16))
	for x := range width {
		m.SetGray(x, x%16, color.Gray{Y: 200})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// makePictures returns n JPEGs of width 1 to n.
func makePictures(t testing.TB, n int) (pics [][]byte) {
	t.Helper()
	for i := range n {
		pics = append(pics, picture(t, i+1))
	}
	return pics
}

func write(t testing.TB, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeFolder returns a folder of n pictures of width 1 to n, among other files.
func makeFolder(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	for i, pic := range makePictures(t, n) {
		write(t, dir, fmt.Sprintf("%03d%s", i, []string{".jpg", ".jpeg", ".JPG"}[i%3]), pic)
	}
	write(t, dir, "000.txt", []byte("notes"))
	if err := os.Mkdir(filepath.Join(dir, "001.jpg.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "002x.jpg"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// play runs src until it ends or has delivered limit frames, and returns their widths.
func play(t testing.TB, src device.Source, limit int) (widths []int, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = src.Stream(ctx, func(f device.Frame) {
		widths = append(widths, f.Width)
		if f.Seq != uint64(len(widths)) {
			t.Errorf("frame %d has Seq %d", len(widths), f.Seq)
		}
		if len(widths) == limit {
			cancel()
		}
	})
	return widths, err
}

func TestContract(t *testing.T) {
	const n = 6
	opts := replay.Options{FPS: 50}
	stage := func(t *testing.T) *replay.Stage {
		s, err := replay.NewStage(50, picture(t, 9))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	sources := map[string]func(t *testing.T) device.Source{
		"folder": func(t *testing.T) device.Source { return replay.Folder(makeFolder(t, n), opts) },
		"folder looped": func(t *testing.T) device.Source {
			return replay.Folder(makeFolder(t, 2), replay.Options{FPS: 50, Loop: true})
		},
		"folder unpaced": func(t *testing.T) device.Source {
			return replay.Folder(makeFolder(t, n), replay.Options{Loop: true})
		},
		"stream": func(t *testing.T) device.Source {
			data := bytes.Join(makePictures(t, n), nil)
			return replay.Stream("buffer", func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }, opts)
		},
		"file": func(t *testing.T) device.Source {
			dir := t.TempDir()
			write(t, dir, "clip.mjpeg", bytes.Join(makePictures(t, n), nil))
			return mustOpen(t, filepath.Join(dir, "clip.mjpeg"), nil, opts)
		},
		"standard input": func(t *testing.T) device.Source { return mustOpen(t, "-", livePipe(t), replay.Options{}) },
		"stage, idle":    func(t *testing.T) device.Source { return stage(t) },
		"stage, playing": func(t *testing.T) device.Source {
			s := stage(t)
			done := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				defer close(done)
				for ctx.Err() == nil {
					_ = s.Play(ctx, makePictures(t, 3)) // the suite interrupts it
				}
			}()
			t.Cleanup(func() { cancel(); <-done })
			return s
		},
	}
	for name, open := range sources {
		t.Run(name, func(t *testing.T) { sourcetest.Run(t, open) })
	}
}

func mustOpen(t testing.TB, name string, stdin io.Reader, opts replay.Options) device.Source {
	t.Helper()
	src, err := replay.Open(name, stdin, opts)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// livePipe returns the end of a pipe into which pictures are written at 100 Hz until the test is over.
func livePipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	pic := picture(t, 5)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				if _, err := w.Write(pic); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
		w.Close()
		r.Close()
	})
	return r
}

func TestPlaysInOrder(t *testing.T) {
	dir := makeFolder(t, 5)
	write(t, dir, "clip.mjpeg", bytes.Join(makePictures(t, 5), []byte("\r\n--boundary\r\n")))
	clip := filepath.Join(dir, "clip.mjpeg")
	file, err := os.Open(clip)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	once := []int{1, 2, 3, 4, 5}
	tests := []struct {
		name  string
		src   device.Source
		limit int
		want  []int
		err   error
	}{
		{"folder", mustOpen(t, dir, nil, replay.Options{}), 0, once, device.ErrEnd},
		{"folder looped", mustOpen(t, dir, nil, replay.Options{Loop: true}), 12, []int{1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2}, nil},
		{"file", mustOpen(t, clip, nil, replay.Options{}), 0, once, device.ErrEnd},
		{"file looped", mustOpen(t, clip, nil, replay.Options{Loop: true}), 7, []int{1, 2, 3, 4, 5, 1, 2}, nil},
		{"standard input, a file", mustOpen(t, "-", file, replay.Options{}), 0, once, device.ErrEnd},
		{
			"standard input, no file", mustOpen(t, "-", bytes.NewReader(bytes.Join(makePictures(t, 3), nil)), replay.Options{}), 0,
			[]int{1, 2, 3},
			device.ErrEnd,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := play(t, tt.src, tt.limit)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("widths (-want +got):\n%s", diff)
			}
			if !errors.Is(err, tt.err) {
				t.Errorf("Stream: %v, want %v", err, tt.err)
			}
		})
	}
}

// TestStandardInput checks that a cancellation reaches a reader that waits on a pipe, and that a pipe which its writer
// has closed, with nothing more in it, is a recording that has ended and not one without pictures.
func TestStandardInput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.Write(picture(t, 3)); err != nil {
		t.Fatal(err)
	}
	src := mustOpen(t, "-", r, replay.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err = src.Stream(ctx, func(device.Frame) { time.AfterFunc(20*time.Millisecond, cancel) })
	if err != nil {
		t.Errorf("Stream: %v, want nil after a cancellation", err)
	}
	w.Close()
	if err := src.Stream(t.Context(), func(device.Frame) { t.Error("a frame from nowhere") }); !errors.Is(err, device.ErrEnd) {
		t.Errorf("Stream: %v, want %v", err, device.ErrEnd)
	}
}

// TestPace checks that each frame comes at its own time, even after one on which the receiver spent long.
func TestPace(t *testing.T) {
	dir := makeFolder(t, 8)
	synctest.Test(t, func(t *testing.T) {
		var got []time.Duration
		start := time.Now()
		err := replay.Folder(dir, replay.Options{FPS: 20}).Stream(t.Context(), func(f device.Frame) {
			got = append(got, f.Time.Sub(start))
			if f.Seq == 3 {
				time.Sleep(120 * time.Millisecond)
			}
		})
		if !errors.Is(err, device.ErrEnd) {
			t.Errorf("Stream: %v, want %v", err, device.ErrEnd)
		}
		const ms = time.Millisecond
		want := []time.Duration{0, 50 * ms, 100 * ms, 220 * ms, 220 * ms, 250 * ms, 300 * ms, 350 * ms}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("times of the frames (-want +got):\n%s", diff)
		}
	})
}

func TestPaceDoesNotDrift(t *testing.T) {
	dir := makeFolder(t, 3)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if _, err := play(t, replay.Folder(dir, replay.Options{FPS: 29.97, Loop: true}), 2998); err != nil {
			t.Error(err)
		}
		if d := time.Since(start) - 100*time.Second; d.Abs() > time.Millisecond {
			t.Errorf("2997 frame times at 29.97 Hz took 100 s and %v", d)
		}
	})
}

func TestOpenErrors(t *testing.T) {
	tests := []struct {
		name string
		path string
		opts replay.Options
		hint string
		err  error
	}{
		{"missing", filepath.Join(t.TempDir(), "none"), replay.Options{}, "folder of JPEG files", fs.ErrNotExist},
		{"device", "/dev/null", replay.Options{}, "standard input", nil},
		{"looped standard input", "-", replay.Options{Loop: true}, "file", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := replay.Open(tt.path, nil, tt.opts)
			if err == nil || tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("Open: %v, want %v", err, tt.err)
			}
			if h := hint.Of(err); !strings.Contains(h, tt.hint) {
				t.Errorf("hint %q, want it to say %q", h, tt.hint)
			}
		})
	}
}

func TestStreamErrors(t *testing.T) {
	empty, damaged, film := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, damaged, "000.jpg", nil)
	write(t, damaged, "001.jpeg", picture(t, 40)[:300])
	write(t, film, "clip.mp4", bytes.Repeat([]byte("ftypisom"), 10_000))
	gone := makeFolder(t, 1)
	folder := replay.Folder(gone, replay.Options{})
	if err := os.RemoveAll(gone); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	tests := []struct {
		name  string
		src   device.Source
		want  error
		text  string
		final bool
		hint  bool
	}{
		{"no file", replay.Folder(empty, replay.Options{}), replay.ErrNoPicture, empty, true, true},
		{"no file, looped", replay.Folder(empty, replay.Options{Loop: true}), replay.ErrNoPicture, empty, true, true},
		{"damaged files", replay.Folder(damaged, replay.Options{}), replay.ErrNoPicture, "001.jpeg", true, true},
		{"damaged files, looped", replay.Folder(damaged, replay.Options{Loop: true}), device.ErrTruncated, "001.jpeg", true, true},
		{
			"a film", mustOpen(t, filepath.Join(film, "clip.mp4"), nil, replay.Options{Loop: true}),
			replay.ErrNoPicture, "clip.mp4", true, true,
		},
		{"folder removed", folder, fs.ErrNotExist, gone, true, true},
		{
			"cannot read", replay.Stream("pipe", func() (io.ReadCloser, error) { return brokenReader{broken}, nil }, replay.Options{}),
			broken, "pipe", false, false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := play(t, tt.src, 0)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Stream: %v, want %v about %s", err, tt.want, tt.text)
			}
			if device.Final(err) != tt.final || (hint.Of(err) != "") != tt.hint {
				t.Errorf("final %v, hint %q; want final %v, hint %v", device.Final(err), hint.Of(err), tt.final, tt.hint)
			}
		})
	}
}

// bad are contents of files that are no whole picture.
func bad(t *testing.T) map[string][]byte {
	pic := picture(t, 40)
	return map[string][]byte{
		"empty":            nil,
		"cut short":        pic[:300],
		"cut, with an end": append(bytes.Clone(pic[:len(pic)-20]), 0xFF, 0xD9),
		"text":             []byte("notes"),
		"PNG":              []byte("\x89PNG\r\n\x1a\n"),
		"behind something": append([]byte{0}, pic...),
		"lossless":         bytes.Replace(pic, []byte{0xFF, 0xC0}, []byte{0xFF, 0xC3}, 1),
	}
}

// TestFolderPassesOver puts a bad file at the beginning, in the middle and at the end of a folder, and plays it twice.
func TestFolderPassesOver(t *testing.T) {
	for name, content := range bad(t) {
		for _, file := range []string{"000.jpg", "001x.jpg", "zzz.JPEG"} {
			t.Run(name+"/"+file, func(t *testing.T) {
				dir := makeFolder(t, 3)
				want := []int{1, 2, 3}
				if write(t, dir, file, content); file == "000.jpg" {
					want = want[1:]
				}
				var log bytes.Buffer
				src := replay.Folder(dir, replay.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
				var told []error
				src.Tell(func(why error) { told = append(told, why) })
				for range 2 {
					got, err := play(t, src, 0)
					if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, device.ErrEnd) {
						t.Errorf("%v, and the widths (-want +got):\n%s", err, diff)
					}
				}
				if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), filepath.Join(dir, file)) {
					t.Errorf("%d lines, want one that names the file:\n%s", n, &log)
				}
				if len(told) != 2 || !strings.Contains(told[0].Error(), file) || hint.Of(told[0]) == "" {
					t.Errorf("told %v, to do %q", told, hint.Of(errors.Join(told...)))
				}
			})
		}
	}
}

// TestFolderPassesOverWhatIsNoFile has a pipe, a link to nowhere and a file that may not be read among the pictures.
func TestFolderPassesOverWhatIsNoFile(t *testing.T) {
	dir := makeFolder(t, 3)
	path := func(name string) string { return filepath.Join(dir, name) }
	want := []string{path("001-pipe.jpg"), path("001-link.jpg"), path("001-folder.jpg")}
	for _, err := range []error{
		unix.Mkfifo(want[0], 0o600), os.Symlink("/nonexistent", want[1]), os.Symlink("/tmp", want[2]),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() != 0 { // who may read all
		want = append(want, path("001-secret.jpg"))
		write(t, dir, "001-secret.jpg", picture(t, 9))
		if err := os.Chmod(want[3], 0); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	got, err := play(t, replay.Folder(dir, replay.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}), 0)
	if diff := cmp.Diff([]int{1, 2, 3}, got); diff != "" || !errors.Is(err, device.ErrEnd) {
		t.Errorf("%v, and the widths (-want +got):\n%s", err, diff)
	}
	for _, name := range want {
		if strings.Count(log.String(), "file="+name) != 1 {
			t.Errorf("the log does not name %s once:\n%s", name, &log)
		}
	}
}

// TestFolderLoops holds that a folder played in a loop names a bad file once, and that the rest is played again and again.
func TestFolderLoops(t *testing.T) {
	dir := makeFolder(t, 3)
	write(t, dir, "001.jpeg", picture(t, 40)[:300])
	var log bytes.Buffer
	got, err := play(t, replay.Folder(dir, replay.Options{Loop: true, Log: slog.New(slog.NewTextHandler(&log, nil))}), 7)
	if diff := cmp.Diff([]int{1, 3, 1, 3, 1, 3, 1}, got); diff != "" || err != nil {
		t.Errorf("%v, and the widths (-want +got):\n%s", err, diff)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines, want one:\n%s", n, &log)
	}
}

// TestAppended plays files and a stream of pictures with something behind each, and with bytes between their segments.
func TestAppended(t *testing.T) {
	dir := t.TempDir()
	var stream []byte
	for i, more := range []string{"\n", "\xFF\xD9", "a block of the camera's own", "\xFF\xD8", strings.Repeat("\x00", 4096)} {
		pic := append(slices.Insert(picture(t, i+1), 2, 0), more...)
		write(t, dir, fmt.Sprintf("%d.jpg", i), pic)
		stream = append(stream, pic...)
	}
	for name, src := range map[string]device.Source{
		"folder": replay.Folder(dir, replay.Options{}),
		"stream": mustOpen(t, "-", bytes.NewReader(stream), replay.Options{}),
	} {
		got, err := play(t, src, 0)
		if diff := cmp.Diff([]int{1, 2, 3, 4, 5}, got); diff != "" || !errors.Is(err, device.ErrEnd) {
			t.Errorf("%s: %v, and the widths (-want +got):\n%s", name, err, diff)
		}
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }
func (brokenReader) Close() error               { return nil }

func TestStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := replay.NewStage(10, picture(t, 99))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var widths []int
		done := make(chan error, 1)
		go func() { done <- s.Stream(ctx, func(f device.Frame) { widths = append(widths, f.Width) }) }()

		time.Sleep(250 * time.Millisecond) // idle at 0, 100 and 200 ms
		began := time.Now()
		if err := s.Play(t.Context(), makePictures(t, 4)); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d != 350*time.Millisecond {
			t.Errorf("Play took %v, want 350ms: 4 frames from 300 to 600 ms", d)
		}
		if err := s.Play(t.Context(), nil); err != nil {
			t.Error(err)
		}
		brief, stop := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer stop()
		if err := s.Play(brief, makePictures(t, 4)); !errors.Is(err, context.DeadlineExceeded) { // from 700 to 800 ms
			t.Errorf("Play: %v, want %v", err, context.DeadlineExceeded)
		}
		time.Sleep(200 * time.Millisecond) // idle at 900 and 1000 ms
		time.AfterFunc(100*time.Millisecond, cancel)
		if err := s.Play(t.Context(), makePictures(t, 4)); !errors.Is(err, replay.ErrInterrupted) { // 1100 ms
			t.Errorf("Play: %v, want %v", err, replay.ErrInterrupted)
		}
		if err := <-done; err != nil {
			t.Errorf("Stream: %v", err)
		}
		if diff := cmp.Diff([]int{99, 99, 99, 1, 2, 3, 4, 1, 2, 99, 99, 1}, widths); diff != "" {
			t.Errorf("widths (-want +got):\n%s", diff)
		}
	})
}

func TestStagePlaysOneClipAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := replay.NewStage(10, picture(t, 99))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		for range 2 {
			go func() { done <- s.Play(ctx, makePictures(t, 3)) }()
		}
		synctest.Wait()
		var widths []int
		time.AfterFunc(750*time.Millisecond, cancel)
		if err := s.Stream(ctx, func(f device.Frame) { widths = append(widths, f.Width) }); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if diff := cmp.Diff([]int{1, 2, 3, 1, 2, 3, 99, 99}, widths); diff != "" {
			t.Errorf("widths (-want +got):\n%s", diff)
		}
	})
}

func TestStageErrors(t *testing.T) {
	pic := picture(t, 3)
	for _, fps := range []float64{0, -1, math.NaN()} {
		if _, err := replay.NewStage(fps, pic); err == nil {
			t.Errorf("NewStage accepts a rate of %v", fps)
		}
	}
	if _, err := replay.NewStage(1, nil); !errors.Is(err, device.ErrNotJPEG) {
		t.Errorf("NewStage without idle picture: %v, want %v", err, device.ErrNotJPEG)
	}
	s, err := replay.NewStage(1, pic)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Play(t.Context(), [][]byte{pic, pic[:50]}); !errors.Is(err, device.ErrTruncated) {
		t.Errorf("Play of a picture cut short: %v, want %v", err, device.ErrTruncated)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Play(ctx, [][]byte{pic}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Play on a stage that nobody watches: %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestLoad(t *testing.T) {
	got, err := replay.Load(makeFolder(t, 4))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(makePictures(t, 4), got); diff != "" {
		t.Errorf("pictures (-want +got):\n%s", diff)
	}
	if _, err := replay.Load(t.TempDir()); !errors.Is(err, replay.ErrNoPicture) {
		t.Errorf("Load of an empty folder: %v, want %v", err, replay.ErrNoPicture)
	}
	if _, err := replay.Load("/nonexistent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of no folder: %v, want %v", err, fs.ErrNotExist)
	}
}
