// Package house_test holds the source to the rules of the house: which room may import what, which are pure, and what every
// package owes its readers.
package house_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// root is the top of the source tree, from where tests of this folder run.
const root = "../.."

// A listed is a package of this module as go list describes it.
type listed struct {
	ImportPath, Dir, Doc                     string
	GoFiles, CgoFiles                        []string
	TestGoFiles, XTestGoFiles                []string
	Imports, Deps, TestImports, XTestImports []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	packages, err := listOnce()
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// listOnce asks go list, which takes a second, in the first test that wants to know.
var listOnce = sync.OnceValues(func() ([]listed, error) {
	const fields = "ImportPath,Dir,Doc,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles,Imports,Deps,TestImports,XTestImports"
	cmd := exec.Command("go", "list", "-json="+fields, "./...")
	cmd.Dir = root
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, &complaints)
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
})

// within reports whether path is one of places or lies below one.
func within(path string, places ...string) bool {
	return slices.ContainsFunc(places, func(place string) bool { return path == place || strings.HasPrefix(path, place+"/") })
}

const gocv = "gocv.io/x/gocv"

// TestImports checks the table of docs/DESIGN.md: which place may import what.
func TestImports(t *testing.T) {
	// What text may be, and how foreign text is shown, is one rule for all who take or print any.
	// So is what may be read as a file: pipes, devices and giants come from anywhere.
	words := []string{"facegate/configs/file", "facegate/configs/hint", "facegate/configs/show", "facegate/configs/text"}
	ours := map[string][]string{ // of this module, besides itself
		"facegate/configs": {},
		"facegate/device":  {"facegate/configs/hint", "facegate/configs/file"},
		"facegate/gpio":    {"facegate/configs/hint"},
		// A visitor's pass is read and checked where its uses are kept, so that nobody takes one of a pass that was not checked. So is
		// an order from afar. The programs of tests are started in one way, the emulated TPM as well.
		"facegate/store": append(slices.Clone(words), "facegate/pipeline/publish/childtest", "facegate/pipeline/template", "facegate/pipeline/embed", "facegate/pipeline/visitor", "facegate/pipeline/order"),
		// A passage has the same words in a configuration, in a document and in an event.
		// So has a week plan in a configuration and for a schedule, and where a broker is in a configuration and for who connects to it.
		"facegate/pipeline": append(slices.Clone(words), "facegate/device", "facegate/configs/passage", "facegate/configs/week", "facegate/configs/address"),
		"facegate/cmd":      {"facegate"},
		"facegate/scripts":  {"facegate"},
	}
	owner := map[string][]string{ // of a library; nobody else touches it
		gocv:                                  {"facegate/pipeline/vision"},
		"github.com/blackjack/webcam":         {"facegate/device/v4l2", "facegate/scripts/lab"},
		"github.com/warthog618/go-gpiocdev":   {"facegate/gpio/cdev"},
		"go.etcd.io/bbolt":                    {"facegate/store", "facegate/cmd/facegate/internal/witness"},                     // which is no gate, and has no store
		"github.com/eclipse/paho.mqtt.golang": {"facegate/pipeline/publish", "facegate/cmd/facegate", "facegate/scripts/fleet"}, // in cmd the demo's subscriber
		"github.com/makiuchi-d/gozxing":       {"facegate/pipeline/template/pass", "facegate/pipeline/qrcode"},
		"github.com/mochi-mqtt/server/v2":     {"facegate/pipeline/publish/loopback"},
		"github.com/google/go-tpm":            {"facegate/store/tpm"},
		"github.com/nats-io":                  {"facegate/scripts/fleet"}, // in its tests
		"codeberg.org/go-pdf/fpdf":            {"facegate/cmd/facegate/internal/typeset"},
		"github.com/prometheus":               {"facegate/cmd/facegate/internal/metrics"}, // in its tests
		"github.com/invopop/jsonschema":       {"facegate/scripts/contract"},              // which is no part of the program
		"github.com/yuin/goldmark": {
			"facegate/configs/notice", "facegate/cmd/facegate", "facegate/scripts/house", // in the last two tests, which read the documents
		},
		"github.com/chromedp": { // in tests
			"facegate/cmd/facegate/internal/browsertest", "facegate/cmd/facegate/internal/kiosk", "facegate/cmd/facegate/internal/office",
		},
		"github.com/santhosh-tekuri": {"facegate/pipeline/publish/contracttest"},
	}
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		place := "facegate/" + strings.Split(p.ImportPath, "/")[1]
		allowed, known := ours[place]
		if !known {
			t.Errorf("%s: DESIGN.md has no place %s", p.ImportPath, place)
		}
		seen[place] = true
		for _, imported := range p.Imports {
			if within(imported, "facegate") && !within(imported, append(allowed, place)...) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
		for library, owners := range owner {
			for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
				if within(imported, library) && !within(p.ImportPath, owners...) {
					t.Errorf("%s imports %s, which belongs to %s", p.ImportPath, imported, owners[0])
				}
			}
		}
		// Pictures of presentations are cut by where the faces in them are.
		if slices.Contains(p.Deps, gocv) && !within(p.ImportPath, "facegate/pipeline/vision", "facegate/cmd", "facegate/scripts/presentations") {
			t.Errorf("%s reaches gocv", p.ImportPath)
		}
	}
	for place := range ours {
		if !seen[place] {
			t.Errorf("there is no package in %s", place)
		}
	}
}

// TestFileIsApart checks that law and documents know no configuration file, and that who works with a gate or its records is
// handed values. Otherwise a question of law could be asked only by who has a file, and no test of the core could ask it.
func TestFileIsApart(t *testing.T) {
	const parser = "facegate/configs"
	openers := []string{ // they open what the file names
		"facegate/cmd/facegate", "facegate/cmd/facegate/internal/daemon", "facegate/cmd/facegate/internal/opening",
		"facegate/cmd/facegate/internal/gatetest",  // writes such files for tests
		"facegate/cmd/facegate/internal/interview", // writes such a file
		"facegate/cmd/facegate/internal/rulebook",  // makes rules of what the file says of readers, rules and plans
	}
	values := map[string][]string{ // of this module
		parser + "/passage": {},
		parser + "/week":    {},
		parser + "/law":     {},
		parser + "/words":   {parser + "/hint", parser + "/text"},
		parser + "/notice":  {parser + "/law", parser + "/passage", parser + "/hint", parser + "/words"},
	}
	seen := 0
	for _, p := range listPackages(t) {
		if slices.Contains(p.Imports, parser) && !slices.Contains(openers, p.ImportPath) {
			t.Errorf("%s imports the parser of the file: hand it values of law, notice or passage", p.ImportPath)
		}
		allowed, ok := values[p.ImportPath]
		if !ok {
			continue
		}
		seen++
		for _, imported := range p.Imports {
			if within(imported, "facegate") && !slices.Contains(allowed, imported) || within(imported, "os", "net", "math/rand", "crypto/rand") {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
	if seen != len(values) {
		t.Errorf("%d of %d rooms found", seen, len(values))
	}
}

// TestStoreInLayers checks that what lies below the register knows nothing of people: a file, a seal and a vault can be read,
// and tested, without them. Nothing but a vault has a database in its hands.
func TestStoreInLayers(t *testing.T) {
	const store, bbolt = "facegate/store", "go.etcd.io/bbolt"
	layers := map[string][]string{ // of this module, what each may import
		store + "/durable": {},
		store + "/seal":    {},
		store + "/vault":   {store + "/durable", store + "/seal", "facegate/configs/file", "facegate/configs/hint"},
	}
	databases := []string{store + "/vault", store + "/storetest"} // which looks at the files for tests
	seen := 0
	for _, p := range listPackages(t) {
		if within(p.ImportPath, store) && slices.ContainsFunc(p.Imports, func(i string) bool { return within(i, bbolt) }) &&
			!slices.Contains(databases, p.ImportPath) {
			t.Errorf("%s opens a database: that is for a vault", p.ImportPath)
		}
		allowed, ok := layers[p.ImportPath]
		if !ok {
			continue
		}
		seen++
		for _, imported := range p.Imports {
			if within(imported, "facegate") && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
	if seen != len(layers) {
		t.Errorf("%d of %d layers found", seen, len(layers))
	}
}

// TestPublishIsNoStage checks that no other package of the pipeline knows of publish, and publish of nothing of theirs but the
// means by which somebody asked, and the form of an order from afar. Its four rooms know nothing of each other, of the broker's library or of an event: they take
// bytes, so that each can be tested by itself, and publish joins them.
func TestPublishIsNoStage(t *testing.T) {
	const place = "facegate/pipeline/publish"
	rooms := []string{place + "/feed", place + "/states", place + "/orders", place + "/homeassistant"}
	seen := 0
	for _, p := range listPackages(t) {
		if slices.Contains(rooms, p.ImportPath) {
			seen++
		}
		for _, imported := range p.Imports {
			switch {
			case slices.Contains(rooms, p.ImportPath):
				if strings.Contains(imported, ".") || within(imported, "facegate") {
					t.Errorf("%s imports %s", p.ImportPath, imported)
				}
			case within(p.ImportPath, place):
				if within(imported, "facegate/pipeline") && !within(imported, place, "facegate/pipeline/attempt", "facegate/pipeline/order") {
					t.Errorf("%s imports %s", p.ImportPath, imported)
				}
			case within(p.ImportPath, "facegate/pipeline") && within(imported, place):
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
	if seen != len(rooms) {
		t.Errorf("%d of %d rooms found", seen, len(rooms))
	}
}

// TestBrokersAreWatched checks that no test starts a broker whose messages are not held to the contract with building systems. The one
// in the process is started with a tap of contracttest, mosquitto and nats-server by packages which watch them.
func TestBrokersAreWatched(t *testing.T) {
	const loopback, watch = "facegate/pipeline/publish/loopback", "facegate/pipeline/publish/contracttest"
	others := []string{"facegate/pipeline/publish/mosquittotest", "facegate/pipeline/publish/natstest"}
	starts := regexp.MustCompile(`loopback\.Start\(.*\)`)
	seen := 0
	for _, p := range listPackages(t) {
		if p.ImportPath == loopback {
			continue // its tests are of the broker, and no gate speaks there
		}
		for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range starts.FindAllString(string(text), -1) {
				if seen++; !strings.Contains(call, "contracttest.Tap(") {
					t.Errorf("%s starts a broker that nobody watches: use contracttest.Start", name)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no test starts a broker")
	}
	for _, p := range listPackages(t) {
		if slices.Contains(others, p.ImportPath) && !slices.Contains(p.Imports, watch) {
			t.Errorf("%s does not watch its broker", p.ImportPath)
		}
		if !within(p.ImportPath, "facegate/scripts") && !strings.HasSuffix(p.ImportPath, "test") &&
			slices.ContainsFunc(p.Imports, func(i string) bool { return i == watch }) {
			t.Errorf("%s imports %s, which is for tests", p.ImportPath, watch)
		}
	}
}

// TestStagesArePure checks that the stages of the pipeline have no clock, no goroutine and no disk of their own, and know
// nothing of those who have. Each child of the pipeline is named here: whoever adds one says whether it is a stage.
func TestStagesArePure(t *testing.T) {
	pure := []string{"", "/admit", "/again", "/attempt", "/challenge", "/crowd", "/decide", "/detect", "/embed", "/enrol", "/flood", "/liveness", "/match", "/order", "/qrcode", "/quality", "/schedule", "/survey", "/template", "/track", "/visitor"}
	others := map[string]string{ // and why they are not pure
		"/vision":      "its networks measure how long they take, and belong to a library; the pipeline knows it by an interface",
		"/models":      "reads the networks' files, before there is a frame",
		"/calibrate":   "reads thresholds that were measured, before there is a frame",
		"/evaluate":    "measures on thousands of pictures at a time, and is part of no gate",
		"/publish":     "talks to a broker, after the door has opened",
		"/matchertest": "is for tests",
	}
	impure := []string{"os", "net", "log", "log/slog", "crypto/rand", "math/rand", "math/rand/v2"}
	clocks := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
	checked := 0
	for _, p := range listPackages(t) {
		stage, ok := strings.CutPrefix(p.ImportPath, "facegate/pipeline")
		if !ok || strings.Count(stage, "/") > 1 {
			continue
		}
		checked++
		if others[stage] != "" {
			continue
		}
		if !slices.Contains(pure, stage) {
			t.Errorf("%s is neither a stage nor said to be none", p.ImportPath)
		}
		for _, imported := range p.Imports {
			child, ours := strings.CutPrefix(imported, "facegate/pipeline")
			if within(imported, impure...) || ours && !slices.Contains(pure, child) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
		eachFile(t, p, func(name string, file *ast.File) {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine", name)
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
						t.Errorf("%s uses time.%s", name, n.Sel.Name)
					}
				}
				return true
			})
		})
	}
	if checked != len(pure)+len(others) {
		t.Errorf("%d of %d children of the pipeline found", checked, len(pure)+len(others))
	}
}

// TestHouse checks what holds for every package: it says what it is for, and does nothing by being imported. What a
// command prints for people goes through package show.
func TestHouse(t *testing.T) {
	silent := []string{`"embed"`, `"time/tzdata"`} // of the standard library, which offers them in no other way
	for _, p := range listPackages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package documentation", p.ImportPath)
		}
		eachFile(t, p, func(name string, file *ast.File) {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s has an init function", name)
				}
			}
			if p.ImportPath == "facegate/cmd/facegate" {
				printsThroughShow(t, name, file)
			}
			for _, i := range file.Imports {
				if i.Name != nil && (i.Name.Name == "_" && !slices.Contains(silent, i.Path.Value) || i.Name.Name == ".") {
					t.Errorf("%s imports %s as %s", name, i.Path.Value, i.Name)
				}
			}
		})
	}
}

// printsThroughShow refuses fmt's ways to print, which escape nothing: show has the same ones.
func printsThroughShow(t *testing.T, name string, file *ast.File) {
	t.Helper()
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "fmt" && (strings.HasPrefix(s.Sel.Name, "Fprint") || strings.HasPrefix(s.Sel.Name, "Print")) {
			t.Errorf("%s prints with fmt.%s: use show.%[2]s", name, s.Sel.Name)
		}
		return true
	})
}

func eachFile(t *testing.T, p listed, look func(name string, file *ast.File)) {
	t.Helper()
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		path := filepath.Join(p.Dir, name)
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		look(path, file)
	}
}
