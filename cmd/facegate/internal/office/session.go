package office

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"facegate/configs/notice"
)

// A session is one browser that had the link. It is there until the page is locked.
type session struct {
	room   string // path below which its pages are, which nobody can guess
	cookie string // that the browser shows
	form   string // that every form of its pages holds
	names  []byte // key by which addresses stand for labels
	timer  *time.Timer

	ctx  context.Context // ends with the session
	done context.CancelFunc

	mu       sync.Mutex // guards what follows
	language notice.Language
	capture  *capture  // nil for none
	hand     *handover // nil for nothing
}

// secret returns what nobody can guess.
func secret() string { return rand.Text() }

func newSession(language notice.Language) *session {
	ctx, done := context.WithCancel(context.Background())
	return &session{room: secret(), cookie: secret(), form: secret(), names: []byte(secret()), ctx: ctx, done: done, language: language}
}

// end forgets what the session was about to hand over, and gives up its capture.
func (s *session) end() {
	s.done()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hand.clear()
	s.hand, s.capture = nil, nil
}

// address stands for a label in the address of a page, where a browser keeps what it has visited.
func (s *session) address(label string) string {
	mac := hmac.New(sha256.New, s.names)
	mac.Write([]byte(label))
	return hex.EncodeToString(mac.Sum(nil)[:12])
}

// speak returns the language of the page.
func (s *session) speak() notice.Language {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.language
}

// cookieName is that of the cookie. It is sent to the paths below the room alone: a browser sends the cookies of 127.0.0.1 to whatever
// listens there, at each port, and others may listen at another one.
const cookieName = "facegate-office"

// enter opens a session for who has the key of the link, which opens none again.
func (o *Office) enter(w http.ResponseWriter, r *http.Request, key string) {
	o.mu.Lock()
	if o.key == "" || !same(key, o.key) {
		o.mu.Unlock()
		o.locked(w)
		return
	}
	s := newSession(o.first())
	s.timer = time.AfterFunc(o.parts.Idle, func() { o.lock(s) })
	o.key, o.session = "", s
	o.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.cookie, Path: "/" + s.room + "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/"+s.room+"/", http.StatusSeeOther)
}

// first returns the language in which a page begins: that of the first notice, if there are words in it.
func (o *Office) first() notice.Language { return known(o.notices[0].Language) }

// of returns the session of a request, and the path below its room; false where there is none, or it is not this browser's.
func (o *Office) of(r *http.Request) (s *session, path string, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s = o.session
	room, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	cookie, err := r.Cookie(cookieName)
	if s == nil || err != nil || !same(room, s.room) || !same(cookie.Value, s.cookie) {
		return nil, "", false
	}
	s.timer.Reset(o.parts.Idle)
	return s, "/" + path, true
}

// same compares in a time that says nothing.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
