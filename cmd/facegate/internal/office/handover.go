package office

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"facegate/cmd/facegate/internal/delivery"
	"facegate/cmd/facegate/internal/letter"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/receiptsheet"
	"facegate/cmd/facegate/internal/typeset"
	"facegate/configs/notice"
	token "facegate/pipeline/template"
	"facegate/pipeline/template/pass"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
)

// A handover is what a person is to be given, which is nowhere else but for a receipt. It is kept until the clerk says that it was
// given, until there is something else, or until the page is locked.
type handover struct {
	id       string // that its page holds, so that nothing is taken for handed over that another page shows
	say      string // key of what was done
	label    string
	person   people.Person // the zero Person if somebody was erased
	warned   string        // see people.Enrolled
	former   string        // likewise
	picture  []byte        // of the pass
	receipts []string
	next     string          // path of the page that follows
	lang     notice.Language // in which the person reads
}

// step returns which step of an enrolment it is, the last; 0 if it is none.
func (h handover) step() int {
	switch h.say {
	case "is-enrolled":
		return len(stepsOf(true))
	case "is-joined":
		return len(stepsOf(false))
	}
	return 0
}

// clear forgets the pass.
func (h *handover) clear() {
	if h != nil {
		clear(h.picture)
	}
}

// give keeps what a person is to be given. It takes the place of what was not given before. The token is cleared.
func (s *session) give(h handover, t token.Token) (err error) {
	defer t.Clear()
	if t != (token.Token{}) {
		h.picture, err = pass.PNG(t)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hand.clear()
	h.id = secret()
	s.hand = &h
	return err
}

// given returns what is to be handed over, nil for nothing.
func (s *session) given() *handover {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hand
}

// waits reports whether something is to be handed over.
func (s *session) waits() bool { return s.given() != nil }

// A paper is a receipt in words.
type paper struct {
	Lang    notice.Language
	Words   string
	Checked bool // its signature is that of the device
	At      int  // which one of the handover's it is
}

// hand shows what is to be handed over.
func (t turn) hand() {
	h := t.s.given()
	if h == nil {
		t.to("/")
		return
	}
	papers, err := t.papers(*h)
	if err != nil {
		t.trouble(err)
		return
	}
	picture := template.URL("")
	if h.picture != nil {
		picture = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(h.picture))
	}
	t.show(http.StatusOK, "handover", struct {
		ID, Say, Label, Warned, Former string
		Person                         people.Person
		Picture                        template.URL
		Papers                         []paper
		Dated                          bool // somebody is on the list, whose term is told
		Step                           int
		Face                           bool
		Theirs                         notice.Language // of what is printed
	}{h.id, h.say, h.label, h.warned, h.former, h.person, picture, papers, h.step() > 0, h.step(), !h.person.NoFace, known(h.lang)})
}

// papers puts the receipts of h into words.
func (t turn) papers(h handover) (all []paper, err error) {
	for i, text := range h.receipts {
		r, err := t.checked(text)
		if err != nil {
			return nil, err
		}
		p := paper{Lang: h.languageOf(r), Checked: r.Checked, At: i}
		var b strings.Builder
		if err := letter.Receipt(&b, p.Lang, time.Local, r); err != nil {
			return nil, err
		}
		p.Words = b.String()
		all = append(all, p)
	}
	return all, nil
}

// languageOf returns the language in which the person reads a receipt.
func (h handover) languageOf(p letter.Paper) notice.Language {
	return known(cmp.Or(notice.Language(p.Language), h.lang))
}

// checked reads the file of a receipt. It is Checked if receipt and proof are signed by the gate.
func (t turn) checked(text string) (p letter.Paper, err error) {
	device, err := t.parts.Gate.Device(t.ctx())
	if err != nil {
		return p, err
	}
	key, err := hex.DecodeString(device.PublicKey)
	if err != nil {
		return p, err
	}
	if p.Receipt, err = receipt.Read([]byte(text)); err != nil {
		return p, err
	}
	_, wrong := receipt.Verify([]byte(text), key)
	line, made := receipt.Split([]byte(text))
	if made != nil {
		read, err := proof.Read(line, made)
		if err != nil {
			return p, err
		}
		p.Proof = &read
		_, unproved := proof.Verify(line, made, key)
		wrong = errors.Join(wrong, unproved)
	}
	p.Checked = wrong == nil
	return p, nil
}

// asked returns what is to be handed over, and its receipt that the address names, with the id of that.
func (t turn) asked() (h *handover, file, id string, ok bool) {
	h = t.s.given()
	n, err := strconv.Atoi(t.r.PathValue("n"))
	if h == nil || err != nil || n < 0 || n >= len(h.receipts) {
		http.NotFound(t.w, t.r)
		return nil, "", "", false
	}
	if id, err = receipt.ID([]byte(h.receipts[n])); err != nil {
		t.trouble(err)
		return nil, "", "", false
	}
	return h, h.receipts[n], id, true
}

// file hands out a receipt and its proof as the gate has signed them.
func (t turn) file() {
	_, text, id, ok := t.asked()
	if !ok {
		return
	}
	t.save(delivery.Name(id), "text/plain; charset=utf-8", []byte(text))
}

// sheet hands out a receipt as a page to print.
func (t turn) sheet() {
	h, text, id, ok := t.asked()
	if !ok {
		return
	}
	p, err := t.checked(text)
	if err != nil {
		t.trouble(err)
		return
	}
	var page bytes.Buffer
	s := receiptsheet.Sheet{File: []byte(text), Paper: p, Language: h.languageOf(p), Zone: time.Local, Made: time.Now()}
	if err := receiptsheet.Write(&page, s, typeset.Find(t.parts.Machine)); err != nil {
		t.trouble(err)
		return
	}
	t.save(id+".pdf", "application/pdf", page.Bytes())
}

// save hands out a file.
func (t turn) save(name, kind string, data []byte) {
	t.w.Header().Set("Content-Type", kind)
	t.w.Header().Set("Content-Disposition", "attachment; filename="+name)
	t.w.Write(data)
}

// handed forgets what was handed over, unless another page has taken its place. The gate need not keep its receipts any more.
func (t turn) handed() {
	h := t.s.given()
	if h == nil {
		t.to("/")
		return
	}
	if t.r.PostForm.Get("hand") != h.id {
		t.to("/handover")
		return
	}
	for _, text := range h.receipts {
		id, err := receipt.ID([]byte(text))
		if err == nil {
			err = t.parts.Gate.Fetched(t.ctx(), id)
		}
		if err != nil {
			t.trouble(err)
			return
		}
	}
	t.s.mu.Lock()
	h.clear()
	if t.s.hand == h { // and nothing else meanwhile
		t.s.hand, t.s.capture = nil, nil
	}
	t.s.mu.Unlock()
	t.to(h.next)
}
