package kiosk_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"facegate/cmd/facegate/internal/guide"
	"facegate/configs/notice"
)

var update = flag.Bool("update", false, "take the pictures of docs/kiosk anew")

// A browser is a tab of Chromium. Its first error fails the test.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// openBrowser starts Chromium, which writes to a folder of the test alone and takes no port, or skips the test where there is none.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no Chromium: scripts/setup.sh test installs it")
	}
	home, err := os.MkdirTemp("", "chromium-") // Chromium ends some time after it was told to
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(home, "profile")), chromedp.NoSandbox,
		chromedp.Env("HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "TMPDIR="+home),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.DisableGPU,
	}
	ctx, cancel := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(options...))
	t.Cleanup(cancel)
	return &browser{t, ctx}
}

// console takes down what is written to the console from now on, as when the policy of a page forbids it something. The function
// returns it.
func (b *browser) console() func() []string {
	b.t.Helper()
	messages := chromedp.Console(b.ctx)
	var mu sync.Mutex // guards what follows
	var all []string
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			mu.Lock()
			all = append(all, m.String())
			mu.Unlock()
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// motion says whether the user of the screen wants less to move.
func (b *browser) motion(reduce bool) {
	b.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: map[bool]string{true: "reduce", false: "no-preference"}[reduce]}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.t.Fatal(err)
	}
}

// on evaluates an expression on the page, and waits for what it promises.
func on[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.200s: %v", expression, err)
	}
	return v
}

// until waits until the page shows a step.
func (b *browser) until(s guide.Step) {
	b.t.Helper()
	for range 3000 {
		if on[string](b, "document.body ? document.body.dataset.step ?? '' : ''") == string(s) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.t.Fatalf("the page does not show %s", s)
}

// axe has axe-core judge the page by all its rules, those for low vision among them. It returns the violations.
func (b *browser) axe(source string) []string {
	b.t.Helper()
	if !on[bool](b, "'axe' in window") {
		on[bool](b, source+"\n;true")
	}
	type judged struct {
		Violations []string `json:"violations"`
		Passes     []string `json:"passes"`
	}
	j := on[judged](b, `axe.run(document, {rules: {'color-contrast-enhanced': {enabled: true}, 'target-size': {enabled: true}}}).then(r => ({
		passes: r.passes.map(p => p.id),
		violations: r.violations.map(v => v.id + ': ' + v.help + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; ')),
	}))`)
	for _, rule := range []string{"color-contrast", "color-contrast-enhanced", "html-has-lang", "valid-lang", "landmark-one-main", "region"} {
		if !slices.Contains(j.Passes, rule) {
			b.t.Errorf("axe has not judged %s", rule)
		}
	}
	return j.Violations
}

// axe returns the source of axe-core, or skips the test where that is not known.
func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv("FACEGATE_AXE")
	if path == "" {
		t.Skip("FACEGATE_AXE does not name axe.min.js of axe-core; make test sets it")
	}
	source, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("axe-core is not there: scripts/axe.sh fetches it")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// A size is that of a screen in pixels, as screens for doors have it.
type size struct{ width, height int }

func sizes() []size { return []size{{480, 320}, {800, 480}} }

// pictures are those of docs/kiosk.
func pictures() map[string]bool {
	return map[string]bool{
		"en-idle-800": true, "en-look-left-480": true, "en-granted-800": true, "en-try-card-480": true,
		"zh-show-pass-480": true, "zh-out-of-order-800": true, "en-about-480": true,
	}
}

// TestScreen looks at the page in Chromium. One is enough for all of it: to start it takes longer than to look.
func TestScreen(t *testing.T) {
	b := openBrowser(t)
	for _, test := range []struct {
		name string
		look func(*testing.T, *browser)
	}{
		{"every step", everyStep},
		{"little moves", littleMoves},
		{"language", languages},
		{"a lost gate", lostGate},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.t = t
			test.look(t, b)
		})
	}
}

// everyStep shows every step in every language on every screen: the words can be read from afar and fit, axe-core finds nothing
// wrong, and nothing is forbidden by the policy of the page or written to its console.
func everyStep(t *testing.T, b *browser) {
	source := axe(t)
	complaints := b.console()
	k := open(t, parts(t))
	k.Show(guide.Idle)
	at := "http://" + run(t, k)
	for _, lang := range notice.Languages() {
		b.do(chromedp.Navigate(at + "/" + string(lang)))
		said := make(map[string]guide.Step)
		for _, size := range sizes() {
			b.do(chromedp.EmulateViewport(int64(size.width), int64(size.height)))
			look := func(step guide.Step, name string) (text string) {
				b.until(step)
				text = b.readable(name)
				if other, there := said[text]; there && other != step {
					t.Errorf("%s: says %q as %s does", name, text, other)
				}
				said[text] = step
				for _, v := range b.axe(source) {
					t.Errorf("%s: %s", name, v)
				}
				b.picture(name)
				return text
			}
			for _, step := range guide.Steps() {
				k.Show(step)
				look(step, fmt.Sprintf("%s-%s-%d", lang, step, size.width))
			}
			for i, until := range shutUntil() {
				k.Show(guide.Idle)
				b.until(guide.Idle)
				k.ShowShut(until.time, shutAt)
				text := look(guide.Shut, fmt.Sprintf("%s-shut-%d-%d", lang, i, size.width))
				if ways := on[string](b, "document.querySelector('footer').innerText"); !strings.Contains(text, until.says[lang]) || !strings.Contains(ways, wayKey[lang]) || strings.Contains(ways, wayCard[lang]) {
					t.Errorf("until %v it says %q and %q in %s, want %q", until.time, text, ways, lang, until.says[lang])
				}
			}
		}
		b.do(chromedp.Navigate(at+"/"+string(lang)+"/notice"), chromedp.EmulateViewport(480, 320))
		for _, v := range b.axe(source) {
			t.Errorf("the notice in %s: %s", lang, v)
		}
		b.picture(string(lang) + "-about-480")
	}
	if all := complaints(); len(all) > 0 {
		t.Errorf("on the console: %q", all)
	}
}

// The ways in that are listed, or not, beside a door that is shut to all: the gate keeps no key.
var (
	wayKey  = map[notice.Language]string{notice.English: "the intercom or a key", notice.Chinese: "对讲或钥匙"}
	wayCard = map[notice.Language]string{notice.English: "card", notice.Chinese: "门禁卡"}
)

// shutAt is when the door of these tests is shut: a Friday at noon, wherever the browser is.
var shutAt = time.Date(2026, 12, 25, 12, 0, 0, 0, time.FixedZone("far away", 11*60*60))

type shutTime struct {
	time time.Time
	says map[notice.Language]string
}

// shutUntil are times at which it is shut no more, and what is said of them.
func shutUntil() []shutTime {
	return []shutTime{
		{shutAt.Add(6*time.Hour + 5*time.Minute), map[notice.Language]string{notice.English: "until 18:05.", notice.Chinese: "至18:05。"}},
		{shutAt.Add(8 * time.Hour).UTC().In(shutAt.Location()), map[notice.Language]string{notice.English: "until 20:00.", notice.Chinese: "至20:00。"}},
		{shutAt.AddDate(0, 0, 5).Add(-4 * time.Hour), map[notice.Language]string{notice.English: "until Wednesday 30 December at 08:00.", notice.Chinese: "至12月30日星期三 08:00。"}},
	}
}

// readable fails the test unless the words on the page are large, all of them on the screen, and nothing else is there to be seen.
// It returns what is said.
func (b *browser) readable(name string) string {
	b.t.Helper()
	type page struct {
		Text                string  `json:"text"`
		Font                float64 `json:"font"` // in percent of the shorter side
		Top, Bottom, Footer float64
		Width, Height       float64 // that can be scrolled
		End                 float64 // of the footer
		Inner               [2]float64
		Images              int
	}
	p := on[page](b, `(() => {
		const say = document.getElementById('say'), box = say.getBoundingClientRect(), foot = document.querySelector('footer').getBoundingClientRect();
		return {
			text: say.innerText, font: 100 * parseFloat(getComputedStyle(say).fontSize) / Math.min(innerWidth, innerHeight),
			Top: Math.min(box.top, document.getElementById('mark').getBoundingClientRect().top), Bottom: box.bottom, Footer: foot.top, End: foot.bottom,
			Width: document.documentElement.scrollWidth, Height: document.documentElement.scrollHeight, Inner: [innerWidth, innerHeight],
			Images: document.querySelectorAll('img, video, canvas, iframe, object').length,
		};
	})()`)
	switch {
	case p.Text == "" || p.Images > 0:
		b.t.Errorf("%s: it says %q and has %d pictures", name, p.Text, p.Images)
	case p.Font < 7.99:
		b.t.Errorf("%s: letters of %.1f vmin", name, p.Font)
	case p.Top < 0 || p.Bottom > p.Footer || p.End > p.Inner[1]+0.5 || p.Width > p.Inner[0] || p.Height > p.Inner[1]:
		b.t.Errorf("%s: it does not fit: %+v", name, p)
	}
	return p.Text
}

// picture takes one of the pictures of docs/kiosk anew, if that is wanted, and nothing moves in it.
func (b *browser) picture(name string) {
	b.t.Helper()
	if !*update || !pictures()[name] {
		return
	}
	b.motion(true)
	defer b.motion(false)
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	shot, err = fewColours(shot)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("../../../../docs/kiosk", name+".png"), shot, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// fewColours makes a picture small: it has a background, letters, and the shades between them.
func fewColours(shot []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	count := make(map[color.Color]int)
	for y := range full.Bounds().Dy() {
		for x := range full.Bounds().Dx() {
			count[full.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return cmp.Compare(count[b], count[a]) })
	small := image.NewPaletted(full.Bounds(), colours[:min(len(colours), 16)])
	draw.Draw(small, small.Bounds(), full, image.Point{}, draw.Src)
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}

// littleMoves holds that what moves stops for whoever wants that.
func littleMoves(t *testing.T, b *browser) {
	k := open(t, parts(t))
	k.Show(guide.LookLeft)
	b.do(chromedp.Navigate("http://" + run(t, k) + "/en"))
	b.until(guide.LookLeft)
	for reduce, want := range map[bool]int{true: 0, false: 1} {
		b.motion(reduce)
		if got := on[int](b, "document.getAnimations().length"); got != want {
			t.Errorf("with less motion %v: %d things move, want %d", reduce, got, want)
		}
	}
}

// lostGate holds that a screen does not go on to say what was so, and comes back by itself.
func lostGate(t *testing.T, b *browser) {
	p := parts(t)
	gate := new(leaving)
	p.Listen = gate.listen
	k := open(t, p)
	k.Show(guide.Granted)
	b.do(chromedp.Navigate("http://" + run(t, k) + "/en"))
	b.until(guide.Granted)
	gate.leave(true)
	b.until(guide.Wait)
	b.until(guide.OutOfOrder)
	gate.leave(false)
	b.until(guide.Granted)
}

// A leaving is a listener that can leave: what is connected is cut off, and who connects is.
type leaving struct {
	net.Listener
	mu    sync.Mutex // guards what follows
	conns []net.Conn
	away  bool
}

func (l *leaving) listen(ctx context.Context, network, address string) (_ net.Listener, err error) {
	l.Listener, err = new(net.ListenConfig).Listen(ctx, network, address)
	return l, err
}

func (l *leaving) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, c)
	if l.away {
		c.Close()
	}
	return c, nil
}

func (l *leaving) leave(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

// languages changes the language by a touch.
func languages(t *testing.T, b *browser) {
	k := open(t, parts(t))
	k.Show(guide.Idle)
	b.do(chromedp.Navigate("http://" + run(t, k) + "/"))
	b.until(guide.Idle)
	for _, want := range []struct{ touch, lang, text string }{
		{"", "en", "Look at the camera"},
		{"a[lang=zh]", "zh", "请看摄像头"},
		{"a[href='/zh/notice']", "zh", "由您自愿决定"},
		{"a[lang=en]", "en", "It is your free choice"},
		{"a[href='/en']", "en", "Look at the camera"},
	} {
		if want.touch != "" {
			b.do(chromedp.Click(chromedp.CSS(want.touch)))
		}
		got := ""
		for range 1000 {
			if got = on[string](b, "document.body ? document.documentElement.lang + ' ' + document.body.innerText : ''"); strings.HasPrefix(got, want.lang) && strings.Contains(got, want.text) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !strings.HasPrefix(got, want.lang) || !strings.Contains(got, want.text) {
			t.Errorf("after a touch of %q: %.200s", want.touch, got)
		}
	}
	if n := on[int](b, "performance.getEntriesByType('resource').length"); n > 1 {
		t.Errorf("the page has asked for %d other things", n)
	}
}
