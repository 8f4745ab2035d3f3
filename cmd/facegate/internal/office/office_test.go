package office_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/office"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/people/recordstest"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/passage"
	"facegate/configs/words"
	"facegate/store/audit"
)

// A gate has the records of a house, and a camera before which somebody new stands each time.
type gate struct {
	people.Records
	house recordstest.House

	mu      sync.Mutex // guards what follows
	err     error      // that it answers with to everything
	health  health.Report
	capture func(ctx context.Context, progress func(people.Progress)) error // what is seen before somebody is captured
	read    string                                                          // sum of the notice that whoever was captured last has read
}

func newGate(t *testing.T) *gate {
	house := recordstest.Open(t)
	return &gate{
		Records: house.Register.As(1000), house: house, health: health.Assess(),
		capture: func(context.Context, func(people.Progress)) error { return nil },
	}
}

// set changes what the gate does.
func (g *gate) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

func (g *gate) fails() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

func (g *gate) Status(context.Context) (status.Status, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return status.Status{Health: g.health}, g.err
}

func (g *gate) People(ctx context.Context) ([]people.Person, error) {
	if err := g.fails(); err != nil {
		return nil, err
	}
	return g.Records.People(ctx)
}

func (g *gate) Form(ctx context.Context, r people.FormRequest) (people.Form, error) {
	if err := g.fails(); err != nil {
		return people.Form{}, err
	}
	return g.Records.Form(ctx, r)
}

func (g *gate) Erase(ctx context.Context, who people.Who, why audit.Reason) (people.Erasure, error) {
	if err := g.fails(); err != nil {
		return people.Erasure{}, err
	}
	return g.Records.Erase(ctx, who, why)
}

func (g *gate) Enrol(ctx context.Context, r people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error) {
	if err := r.Clean(); err != nil {
		return people.Enrolled{}, err
	}
	if err := g.house.Accepts(r); err != nil {
		return people.Enrolled{}, err
	}
	g.mu.Lock()
	capture := g.capture
	g.read = r.Notice
	g.mu.Unlock()
	if err := capture(ctx, progress); err != nil {
		return people.Enrolled{}, err
	}
	return g.house.Enrol(r)
}

// join puts somebody on the list of the gate.
func (g *gate) join(t *testing.T, label string) {
	t.Helper()
	if _, err := g.Join(t.Context(), people.JoinRequest{Label: label, Reference: "contract " + label, Until: time.Now().AddDate(1, 0, 0)}); err != nil {
		t.Fatal(err)
	}
}

// enrol enrols somebody with a face.
func (g *gate) enrol(t *testing.T, label string) {
	t.Helper()
	if _, err := g.house.Enrol(people.EnrolRequest{Label: label, Consent: "form " + label, Age: "adult", By: 1000}); err != nil {
		t.Fatal(err)
	}
}

// arabic is a language that facegate has no notice in, and that is written from the right.
func arabic(t *testing.T) notice.Foreign {
	t.Helper()
	dir := os.DirFS("../../../../configs/testdata/languages")
	text, err := fs.ReadFile(dir, "notice.ar.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := fs.ReadFile(dir, "words.ar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	says, err := words.Parse("words.ar.yaml", file)
	if err != nil {
		t.Fatal(err)
	}
	return notice.Foreign{
		Language: "ar", File: "notice.ar.md", Text: string(text), Says: says,
		Words: notice.Words{Place: "الباب الشمالي", Purpose: "فتح الباب للسكان", Necessity: "لتبقى اليدان حرتين", Rights: "اسأل البواب"},
	}
}

// told is what people are told, under a law, in English, Chinese and Arabic.
func told(t *testing.T, j law.Jurisdiction) notice.Particulars {
	t.Helper()
	ways := []passage.Way{passage.QR, passage.Card, passage.Intercom}
	return notice.Particulars{
		Statement: notice.Statement{
			Version: "3", Controller: "Lime Court Ltd", Contact: "privacy@lime.example", SignInstalled: true,
			EN:   notice.Words{Place: "north door", Purpose: "To open this door for residents", Necessity: "Hands stay free", Rights: "ask the porter"},
			ZH:   notice.Words{Place: "北门", Purpose: "为住户开门", Necessity: "方便双手提物的住户", Rights: "到物业服务中心办理"},
			More: []notice.Foreign{arabic(t)},
		},
		Ways: ways,
		Profile: law.Resolve(law.Terms{
			Jurisdiction: j, Mode: law.OneToMany, Trigger: law.AutoTrigger, Children: law.AskGuardian, Pass: true, Second: true,
			ValidDays: 365, IdleDays: 180, AccessLogDays: 90, Lockout: law.Lockout{DelayAfter: 5, Delay: 30 * time.Second, DisableAfter: 50},
		}),
	}
}

// An open office is served on a port of this machine.
type open struct {
	t     *testing.T
	gate  *gate
	links chan string
	log   *bytes.Buffer // read it when the office is closed
	close func()
}

// serve opens an office.
func serve(t *testing.T, g *gate, idle time.Duration) *open {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &open{t: t, gate: g, links: make(chan string, 100), log: new(bytes.Buffer)}
	o, err := office.New(office.Parts{
		Machine: fstest.MapFS{},
		Gate:    g, Told: told(t, law.EU), Clerk: "li.na", Listener: l, Idle: idle, Link: func(url string) { v.links <- url },
		Log: slog.New(slog.NewTextHandler(v.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.Run(ctx) }()
	v.close = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(v.close)
	return v
}

// link returns the link that was printed last.
func (v *open) link() string {
	v.t.Helper()
	select {
	case link := <-v.links:
		return link
	case <-time.After(20 * time.Second):
		v.t.Fatal("no link is printed")
		return ""
	}
}

// A clerk is a browser that was let in.
type clerk struct {
	t      *testing.T
	client *http.Client
	origin string
	base   string // of the session
	form   string // that forms hold
	hand   string // that the form of what is to be handed over holds
	seen   []string
}

// enter opens the link that was printed last.
func (v *open) enter() *clerk {
	v.t.Helper()
	return enter(v.t, v.link())
}

// enter opens a link.
func enter(t *testing.T, link string) *clerk {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &clerk{t: t, client: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
	c.origin = strings.Split(link, "/in/")[0]
	res, err := c.client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	body := c.body(res)
	c.base = strings.TrimSuffix(res.Request.URL.Path, "/")
	c.form = formOf.FindStringSubmatch(body)[1]
	return c
}

var (
	formOf = regexp.MustCompile(`name="form" value="([^"]+)"`)
	handOf = regexp.MustCompile(`name="hand" value="([^"]+)"`)
)

func (c *clerk) body(res *http.Response) string {
	c.t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.seen = append(c.seen, res.Request.URL.String())
	if found := handOf.FindSubmatch(text); found != nil {
		c.hand = string(found[1])
	}
	return string(text)
}

// get asks for a page of the session.
func (c *clerk) get(path string) (code int, body string) {
	c.t.Helper()
	res, err := c.client.Get(c.origin + c.base + path)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, c.body(res)
}

// post sends a form as a page does, and follows where it leads.
func (c *clerk) post(path string, fields ...string) (code int, body string) {
	c.t.Helper()
	values := url.Values{"form": {c.form}, "hand": {c.hand}}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequest(http.MethodPost, c.origin+c.base+path, strings.NewReader(values.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", c.origin)
	res, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, c.body(res)
}

// want checks an answer.
func want(t *testing.T, what string, code int, body string, wanted int, texts ...string) {
	t.Helper()
	if code != wanted {
		t.Errorf("%s: %d, want %d: %s", what, code, wanted, body)
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("%s: %q is not in\n%s", what, text, body)
		}
	}
}

// personOf returns the address of the page of a person.
func (c *clerk) personOf(label string) string {
	c.t.Helper()
	_, body := c.get("/")
	found := regexp.MustCompile(`href="` + c.base + `(/person/[0-9a-f]+)">` + regexp.QuoteMeta(label) + `<`).FindStringSubmatch(body)
	if found == nil {
		c.t.Fatalf("%s is not listed in\n%s", label, body)
	}
	return found[1]
}
