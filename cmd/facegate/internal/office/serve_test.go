package office_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestLink opens the page by its link, which opens it once and in one browser.
func TestLink(t *testing.T) {
	v := serve(t, newGate(t), time.Hour)
	link := v.link()
	v.links <- link
	c := v.enter()
	code, body := c.get("/")
	want(t, "the page", code, body, http.StatusOK, "People", "The gate is well.")

	other := &http.Client{}
	for what, url := range map[string]string{
		"the link again":            link,
		"another link":              link[:len(link)-1] + "0",
		"no link":                   c.origin + "/",
		"the page without a cookie": c.origin + c.base + "/",
		"another room":              c.origin + "/AAAA/",
	} {
		res, err := other.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		want(t, what, res.StatusCode, c.body(res), http.StatusForbidden, "This page is locked")
	}
	// A browser sends its cookies to every port of an address. Below another path it sends none of this.
	jar := c.client.Jar.(*cookiejar.Jar)
	for path, n := range map[string]int{c.base + "/": 1, "/": 0, "/in/x": 0} {
		u, err := url.Parse(c.origin + path)
		if err != nil {
			t.Fatal(err)
		}
		if got := jar.Cookies(u); len(got) != n {
			t.Errorf("to %s go the cookies %v", path, got)
		}
	}

	code, body = c.post("/lock")
	want(t, "lock", code, body, http.StatusForbidden, "This page is locked")
	code, body = c.get("/")
	want(t, "the page when it is locked", code, body, http.StatusForbidden, "This page is locked")
	code, body = v.enter().get("/")
	want(t, "the page by the next link", code, body, http.StatusOK, "People")
}

// TestIdle leaves a page alone, which is locked then.
func TestIdle(t *testing.T) {
	v := serve(t, newGate(t), 50*time.Millisecond)
	link := v.link()
	v.links <- link
	res, err := http.Get(link) // without a jar, so that nothing follows
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	v.link() // by which it is opened
	if next := v.link(); next == link {
		t.Errorf("the next link is %s as well", next)
	}
}

// TestForeign makes requests that no page of the office makes.
func TestForeign(t *testing.T) {
	v := serve(t, newGate(t), time.Hour)
	c := v.enter()
	page := func(change func(*http.Request)) (int, string) {
		t.Helper()
		body := url.Values{"form": {c.form}, "text": {"x"}}.Encode()
		r, err := http.NewRequest(http.MethodPost, c.origin+c.base+"/find", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", c.origin)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		change(r)
		res, err := c.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, c.body(res)
	}
	form := func(values url.Values) func(*http.Request) {
		return func(r *http.Request) {
			with, err := http.NewRequest(http.MethodPost, r.URL.String(), strings.NewReader(values.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			with.Header = r.Header
			*r = *with
		}
	}
	for _, tt := range []struct {
		what   string
		change func(*http.Request)
		want   int
	}{
		{"as a page does", func(*http.Request) {}, http.StatusOK},
		{"by localhost", func(r *http.Request) {
			for _, cookie := range c.client.Jar.Cookies(r.URL) {
				r.AddCookie(cookie)
			}
			r.Host = strings.Replace(r.Host, "127.0.0.1", "localhost", 1)
			r.Header.Set("Origin", "http://"+r.Host)
		}, http.StatusOK},
		{"by a name pointed here", func(r *http.Request) {
			r.Host = "evil.example:8687"
			r.Header.Set("Origin", "http://evil.example:8687")
		}, http.StatusMisdirectedRequest},
		{"by a name that begins like this machine", func(r *http.Request) { r.Host = "127.0.0.1.evil.example" }, http.StatusMisdirectedRequest},
		{"from another site", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		{"from another port", func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:9") }, http.StatusForbidden},
		{"from a page without an origin", func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden},
		{"without an origin", func(r *http.Request) { r.Header.Del("Origin") }, http.StatusForbidden},
		{"as a browser says of another site", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		{"as a browser says of another port", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
		{"before anybody wants it", func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch;prerender") }, http.StatusServiceUnavailable},
		{"another method", func(r *http.Request) { r.Method = http.MethodPut }, http.StatusMethodNotAllowed},
		{"with parameters", func(r *http.Request) { r.URL.RawQuery = "text=ada" }, http.StatusBadRequest},
		{"without the secret of the form", form(url.Values{"text": {"x"}}), http.StatusForbidden},
		{"with another one", form(url.Values{"form": {"x"}}), http.StatusForbidden},
		{"longer than any form", form(url.Values{"form": {c.form}, "text": {strings.Repeat("x", 20<<10)}}), http.StatusForbidden},
		{"without the cookie", func(r *http.Request) { r.URL.Path = "/X" + r.URL.Path[2:] }, http.StatusForbidden},
	} {
		if code, body := page(tt.change); code != tt.want {
			t.Errorf("%s: %d, want %d: %.200s", tt.what, code, tt.want, body)
		}
	}
}

// TestHeaders looks at how every page may be kept and used.
func TestHeaders(t *testing.T) {
	v := serve(t, newGate(t), time.Hour)
	c := v.enter()
	for _, path := range []string{"/", "/enrol", "/enrol/en/face", "/enrol/xx", "/nothing", "/person/00"} {
		res, err := c.client.Get(c.origin + c.base + path)
		if err != nil {
			t.Fatal(err)
		}
		c.body(res)
		if h := res.Header; h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'") ||
			h.Get("Referrer-Policy") != "same-origin" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
	}
}
