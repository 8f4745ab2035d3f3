package office

import (
	"context"
	"embed"
	"net/http"
	"strings"

	"facegate/cmd/facegate/internal/localweb"
	"facegate/configs/notice"
)

// maxForm is how long a form may be that a page sends, in bytes.
const maxForm = 16 << 10

//go:embed pages/office.css pages/office.js
var files embed.FS

// policy lets a page do what it does itself, and nothing else. A pass is drawn within its page.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// ServeHTTP implements http.Handler.
func (o *Office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // without one a browser says of a form that it is from nowhere
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if code, why := foreign(r); code != 0 {
		http.Error(w, why, code)
		return
	}
	if key, ok := strings.CutPrefix(r.URL.Path, "/in/"); ok {
		o.enter(w, r, key)
		return
	}
	if r.URL.Path == "/office.css" || r.URL.Path == "/office.js" {
		http.ServeFileFS(w, r, files, "pages"+r.URL.Path)
		return
	}
	s, path, ok := o.of(r)
	if !ok {
		o.locked(w)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.Method == http.MethodPost && (r.ParseForm() != nil || !same(r.PostForm.Get("form"), s.form)) {
		http.Error(w, "not from a page of this office", http.StatusForbidden)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), sessionKey{}, s))
	r.URL.Path = path
	o.mux.ServeHTTP(w, r)
}

type sessionKey struct{}

// foreign returns the answer to a request that no page of an Office makes, 0 for none: one that was led here by a name that somebody
// has pointed to this machine (DNS rebinding), one that a page from elsewhere makes, and one with parameters in its address.
// A page of another port is one from elsewhere, and a browser says so in Sec-Fetch-Site and in Origin.
func foreign(r *http.Request) (code int, why string) {
	origin := r.Header.Get("Origin")
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case !localweb.Here(r):
		return http.StatusMisdirectedRequest, "not here"
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, "only GET and POST"
	case r.URL.RawQuery != "" || r.URL.ForceQuery:
		return http.StatusBadRequest, "no parameters"
	case r.Header.Get("Sec-Purpose") != "": // a link that a browser opens by itself would be used up
		return http.StatusServiceUnavailable, "not ahead of time"
	case site != "" && site != "none" && site != "same-origin",
		origin != "" && origin != "http://"+r.Host,
		r.Method == http.MethodPost && origin == "":
		return http.StatusForbidden, "not from elsewhere"
	}
	return 0, ""
}

// locked answers who has no session.
func (o *Office) locked(w http.ResponseWriter) {
	o.views.show(w, http.StatusForbidden, view{Lang: o.first(), Page: "locked"})
}

// routes are the pages of a session, below its room.
func (o *Office) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(turn){
		"GET /{$}":                 turn.home,
		"POST /find":               turn.find,
		"GET /person/{who}":        turn.held,
		"POST /person/{who}/pass":  turn.newPass,
		"GET /person/{who}/{how}":  turn.leaving,
		"POST /person/{who}/{how}": turn.leave,
		"GET /enrol":               turn.enrol,
		"GET /enrol/{lang}":        turn.tell,
		"GET /enrol/{lang}/{way}":  turn.ask,
		"POST /enrol/{lang}/{way}": turn.take,
		"GET /capture":             turn.watch,
		"GET /capture/events":      turn.events,
		"POST /capture/again":      turn.tryAgain,
		"POST /capture/form":       turn.giveUp,
		"GET /handover":            turn.hand,
		"GET /handover/{n}":        turn.file,
		"GET /handover/{n}/pdf":    turn.sheet,
		"POST /handover":           turn.handed,
		"POST /language/{to}":      turn.changeLanguage,
		"POST /lock":               turn.lock,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			serve(turn{o, r.Context().Value(sessionKey{}).(*session), w, r})
		})
	}
	return mux
}

// A turn is one request of a session, and its answer.
type turn struct {
	*Office
	s *session
	w http.ResponseWriter
	r *http.Request
}

// show answers with a page, filled from data.
func (t turn) show(code int, page string, data any) {
	t.views.show(t.w, code, view{Lang: t.s.speak(), Base: "/" + t.s.room, Form: t.s.form, Page: page, D: data})
}

// to leads to another page of the session.
func (t turn) to(path string) { http.Redirect(t.w, t.r, "/"+t.s.room+path, http.StatusSeeOther) }

// ctx ends with the request, or the session.
func (t turn) ctx() context.Context { return t.r.Context() }

// changeLanguage has the pages speak another language.
func (t turn) changeLanguage() {
	if to := notice.Language(t.r.PathValue("to")); t.views.know(to) {
		t.s.mu.Lock()
		t.s.language = to
		t.s.mu.Unlock()
	}
	t.to("/")
}

func (t turn) lock() {
	t.Office.lock(t.s)
	t.locked(t.w)
}
