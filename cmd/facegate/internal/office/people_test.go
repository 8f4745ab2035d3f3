package office_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/health"
	"facegate/configs/hint"
)

// TestPeople lists people, finds them by label and by form, and says what is held of one.
func TestPeople(t *testing.T) {
	g := newGate(t)
	g.join(t, "Zhang Wei")
	g.enrol(t, "<b>Eve</b>")
	g.enrol(t, "Ada")
	v := serve(t, g, time.Hour)
	c := v.enter()
	code, body := c.get("/")
	want(t, "the list", code, body, http.StatusOK, "3 of 3 people", "Zhang Wei", "without a face", "form Ada", "by face", "&lt;b&gt;Eve")
	for _, tt := range []struct {
		text  string
		found string
	}{
		{"zhang", "1 of 3"}, {"CONTRACT", "1 of 3"}, {"form", "2 of 3"}, {"", "3 of 3"}, {" form ada ", "1 of 3"}, {"nobody", "Nobody is found"},
	} {
		code, body := c.post("/find", "text", tt.text)
		want(t, "find "+tt.text, code, body, http.StatusOK, tt.found)
	}
	code, body = c.get(c.personOf("Ada"))
	want(t, "what is held", code, body, http.StatusOK, "This is all of it.", "Ada", "form Ada", "Lime Court Ltd", `lang="en"`)
	code, body = c.get("/person/000000000000000000000000")
	want(t, "nobody", code, body, http.StatusNotFound, "Nobody on the list")
	code, body = c.post("/language/zh")
	want(t, "in Chinese", code, body, http.StatusOK, `<html lang="zh">`, "人员名单")
	c.post("/language/fr")
	code, body = c.get("/")
	want(t, "in French", code, body, http.StatusOK, `<html lang="zh">`)
}

// TestTrouble has the gate answer with errors, and be unwell.
func TestTrouble(t *testing.T) {
	g := newGate(t)
	g.join(t, "Zhang Wei")
	v := serve(t, g, time.Hour)
	c := v.enter()
	erase := c.personOf("Zhang Wei") + "/erase"
	for _, tt := range []struct {
		err  error
		code int
		say  string
	}{
		{control.ErrNotRunning, http.StatusServiceUnavailable, "The gate is not running"},
		{control.ErrForbidden, http.StatusForbidden, "You may not do that"},
		{control.ErrPending, http.StatusAccepted, "waits for a second person"},
		{errors.New("disk full"), http.StatusUnprocessableEntity, "The gate has refused it"},
	} {
		g.set(func() { g.err = hint.Wrap(fmt.Errorf("%w: by test", tt.err), "do that instead") })
		for _, path := range []string{"/", "/enrol/en/face", strings.TrimSuffix(erase, "/erase")} {
			code, body := c.get(path)
			want(t, fmt.Sprintf("%v at %s", tt.err, path), code, body, tt.code, tt.say, "by test", "do that instead", `role="alert"`)
		}
		code, body := c.post(erase)
		want(t, fmt.Sprintf("%v at an erasure", tt.err), code, body, tt.code, tt.say)
	}
	g.set(func() {
		g.err = nil
		g.health = health.Assess(health.Condition{Name: "camera-lost", Part: health.Camera, State: health.Down, Reason: "no picture", Todo: "plug it in"})
	})
	code, body := c.get("/")
	want(t, "unwell", code, body, http.StatusOK, "not as it should be", "camera: no picture; plug it in")
}
