package kiosk_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"facegate/cmd/facegate/internal/guide"
	"facegate/cmd/facegate/internal/kiosk"
	"facegate/cmd/facegate/internal/localweb"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/passage"
	"facegate/configs/words"
	"facegate/pipeline"
	"facegate/pipeline/attempt"
)

// everyWay are the other ways in that a door may have.
func everyWay() []passage.Way {
	return []passage.Way{passage.Card, passage.PIN, passage.QR, passage.Intercom, passage.Key}
}

// notices are those of the reference, in both languages.
func notices(t testing.TB) []notice.Text {
	t.Helper()
	c, err := configs.Parse("test.yaml", strings.NewReader("profile: lab\nsite: hq\ngate: north\ndoor: {driver: sim}\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := c.Particulars()
	p.Ways = everyWay()
	texts, err := p.Texts()
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// says are the words of the languages that facegate speaks itself.
func says(lang notice.Language) words.Words { return words.Of(string(lang)) }

func parts(t testing.TB) kiosk.Parts {
	return kiosk.Parts{
		Network: "tcp", Address: "127.0.0.1:0", Notices: notices(t), Says: says, Ways: everyWay(), Log: slog.New(slog.DiscardHandler),
	}
}

func open(t testing.TB, p kiosk.Parts) *kiosk.Kiosk {
	t.Helper()
	k, err := kiosk.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// run runs a kiosk for as long as the test, and returns where it listens.
func run(t testing.TB, k *kiosk.Kiosk) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	awaited(t, "the page is served", func() bool { return k.Addr() != nil })
	return k.Addr().String()
}

// awaited waits until ok, and fails the test after 20 seconds.
func awaited(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestFurtherLanguage serves pages in a language that is written from the right to the left, and lacks a word.
func TestFurtherLanguage(t *testing.T) {
	arabic, err := words.Parse("ar.yaml", []byte("name: العربية\nother-ways: \"طرق أخرى: @\"\nway-card: بطاقة\nlist-or: \" أو \"\nwait: لحظة\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := parts(t)
	p.Notices = append(p.Notices, notice.Text{Language: "ar", Text: "# عن الوجوه\n"})
	p.Says = func(lang notice.Language) words.Words {
		if lang == "ar" {
			return arabic
		}
		return says(lang)
	}
	k := open(t, p)
	for path, wanted := range map[string][]string{
		"/ar":        {`<html lang="ar" dir="rtl">`, "طرق أخرى: بطاقة, a PIN", " أو a key", `<li id="t-wait">لحظة`, `<li id="t-idle">Look at`, "DateTimeFormat(\"ar\""},
		"/ar/notice": {`<html lang="ar" dir="rtl">`, "عن الوجوه</h1>"},
		"/en":        {`dir="ltr"`, `lang="ar" dir="auto" hreflang="ar">العربية</a>`},
	} {
		body, err := io.ReadAll(get(k, func(r *http.Request) { r.URL.Path = path }).Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wanted {
			if !strings.Contains(string(body), want) {
				t.Errorf("%s has no %q:\n%s", path, want, body)
			}
		}
	}
}

// get asks a kiosk for a page without a socket.
func get(k *kiosk.Kiosk, edit func(*http.Request)) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/en", nil)
	r.Host = "127.0.0.1:8686"
	edit(r)
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r)
	return w.Result()
}

func TestPages(t *testing.T) {
	k := open(t, parts(t))
	for path, want := range map[string]string{
		"/en":        "Other ways in: a card, a PIN, a QR pass, the intercom or a key",
		"/zh":        "其他进门方式：门禁卡、密码、二维码、对讲或钥匙",
		"/en/notice": "<strong>It is your free choice.</strong>",
		"/zh/notice": "<strong>",
	} {
		r := get(k, func(r *http.Request) { r.URL.Path = path })
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		if r.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, without %q:\n%s", path, r.Status, want, body)
		}
		for key, want := range map[string]string{
			"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff",
			"Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := r.Header.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", path, key, got, want)
			}
		}
		if policy := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if !strings.HasSuffix(path, "notice") && len(body) >= 6000 {
			t.Errorf("%s has %d bytes", path, len(body))
		}
		if tags := strings.Count(string(body), "<img") + strings.Count(string(body), "src="); tags > 0 {
			t.Errorf("%s asks for something else", path)
		}
	}
	if r := get(k, func(r *http.Request) { r.URL.Path = "/" }); r.Header.Get("Location") != "/en" {
		t.Errorf("/ leads to %q", r.Header.Get("Location"))
	}
	p := parts(t)
	slices.Reverse(p.Notices)
	if r := get(open(t, p), func(r *http.Request) { r.URL.Path = "/" }); r.Header.Get("Location") != "/zh" {
		t.Errorf("in Chinese first / leads to %q", r.Header.Get("Location"))
	}
}

// TestOperatorsWordsAreText holds that what the operator writes does nothing on the page.
func TestOperatorsWordsAreText(t *testing.T) {
	p := parts(t)
	p.Notices = []notice.Text{{Language: notice.English, Text: "# <script>alert(1)</script>\n\n[x](javascript:alert(1)) <img src=x onerror=alert(1)>"}}
	r := get(open(t, p), func(r *http.Request) { r.URL.Path = "/en/notice" })
	body, _ := io.ReadAll(r.Body)
	for _, evil := range []string{"<script>alert", "javascript:", "<img"} {
		if strings.Contains(string(body), evil) {
			t.Errorf("the page has %q", evil)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	k := open(t, parts(t))
	for _, test := range []struct {
		name string
		edit func(*http.Request)
		want int
	}{
		{"another method", func(r *http.Request) { r.Method = http.MethodPost }, http.StatusMethodNotAllowed},
		{"a look at the head", func(r *http.Request) { r.Method = http.MethodHead }, http.StatusMethodNotAllowed},
		{"a parameter", func(r *http.Request) { r.URL.RawQuery = "lang=zh" }, http.StatusBadRequest},
		{"an empty parameter", func(r *http.Request) { r.URL.ForceQuery = true }, http.StatusBadRequest},
		{"a body", func(r *http.Request) { r.ContentLength = 1 }, http.StatusBadRequest},
		{"a body of any length", func(r *http.Request) { r.ContentLength = -1 }, http.StatusBadRequest},
		{"a name that was pointed here", func(r *http.Request) { r.Host = "evil.example.org:8686" }, http.StatusMisdirectedRequest},
		{"an address of elsewhere", func(r *http.Request) { r.Host = "192.168.1.4" }, http.StatusMisdirectedRequest},
		{"no host", func(r *http.Request) { r.Host = "" }, http.StatusMisdirectedRequest},
		{"another page", func(r *http.Request) { r.URL.Path = "/fr" }, http.StatusNotFound},
		{"a path with dots", func(r *http.Request) { r.URL.Path = "/en/../zh" }, http.StatusNotFound},
		{"events for another site", func(r *http.Request) { r.URL.Path = "/events"; r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusServiceUnavailable},
		{"events for another port", func(r *http.Request) { r.URL.Path = "/events"; r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusServiceUnavailable},
		{"localhost", func(r *http.Request) { r.Host = "localhost:8686" }, http.StatusOK},
		{"IPv6", func(r *http.Request) { r.Host = "[::1]" }, http.StatusOK},
	} {
		r := get(k, test.edit)
		if r.StatusCode != test.want || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %s, want %d; %v", test.name, r.Status, test.want, r.Header)
		}
	}
}

// A wire is a listener whose connections hold nothing back: what is not read is not sent.
type wire struct {
	conns chan net.Conn
	done  chan struct{}
}

func newWire() *wire { return &wire{make(chan net.Conn), make(chan struct{})} }

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.done:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	close(w.done)
	return nil
}

func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire", Net: "unix"} }

func (w *wire) listen(context.Context, string, string) (net.Listener, error) { return w, nil }

// follow asks for events, and returns the lines of the answer behind its head, or the status if that is none.
func (w *wire) follow(t *testing.T) (conn net.Conn, lines *bufio.Reader, status string) {
	t.Helper()
	ours, theirs := net.Pipe()
	w.conns <- theirs
	if _, err := io.WriteString(ours, "GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(ours)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ours, bufio.NewReader(resp.Body), resp.Status
}

// next reads one event or comment.
func next(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var all string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\n" {
			return all
		}
		all += line
	}
}

// inTime runs a test with a kiosk on a wire, in time that passes as it is told.
func inTime(t *testing.T, test func(t *testing.T, k *kiosk.Kiosk, w *wire)) {
	p := parts(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		p.Listen, p.Network = w.listen, "unix"
		k := open(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- k.Run(ctx) }()
		synctest.Wait()
		test(t, k, w)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestEvents(t *testing.T) {
	inTime(t, func(t *testing.T, k *kiosk.Kiosk, w *wire) {
		k.Show(guide.Idle)
		if k.Watched() {
			t.Error("watched before anybody follows")
		}
		conn, lines, status := w.follow(t)
		if status != "200 OK" || !k.Watched() {
			t.Errorf("status %s", status)
		}
		got := next(t, lines) + next(t, lines)
		k.Show(guide.HoldStill)
		got += next(t, lines)
		k.Show(guide.HoldStill) // says nothing new
		k.Show(guide.TryCard)
		got += next(t, lines)
		begun := time.Now()
		got += next(t, lines)
		if want := "retry: 1000\ndata: idle\ndata: hold-still\ndata: try-card\n:\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if quiet := time.Since(begun); quiet <= 0 || quiet > 15*time.Second {
			t.Errorf("%v without a word", quiet)
		}
		conn.Close()
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if k.Watched() {
			t.Error("watched when nobody follows any more")
		}
	})
}

// TestShutUntil sends until when the door is shut to all: by the clock on its own wall, with the date unless it is of today.
func TestShutUntil(t *testing.T) {
	inTime(t, func(t *testing.T, k *kiosk.Kiosk, w *wire) {
		zone := time.FixedZone("east", 9*60*60)
		now := time.Date(2026, 12, 31, 20, 0, 0, 0, time.UTC) // on the wall it is the next year, at five
		k.Show(guide.Idle)
		conn, lines, _ := w.follow(t)
		next(t, lines)
		next(t, lines)
		for _, tt := range []struct {
			until time.Time
			want  string // "" for nothing new
		}{
			{time.Time{}, "shut"},
			{time.Date(2027, 1, 1, 8, 30, 0, 0, zone), "shut 08:30"},
			{time.Date(2027, 1, 1, 8, 30, 0, 0, zone), ""},
			{time.Date(2027, 1, 2, 0, 0, 0, 0, zone), "shut 2027-01-02T00:00"},
			{time.Date(2028, 1, 1, 8, 30, 0, 0, zone), "shut 2028-01-01T08:30"},
		} {
			if k.ShowShut(tt.until, now); tt.want == "" {
				continue
			}
			if got := next(t, lines); got != "data: "+tt.want+"\n" {
				t.Errorf("until %v it sends %q, want %q", tt.until, got, tt.want)
			}
		}
		conn.Close()
	})
}

// TestFifthScreen holds the fifth screen off until another goes.
func TestFifthScreen(t *testing.T) {
	inTime(t, func(t *testing.T, k *kiosk.Kiosk, w *wire) {
		var conns []net.Conn
		for i := range 5 {
			conn, lines, status := w.follow(t)
			if i == 4 {
				if status != "503 Service Unavailable" {
					t.Errorf("the fifth: %s", status)
				}
				conn.Close()
				continue
			}
			next(t, lines)
			if got := next(t, lines); got != "data: wait\n" {
				t.Errorf("screen %d begins with %q", i, got)
			}
			conns = append(conns, conn)
		}
		conns[0].Close()
		time.Sleep(15 * time.Second)
		for _, c := range conns[1:] {
			c.Close()
		}
		synctest.Wait()
		if conn, _, status := w.follow(t); status != "200 OK" {
			t.Errorf("after one has gone: %s", status)
		} else {
			conn.Close()
		}
	})
}

// TestSlowScreenIsDropped holds that a screen that takes nothing holds up neither the gate nor the others.
func TestSlowScreenIsDropped(t *testing.T) {
	inTime(t, func(t *testing.T, k *kiosk.Kiosk, w *wire) {
		slow, lines, _ := w.follow(t)
		next(t, lines)
		next(t, lines)
		quick, others, _ := w.follow(t)
		next(t, others)
		next(t, others)
		for range 100 {
			k.Show(guide.Granted)
			k.Show(guide.Idle)
		}
		if got := next(t, others); got != "data: granted\n" && got != "data: idle\n" {
			t.Errorf("the other screen has %q", got)
		}
		quick.Close()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if k.Watched() {
			t.Error("the slow screen still follows")
		}
		slow.Close()
	})
}

// TestConnectionsAreBounded holds that another program of this machine cannot take all files of the gate.
func TestConnectionsAreBounded(t *testing.T) {
	inTime(t, func(t *testing.T, k *kiosk.Kiosk, w *wire) {
		var open []net.Conn
		for range 40 {
			ours, theirs := net.Pipe()
			w.conns <- theirs
			open = append(open, ours)
		}
		synctest.Wait()
		closed := 0
		for _, c := range open {
			c.SetReadDeadline(time.Now())
			if _, err := c.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
				closed++
			}
		}
		if closed != 24 {
			t.Errorf("%d of 40 connections were closed, want 24", closed)
		}
		time.Sleep(10 * time.Second) // those that say nothing go
		if conn, _, status := w.follow(t); status != "200 OK" {
			t.Errorf("afterwards: %s", status)
		} else {
			conn.Close()
		}
	})
}

// TestRefusalsLookAlikeOnTheWire holds refusals for one reason to the bytes of those for another, from the frame or the scan on.
func TestRefusalsLookAlikeOnTheWire(t *testing.T) {
	face := func(states ...pipeline.State) func(*guide.Guide, time.Time, int) {
		return func(g *guide.Guide, now time.Time, frame int) {
			g.See(pipeline.Report{State: states[frame%len(states)]}, now)
			g.Answer(attempt.Face, attempt.Outcome{Reason: attempt.Reason(1 + frame%3)}, now)
		}
	}
	card := func(o attempt.Outcome) func(*guide.Guide, time.Time, int) {
		return func(g *guide.Guide, now time.Time, frame int) {
			if frame == 0 {
				g.Answer(attempt.Card, o, now)
			}
		}
	}
	for _, alike := range []map[string]func(*guide.Guide, time.Time, int){
		{
			"not enrolled": face(pipeline.Checking, pipeline.Matching, pipeline.Unknown), "a print": face(pipeline.Checking, pipeline.NotLive),
			"locked out": face(pipeline.Granted),
		},
		{
			"of another house": card(attempt.Outcome{Reason: attempt.Unproven}), "locked out": card(attempt.Outcome{Reason: attempt.Closed}),
			"expired": card(attempt.Outcome{Reason: attempt.Expired}), "not written down": card(attempt.Outcome{Reason: attempt.Record}),
		},
	} {
		streams := make(map[string][]string)
		for name, happens := range alike {
			inTime(t, func(t *testing.T, k *kiosk.Kiosk, w *wire) {
				stream := refused(t, k, w, happens)
				streams[stream] = append(streams[stream], name)
				if !strings.Contains(stream, "data: try-card") {
					t.Errorf("%s: %q", name, stream)
				}
			})
		}
		if len(streams) != 1 {
			t.Errorf("%q", streams)
		}
	}
}

// refused returns all bytes that a screen gets while something happens for 8 seconds, and then nobody is there.
func refused(t *testing.T, k *kiosk.Kiosk, w *wire, happens func(g *guide.Guide, now time.Time, frame int)) string {
	t.Helper()
	conn, lines, _ := w.follow(t)
	stream, done := new(strings.Builder), make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(stream, lines)
	}()
	g := guide.New(guide.Terms{Pulse: time.Second}, time.Now())
	g.Works(guide.Works{Door: true, Faces: true})
	synctest.Wait()
	for frame := range 12 * 15 {
		if frame < 8*15 {
			happens(g, time.Now(), frame)
		}
		step, _ := g.Step(time.Now())
		k.Show(step)
		synctest.Wait()
		time.Sleep(time.Second / 15)
	}
	conn.Close()
	<-done
	return stream.String()
}

// TestAddressIsTried goes on where somebody else has the address, and takes it once it is free. No gate waits for its screen.
func TestAddressIsTried(t *testing.T) {
	p := parts(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var free atomic.Bool
		p.Listen = func(ctx context.Context, network, address string) (net.Listener, error) {
			if free.Load() {
				return w, nil
			}
			return nil, errors.New("address in use")
		}
		k := open(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- k.Run(ctx) }()
		<-k.Ready()
		time.Sleep(time.Minute)
		if err := k.Err(); !errors.Is(err, localweb.ErrListen) || !strings.Contains(hint.Of(err), "ss -lptn") || k.Addr() != nil {
			t.Errorf("%v, hint %q", err, hint.Of(err))
		}
		free.Store(true)
		time.Sleep(10 * time.Second)
		if k.Err() != nil || k.Addr() == nil {
			t.Errorf("once it is free: %v", k.Err())
		}
		cancel()
		<-ended
	})
}

// TestReachableAddressIsClosed is the last word, whatever a configuration said.
func TestReachableAddressIsClosed(t *testing.T) {
	p := parts(t)
	w := newWire()
	p.Listen = func(context.Context, string, string) (net.Listener, error) { return everywhere{w}, nil }
	k := open(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- k.Run(ctx) }()
	awaited(t, "the address is refused", func() bool { return k.Err() != nil })
	<-w.done
	if !errors.Is(k.Err(), localweb.ErrReachable) {
		t.Error(k.Err())
	}
	cancel()
	<-ended
}

// everywhere listens on every network.
type everywhere struct{ *wire }

func (everywhere) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 8686} }

// TestSocket serves the page at a socket too, whoever left one there, and not in the place of a file.
func TestSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "kiosk-") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "kiosk.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	p := parts(t)
	p.Network, p.Address = "unix", path
	run(t, open(t, p))
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	r, err := client.Get("http://kiosk/zh")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o666 || r.StatusCode != http.StatusOK {
		t.Errorf("%s, %v, %v", r.Status, info, err)
	}
}

// TestStops ends with a screen that follows, and leaves nothing running.
func TestStops(t *testing.T) {
	defer goleak.VerifyNone(t)
	k := open(t, parts(t))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- k.Run(ctx) }()
	awaited(t, "the page is served", func() bool { return k.Addr() != nil })
	conn, err := net.Dial("tcp", k.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /events HTTP/1.1\r\nHost: %s\r\n\r\n", k.Addr())
	awaited(t, "a screen follows", k.Watched)
	cancel()
	if err := <-ended; err != nil || k.Watched() {
		t.Errorf("Run = %v, watched %t", err, k.Watched())
	}
}
