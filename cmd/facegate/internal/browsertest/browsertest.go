// Package browsertest looks at pages of ours in Chromium, and has axe-core judge them. Chromium comes from Debian, and whoever has
// none skips the test.
package browsertest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// A Browser is a tab of Chromium. Its first error fails the test.
type Browser struct {
	T    *testing.T // that fails; another one while a subtest looks
	Ctx  context.Context
	Home string // the one folder that Chromium writes to
}

// Open starts Chromium, which writes to a folder of the test alone and takes no port, or skips the test where there is none.
func Open(t *testing.T) *Browser {
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
	return &Browser{t, ctx, home}
}

// Console takes down what is written to the console from now on, as when the policy of a page forbids it something. The function
// returns it.
func (b *Browser) Console() func() []string {
	b.T.Helper()
	messages := chromedp.Console(b.Ctx)
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

// Do takes steps.
func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	if err := chromedp.Do(b.Ctx, steps...); err != nil {
		b.T.Fatal(err)
	}
}

// On evaluates an expression on the page, and waits for what it promises.
func On[T any](b *Browser, expression string) T {
	b.T.Helper()
	v, err := chromedp.Run(b.Ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.T.Fatalf("%.200s: %v", expression, err)
	}
	return v
}

// Axe has axe-core, of which this is the source, judge the page by all its rules, those for low vision among them, and these by all
// means. It returns the violations.
func (b *Browser) Axe(source string, rules ...string) []string {
	b.T.Helper()
	if !On[bool](b, "'axe' in window") {
		On[bool](b, source+"\n;true")
	}
	type judged struct {
		Violations []string `json:"violations"`
		Passes     []string `json:"passes"`
	}
	j := On[judged](b, `axe.run(document, {rules: {'color-contrast-enhanced': {enabled: true}, 'target-size': {enabled: true}}}).then(r => ({
		passes: r.passes.map(p => p.id),
		violations: r.violations.map(v => v.id + ': ' + v.help + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; ')),
	}))`)
	for _, rule := range append([]string{"color-contrast", "color-contrast-enhanced", "html-has-lang", "landmark-one-main", "region"}, rules...) {
		if !slices.Contains(j.Passes, rule) {
			b.T.Errorf("axe has not judged %s", rule)
		}
	}
	return j.Violations
}

// AxeSource returns the source of axe-core, or skips the test where that is not known.
func AxeSource(t *testing.T) string {
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
