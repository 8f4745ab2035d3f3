// Command presentations lays out pictures for facegate eval liveness, as CAMERA/KIND/SUBJECT/PICTURE.jpg: those of people before
// a camera, real attacks, and attacks that it makes, by showing frames of a camera on a screen or on paper that is held before
// the same camera. What is made is named so: it is no replay that anybody has filmed.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"hash/fnv"
	"image"
	"image/draw"
	"image/jpeg"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"facegate/device"
	"facegate/pipeline/detect"
	"facegate/pipeline/models"
	"facegate/pipeline/track"
	"facegate/pipeline/vision"
)

func main() {
	eval := flag.String("eval", "../shared/eval", "folder with nuaa-dev and video")
	testdata := flag.String("testdata", "testdata", "folder with people, walk and spoof")
	dir := flag.String("models", ".build/models", "folder of the models")
	out := flag.String("out", "", "folder to fill, which is not there yet")
	flag.Parse()
	if err := run(*eval, *testdata, *dir, *out); err != nil {
		log.Fatal(err)
	}
}

func run(eval, testdata, dir, out string) error {
	engine, err := open(dir)
	if err != nil {
		return err
	}
	defer engine.Close()
	m := maker{engine: engine, out: out}
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return m.nuaa(filepath.Join(eval, "nuaa-dev")) },
		func() error { return m.clip("film", filepath.Join(eval, "video", "short_hamilton_clip.mp4"), 30) },
		func() error { return m.clip("street", filepath.Join(eval, "video", "facenet_pytorch_video.mp4"), 25) },
		func() error { return m.renders(testdata) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func open(dir string) (*vision.Engine, error) {
	manifest, err := models.Load()
	if err != nil {
		return nil, err
	}
	b, err := manifest.Bundle("registry")
	if err != nil {
		return nil, err
	}
	n, err := vision.Read(b, models.Dir(dir))
	if err != nil {
		return nil, err
	}
	return vision.Open(n)
}

// A maker lays pictures out.
type maker struct {
	engine *vision.Engine
	out    string
}

// A shot is one frame with one face that is looked at.
type shot struct {
	frame []byte // JPEG
	face  detect.Box
}

const (
	nearest  = 45 // pixels, the least width of a face
	longest  = 60 // frames of one track
	shortest = 12
	onPlanes = 5 // frames of one subject that are shown on each plane
	most     = 8 // subjects of one film
)

// nuaa takes the pictures of a folder KIND/SUBJECT/PICTURE as they are, and shows its live faces on planes.
func (m *maker) nuaa(dir string) error {
	subjects := map[string][]shot{}
	list, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.jpg"))
	if err != nil {
		return err
	}
	for _, path := range list {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		subject := filepath.Base(filepath.Dir(path))
		kind := filepath.Base(filepath.Dir(filepath.Dir(path)))
		if err := m.write(data, "nuaa", kind, subject, filepath.Base(path)); err != nil {
			return err
		}
		if kind != "live" {
			continue
		}
		if faces, err := m.faces(data); err != nil {
			return err
		} else if len(faces) > 0 {
			box := slices.MaxFunc(faces, func(a, b detect.Face) int { return int(a.Box.Area() - b.Box.Area()) }).Box
			subjects[subject] = append(subjects[subject], shot{data, box})
		}
	}
	return m.planes("nuaa", subjects)
}

func (m *maker) faces(frame []byte) ([]detect.Face, error) {
	if err := m.engine.Load(device.Frame{Format: device.JPEG, Data: frame}); err != nil {
		return nil, err
	}
	return m.engine.Detect()
}

// clip follows the faces of a film.
func (m *maker) clip(camera, path string, fps float64) error {
	ffmpeg := exec.Command("ffmpeg", "-v", "error", "-i", path, "-q:v", "2", "-f", "mjpeg", "-")
	data, err := ffmpeg.Output()
	if err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	var frames [][]byte
	for _, rest := range bytes.SplitAfter(data, []byte{0xff, 0xd9}) {
		if bytes.HasPrefix(rest, []byte{0xff, 0xd8}) {
			frames = append(frames, rest)
		}
	}
	subjects, err := m.follow(frames, fps, "t")
	if err != nil {
		return err
	}
	return m.live(camera, subjects)
}

// follow returns the shots of each track that is near enough for long enough.
func (m *maker) follow(frames [][]byte, fps float64, name string) (map[string][]shot, error) {
	var tracker track.Tracker
	tracks := map[track.ID][]shot{}
	for i, frame := range frames {
		faces, err := m.faces(frame)
		if err != nil {
			return nil, err
		}
		now := time.Unix(0, 0).Add(time.Duration(float64(i) / fps * float64(time.Second)))
		found, _ := tracker.Update(faces, now)
		for _, tr := range found {
			if tr.Face.Box.Width() >= nearest && len(tracks[tr.ID]) < longest {
				tracks[tr.ID] = append(tracks[tr.ID], shot{frame, tr.Face.Box})
			}
		}
	}
	subjects := map[string][]shot{}
	for _, id := range slices.Sorted(maps.Keys(tracks)) {
		if len(tracks[id]) >= shortest && len(subjects) < most {
			subjects[fmt.Sprintf("%s%02d", name, id)] = tracks[id]
		}
	}
	return subjects, nil
}

// live writes the surroundings of each face, wide enough for every network, and shows them on planes.
func (m *maker) live(camera string, subjects map[string][]shot) error {
	for subject, shots := range subjects { // in any order: nothing is drawn by lot here
		for i, s := range shots {
			data, err := surroundings(s, 6)
			if err != nil {
				return err
			}
			if err := m.write(data, camera, "live", subject, fmt.Sprintf("%s-%04d.jpg", subject, i)); err != nil {
				return err
			}
		}
	}
	return m.planes(camera, subjects)
}

// surroundings cuts what a frame holds of so many times a face.
func surroundings(s shot, times float32) ([]byte, error) {
	img, err := jpeg.Decode(bytes.NewReader(s.frame))
	if err != nil {
		return nil, err
	}
	b := s.face.Scale(times)
	r := image.Rect(int(b.Left), int(b.Top), int(b.Right), int(b.Bottom)).Intersect(img.Bounds())
	cut := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	draw.Draw(cut, cut.Bounds(), img, r.Min, draw.Src)
	var buf bytes.Buffer
	err = jpeg.Encode(&buf, cut, &jpeg.Options{Quality: 95})
	return buf.Bytes(), err
}

// renders takes the recordings of people who do not exist.
func (m *maker) renders(dir string) error {
	all := map[string][]shot{}
	for _, walk := range []string{"p01", "s02", "duo"} {
		list, err := filepath.Glob(filepath.Join(dir, "walk", walk, "*.jpg"))
		if err != nil {
			return err
		}
		var frames [][]byte
		for _, path := range list {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			frames = append(frames, data)
		}
		subjects, err := m.follow(frames, 15, walk+"-")
		if err != nil {
			return err
		}
		for subject, shots := range subjects {
			all[subject] = shots
		}
	}
	list, err := filepath.Glob(filepath.Join(dir, "spoof", "*.jpg"))
	if err != nil {
		return err
	}
	for i, path := range list {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		kind := "screen"
		if strings.Contains(path, "print") {
			kind = "print"
		}
		if err := m.write(data, "render", kind, "p01", fmt.Sprintf("%s-%d.jpg", kind, i)); err != nil {
			return err
		}
	}
	return m.live("render", all)
}

// planes shows frames of each subject on each plane, before a frame of somebody else before the same camera.
func (m *maker) planes(camera string, subjects map[string][]shot) error {
	var names []string
	for name := range subjects {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, subject := range names {
		shots := subjects[subject]
		room := subjects[names[(i+1)%len(names)]][0]
		for _, pl := range planes() {
			if err := m.attack(camera, subject, pl, shots, room); err != nil {
				return err
			}
		}
	}
	return nil
}

// portrait is how many times the face the picture on a plane is wide.
const portrait = 2.6

// attack writes frames of one film on one plane.
func (m *maker) attack(camera, subject string, pl plane, shots []shot, before shot) error {
	room, err := scene(before)
	if err != nil {
		return err
	}
	first := shots[len(shots)/2]
	chance := fnv.New64a()
	fmt.Fprint(chance, camera, subject, pl.kind) // the same whatever else is made
	rng := rand.New(rand.NewPCG(chance.Sum64(), 0))
	ho := pl.newHold(rng, room.w, room.h, 1/portrait)
	for i := range onPlanes {
		s := first // paper shows one picture
		if pl.pixels {
			s = shots[min(len(shots)/2+i, len(shots)-1)]
		}
		content, err := shown(s, pl.aspect)
		if err != nil {
			return err
		}
		var buf bytes.Buffer
		img := pl.show(content, room, ho.shifted(rng), rng).encode(rng)
		if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 88}); err != nil {
			return err
		}
		if err := m.write(buf.Bytes(), camera, pl.kind, subject, fmt.Sprintf("%s-%04d.jpg", subject, i)); err != nil {
			return err
		}
	}
	return nil
}

// scene returns a frame of 640 pixels' width, as a camera at a door has it, so far out of focus that no face in it is found: whose
// it is would be taken for the attack.
func scene(s shot) (*picture, error) {
	img, err := jpeg.Decode(bytes.NewReader(s.frame))
	if err != nil {
		return nil, err
	}
	whole := toLight(img)
	w := min(640, whole.w)
	return whole.scaled(w/20, whole.h*w/whole.w/20).scaled(w, whole.h*w/whole.w), nil
}

// shown returns the portrait of a face that a plane shows.
func shown(s shot, aspect float64) (*picture, error) {
	img, err := jpeg.Decode(bytes.NewReader(s.frame))
	if err != nil {
		return nil, err
	}
	b, c := img.Bounds(), s.face.Center()
	w := min(portrait*s.face.Width(), float32(b.Dx()), float32(b.Dy())/float32(aspect))
	h := w * float32(aspect)
	left := min(max(c.X-w/2, 0), float32(b.Dx())-w) // what the film holds, and nothing beyond its edge
	top := min(max(c.Y-h/2, 0), float32(b.Dy())-h)
	cut := image.NewRGBA(image.Rect(0, 0, int(w), int(h)))
	draw.Draw(cut, cut.Bounds(), img, b.Min.Add(image.Pt(int(left), int(top))), draw.Src)
	return toLight(cut), nil
}

func (m *maker) write(data []byte, camera, kind, subject, name string) error {
	dir := filepath.Join(m.out, camera, kind, subject)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(data))
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
