package models_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/models"
	"facegate/pipeline/models/onnx"
	"facegate/pipeline/models/web"
)

// published is a network of one Clip with its limits as inputs.
var published = []byte("\x3a\x33" + // graph
	"\x0a\x13\x0a\x01x\x0a\x03min\x0a\x03max\x22\x04Clip" + // node
	"\x2a\x0d\x10\x01\x42\x03min\x4a\x04\x00\x00\x00\x00" + // initializers
	"\x2a\x0d\x10\x01\x42\x03max\x4a\x04\x00\x00\xc0\x40")

func made(t *testing.T) []byte {
	t.Helper()
	m, err := onnx.ClipAttributes(published)
	if err != nil || bytes.Equal(m, published) {
		t.Fatalf("the form for an older OpenCV is %q, %v", m, err)
	}
	return m
}

// A variant is a file of the network of variantsText.
type variant struct {
	file, content, rest string
}

// variantsText describes a network of several files, and two others that are there.
func variantsText(variants ...variant) string {
	var files []string
	for _, v := range variants {
		files = append(files, fmt.Sprintf("{file: %s, sha256: %s, size: %d%s}", v.file, sha(v.content), len(v.content), v.rest))
	}
	return "bundles:\n  - {name: open, for: F, detector: det, embedder: emb, liveness: [live]}\nmodels:\n" +
		"  - {name: det, bundles: [open], role: detector, kind: yunet, files: [" + strings.Join(files, ", ") + "],\n" +
		"     licence: L, source: S, provenance: P, input: I, output: O, answer: [1, 2]}\n" +
		strings.ReplaceAll(entry("emb", "embedder", "sface", "feature.onnx")+entry("live", "liveness", "frliveness", "live.onnx"),
			"[npm, bare]", "[open]")
}

// TestVariants has each OpenCV take what it can, and one network be one whichever file it is.
func TestVariants(t *testing.T) {
	m := parse(t, variantsText(
		variant{"old.onnx", "the older form", ", opencv: '4.6'"}, variant{"new.onnx", "newer form", ", opencv: '4.10'"},
		variant{"odd.onnx", "odd", ""},
	))
	det := m.Models()[0]
	if det.ID() != sha("the older form") {
		t.Errorf("the network is known as %s", det.ID())
	}
	tests := []struct {
		name, opencv string
		there        []string
		want         string // file
		status       models.Status
	}{
		{"both", "4.6.0", []string{"old.onnx", "new.onnx"}, "old.onnx", models.OK},
		{"the older one", "4.10.0", []string{"old.onnx"}, "old.onnx", models.OK},
		{"the newer one", "4.10.0", []string{"new.onnx"}, "new.onnx", models.OK},
		{"the newer one and a version of two figures", "4.9.1", []string{"new.onnx"}, "new.onnx", models.Unsuited},
		{"the newer one and an old OpenCV", "4.6.0", []string{"new.onnx"}, "new.onnx", models.Unsuited},
		{"one that was never tried", "4.6.0", []string{"odd.onnx"}, "odd.onnx", models.OK},
		{"a tried one before another", "4.6.0", []string{"odd.onnx", "old.onnx"}, "old.onnx", models.OK},
		{"an OpenCV of which nothing is known", "", []string{"new.onnx"}, "new.onnx", models.OK},
		{"nothing", "4.6.0", nil, "old.onnx", models.Missing},
	}
	contents := map[string]string{"old.onnx": "the older form", "new.onnx": "newer form", "odd.onnx": "odd"}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range test.there {
				write(t, filepath.Join(dir, f), contents[f])
			}
			r := models.Dir(dir).Verify([]models.Model{det}, test.opencv)[0]
			if r.Status != test.status || r.File.File != test.want || (r.Err == nil) != (test.status == models.OK) {
				t.Errorf("%s is %q, %v; want %s %q", r.File.File, r.Status, r.Err, test.want, test.status)
			}
			data, f, err := models.Dir(dir).ReadVerified(det, test.opencv)
			if err == nil && (f.File != test.want || string(data) != contents[test.want]) || (err == nil) != (test.status == models.OK) {
				t.Errorf("ReadVerified: %s, %q, %v", f.File, data, err)
			}
			if err != nil && hint.Of(err) == "" {
				t.Errorf("no advice with %v", err)
			}
			if test.status == models.Unsuited && !errors.Is(err, models.ErrOpenCV) {
				t.Errorf("ReadVerified: %v", err)
			}
		})
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "old.onnx"), "the older fork")
	write(t, filepath.Join(dir, "odd.onnx"), "odd")
	if r := models.Dir(dir).Verify([]models.Model{det}, "4.6.0")[0]; r.Status != models.OK || r.File.File != "odd.onnx" {
		t.Errorf("beside a damaged file a good one is %q", r.Status)
	}
}

func TestParseRefusesVariants(t *testing.T) {
	good := variantsText(variant{"a", "a", ""}, variant{"b", "bb", ", made_from: " + sha("a") + ", urls: ['https://x/y']"})
	parse(t, good)
	for _, test := range []struct{ name, old, new, want string }{
		{"no files", "files: [{file: feature.onnx", "files: [], x: [{file: feature.onnx", "unknown field"},
		{"several files without an answer", ", answer: [1, 2]", "", "no answer"},
		{"an answer that is no number", "answer: [1, 2]", "answer: [1, .inf]", "not finite"},
		{"a file made from nothing", "made_from: " + sha("a"), "made_from: " + sha("c"), "no other file to be made from"},
		{"an address without TLS", "https://x/y", "http://x/y", "is not https"},
		{"an address of this machine", "https://x/y", "file:///x", "is not https"},
		{"no version", "opencv: '4.6'", "opencv: new", "is not a version"},
		{"the same file twice", "file: b,", "file: a,", "stands there twice"},
		{"a bundle for nothing", "for: F", "for: ''", "does not say what it is for"},
	} {
		text := strings.Replace(good, test.old, test.new, 1)
		if _, err := models.Parse([]byte(text)); text == good || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// TestImportMakesWhatItCan imports the published form, of which the one for an older OpenCV is made.
func TestImportMakesWhatItCan(t *testing.T) {
	older := made(t)
	text := variantsText(variant{"old.onnx", string(older), ", opencv: '4.6', made_from: " + sha(string(published))},
		variant{"new.onnx", string(published), ", opencv: '4.10'"})
	src, dst := t.TempDir(), t.TempDir()
	write(t, src+"/any name", string(published))
	var log strings.Builder
	if _, err := parse(t, text).Import(src, models.Dir(dst), nil, &log); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"old.onnx": older, "new.onnx": published} {
		if got, err := os.ReadFile(filepath.Join(dst, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %q, %v\n%s", name, got, err, &log)
		}
	}

	other := strings.Replace(text, sha(string(older)), sha("something else"), 1)
	dst = t.TempDir()
	if _, err := parse(t, other).Import(src+"/any name", models.Dir(dst), nil, io.Discard); !errors.Is(err, models.ErrHash) {
		t.Errorf("what is made is not what the manifest says: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dst, "old.onnx")); err == nil {
		t.Error("it was stored")
	}
}

// TestImportTriesWhatNobodyHas hands a file that was never tried to its trial, once.
func TestImportTriesWhatNobodyHas(t *testing.T) {
	m := parse(t, variantsText(variant{"old.onnx", "known", ", opencv: '4.6'"}, variant{"odd.onnx", "odd", ""}))
	src := t.TempDir()
	write(t, src+"/1", "known")
	write(t, src+"/2", "odd")
	tried := 0
	trial := func(err error) models.Trial {
		return func(m models.Model, data []byte) error {
			if tried++; m.Name != "det" || string(data) != "odd" {
				t.Errorf("%s was tried with %q", m.Name, data)
			}
			return err
		}
	}
	dst := t.TempDir()
	if _, err := m.Import(src, models.Dir(dst), trial(nil), io.Discard); err != nil || tried != 1 {
		t.Errorf("%d tried, %v", tried, err)
	}
	if _, err := os.Stat(dst + "/odd.onnx"); err != nil {
		t.Error(err)
	}
	dst = t.TempDir()
	var log strings.Builder
	if _, err := m.Import(src, models.Dir(dst), trial(errors.New("other numbers")), &log); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dst + "/odd.onnx"); err == nil || !strings.Contains(log.String(), "other numbers") {
		t.Errorf("another network was stored:\n%s", &log)
	}
	_, err := m.Import(src+"/2", models.Dir(dst), trial(errors.New("other numbers")), io.Discard)
	if !errors.Is(err, models.ErrOther) {
		t.Errorf("alone: %v", err)
	}
}

// A shop is a web server with files, each at its path.
type shop map[string]http.HandlerFunc

func file1(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, content) }
}

// open starts the shop, and returns its address and what fetches from it.
func (s shop) open(t *testing.T) (string, models.Sources) {
	t.Helper()
	mux := http.NewServeMux()
	for path, serve := range s {
		mux.HandleFunc(path, serve)
	}
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return server.URL, models.Sources{OpenCV: "4.6.0", Web: web.Client{Authorities: pool, Patience: 2 * time.Second}}
}

// onSale describes a detector at some paths of a shop; the other networks are at /emb and /live.
func onSale(address string, variants ...variant) string {
	for i, v := range variants {
		if before, paths, ok := strings.Cut(v.rest, " at "); ok {
			var urls []string
			for path := range strings.FieldsSeq(paths) {
				urls = append(urls, "'"+address+path+"'")
			}
			variants[i].rest = before + ", urls: [" + strings.Join(urls, ", ") + "]"
		}
	}
	text := variantsText(variants...)
	for path, file := range map[string]string{"/emb": "feature.onnx", "/live": "live.onnx"} {
		size := fmt.Sprintf("size: %d, opencv: '4.6'", len(weights[file]))
		text = strings.Replace(text, size, size+", urls: ['"+address+path+"']", 1)
	}
	return text
}

func TestFetchFromTheWeb(t *testing.T) {
	const content = "the detector of the web"
	asked := map[string]int{}
	s := shop{
		"/det": file1(content), "/emb": file1(weights["feature.onnx"]), "/live": file1(weights["live.onnx"]),
		"/other": file1("the detectos of the web"), "/long": file1(content + "!"), "/short": file1(content[1:]),
		"/cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			io.WriteString(w, content[:5])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"/hang":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"/moved": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/det", http.StatusFound) },
		"/plain": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"/counted": func(w http.ResponseWriter, r *http.Request) { asked[r.URL.Path]++; io.WriteString(w, content) },
		"/new":     file1(string(published)), "/odd": file1("odd one"),
	}
	address, from := s.open(t)
	older := string(made(t))
	tests := []struct {
		name     string
		variants []variant
		err      error    // nil if all is fetched
		advice   string   // in the hint
		files    []string // that are there then, besides the two others
	}{
		{"as it is", []variant{{"det.onnx", content, ", opencv: '4.6' at /det"}}, nil, "", []string{"det.onnx"}},
		{"moved", []variant{{"det.onnx", content, ", opencv: '4.6' at /moved"}}, nil, "", []string{"det.onnx"}},
		{
			"at the fourth address",
			[]variant{{"det.onnx", content, ", opencv: '4.6' at /nowhere /other /cut /det"}},
			nil, "",
			[]string{"det.onnx"},
		},
		{"other content", []variant{{"det.onnx", content, ", opencv: '4.6' at /other"}}, models.ErrHash, "another version is published", nil},
		{"too long", []variant{{"det.onnx", content, ", opencv: '4.6' at /long"}}, web.ErrSize, "facegate models import DIR", nil},
		{"too short", []variant{{"det.onnx", content, ", opencv: '4.6' at /short"}}, models.ErrFetch, "det.onnx  S", nil},
		{"cut off", []variant{{"det.onnx", content, ", opencv: '4.6' at /cut"}}, web.ErrSize, "facegate models import DIR", nil},
		{"not there", []variant{{"det.onnx", content, ", opencv: '4.6' at /nowhere"}}, web.ErrAnswer, "facegate models import DIR", nil},
		{"without TLS", []variant{{"det.onnx", content, ", opencv: '4.6' at /plain"}}, web.ErrInsecure, "facegate models import DIR", nil},
		{"a server that hangs", []variant{{"det.onnx", content, ", opencv: '4.6' at /hang"}}, web.ErrReach, "check the network", nil},
		{"no address", []variant{{"det.onnx", content, ", opencv: '4.6'"}}, models.ErrNoSource, "det.onnx  S", nil},
		{
			"of which the older form is made",
			[]variant{{"old.onnx", older, ", opencv: '4.6', made_from: " + sha(string(published))}, {"new.onnx", string(published), ", opencv: '4.10' at /new"}},
			nil, "",
			[]string{"new.onnx", "old.onnx"},
		},
		{
			"for a newer OpenCV alone",
			[]variant{{"det.onnx", content, ", opencv: '4.6'"}, {"new.onnx", string(published), ", opencv: '4.10' at /new"}},
			models.ErrNoSource, "det.onnx  S", nil,
		},
		{
			"never tried, and another",
			[]variant{{"det.onnx", content, ", opencv: '4.6'"}, {"odd.onnx", "odd one", " at /odd"}},
			models.ErrOther, "facegate models import DIR", nil,
		},
		{
			"never tried, and another, and then the right one",
			[]variant{{"odd.onnx", "odd one", " at /odd"}, {"det.onnx", content, " at /det"}},
			nil, "",
			[]string{"det.onnx"},
		},
	}
	from.Try = func(_ models.Model, data []byte) error {
		if string(data) == "odd one" {
			return errors.New("other numbers")
		}
		return nil
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, dst := parse(t, onSale(address, test.variants...)), t.TempDir()
			err := m.Fetch(t.Context(), "open", models.Dir(dst), from, t.Output())
			if !errors.Is(err, test.err) || !strings.Contains(hint.Of(err), test.advice) {
				t.Errorf("%v\nhint %q\nwant %v and %q", err, hint.Of(err), test.err, test.advice)
			}
			var got []string
			entries, err := os.ReadDir(dst)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				got = append(got, e.Name())
			}
			want := append([]string{"feature.onnx", "live.onnx"}, test.files...)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("there is %q, want %q", got, want)
			}
		})
	}

	m, dst := parse(t, onSale(address, variant{"det.onnx", content, ", opencv: '4.6' at /counted"})), models.Dir(t.TempDir())
	for range 2 {
		if err := m.Fetch(t.Context(), "open", dst, from, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	if asked["/counted"] != 1 {
		t.Errorf("what is there was fetched again: %d times", asked["/counted"])
	}
}

func TestFetchFromTheWebEnds(t *testing.T) {
	address, from := shop{"/hang": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	m := parse(t, onSale(address, variant{"det.onnx", "x", " at /hang /hang"}))
	if err := m.Fetch(ctx, "open", models.Dir(t.TempDir()), from, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
