package main

import (
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/needle"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/systime"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

// A held is what a gate holds of somebody, as it would lie in memory.
type held struct {
	label, form string
	person      string // of testdata
	pass        template.Token
	code        []byte
}

// needles are the forms in which it would be found, by kind.
func (h *held) needles(t *testing.T) map[string][]needle.Needle {
	t.Helper()
	letters := h.pass.Text()
	raw, err := base32.StdEncoding.DecodeString(letters)
	must(t, err)
	return map[string][]needle.Needle{
		"label":             needle.Encodings("the label", []byte(h.label)),
		"form":              needle.Encodings("the form number", []byte(h.form)),
		"letters of a pass": needle.Encodings("the letters of the pass", []byte(letters)),
		"secret of a pass":  needle.Encodings("the secret of the pass", raw[1:17]),
		"template":          needle.Encodings("the template", h.code[:24]),
	}
}

// all are the needles of all kinds.
func (h *held) all(t *testing.T) (all []needle.Needle) {
	for _, n := range h.needles(t) {
		all = append(all, n...)
	}
	return all
}

// A scanned gate is one whose memory is searched while it runs. What it leaks on purpose is in a file.
type scanned struct {
	*program
	site  gatetest.Site
	film  *projector
	leaks leaks
	path  string // of the file of leaks
}

func scan(t *testing.T) *scanned {
	t.Helper()
	s := &scanned{site: gatetest.NewSite(t)}
	s.leaks.Dir = s.site.State()
	s.path = s.leaks.write(t)
	t.Setenv(asLeaking, s.path)
	s.start(t)
	mem, err := os.Open(s.memory())
	if err != nil {
		t.Skip("a gate lets nobody read its memory who may not trace any process: ", err)
	}
	mem.Close()
	return s
}

func (s *scanned) memory() string { return fmt.Sprintf("/proc/%d/mem", s.cmd.Process.Pid) }

func (s *scanned) start(t *testing.T) {
	t.Helper()
	s.film = newProjector(t)
	s.program = launch(t, s.site, s.film.pipe, gatetest.Settings{
		"camera": fmt.Sprintf(`{source: replay, path: "-", fps: %d, max_age: 3s}`, gatetest.FPS),
	})
	s.status(t)
}

// stop ends the film, and with it the gate.
func (s *scanned) stop(t *testing.T) {
	t.Helper()
	s.film.end()
	s.ended(t)
}

// enrol captures somebody who gets a pass.
func (s *scanned) enrol(t *testing.T, h *held) {
	t.Helper()
	stop := s.film.loop(gatetest.Pose(t, h.person))
	defer stop()
	e, err := s.client.Enrol(t.Context(), people.EnrolRequest{Label: h.label, Consent: h.form, Age: "adult", Pass: true}, func(people.Progress) {})
	must(t, err)
	h.pass = e.Pass
}

// use does with somebody what brings them into memory.
func (s *scanned) use(t *testing.T, h *held) {
	t.Helper()
	_, err := s.client.Show(t.Context(), h.label)
	must(t, err)
	_, err = s.client.People(t.Context())
	must(t, err)
	h.pass, err = s.client.IssuePass(t.Context(), h.label)
	must(t, err)
}

// readCodes reads the templates of people from the files of the gate, which must not be running.
func (s *scanned) readCodes(t *testing.T, all ...*held) {
	t.Helper()
	store, err := opening.Store(s.site.Config(t, nil), systime.New(), discard)
	must(t, err)
	defer store.Close()
	modelID, err := hex.DecodeString(gatetest.Bundle(t).Embedder.ID())
	must(t, err)
	records, err := store.Templates().Records([32]byte(modelID))
	must(t, err)
	list, err := store.People()
	must(t, err)
	for _, p := range list {
		h := all[slices.IndexFunc(all, func(h *held) bool { return h.label == p.Label })]
		r := records[slices.IndexFunc(records, func(r template.Record) bool { return r.ID == p.Record })]
		for _, word := range r.Code {
			h.code = binary.LittleEndian.AppendUint64(h.code, word)
		}
	}
}

// find returns what of these needles is in the memory of the gate.
func (s *scanned) find(t *testing.T, needles []needle.Needle) []string {
	t.Helper()
	mem, err := os.Open(s.memory())
	must(t, err)
	defer mem.Close()
	return needle.NewSearch(needles).Find(memoryOf(t, s.cmd.Process.Pid, mem))
}

// plant has every process of the gate that starts from now on leak these.
func (s *scanned) plant(t *testing.T, leaks ...[]byte) {
	t.Helper()
	s.leaks.Memory = leaks
	data, err := json.Marshal(s.leaks)
	must(t, err)
	must(t, os.WriteFile(s.path, data, 0o600))
}

// TestPrivacyAfterErasure searches the memory of a gate for those who have left it, right after each way to leave, and after
// a start with nobody enrolled. Before, they are found, and so is what is planted.
func TestPrivacyAfterErasure(t *testing.T) {
	ada := &held{label: "Adela Poisonova", form: "paper form 4711-adela", person: "p01"}
	bob := &held{label: "Bohumil Poisonov", form: "paper form 4712-bohumil", person: "p02"}
	cyd := &held{label: "Cyrila Poisonova", form: "paper form 4713-cyrila", person: "p04"}
	s := scan(t)
	for _, h := range []*held{ada, bob, cyd} {
		s.enrol(t, h)
	}
	s.stop(t)
	s.readCodes(t, ada, bob, cyd)
	s.start(t)
	for _, h := range []*held{ada, bob, cyd} {
		s.use(t, h)
	}
	found := strings.Join(s.find(t, ada.all(t)), "; ")
	for _, what := range []string{"the label", "the form number", "the letters of the pass", "the template"} {
		if !strings.Contains(found, what) {
			t.Fatalf("of somebody who is enrolled %s is not found: the search does not work; found: %s", what, found)
		}
	}
	pid := s.cmd.Process.Pid
	gone := func(how string, needles []needle.Needle) {
		t.Helper()
		for _, leak := range s.find(t, needles) {
			t.Errorf("after %s: %s", how, leak)
		}
	}
	_, err := s.client.Erase(t.Context(), people.Who{Label: ada.label}, audit.Requested)
	must(t, err)
	gone("an erasure", ada.all(t))
	if found := s.find(t, bob.all(t)); len(found) == 0 {
		t.Error("of somebody who is still enrolled nothing is found")
	}
	_, err = s.client.Erase(t.Context(), people.Who{Pass: bob.pass}, audit.Withdrawn)
	must(t, err)
	gone("a withdrawal", append(bob.all(t), ada.all(t)...))
	_, err = s.client.Lockdown(t.Context())
	must(t, err)
	gone("the end of all templates", slices.Concat(cyd.needles(t)["template"], cyd.needles(t)["secret of a pass"]))
	var planted [][]byte
	for _, needles := range ada.needles(t) {
		planted = append(planted, needles[0].Bytes)
	}
	s.plant(t, planted...)
	must(t, s.client.EndLockdown(t.Context()))
	_, err = s.client.Lockdown(t.Context()) // whatever is destroyed brings a fresh process
	must(t, err)
	for kind, needles := range ada.needles(t) {
		if found := s.find(t, needles); len(found) == 0 {
			t.Errorf("a planted leak of a %s is not found", kind)
		}
	}
	s.plant(t)
	_, err = s.client.Erase(t.Context(), people.Who{Label: cyd.label}, audit.Withdrawn)
	must(t, err)
	if s.cmd.Process.Pid != pid {
		t.Error("the number of the process has changed under its service manager")
	}
	s.stop(t)
	s.start(t)
	gone("a start with nobody enrolled", slices.Concat(ada.all(t), bob.all(t), cyd.all(t)))
	s.stop(t)
}
