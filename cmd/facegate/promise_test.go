package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/evaluate/gallery"
	"facegate/pipeline/evaluate/labels"
	"facegate/pipeline/match"
	"facegate/pipeline/models"
	"facegate/pipeline/template"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// embedded embeds pictures below root that keep holds for, but for known label errors.
func embedded(t *testing.T, bundle, root string, keep func(name string) bool) []evaluate.Sample {
	t.Helper()
	networks := visiontest.Networks(t, bundle, "")
	var engines []*vision.Engine
	for range runtime.GOMAXPROCS(0) {
		e, err := vision.Open(networks)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		engines = append(engines, e)
	}
	list, err := listPictures(root, 1)
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(list, func(p picture) bool { return !keep(p.name) })
	samples, _, err := embedAll(t.Context(), engines, list, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// labelled returns whether a picture of Labeled Faces in the Wild is of whom its name says.
func labelled(t *testing.T, root string) func(name string) bool {
	t.Helper()
	list, err := listPictures(root, 1)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range list {
		names = append(names, p.name)
	}
	text, err := os.ReadFile("../../docs/lfw-exclusions.csv")
	if err != nil {
		t.Fatal(err)
	}
	left, _, err := labels.Exclude(bytes.NewReader(text), names)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(left)
	return func(name string) bool { _, ok := slices.BinarySearch(left, name); return ok }
}

// shipped returns the calibration of a bundle's embedder.
func shipped(t *testing.T, bundle string) *calibrate.File {
	t.Helper()
	manifest, err := models.Load()
	if err != nil {
		t.Fatal(err)
	}
	b, err := manifest.Select(bundle, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := calibrate.Shipped(b.Embedder.ID())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// before are the thresholds at FPIR 0.1 % that gates had for so many people when they were measured on single pictures,
// every pair of pictures counting once. A gate asked every frame for that, and for no more in a crowd.
func before(bundle string, enrolled int) float64 {
	return map[string]map[int]float64{
		"registry": {20: 0.4543, 50: 0.4543, 200: 0.4935, 1000: 0.6886},
		"zoo":      {20: 0.4650, 50: 0.4650, 200: 0.5124, 1000: 0.6945},
	}[bundle][enrolled]
}

// ways returns what is compared: as gates judged before, and as they judge now, by one frame and by the mean of three.
func ways(t *testing.T, bundle string, enrolled int) []gallery.Way {
	t.Helper()
	f := shipped(t, bundle)
	_, now := gateWays(f)
	one, each, mean := now[1], now[2], now[3]
	old := one
	old.Match = match.Rules{Threshold: func(int) (float64, error) { return before(bundle, enrolled), nil }}
	oldEach := each
	oldEach.Match = old.Match
	return []gallery.Way{old, one, oldEach, mean}
}

// A judged gallery is what came of one kind of galleries as gates judged before and as they judge now.
type judged struct{ oldOne, one, oldEach, mean gallery.Outcome }

func judge(t *testing.T, s gallery.Study, bundle string, p gallery.Plan) judged {
	t.Helper()
	o, err := s.Measure(t.Context(), p, ways(t, bundle, p.Enrolled), nil)
	if err != nil {
		t.Fatal(err)
	}
	kind := "mixed"
	if p.Alike {
		kind = "alike"
	}
	for i, name := range []string{"one frame before", "one frame", "each of three before", "mean of three"} {
		t.Logf("%s %s N=%d %-20s FPIR %.3f %% (%.3f-%.3f) of %d, FNIR %.2f %% (%.2f-%.2f) of %d", bundle, kind, p.Enrolled, name,
			100*o[i].FPIR.Rate, 100*o[i].FPIR.Interval.Low, 100*o[i].FPIR.Interval.High, o[i].FPIR.Decisions,
			100*o[i].FNIR.Rate, 100*o[i].FNIR.Interval.Low, 100*o[i].FNIR.Interval.High, o[i].FNIR.Decisions)
	}
	return judged{o[0], o[1], o[2], o[3]}
}

// wantAtMost checks a rate.
func wantAtMost(t *testing.T, what string, rate, most float64) {
	t.Helper()
	if !(rate <= most) {
		t.Errorf("%s: %.3f %%, want at most %.3f %%", what, 100*rate, 100*most)
	}
}

// A pair of galleries is a mixed crowd and people who are alike, 50 each, with templates of several pictures.
type pair struct{ mixed, alike judged }

// keepsPromise checks what holds of any people.
func keepsPromise(t *testing.T, s gallery.Study, bundle string) pair {
	t.Helper()
	p := pair{
		mixed: judge(t, s, bundle, gallery.Plan{Enrolled: 50, Draws: s.Draws, Tries: 300}),
		alike: judge(t, s, bundle, gallery.Plan{Alike: true, Enrolled: 50, Draws: 2 * s.Draws, Tries: 300}),
	}
	wantAtMost(t, "mixed FPIR by the mean", p.mixed.mean.FPIR.Rate, 0.001)
	wantAtMost(t, "FPIR among people alike by one frame", p.alike.one.FPIR.Rate, 0.002)
	wantAtMost(t, "FPIR among people alike by the mean", p.alike.mean.FPIR.Rate, 0.002)
	wantAtMost(t, "mixed FNIR by one frame", p.mixed.one.FNIR.Rate, p.mixed.oldOne.FNIR.Rate+0.013)
	wantAtMost(t, "mixed FNIR by the mean", p.mixed.mean.FNIR.Rate, p.mixed.oldEach.FNIR.Rate)
	wantAtMost(t, "FNIR among people alike by one frame", p.alike.one.FNIR.Rate, p.alike.oldOne.FNIR.Rate+0.04)
	return p
}

// TestGateKeepsItsPromise draws galleries of some of the people, and has a gate's search and decision on them. Rates near the
// promise are for TestGateKeepsItsPromiseToAll: of so few people one who looks like another is as much as that.
func TestGateKeepsItsPromise(t *testing.T) {
	root := filepath.Join(gatetest.Eval(t), "lfw-dev")
	right := labelled(t, root)
	f := shipped(t, "registry")
	pictures := map[string]int{}
	samples := embedded(t, "registry", root, func(name string) bool {
		person := filepath.Dir(name)
		pictures[person]++
		return right(name) && pictures[person] <= 7 && chosen(t, root, person)
	})
	s := gallery.Study{
		People: gallery.People(samples), Mean: template.Mean(f.Mean), Templates: calibrate.TemplatePictures, Draws: 12, Seed: 1,
	}
	t.Logf("%d pictures of %d people", len(samples), len(s.People))
	keepsPromise(t, s, "registry")
}

// chosen takes a third of the people who have seven pictures, and one in eighteen of the others.
func chosen(t *testing.T, root, person string) bool {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(root, person))
	if err != nil {
		t.Fatal(err)
	}
	var sum int
	for _, b := range []byte(person) {
		sum = (31*sum + int(b)) % 9973
	}
	if len(list) >= 7 {
		return sum%3 == 0
	}
	return sum%18 == 0
}

// TestGateKeepsItsPromiseToAll has all people and embedders. It takes half an hour.
func TestGateKeepsItsPromiseToAll(t *testing.T) {
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("FACEGATE_SLOW is not set: all pictures by all embedders take half an hour")
	}
	root := filepath.Join(gatetest.Eval(t), "lfw-dev")
	right := labelled(t, root)
	for _, bundle := range []string{"registry", "zoo"} {
		t.Run(bundle, func(t *testing.T) {
			s := gallery.Study{
				People: gallery.People(embedded(t, bundle, root, right)), Mean: template.Mean(shipped(t, bundle).Mean),
				Templates: calibrate.TemplatePictures, Draws: 100, Seed: 1,
			}
			p := keepsPromise(t, s, bundle)
			wantAtMost(t, "mixed FPIR by one frame", p.mixed.one.FPIR.Rate, 0.001)
			most := map[string]float64{"registry": 0.01, "zoo": 0.011} // of zoo one in a hundred is not reached
			wantAtMost(t, "mixed FNIR by the mean", p.mixed.mean.FNIR.Rate, most[bundle])
			big := judge(t, s, bundle, gallery.Plan{Enrolled: 1000, Draws: s.Draws, Tries: 300})
			wantAtMost(t, "FNIR among 1000 by the mean", big.mean.FNIR.Rate, 0.16)
			wantAtMost(t, "FPIR among 1000 by one frame", big.one.FPIR.Rate, 0.001)
		})
	}
}

// webcamOf embeds the live pictures of the NUAA database, whose names are PERSON_GLASSES_PLACE_SESSION_FRAME.jpg.
func webcamOf(t *testing.T, bundle string) [][][]embed.Vector {
	t.Helper()
	samples := embedded(t, bundle, filepath.Join(gatetest.Eval(t), "nuaa-dev", "live"), func(string) bool { return true })
	type frame struct {
		session string
		number  int
		v       embed.Vector
	}
	all := map[int][]frame{}
	for _, s := range samples {
		name := strings.TrimSuffix(filepath.Base(s.Picture), ".jpg")
		i := strings.LastIndex(name, "_")
		number, err := strconv.Atoi(name[i+1:])
		if err != nil {
			t.Fatal(err)
		}
		all[s.Subject] = append(all[s.Subject], frame{name[:i], number, s.Vector})
	}
	people := make([][][]embed.Vector, len(all))
	for subject, frames := range all {
		slices.SortFunc(frames, func(a, b frame) int {
			if c := strings.Compare(a.session, b.session); c != 0 {
				return c
			}
			return a.number - b.number
		})
		var last string
		for _, f := range frames {
			if f.session != last {
				people[subject] = append(people[subject], nil)
			}
			last = f.session
			n := len(people[subject]) - 1
			people[subject][n] = append(people[subject][n], f.v)
		}
	}
	return people
}

// subsets returns all choices of n of the numbers below of.
func subsets(of, n int) (all [][]int) {
	for mask := range 1 << of {
		var s []int
		for i := range of {
			if mask>>i&1 == 1 {
				s = append(s, i)
			}
		}
		if len(s) == n {
			all = append(all, s)
		}
	}
	return all
}

// A count is what came of people before one webcam.
type count struct {
	strangers, reached int // frames of strangers, and those that suffice by themselves
	opened             int // times that a stranger was let in, who stood there for a session
	walks, refused     int // three frames one after the other of somebody enrolled
}

// open enrols people by four frames of their first session, and has everybody stand before the camera.
func (c *count) open(ctx context.Context, t *testing.T, people [][][]embed.Vector, enrolled []int, f *calibrate.File, seed uint64) {
	t.Helper()
	_, all := gateWays(f)
	mean := all[3]
	r := rand.New(rand.NewPCG(seed, 0))
	epochs, err := match.NewEpochs(0, func(uint32) (*template.Projector, error) {
		var keys [template.Lanes][32]byte
		for lane := range keys {
			for i := range keys[lane] {
				keys[lane][i] = byte(r.Uint32())
			}
		}
		return template.NewProjector(keys, f.Dim, template.Mean(f.Mean))
	})
	if err != nil {
		t.Fatal(err)
	}
	everybody := match.Everybody{Epochs: epochs, Rules: mean.Match}
	for _, p := range enrolled {
		v := make(embed.Vector, f.Dim)
		for _, x := range people[p][0][:4] {
			for i := range v {
				v[i] += x[i]
			}
		}
		made, ok := epochs.Protect(v, uint8(r.IntN(template.Lanes)))
		if !ok {
			t.Fatal("no template")
		}
		record := template.Record{Person: template.PersonID{byte(p + 1)}, Lane: made.Lane, Code: made.Code}
		record.ID = template.RecordID(record.Person)
		if err := epochs.Add(record); err != nil {
			t.Fatal(err)
		}
	}
	for p, sessions := range people {
		for i, session := range sessions {
			switch {
			case !slices.Contains(enrolled, p):
				c.stranger(session, everybody, mean.Decide)
			case i == 0:
				c.owner(template.PersonID{byte(p + 1)}, session[4:], everybody, mean.Decide)
			default:
				c.owner(template.PersonID{byte(p + 1)}, session, everybody, mean.Decide)
			}
		}
	}
}

func (c *count) stranger(session []embed.Vector, m match.Everybody, r decide.Rules) {
	decider := decide.New(r)
	for i, v := range session {
		a := m.Match(v, time.Time{})
		c.strangers++
		if a.Score >= a.Threshold && a.Score-a.Second >= r.Margin {
			c.reached++
		}
		if decider.Observe(seenAt(a, i)) == decide.Grant {
			c.opened++
		}
	}
}

func (c *count) owner(id template.PersonID, session []embed.Vector, m match.Everybody, r decide.Rules) {
	for i := 0; i+r.Agree <= len(session); i++ {
		decider := decide.New(r)
		granted := false
		for k, v := range session[i : i+r.Agree] {
			a := m.Match(v, time.Time{})
			granted = decider.Observe(seenAt(a, k)) == decide.Grant && a.Best == id
		}
		c.walks++
		if !granted {
			c.refused++
		}
	}
}

func seenAt(a match.Answer, frame int) decide.Match {
	return decide.Match{
		Track: 1, Time: time.Unix(0, 0).Add(time.Duration(frame) * 200 * time.Millisecond),
		Person: a.Best, Score: a.Score, Second: a.Second, Threshold: a.Threshold, Raise: a.Raise,
	}
}

// TestGateBeforeOneWebcam enrols some of seven students before one webcam, with the others as strangers, in every choice.
func TestGateBeforeOneWebcam(t *testing.T) {
	for _, bundle := range []string{"registry", "zoo"} {
		if bundle != "registry" && os.Getenv("FACEGATE_SLOW") == "" {
			continue
		}
		t.Run(bundle, func(t *testing.T) {
			faces := webcamOf(t, bundle)
			f := shipped(t, bundle)
			for n := 1; n < len(faces); n++ {
				var c count
				for i, enrolled := range subsets(len(faces), n) {
					c.open(t.Context(), t, faces, enrolled, f, uint64(i))
				}
				t.Logf("%d enrolled: %d of %d frames of strangers reach somebody, %d got in; %d of %d walks refused",
					n, c.reached, c.strangers, c.opened, c.refused, c.walks)
				if n < 3 {
					wantAtMost(t, fmt.Sprintf("frames of strangers beside %d", n), float64(c.reached)/float64(c.strangers), 0.001)
				} else if c.opened > 0 {
					t.Errorf("beside %d enrolled strangers got in %d times", n, c.opened)
				}
				if n > 2 {
					wantAtMost(t, fmt.Sprintf("walks refused of %d", n), float64(c.refused)/float64(c.walks), 0.002)
				}
			}
		})
	}
}
