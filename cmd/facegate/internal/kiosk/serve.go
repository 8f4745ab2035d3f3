package kiosk

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"facegate/cmd/facegate/internal/localweb"
)

// ServeHTTP implements http.Handler.
func (k *Kiosk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if localweb.Refuse(w, r, k.parts.Network) {
		return
	}
	switch p, there := k.pages[r.URL.Path]; {
	case r.URL.Path == "/":
		http.Redirect(w, r, "/"+string(k.parts.Notices[0].Language), http.StatusFound)
	case r.URL.Path == "/events":
		k.events(w, r)
	case there:
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", p.policy)
		w.Write(p.body)
	default:
		http.NotFound(w, r)
	}
}

// events sends a screen what is shown, and each that follows, until it goes or does not take them.
func (k *Kiosk) events(w http.ResponseWriter, r *http.Request) {
	from := r.Header.Get("Sec-Fetch-Site")
	s, ok := k.join(slices.Contains([]string{"", "same-origin", "none"}, from))
	if !ok {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many screens", http.StatusServiceUnavailable)
		return
	}
	defer k.leave(s)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	send := func(text string) bool {
		if out.SetWriteDeadline(time.Now().Add(localweb.Slow)) != nil {
			return false
		}
		_, err := w.Write([]byte(text))
		return err == nil && out.Flush() == nil
	}
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for going := send("retry: 1000\n\n"); going; {
		select {
		case <-r.Context().Done():
			return
		case e := <-s:
			going = send(fmt.Sprintf("data: %s\n\n", e))
		case <-alive.C:
			going = send(":\n\n")
		}
	}
}

// join takes a screen in, if it is of our own page and there is room.
func (k *Kiosk) join(ours bool) (screen, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !ours || len(k.screens) >= maxScreens {
		return nil, false
	}
	s := make(screen, 1)
	s.put(k.shown)
	k.screens[s] = struct{}{}
	if len(k.screens) == 1 {
		k.parts.Log.Info("a screen follows the door")
	}
	return s, true
}

func (k *Kiosk) leave(s screen) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.screens, s)
	if len(k.screens) == 0 {
		k.parts.Log.Info("no screen follows the door any more")
	}
}
