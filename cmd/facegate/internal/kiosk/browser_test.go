package kiosk_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"facegate/cmd/facegate/internal/browsertest"
	"facegate/cmd/facegate/internal/guide"
	"facegate/configs/notice"
)

var update = flag.Bool("update", false, "take the pictures of docs/kiosk anew")

// A browser is a tab of Chromium.
type browser struct{ *browsertest.Browser }

// motion says whether the user of the screen wants less to move.
func (b *browser) motion(reduce bool) {
	b.T.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: map[bool]string{true: "reduce", false: "no-preference"}[reduce]}}
	if _, err := chromedp.Call(b.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		b.T.Fatal(err)
	}
}

// until waits until the page shows a step.
func (b *browser) until(s guide.Step) {
	b.T.Helper()
	for range 3000 {
		if browsertest.On[string](b.Browser, "document.body ? document.body.dataset.step ?? '' : ''") == string(s) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.T.Fatalf("the page does not show %s", s)
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
	b := &browser{browsertest.Open(t)}
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
			b.T = t
			test.look(t, b)
		})
	}
}

// everyStep shows every step in every language on every screen: the words can be read from afar and fit, axe-core finds nothing
// wrong, and nothing is forbidden by the policy of the page or written to its console.
func everyStep(t *testing.T, b *browser) {
	source := browsertest.AxeSource(t)
	complaints := b.Console()
	k := open(t, parts(t))
	k.Show(guide.Idle)
	at := "http://" + run(t, k)
	for _, lang := range notice.Languages() {
		b.Do(chromedp.Navigate(at + "/" + string(lang)))
		said := make(map[string]guide.Step)
		for _, size := range sizes() {
			b.Do(chromedp.EmulateViewport(int64(size.width), int64(size.height)))
			look := func(step guide.Step, name string) (text string) {
				b.until(step)
				text = b.readable(name)
				if other, there := said[text]; there && other != step {
					t.Errorf("%s: says %q as %s does", name, text, other)
				}
				said[text] = step
				for _, v := range b.Axe(source, "valid-lang") {
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
				if ways := browsertest.On[string](b.Browser, "document.querySelector('footer').innerText"); !strings.Contains(text, until.says[lang]) || !strings.Contains(ways, wayKey[lang]) || strings.Contains(ways, wayCard[lang]) {
					t.Errorf("until %v it says %q and %q in %s, want %q", until.time, text, ways, lang, until.says[lang])
				}
			}
		}
		b.Do(chromedp.Navigate(at+"/"+string(lang)+"/notice"), chromedp.EmulateViewport(480, 320))
		for _, v := range b.Axe(source, "valid-lang") {
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
	b.T.Helper()
	type page struct {
		Text                string  `json:"text"`
		Font                float64 `json:"font"` // in percent of the shorter side
		Top, Bottom, Footer float64
		Width, Height       float64 // that can be scrolled
		End                 float64 // of the footer
		Inner               [2]float64
		Images              int
	}
	p := browsertest.On[page](b.Browser, `(() => {
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
		b.T.Errorf("%s: it says %q and has %d pictures", name, p.Text, p.Images)
	case p.Font < 7.99:
		b.T.Errorf("%s: letters of %.1f vmin", name, p.Font)
	case p.Top < 0 || p.Bottom > p.Footer || p.End > p.Inner[1]+0.5 || p.Width > p.Inner[0] || p.Height > p.Inner[1]:
		b.T.Errorf("%s: it does not fit: %+v", name, p)
	}
	return p.Text
}

// picture takes one of the pictures of docs/kiosk anew, if that is wanted, and nothing moves in it.
func (b *browser) picture(name string) {
	b.T.Helper()
	if !*update || !pictures()[name] {
		return
	}
	b.motion(true)
	defer b.motion(false)
	shot, err := chromedp.Run(b.Ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.T.Fatal(err)
	}
	shot, err = fewColours(shot)
	if err != nil {
		b.T.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("../../../../docs/kiosk", name+".png"), shot, 0o644); err != nil {
		b.T.Fatal(err)
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
	b.Do(chromedp.Navigate("http://" + run(t, k) + "/en"))
	b.until(guide.LookLeft)
	for reduce, want := range map[bool]int{true: 0, false: 1} {
		b.motion(reduce)
		if got := browsertest.On[int](b.Browser, "document.getAnimations().length"); got != want {
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
	b.Do(chromedp.Navigate("http://" + run(t, k) + "/en"))
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
	b.Do(chromedp.Navigate("http://" + run(t, k) + "/"))
	b.until(guide.Idle)
	for _, want := range []struct{ touch, lang, text string }{
		{"", "en", "Look at the camera"},
		{"a[lang=zh]", "zh", "请看摄像头"},
		{"a[href='/zh/notice']", "zh", "由您自愿决定"},
		{"a[lang=en]", "en", "It is your free choice"},
		{"a[href='/en']", "en", "Look at the camera"},
	} {
		if want.touch != "" {
			b.Do(chromedp.Click(chromedp.CSS(want.touch)))
		}
		got := ""
		for range 1000 {
			if got = browsertest.On[string](b.Browser, "document.body ? document.documentElement.lang + ' ' + document.body.innerText : ''"); strings.HasPrefix(got, want.lang) && strings.Contains(got, want.text) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !strings.HasPrefix(got, want.lang) || !strings.Contains(got, want.text) {
			t.Errorf("after a touch of %q: %.200s", want.touch, got)
		}
	}
	if n := browsertest.On[int](b.Browser, "performance.getEntriesByType('resource').length"); n > 1 {
		t.Errorf("the page has asked for %d other things", n)
	}
}
