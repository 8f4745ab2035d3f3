package office

import (
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/letter"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/store"
)

// A line is one of the list of people.
type line struct {
	people.Person
	At string // address of the page of what is held
}

// home lists everybody, and says how the gate is.
func (t turn) home() { t.list("") }

// find lists those whose label or form has what was typed. It comes by POST, because a browser keeps addresses.
func (t turn) find() { t.list(strings.TrimSpace(t.r.PostForm.Get("text"))) }

func (t turn) list(wanted string) {
	s, err := t.parts.Gate.Status(t.ctx())
	if err != nil {
		t.trouble(err)
		return
	}
	all, err := t.parts.Gate.People(t.ctx())
	if err != nil {
		t.trouble(err)
		return
	}
	found := []line{}
	for _, p := range all {
		if has(p.Label, wanted) || has(p.Consent, wanted) {
			found = append(found, line{p, t.s.address(p.Label)})
		}
	}
	t.show(http.StatusOK, "home", struct {
		Health  health.Report
		Wanted  string
		All     int
		Found   []line
		Waiting bool // something was not handed over yet
	}{s.Health, wanted, len(all), found, t.s.waits()})
}

// has reports whether a text has another in it, in whatever case.
func has(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// whom returns the person of the page's address.
func (t turn) whom() (people.Person, error) {
	all, err := t.parts.Gate.People(t.ctx())
	if err != nil {
		return people.Person{}, err
	}
	i := slices.IndexFunc(all, func(p people.Person) bool { return t.s.address(p.Label) == t.r.PathValue("who") })
	if i < 0 {
		return people.Person{}, store.ErrUnknown
	}
	return all[i], nil
}

// held tells a person what is held of them.
func (t turn) held() {
	p, err := t.whom()
	if err != nil {
		t.trouble(err)
		return
	}
	f, err := t.parts.Gate.Show(t.ctx(), p.Label)
	if err != nil {
		t.trouble(err)
		return
	}
	lang := t.read(f)
	var text strings.Builder
	if err := letter.Access(&text, lang, time.Local, time.Now(), f, t.parts.Told); err != nil {
		t.trouble(err)
		return
	}
	t.show(http.StatusOK, "person", struct {
		line
		Lang   notice.Language
		Letter string
	}{line{p, t.s.address(p.Label)}, known(lang), text.String()})
}

// read returns the language of the notice that a person has read, or of the first one.
func (t turn) read(f people.File) notice.Language {
	for _, n := range t.notices {
		if hex.EncodeToString(n.SHA256[:]) == f.Agreed.NoticeSHA256 {
			return n.Language
		}
	}
	return t.notices[0].Language
}

// A trouble is what is told of an error.
type trouble struct {
	Say  string // key of the words for it
	What string // in the words of the gate
	Todo string
}

// trouble answers with what is wrong, and what to do about it.
func (t turn) trouble(err error) {
	code, told := troubleOf(err)
	t.show(code, "trouble", told)
}

func troubleOf(err error) (code int, told trouble) {
	code, told = http.StatusUnprocessableEntity, trouble{"refused", err.Error(), hint.Of(err)}
	for _, known := range []struct {
		kind error
		code int
		say  string
	}{
		{control.ErrNotRunning, http.StatusServiceUnavailable, "not-running"},
		{control.ErrForbidden, http.StatusForbidden, "forbidden"},
		{control.ErrPending, http.StatusAccepted, "pending"},
		{store.ErrUnknown, http.StatusNotFound, "nobody"},
	} {
		if errors.Is(err, known.kind) {
			code, told.Say = known.code, known.say
		}
	}
	return code, told
}
