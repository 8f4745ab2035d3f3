package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/configs/show"
)

// A deskPage is the page of facegate office, as a browser has it that was let in.
type deskPage struct {
	client *http.Client
	origin string
	base   string // of the session
	form   string // secret that every form holds
}

// openOffice runs facegate office until the test is over, and opens its page.
func openOffice(t *testing.T, config string) *deskPage {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	done := make(chan int)
	var complaints bytes.Buffer
	go func() {
		code := run(ctx, []string{"office", "--listen", "127.0.0.1:0", "--config", config}, terminal{out: show.NewWriter(out), err: &complaints, machine: bare})
		out.Close()
		done <- code
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-done; code != exitOK {
			t.Errorf("facegate office ended with %d: %s", code, &complaints)
		}
	})
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, &complaints)
	}
	go io.Copy(io.Discard, in)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	link := line[strings.Index(line, "http://") : len(line)-1]
	p := &deskPage{client: &http.Client{Jar: jar, Timeout: time.Minute}, origin: strings.Split(link, "/in/")[0]}
	res, err := p.client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	p.base = strings.TrimSuffix(res.Request.URL.Path, "/")
	p.form = fieldOf(t, readPage(t, res), "form")
	return p
}

func readPage(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// fieldOf returns the value of a field of a page.
func fieldOf(t *testing.T, body, name string) string {
	t.Helper()
	found := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("there is no %s in\n%s", name, body)
	}
	return found[1]
}

func (p *deskPage) get(t *testing.T, path string) string {
	t.Helper()
	res, err := p.client.Get(p.origin + p.base + path)
	if err != nil {
		t.Fatal(err)
	}
	return readPage(t, res)
}

func (p *deskPage) post(t *testing.T, path string, fields url.Values) string {
	t.Helper()
	fields.Set("form", p.form)
	r, err := http.NewRequest(http.MethodPost, p.origin+p.base+path, strings.NewReader(fields.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.origin)
	res, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return readPage(t, res)
}

// TestOfficeAtWork leads people from the notice to their pass at a gate that captures them: 30 with FACEGATE_SLOW, in half an hour at
// the longest. The faces of the recordings are few, and of a gate that compares 1:1 each can be that of several.
func TestOfficeAtWork(t *testing.T) {
	many := 2
	if os.Getenv("FACEGATE_SLOW") != "" {
		many = 30
	}
	l, config, do := startWith(t, gatetest.Settings{"match": fmt.Sprintf("{mode: one-to-one, fpir: %g}", gatetest.FPIR), "alternatives": "[qr]"})
	p := openOffice(t, config)
	began := time.Now()
	for i := range many {
		person := []string{"p01", "p02", "p04", "p09"}[i%4]
		l.throughOffice(t, p, person, fmt.Sprintf("resident %d", i))
	}
	took := time.Since(began)
	t.Logf("%d people from the notice to the pass in %v", many, took.Round(time.Second))
	if many == 30 && took > 30*time.Minute {
		t.Errorf("30 people took %v", took)
	}
	do("people").want(t, exitOK, fmt.Sprintf("resident %d", many-1), "")
}

// throughOffice takes the four steps with one person, who stands before the camera.
func (l *live) throughOffice(t *testing.T, p *deskPage, person, label string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	posed := make(chan error, 1)
	pose := gatetest.Pose(t, person)
	go func() {
		var err error
		for err == nil {
			err = l.stage.Play(ctx, pose)
		}
		posed <- err
	}()
	defer func() {
		cancel()
		if err := <-posed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	p.get(t, "/enrol/en")
	form := p.get(t, "/enrol/en/face")
	body := p.post(t, "/enrol/en/face", url.Values{
		"number": {fieldOf(t, form, "number")}, "label": {label}, "age": {"adult"}, "witness": {"Li Na"}, "signed": {"yes"},
	})
	// The gate gives a capture up after a time, and the page says so: a busy machine may need another one, as people do.
	for tries := 1; strings.Contains(body, "<h1>Capture</h1>") && tries <= 3; body = p.get(t, "/capture") {
		if strings.Contains(body, `role="alert"`) {
			p.post(t, "/capture/again", url.Values{})
			tries++
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !strings.Contains(body, label+" is enrolled.") || !strings.Contains(body, "data:image/png;base64,") {
		t.Fatalf("%s has no pass:\n%s", label, body)
	}
	p.post(t, "/handover", url.Values{"hand": {fieldOf(t, body, "hand")}})
}

// TestOfficeWithoutGate opens the page while the gate is not running, and refuses to open others.
func TestOfficeWithoutGate(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, nil)
	if body := openOffice(t, config).get(t, "/"); !strings.Contains(body, "The gate is not running") || !strings.Contains(body, "systemctl start facegate") {
		t.Errorf("without a gate the page is\n%s", body)
	}
	facegate(t.Context(), "office", "--listen", "0.0.0.0:0", "--config", config).want(t, exitFailed, "", "ssh -L 8687:127.0.0.1:8687")
	facegate(t.Context(), "office", "--listen", "127.0.0.1:no", "--config", config).want(t, exitFailed, "", "take another port")
	facegate(t.Context(), "office", "--idle", "1s", "--config", config).want(t, exitUsage, "", "--idle is from 1m to 8h")
	facegate(t.Context(), "office", "--socket", filepath.Join(site.Dir, "none.sock")).want(t, exitFailed, "", "name the configuration of this gate: --config FILE")
}
