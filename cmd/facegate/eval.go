package main

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"

	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

type evalCommand struct {
	Recognition evalRecognitionCommand `cmd:"" help:"Measure recognition on a folder PERSON/PICTURE, for the plain cosine and the stored hash."`
	Liveness    evalLivenessCommand    `cmd:"" help:"Measure attack detection on a folder CAMERA/KIND/SUBJECT/PICTURE, where the kind 'live' holds live faces."`
	Quality     evalQualityCommand     `cmd:"" help:"Measure on a folder PERSON/PICTURE what each limit of quality and zone costs and saves."`
	Passes      evalPassesCommand      `cmd:"" help:"Measure on drawings from how far, on what and in which light passes are read that are held to the camera."`
}

// evalFlags choose the networks to measure.
type evalFlags struct {
	bundleFlag
	Models   string   `default:"/var/lib/facegate/models" placeholder:"DIR" help:"Folder of the models (${default})."`
	Embedder string   `help:"Another embedder of the bundle."`
	Liveness []string `placeholder:"NAME" help:"Liveness models to fuse; repeat the flag for several. Without: those that a gate would use."`
	jsonFlag
}

// open loads one Engine for each processor, since an Engine serves one goroutine.
func (f evalFlags) open() ([]*vision.Engine, models.Bundle, error) {
	m, err := loadModels(f.Models)
	if err != nil {
		return nil, models.Bundle{}, err
	}
	b, err := m.Choose(f.Bundle, f.Embedder, f.Liveness, models.Dir(f.Models))
	if err != nil {
		return nil, b, err
	}
	n, err := vision.Read(b, models.Dir(f.Models))
	if err != nil {
		return nil, b, err
	}
	var engines []*vision.Engine
	for range runtime.GOMAXPROCS(0) {
		e, err := vision.Open(n)
		if err != nil {
			closeAll(engines)
			return nil, b, err
		}
		engines = append(engines, e)
	}
	return engines, b, nil
}

func closeAll(engines []*vision.Engine) {
	for _, e := range engines {
		e.Close()
	}
}

// A picture is one file of an evaluation folder.
type picture struct {
	path   string // on disk
	name   string // slash-separated, below the folder
	labels []string
}

// listPictures returns the pictures exactly depth folders below root, by name; labels are the names of those folders.
func listPictures(root string, depth int) ([]picture, error) {
	var list []picture
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".jpg", ".jpeg", ".png"}, strings.ToLower(filepath.Ext(path))) {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if labels := strings.Split(name, "/"); len(labels) == depth+1 {
			list = append(list, picture{path, name, labels[:depth]})
		}
		return nil
	})
	if err == nil && len(list) == 0 {
		layout := strings.Repeat("<folder>/", depth) + "<picture>.jpg"
		err = hint.Wrap(fmt.Errorf("no pictures in %s", root), "lay them out as %s", filepath.Join(root, layout))
	}
	return list, err
}

// maxPicture bounds a picture file, in bytes.
const maxPicture = 64 << 20

// readFrame reads a picture file as a frame. A PNG is encoded anew, because a gate's own frames are JPEG.
func readFrame(path string) (device.Frame, error) {
	data, err := file.Read(path, maxPicture)
	if err != nil || !strings.EqualFold(filepath.Ext(path), ".png") {
		return device.Frame{Format: device.JPEG, Data: data}, err
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return device.Frame{}, fmt.Errorf("%s: %w", path, err)
	}
	var buf bytes.Buffer
	err = jpeg.Encode(&buf, img, &jpeg.Options{Quality: 98})
	return device.Frame{Format: device.JPEG, Data: buf.Bytes()}, err
}

// mainFace loads a picture and returns the face that it is of, located. ok is false if there is none that can be used.
func mainFace(e *vision.Engine, path string) (face detect.Face, ok bool, err error) {
	frame, err := readFrame(path)
	if err != nil {
		return face, false, err
	}
	return mainFaceOf(e, frame)
}

// mainFaceOf is mainFace of a frame.
func mainFaceOf(e *vision.Engine, frame device.Frame) (face detect.Face, ok bool, err error) {
	if err := e.Load(frame); err != nil {
		return face, false, nil
	}
	faces, err := e.Detect()
	if err != nil {
		return face, false, err
	}
	width, height := e.Size()
	i := detect.Main(faces, width, height)
	if i < 0 {
		return face, false, nil
	}
	face = faces[i]
	return face, e.Locate(&face) == nil, nil
}

// eachPicture calls look for every picture, with the engines side by side.
func eachPicture(ctx context.Context, engines []*vision.Engine, list []picture, bar *progressbar.ProgressBar,
	look func(e *vision.Engine, i int) error,
) error {
	defer bar.Finish()
	next := make(chan int)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(next)
		for i := range list {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for _, e := range engines {
		group.Go(func() error {
			for i := range next {
				if err := look(e, i); err != nil {
					return fmt.Errorf("%s: %w", list[i].name, err)
				}
				bar.Add(1)
			}
			return nil
		})
	}
	return group.Wait()
}

// newBar returns a progress bar on w, which draws by moving the cursor.
func newBar(w io.Writer, total int64, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(raw(w)), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionOnCompletion(func() { show.Fprintln(w) }))
}
