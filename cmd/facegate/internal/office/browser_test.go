package office_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"facegate/cmd/facegate/internal/browsertest"
	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/store/audit"
)

// A browser is a clerk at Chromium.
type browser struct {
	*browsertest.Browser
	office *open
	home   string // address of the first page
	clicks int
}

// until waits until an expression holds on the page.
func (b *browser) until(what, expression string) {
	b.T.Helper()
	for range 2000 {
		ok, err := chromedp.Run(b.Ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !!("+expression+")"))
		if ok && err == nil { // no page answers while another one takes its place
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.T.Fatalf("in vain waited until %s at %s:\n%s", what, browsertest.On[string](b.Browser, "location.pathname"), browsertest.On[string](b.Browser, "document.body.innerText"))
}

// title waits for a page by its heading.
func (b *browser) title(want string) {
	b.T.Helper()
	b.until(want, fmt.Sprintf("document.querySelector('h1')?.textContent === %q", want))
}

// click clicks what there is one of.
func (b *browser) click(css string) {
	b.T.Helper()
	if n := browsertest.On[int](b.Browser, fmt.Sprintf("document.querySelectorAll(%q).length", css)); n != 1 {
		b.T.Fatalf("there are %d of %s in\n%s", n, css, browsertest.On[string](b.Browser, "document.body.innerHTML"))
	}
	b.clicks++
	b.Do(chromedp.Click(chromedp.CSS(css)))
}

// fill types into a field.
func (b *browser) fill(name, text string) {
	b.T.Helper()
	browsertest.On[bool](b.Browser, fmt.Sprintf("(document.querySelector('main [name=%s]').value = %q, true)", name, text))
}

// visit goes to a page of the session.
func (b *browser) visit(path string) {
	b.T.Helper()
	b.Do(chromedp.Navigate(b.home + path))
}

// submit sends the form of the page that leads to a path, as a click on its button does.
func (b *browser) submit(path string) {
	b.click(fmt.Sprintf("main form[action$=%q] button:not([type=button]):not(.second)", path))
}

// TestPage looks at the page in Chromium. One is enough for all of it: to start it takes longer than to look.
func TestPage(t *testing.T) {
	b := &browser{Browser: browsertest.Open(t)}
	for _, test := range []struct {
		name string
		look func(*testing.T, *browser)
	}{
		{"four steps", fourSteps},
		{"three steps", threeSteps},
		{"every state", everyState},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.T = t
			g := newGate(t)
			b.office = serve(t, g, time.Hour)
			b.Do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(b.office.link()))
			b.title("People")
			b.home = strings.TrimSuffix(browsertest.On[string](b.Browser, "location.href"), "/")
			test.look(t, b)
		})
	}
}

// fourSteps leads somebody from the notice to the printed pass: four pages, and no more than that is typed and clicked which the form
// says.
func fourSteps(t *testing.T, b *browser) {
	complaints := b.Console()
	seen := make(chan struct{})
	b.office.gate.set(func() {
		b.office.gate.capture = func(ctx context.Context, progress func(people.Progress)) error {
			progress(people.Progress{State: "enrolling", Say: "Please come a little closer.", Left: 21, Taken: 3, Want: 10})
			select {
			case <-seen:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	b.visit("/enrol")
	b.title("Notice")
	b.clicks = 0
	b.click("a[href$='/enrol/en/face']") // step 1
	b.title("Form")
	b.fill("label", "Zhang Wei")
	b.paper("Zhang Wei", "Consent to the use of my face", "as the notice says", "ask the porter")
	b.click("[name=signed]") // step 2
	b.submit("/face")
	b.title("Capture")
	b.until("the guidance is there", "document.getElementById('live').textContent.includes('loser') && document.getElementById('bar').value === 3 && document.getElementById('left').textContent === '21'")
	close(seen) // step 3
	b.title("To hand over")
	b.until("the pass is drawn", "document.querySelector('.pass img').naturalWidth > 100")
	b.paper("Pass: Zhang Wei", "Hold the code")
	b.submit("/handover") // step 4
	b.title("Notice")
	if b.clicks != 4 {
		t.Errorf("it took %d clicks", b.clicks)
	}
	b.quiet(complaints)
}

// threeSteps does the same without a face.
func threeSteps(t *testing.T, b *browser) {
	complaints := b.Console()
	b.visit("/enrol/zh")
	b.title("Notice")
	b.clicks = 0
	b.click("a[href$='/enrol/zh/pass']") // step 1
	b.title("Form")
	b.fill("label", "Li Na")
	b.paper("Li Na", "门禁通行证约定", "本人领取此门的通行证")
	b.click("[name=signed]") // step 2
	b.submit("/pass")
	b.title("To hand over")
	b.until("the pass is drawn", "document.querySelector('.pass img').naturalWidth > 100")
	b.submit("/handover") // step 3
	b.title("Notice")
	if b.clicks != 4 {
		t.Errorf("it took %d clicks", b.clicks)
	}
	b.quiet(complaints)
}

// media has the page shown as on paper, or "" for as on the screen.
func (b *browser) media(name string) {
	b.T.Helper()
	if _, err := chromedp.Call(b.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: name}); err != nil {
		b.T.Fatal(err)
	}
}

// paper checks what is on paper.
func (b *browser) paper(texts ...string) {
	b.T.Helper()
	browsertest.On[bool](b.Browser, "(dispatchEvent(new Event('beforeprint')), true)")
	b.media("print")
	text := browsertest.On[string](b.Browser, "document.body.innerText")
	b.media("")
	for _, want := range texts {
		if !strings.Contains(text, want) {
			b.T.Errorf("%q is not on paper:\n%s", want, text)
		}
	}
	for _, not := range []string{"Lock this page", "Enrol somebody", "Print", "Handed over", "The form is signed", "Capture"} {
		if strings.Contains(text, not) {
			b.T.Errorf("%q is on paper:\n%s", not, text)
		}
	}
}

// quiet checks that nothing was written to the console, and that the browser has kept nothing.
func (b *browser) quiet(complaints func() []string) {
	b.T.Helper()
	if all := complaints(); len(all) > 0 {
		b.T.Errorf("on the console: %q", all)
	}
	if n := browsertest.On[int](b.Browser, "localStorage.length + sessionStorage.length"); n != 0 {
		b.T.Errorf("the browser has kept %d things", n)
	}
	if text := browsertest.On[string](b.Browser, "document.cookie"); text != "" {
		b.T.Errorf("a script can read the cookie %s", text)
	}
}

// everyState shows every page in every state in every language on two screens, of which FACEGATE_SLOW takes the wide one in each
// language: axe-core finds nothing wrong, nothing is too wide, and nothing is forbidden by the policy of the page.
func everyState(t *testing.T, b *browser) {
	source := browsertest.AxeSource(t)
	complaints := b.Console()
	widths := map[string][]int64{"en": {1280, 400}, "zh": {400}}
	if os.Getenv("FACEGATE_SLOW") != "" {
		widths["zh"] = widths["en"]
	}
	for _, lang := range []string{"en", "zh"} {
		b.visit("/")
		if browsertest.On[string](b.Browser, "document.documentElement.lang") != lang {
			b.click(fmt.Sprintf("header button[lang=%s]", lang))
			b.until("it is in "+lang, fmt.Sprintf("document.documentElement.lang === %q", lang))
		}
		for _, s := range states() {
			s.show(b, lang)
			b.until(s.name, "document.querySelector('h1')")
			for _, width := range widths[lang] {
				b.Do(chromedp.EmulateViewport(width, 800))
				for _, v := range b.Axe(source) {
					t.Errorf("%s in %s, %d wide: %s", s.name, lang, width, v)
				}
				if over := browsertest.On[int](b.Browser, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
					t.Errorf("%s in %s: %d pixels more than its screen is wide, %d", s.name, lang, over, width)
				}
			}
		}
	}
	for _, said := range complaints() {
		if !strings.Contains(said, "Failed to load resource") { // the answer of a page that tells of an error
			t.Errorf("on the console: %s", said)
		}
	}
}

// A state is one that a page can be in.
type state struct {
	name string
	show func(b *browser, lang string)
}

func states() []state {
	at := func(path string) func(*browser, string) { return func(b *browser, _ string) { b.visit(path) } }
	return []state{
		{"nobody", at("/")},
		{"notice", func(b *browser, lang string) { b.visit("/enrol/" + lang) }},
		{"notice in a further language", at("/enrol/ar")},
		{"form in a further language", at("/enrol/ar/face")},
		{"form", func(b *browser, lang string) { b.visit("/enrol/" + lang + "/face") }},
		{"form without a face", func(b *browser, lang string) { b.visit("/enrol/" + lang + "/pass") }},
		{"form that is refused", refusedForm},
		{"capture", capturing},
		{"capture that failed", failedCapture},
		{"pass", handedOver},
		{"pass without a face", joined},
		{"people", at("/")},
		{"not found", func(b *browser, _ string) {
			b.visit("/")
			b.fill("text", "nobody")
			b.submit("/find")
			b.until("there is nobody", "!document.querySelector('table')")
		}},
		{"unwell", unwell},
		{"what is held", func(b *browser, _ string) { b.personOf("Ada") }},
		{"withdraw", func(b *browser, _ string) {
			b.personOf("Ada")
			b.click("a[href$='/withdraw']")
			b.until("it asks", "document.querySelector('.grave')")
		}},
		{"erase", func(b *browser, _ string) {
			b.personOf("Ada")
			b.click("a[href$='/erase']")
			b.until("it asks", "document.querySelector('.grave')")
		}},
		{"erased", func(b *browser, _ string) {
			b.click(".grave")
			b.until("there is a receipt", "document.querySelector('.receipt')")
		}},
		{"something waits", at("/")},
		{"not running", failing(control.ErrNotRunning)},
		{"forbidden", failing(control.ErrForbidden)},
		{"pending", failing(control.ErrPending)},
		{"refused", failing(errors.New("no room"))},
		{"locked", locked},
		{"nobody any more", clean},
	}
}

func refusedForm(b *browser, lang string) {
	b.visit("/enrol/" + lang + "/face")
	b.fill("label", strings.Repeat("x", 100))
	b.click("[name=signed]")
	b.submit("/face")
	b.until("it has failed", "document.querySelector('[role=alert]')")
	b.click("main button.second")
	b.until("the form is back", "document.querySelector('[name=label]')")
}

func capturing(b *browser, lang string) {
	b.office.gate.set(func() {
		b.office.gate.capture = func(ctx context.Context, progress func(people.Progress)) error {
			progress(people.Progress{State: "enrolling", Say: "Please come a little closer.", Left: 21, Taken: 3, Want: 10})
			<-ctx.Done()
			return ctx.Err()
		}
	})
	b.visit("/enrol/" + lang + "/face")
	b.fill("label", "Ada")
	b.click("[name=signed]")
	b.submit("/face")
	b.until("somebody is captured", "document.getElementById('bar')?.value === 3")
}

func failedCapture(b *browser, lang string) {
	b.click("main button.second")
	b.until("the form is back", "document.querySelector('[name=label]')?.value === 'Ada'")
	b.office.gate.set(func() {
		b.office.gate.capture = func(context.Context, func(people.Progress)) error {
			return hint.Wrap(errors.New("nobody stood still"), "stand still")
		}
	})
	b.click("[name=signed]")
	b.submit("/face")
	b.until("it has failed", "document.querySelector('[role=alert]')")
}

func handedOver(b *browser, _ string) {
	b.office.gate.set(func() { b.office.gate.capture = func(context.Context, func(people.Progress)) error { return nil } })
	b.submit("/capture/again")
	b.until("there is a pass", "document.querySelector('.pass img')")
}

func joined(b *browser, lang string) {
	b.visit("/enrol/" + lang + "/pass")
	b.fill("label", "Li Na")
	b.click("[name=signed]")
	b.submit("/pass")
	b.until("there is a pass", "document.querySelector('.pass img')")
}

func unwell(b *browser, _ string) {
	b.office.gate.set(func() {
		b.office.gate.health = health.Assess(health.Condition{Part: health.Camera, State: health.Down, Reason: "no picture", Todo: "plug it in"})
	})
	b.visit("/")
	b.office.gate.set(func() { b.office.gate.health = health.Assess() })
}

// personOf goes to the page of somebody.
func (b *browser) personOf(label string) {
	b.T.Helper()
	b.visit("/")
	b.until("the list is there", "document.querySelector('tbody a')")
	browsertest.On[bool](b.Browser, fmt.Sprintf("([...document.querySelectorAll('tbody a')].find(a => a.textContent === %q).click(), true)", label))
	b.until("what is held is there", "document.querySelector('.letter')")
}

func failing(err error) func(*browser, string) {
	return func(b *browser, _ string) {
		b.office.gate.set(func() { b.office.gate.err = hint.Wrap(err, "do that instead") })
		b.visit("/")
		b.office.gate.set(func() { b.office.gate.err = nil })
		b.until("it tells of it", "document.querySelector('[role=alert]')")
	}
}

// clean leaves nobody on the list.
func clean(b *browser, _ string) {
	all, err := b.office.gate.People(b.T.Context())
	if err != nil {
		b.T.Fatal(err)
	}
	for _, p := range all {
		if _, err := b.office.gate.Erase(b.T.Context(), people.Who{Label: p.Label}, audit.Requested); err != nil {
			b.T.Fatal(err)
		}
	}
	b.visit("/")
}

// locked shows the page of who has no session.
func locked(b *browser, _ string) {
	b.Do(chromedp.Navigate(strings.Join(strings.SplitN(b.home, "/", 4)[:3], "/") + "/"))
}
