package office

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"time"

	"facegate/cmd/facegate/internal/letter"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/notice"
)

// A form is what is typed of the signed form of a person.
type form struct {
	Face     bool   // the person gives their face
	Sum      string // SHA-256 of the notice that they have read, in hexadecimal
	Number   string
	Label    string
	Age      string
	Guardian string
	Witness  string
	Until    string // a day, as 2027-11-26; "" for the term of the gate
	Pass     bool   // the person gets one
	Again    bool   // they are on the list already
	Former   string // the letters of the pass that their former face opens with
}

// What a form cannot be taken with.
var (
	errUntil  = errors.New("this is no day")
	errSigned = errors.New("nobody is enrolled without a signed form")
)

// read reads a form that a page has sent.
func read(r *http.Request, face bool) (form, error) {
	v := r.PostForm
	f := form{
		Face: face, Number: v.Get("number"), Label: v.Get("label"), Age: v.Get("age"), Guardian: v.Get("guardian"), Witness: v.Get("witness"),
		Until: v.Get("until"), Pass: v.Has("pass"), Again: v.Has("again"), Former: v.Get("former"),
	}
	if v.Get("signed") == "" {
		return f, hint.Wrap(errSigned, "print it, have it signed, and say that it is")
	}
	if _, err := f.until(); err != nil {
		return f, hint.Wrap(errUntil, "write it as 2027-11-26, or leave it out")
	}
	return f, nil
}

// until returns the end of the day on which the right to the door ends, in the zone of this machine; zero for none.
func (f form) until() (time.Time, error) {
	if f.Until == "" {
		return time.Time{}, nil
	}
	return time.ParseInLocation(time.DateOnly, f.Until, time.Local)
}

// request asks for a capture, by the notice in a language.
func (f form) request(lang string) people.EnrolRequest {
	until, _ := f.until() // read has seen to it that it is a day
	return people.EnrolRequest{
		Label: f.Label, Consent: f.Number, Age: f.Age, Guardian: f.Guardian, Witness: f.Witness, Language: lang, Notice: f.Sum, Until: until,
		Pass: f.Pass, PassIfNeeded: true, Again: f.Again, FormerPass: f.Former,
	}
}

// enrol leads to the notice in the first language.
func (t turn) enrol() { t.to("/enrol/" + string(t.notices[0].Language)) }

// notice returns the notice in the language of the address.
func (t turn) notice() (notice.Text, bool) {
	i := slices.IndexFunc(t.notices, func(n notice.Text) bool { return string(n.Language) == t.r.PathValue("lang") })
	if i < 0 {
		http.NotFound(t.w, t.r)
		return notice.Text{}, false
	}
	return t.notices[i], true
}

// chosen returns the notice, and whether the person gives their face, as the address of a form says.
func (t turn) chosen() (n notice.Text, face, ok bool) {
	if n, ok = t.notice(); !ok {
		return n, false, false
	}
	face = t.r.PathValue("way") == "face"
	if !face && t.r.PathValue("way") != "pass" {
		http.NotFound(t.w, t.r)
		return n, false, false
	}
	return n, face, true
}

// tell shows the notice: the first step.
func (t turn) tell() {
	n, ok := t.notice()
	if !ok {
		return
	}
	t.show(http.StatusOK, "notice", struct {
		Notice notice.Text
		Body   template.HTML
		All    []notice.Text
		Step   int
		Face   bool
		Pass   bool // somebody can come in by a pass alone
	}{n, t.told[n.Language], t.notices, 1, true, t.parts.Told.Profile.Passes})
}

// ask shows an empty form: the second step. Its number is proposed, and can be another one.
func (t turn) ask() {
	n, face, ok := t.chosen()
	if !ok {
		return
	}
	number, err := t.number()
	if err != nil {
		t.trouble(err)
		return
	}
	f := form{Face: face, Number: number, Age: "adult", Witness: t.parts.Clerk, Pass: t.parts.Told.Profile.Passes}
	if !f.Face {
		f.Pass, f.Until = true, time.Now().Add(t.parts.Told.Profile.RetentionMax).Format(time.DateOnly)
	}
	t.consent(http.StatusOK, f, n.Language, nil)
}

// number proposes a number for a form: today, and letters that no form has that the gate knows of. A number that follows the last one
// would need a list of its own, because the last one may be of somebody who was erased.
func (t turn) number() (string, error) {
	for {
		number := time.Now().Format(time.DateOnly) + "-" + rand.Text()[:4]
		known, err := t.parts.Gate.Form(t.ctx(), people.FormRequest{Number: number})
		if err != nil || len(known.People)+len(known.Ended)+len(known.Receipts) == 0 {
			return number, err
		}
	}
}

// An age is one that a form can say.
type age struct {
	Name  string // as the gate knows it
	Words string // for the clerk
	Paper string // for the person
}

// consent shows a form, with what was wrong with it.
func (t turn) consent(code int, f form, lang notice.Language, err error) {
	p := t.parts.Told.Profile
	ages := []age{}
	for _, name := range people.Ages(p) {
		ages = append(ages, age{name, letter.Age(t.s.speak(), name, p.ChildAge), letter.Age(known(lang), name, p.ChildAge)})
	}
	data := struct {
		form
		Lang     notice.Language // of the notice that was read
		Notice   notice.Text
		Ages     []age
		ChildAge int  // 0 where nobody is enrolled who cannot consent alone
		OneToOne bool // everybody gets a pass
		Passes   bool
		Told     notice.Statement
		Rights   string
		Ways     string
		Term     time.Time // the latest end of an enrolment
		Step     int
		Trouble  *trouble
	}{
		form: f, Lang: lang, Notice: t.notices[slices.IndexFunc(t.notices, func(n notice.Text) bool { return n.Language == lang })],
		Ages: ages, OneToOne: p.Mode == law.OneToOne, Passes: p.Passes, Told: t.parts.Told.Statement,
		Rights: t.parts.Told.Statement.Words(lang).Rights,
		Ways:   notice.Ways(t.parts.Told.Statement.Says(known(lang)), t.parts.Told.Ways), Term: time.Now().Add(p.RetentionMax), Step: 2,
	}
	if p.MinorsAllowed {
		data.ChildAge = p.ChildAge
	}
	if err != nil {
		var told trouble
		code, told = troubleOf(err)
		data.Trouble = &told
	}
	t.show(code, "consent", data)
}

// take takes a form: with a face it begins the capture, and without one there is nothing but the pass to come.
func (t turn) take() {
	n, face, ok := t.chosen()
	if !ok {
		return
	}
	f, err := read(t.r, face)
	f.Sum = hex.EncodeToString(n.SHA256[:])
	if err == nil && f.Face {
		t.begin(f, n.Language)
		t.to("/capture")
		return
	}
	if err == nil {
		err = t.join(f, n.Language)
	}
	if err != nil {
		t.consent(http.StatusUnprocessableEntity, f, n.Language, err)
		return
	}
	t.to("/handover")
}

// join puts somebody on the list who gives no face.
func (t turn) join(f form, lang notice.Language) error {
	until, _ := f.until()
	joined, err := t.parts.Gate.Join(t.ctx(), people.JoinRequest{Label: f.Label, Reference: f.Number, Until: until, Pass: f.Pass})
	if err != nil {
		return err
	}
	return t.s.give(handover{
		say: "is-joined", label: joined.Label, person: joined.Person, next: "/enrol/" + string(lang), lang: lang,
	}, joined.Pass)
}
