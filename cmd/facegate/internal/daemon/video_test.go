package daemon_test

import (
	"context"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/camera"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs/hint"
	"facegate/device/replay"
	"facegate/pipeline"
	"facegate/pipeline/template"
)

// TestFilm enrols two people from photographs of them, and shows the gate a film in which both appear among others.
//
// Only one of the two can be let in: of the other the film has nothing but his face of 24 pixels in the dark, and his
// profile from behind. His best frame is no more like his photographs than a stranger's is (cosines of 0.19 and 0.17).
func TestFilm(t *testing.T) {
	const lin, alex, fps = "lin_manuel_miranda", "alex_lacamoire", 30
	video := filepath.Join(gatetest.Eval(t), "video")
	site := gatetest.NewSite(t)
	stage, err := replay.NewStage(fps, gatetest.Corridor(t))
	must(t, err)
	var passages []camera.Passage // the gate's until it has stopped
	r := start(t, site, gatetest.Settings{
		"camera": "{fps: 30, max_age: 3s}", "zone": "{min_face: 40}", "decide": "{rearm: 1s}",
	}, daemon.Outside{
		Source: stage, Observe: func(p camera.Passage) { passages = append(passages, p) },
	})
	r.stage = stage
	for _, person := range []string{lin, alex} {
		r.enrolPhotographs(t, person, jpegs(t, filepath.Join(video, "short_hamilton_people", person), "*"))
	}
	clip := jpegs(t, video, "short_hamilton_clip.mp4")
	if len(clip) < 270 {
		t.Fatalf("the film has %d frames", len(clip))
	}
	// The gate lets in the photographs too, in the moment between the end of an enrolment and their removal.
	must(t, stage.Play(t.Context(), gatetest.Hold([][]byte{gatetest.Corridor(t)}, 4*time.Second)))
	began := time.Now()
	must(t, stage.Play(t.Context(), clip))
	r.stop()

	granted := map[template.PersonID]int{}
	opened := 0
	for _, p := range passages {
		if p.Report.State != pipeline.Granted || p.Report.Time.Before(began) {
			continue
		}
		granted[p.Report.Person]++
		if !p.Opened.IsZero() {
			opened++
		}
	}
	names := labels(t, site)
	for id, times := range granted {
		if names[id] != lin {
			t.Errorf("%q was let in %d times", names[id], times)
		}
		t.Logf("%s was let in %d times", names[id], times)
	}
	if len(granted) == 0 || opened == 0 {
		t.Errorf("%s was not let in", lin)
	}
	t.Logf("%s has no usable face in the film", alex)
}

// enrolPhotographs shows photographs of a person to the camera until they are enrolled.
func (r *running) enrolPhotographs(t *testing.T, person string, photographs [][]byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		for ctx.Err() == nil {
			// A template is made of frames of one track, and photographs differ too much to be taken for one: each is
			// held long enough for a whole template.
			r.stage.Play(ctx, gatetest.Hold(photographs, 8*time.Second))
		}
	}()
	_, err := r.client.Enrol(ctx, people.EnrolRequest{Label: person, Consent: "press photograph", Age: "adult"}, func(people.Progress) {})
	cancel()
	<-shown
	if err != nil {
		t.Fatalf("enrol %s: %v; %s", person, err, hint.Of(err))
	}
}

// jpegs turns the files in dir that match pattern into JPEG pictures, a film into one for each frame.
func jpegs(t *testing.T, dir, pattern string) [][]byte {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("ffmpeg is not installed (apt-get install ffmpeg)")
	}
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	must(t, err)
	if len(files) == 0 {
		t.Skipf("there is no %s in %s", pattern, dir)
	}
	var pictures [][]byte
	for _, file := range files {
		out := t.TempDir()
		cmd := exec.Command(ffmpeg, "-v", "error", "-i", file, "-pix_fmt", "yuvj420p", "-q:v", "2", filepath.Join(out, "%05d.jpg"))
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, text)
		}
		frames, err := replay.Load(out)
		must(t, err)
		pictures = slices.Concat(pictures, frames)
	}
	return pictures
}

// labels returns the labels of everybody enrolled at site, by their ids, of which no gate tells.
func labels(t *testing.T, site gatetest.Site) map[template.PersonID]string {
	t.Helper()
	s, err := opening.Store(site.Config(t, nil), systime.New(), slog.New(slog.DiscardHandler))
	must(t, err)
	defer s.Close()
	all, err := s.People()
	must(t, err)
	names := map[template.PersonID]string{}
	for _, p := range all {
		names[p.ID] = p.Label
	}
	return names
}
