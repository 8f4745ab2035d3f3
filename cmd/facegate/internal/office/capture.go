package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/localweb"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/notice"
)

// aliveEvery is after how long a comment says that a stream is still there.
const aliveEvery = 15 * time.Second

// A capture is one that is under way, or has failed. It is of one form.
type capture struct {
	form form
	lang notice.Language // of the notice, and so of what the person is told
	stop context.CancelFunc

	mu    sync.Mutex // guards what follows
	seen  people.Progress
	err   error         // why it has ended without somebody enrolled
	ended bool          // with or without
	next  chan struct{} // closed when something of this has changed
}

// A sight is what the page of a capture shows. It is sent to the page as it is.
type sight struct {
	Say   string `json:"say"`
	Lang  string `json:"lang"` // of Say
	Left  int    `json:"left"` // seconds before the gate gives up
	Taken int    `json:"taken"`
	Want  int    `json:"want"`
	Ended bool   `json:"ended"`
}

// begin captures whom f names, in place of a capture before it.
func (t turn) begin(f form, lang notice.Language) {
	ctx, stop := context.WithCancel(t.s.ctx)
	c := &capture{form: f, lang: lang, stop: stop, next: make(chan struct{})}
	t.s.mu.Lock()
	if former := t.s.capture; former != nil {
		former.stop()
	}
	t.s.capture = c
	t.s.mu.Unlock()
	go t.parts.capture(ctx, t.s, c)
}

// capture has the gate capture somebody, who is then to be given what came of it.
func (p Parts) capture(ctx context.Context, s *session, c *capture) {
	defer c.stop()
	enrolled, err := p.Gate.Enrol(ctx, c.form.request(string(c.lang)), func(seen people.Progress) {
		c.change(func() { c.seen = seen })
	})
	if err == nil {
		h := handover{
			say: "is-enrolled", label: enrolled.Label, person: enrolled.Person, warned: enrolled.Warned, former: enrolled.Former,
			next: "/enrol/" + string(c.lang), lang: c.lang,
		}
		if enrolled.Receipt != "" {
			h.receipts = []string{enrolled.Receipt}
		}
		err = s.give(h, enrolled.Pass)
	}
	c.change(func() { c.err, c.ended = err, true })
}

// change changes c, and tells those who look.
func (c *capture) change(do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do()
	close(c.next)
	c.next = make(chan struct{})
}

// look returns what there is to be seen on a page in a language, and what is closed when there is something else.
func (c *capture) look(speaks notice.Language) (s sight, next <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s = sight{c.seen.Say, string(c.lang), c.seen.Left, c.seen.Taken, max(c.seen.Want, 1), c.ended}
	if s.Say == "" { // there is no frame yet
		s.Say, s.Lang = words[speaks]["capture-begin"], string(speaks)
	}
	return s, c.next, c.err
}

// captured returns the capture that is under way or has ended, nil for none.
func (s *session) captured() *capture {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.capture
}

// watch shows a capture. One that has ended well leads to what is to be handed over.
func (t turn) watch() {
	c := t.s.captured()
	if c == nil {
		t.to("/enrol")
		return
	}
	seen, _, err := c.look(t.s.speak())
	if seen.Ended && err == nil {
		t.to("/handover")
		return
	}
	data := struct {
		sight
		Label   string
		Step    int
		Face    bool
		Trouble *trouble
	}{seen, c.form.Label, 3, true, nil}
	if err != nil {
		_, told := troubleOf(err)
		switch {
		case errors.Is(err, context.Canceled):
			told = trouble{Say: "given-up"}
		case told.Say == "refused":
			told.Say = "not-captured"
		}
		data.Trouble = &told
	}
	t.show(http.StatusOK, "capture", data)
}

// events sends what is seen of a capture until it has ended.
func (t turn) events() {
	c := t.s.captured()
	if c == nil {
		http.NotFound(t.w, t.r)
		return
	}
	t.w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(t.w)
	send := func(text string) bool {
		if out.SetWriteDeadline(time.Now().Add(localweb.Slow)) != nil {
			return false
		}
		_, err := fmt.Fprint(t.w, text)
		return err == nil && out.Flush() == nil
	}
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for speaks := t.s.speak(); ; {
		seen, next, _ := c.look(speaks)
		if t.s.captured() != c {
			return // it was given up, and its page is led elsewhere already
		}
		data, err := json.Marshal(seen)
		if err != nil || !send("data: "+string(data)+"\n\n") || seen.Ended {
			return
		}
		select {
		case <-next:
		case <-t.ctx().Done():
			return
		case <-t.s.ctx.Done():
			return
		case <-alive.C:
			if !send(":\n\n") {
				return
			}
		}
	}
}

// tryAgain captures by the same form once more.
func (t turn) tryAgain() {
	if c := t.s.captured(); c != nil {
		t.begin(c.form, c.lang)
	}
	t.to("/capture")
}

// giveUp ends a capture, and leads back to its form.
func (t turn) giveUp() {
	c := t.s.captured()
	if c == nil {
		t.to("/enrol")
		return
	}
	t.s.mu.Lock()
	t.s.capture = nil // before it ends, so that its page is not led elsewhere
	t.s.mu.Unlock()
	c.stop()
	t.consent(http.StatusOK, c.form, c.lang, nil)
}
