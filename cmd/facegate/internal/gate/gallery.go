package gate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/configs/hint"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/decide"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
	"facegate/store"
)

// planFor is the number of people for which thresholds are set at the least, as far as the calibration goes. A small
// site gains little from a looser one, and its thresholds do not move while its first people are enrolled.
const planFor = 50

// Errors of a Gallery.
var (
	ErrFull  = errors.New("the gate has as many people as its calibration covers")
	ErrTwice = errors.New("this face is enrolled already")
	ErrFace  = errors.New("the face cannot be turned into a template")
)

const adviceFull = "raise match.fpir, or measure a calibration on more people with facegate eval recognition"

// A Gallery is everybody enrolled: the sealed store, the index in memory that is searched, and the way from an
// embedding to either.
type Gallery struct {
	store       *store.Store
	index       match.Index
	projector   *template.Projector
	calibration *calibrate.File
	modelID     [32]byte
	fpir        float64
	valid       time.Duration
	now         func() time.Time
	probe       template.Probe // of the task's goroutine, like Match and Enrol
	mu          sync.Mutex     // guards changes to the store and the index together
}

// A GalleryConfig says how people are matched.
type GalleryConfig struct {
	ModelID     [32]byte        // SHA-256 of the embedder
	Calibration *calibrate.File // of that embedder
	FPIR        float64         // wanted false positive identification rate of one attempt
	Valid       time.Duration   // how long an enrolment lasts
	Now         func() time.Time
}

// OpenGallery unseals everybody in s into memory.
func OpenGallery(s *store.Store, c GalleryConfig) (*Gallery, error) {
	if c.Calibration.MaxEnrolled(c.FPIR) == 0 {
		return nil, hint.Wrap(fmt.Errorf("%w: match.fpir %g is beyond it even for one", ErrFull, c.FPIR), adviceFull)
	}
	projector, err := template.NewProjector(s.ProjectionKeys(c.ModelID), c.Calibration.Dim, template.Mean(c.Calibration.Mean))
	if err != nil {
		return nil, err
	}
	g := &Gallery{
		store: s, projector: projector, calibration: c.Calibration,
		modelID: c.ModelID, fpir: c.FPIR, valid: c.Valid, now: c.Now,
	}
	records, err := s.Records(c.ModelID)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		g.index.Add(r)
	}
	if n, limit := len(records), g.Limit(); n > limit {
		return nil, hint.Wrap(fmt.Errorf("%w: %d are enrolled, %d are covered", ErrFull, n, limit),
			adviceFull)
	}
	return g, nil
}

// Match implements pipeline.Matcher. v is cleared.
func (g *Gallery) Match(v embed.Vector) (person decide.Person, score, second, threshold float64, ok bool) {
	if !g.projector.Project(&g.probe, v, g.index.Lanes()) {
		return person, 0, 0, 0, false
	}
	r := g.index.Search(&g.probe)
	g.probe.Clear()
	threshold, err := g.threshold()
	return r.Best, r.Score, r.Second, threshold, r.OK && err == nil
}

func (g *Gallery) threshold() (float64, error) {
	return g.calibration.Threshold(max(min(planFor, g.Limit()), g.Len()), g.fpir)
}

// Len returns how many people can match.
func (g *Gallery) Len() int {
	people, _ := g.index.Len()
	return people
}

// Idle returns how many people are on the list and cannot match, because their enrolment has expired and is yet to be
// erased, or was made with another embedder.
func (g *Gallery) Idle() (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	people, err := g.store.People()
	return len(people) - g.Len(), err
}

// Limit returns for how many people the calibration can promise the wanted error rate.
func (g *Gallery) Limit() int { return g.calibration.MaxEnrolled(g.fpir) }

// Accepts says, before anybody is captured, why a request would be refused.
func (g *Gallery) Accepts(r control.EnrolRequest) error {
	if g.Len() >= g.Limit() {
		return hint.Wrap(fmt.Errorf("%w: %d", ErrFull, g.Limit()), adviceFull)
	}
	return g.store.Check(g.enrolment(r))
}

func (g *Gallery) enrolment(r control.EnrolRequest) store.Enrolment {
	return store.Enrolment{
		Label: r.Label, ConsentRef: r.Consent, ModelID: g.modelID, Expires: g.now().Add(g.valid),
	}
}

// Enrol protects the mean embedding of one person, stores it and lets it match. v is cleared. A face that matches
// somebody enrolled is refused without saying whom: enrolled twice, neither record would ever lead the other by the
// margin.
func (g *Gallery) Enrol(r control.EnrolRequest, v embed.Vector) (control.Person, error) {
	defer clear(v)
	if _, score, _, threshold, ok := g.Match(slices.Clone(v)); ok && score >= threshold {
		return control.Person{}, hint.Wrap(ErrTwice, "one person has one label; erase the old one first if it is theirs")
	}
	lane, err := g.store.NextLane(r.Label)
	if err != nil {
		return control.Person{}, err
	}
	e := g.enrolment(r)
	var ok bool
	if e.Code, ok = g.projector.Protect(v, lane); !ok {
		return control.Person{}, hint.Wrap(ErrFace, "enrol again")
	}
	e.Lane = lane
	g.mu.Lock()
	defer g.mu.Unlock()
	p, err := g.store.Enrol(e)
	if err != nil {
		return control.Person{}, err
	}
	g.index.Add(template.Record{ID: p.Record, Person: p.ID, Lane: lane, Code: e.Code})
	return listed(p), nil
}

// Erase stops a person from matching and removes them from the store. If the store fails they stay out of the index
// until the next start.
func (g *Gallery) Erase(label string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	people, err := g.store.People()
	if err != nil {
		return err
	}
	for _, p := range people {
		if p.Label == label {
			g.index.RemovePerson(p.ID)
		}
	}
	_, err = g.store.Erase(label)
	return err
}

// EraseExpired does the same to everybody whose enrolment has ended, and returns how many they were.
func (g *Gallery) EraseExpired() (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	people, err := g.store.People()
	if err != nil {
		return 0, err
	}
	now := g.now()
	for _, p := range people {
		if !now.Before(p.Expires) {
			g.index.RemovePerson(p.ID)
		}
	}
	ids, err := g.store.EraseExpired(now)
	return len(ids), err
}

// People lists everybody enrolled, by label.
func (g *Gallery) People() ([]control.Person, error) {
	people, err := g.store.People()
	if err != nil {
		return nil, err
	}
	list := make([]control.Person, 0, len(people))
	for _, p := range people {
		list = append(list, listed(p))
	}
	slices.SortFunc(list, func(a, b control.Person) int { return strings.Compare(a.Label, b.Label) })
	return list, nil
}

func listed(p store.Person) control.Person {
	return control.Person{Label: p.Label, Consent: p.ConsentRef, Enrolled: p.Enrolled, Expires: p.Expires}
}
