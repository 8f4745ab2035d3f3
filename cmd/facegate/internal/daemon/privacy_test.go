package daemon_test

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gate"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/embed"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/template"
	"facegate/pipeline/vision"
)

// poison is what must not be found where a gate writes: whatever a face, or a name, could be told from.
type poison struct {
	faces []needle // nowhere at all
	names []needle // nowhere but on the control socket; the tokens of passes are among them
}

// A needle is one form of one secret.
type needle struct {
	what  string
	bytes []byte
}

// pictureAt returns where in data a picture begins, -1 if nowhere: a JPEG with SOI and the first byte of the next marker
// (ITU-T T.81), or a PNG.
func pictureAt(data []byte) int {
	for at := 0; ; at++ {
		i := bytes.Index(data[at:], []byte("\xff\xd8\xff"))
		if i < 0 {
			return bytes.Index(data, []byte("\x89PNG\r\n"))
		}
		at += i
		if at+3 < len(data) && data[at+3] >= 0xc0 && data[at+3] != 0xff {
			return at
		}
	}
}

// find lists what leaked into data.
func (p poison) find(data []byte, needles []needle) (found []string) {
	if at := pictureAt(data); at >= 0 {
		found = append(found, fmt.Sprintf("a picture begins at byte %d", at))
	}
	for _, n := range needles {
		if at := bytes.Index(data, n.bytes); at >= 0 {
			found = append(found, fmt.Sprintf("%s at byte %d", n.what, at))
		}
	}
	return found
}

// everything is what is looked for on disk, in logs and in messages.
func (p poison) everything() []needle { return slices.Concat(p.faces, p.names) }

// findInFolder looks into every file below dir.
func (p poison) findInFolder(t *testing.T, dir string) (found []string, files int) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, leak := range p.find(data, p.everything()) {
			found = append(found, path+": "+leak)
		}
		files++
		return err
	}))
	return found, files
}

// addPicture adds the middle of a JPEG picture, which no other has, and the embedding of its face if it has one.
func (p *poison) addPicture(t *testing.T, name string, picture []byte, engine *vision.Engine) {
	t.Helper()
	middle := len(picture) / 2
	p.faces = append(p.faces, needle{"a part of " + name, picture[middle : middle+24]})
	v, ok := embedding(t, engine, picture)
	if !ok {
		return
	}
	var raw []byte
	for _, x := range v[:4] {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	p.faces = append(p.faces, needle{"the embedding of " + name, raw})
}

// addName adds a name as it is, in hexadecimal, and in base64 wherever it may begin in a group of three bytes.
func (p *poison) addName(name string) {
	p.names = append(p.names,
		needle{name, []byte(name)}, needle{name + " in hexadecimal", []byte(hex.EncodeToString([]byte(name)))})
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + name))
		p.names = append(p.names, needle{name + " in base64", []byte(text[4 : len(text)-4])})
	}
}

// addToken adds the token of a pass as it is, and as its QR code says it.
func (p *poison) addToken(t *testing.T, token template.Token) {
	raw, err := base32.StdEncoding.DecodeString(token.Text())
	must(t, err)
	p.names = append(p.names, needle{"a token", raw[1:17]}, needle{"a token in hexadecimal", []byte(hex.EncodeToString(raw[1:17]))})
	p.addName(token.Text())
}

// embedding computes what the gate does for the best face of a picture.
func embedding(t *testing.T, engine *vision.Engine, picture []byte) (embed.Vector, bool) {
	t.Helper()
	must(t, engine.Load(device.Frame{Format: device.JPEG, Data: picture}))
	faces, err := engine.Detect()
	must(t, err)
	if len(faces) == 0 {
		return nil, false
	}
	face := faces[0]
	must(t, engine.Locate(&face))
	_, _, err = engine.Align(&face)
	must(t, err)
	v := make(embed.Vector, engine.Dim())
	must(t, engine.Embed(v))
	return v, true
}

// A tap is a proxy that keeps all that passes it, in both directions.
type tap struct {
	listener net.Listener
	network  string
	target   string
	wg       sync.WaitGroup
	seen     log
}

func newTap(t *testing.T, network, address, target string) *tap {
	t.Helper()
	l, err := net.Listen(network, address)
	must(t, err)
	p := &tap{listener: l, network: network, target: target}
	p.wg.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

func (p *tap) close() {
	p.listener.Close()
	p.wg.Wait()
}

func (p *tap) serve() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial(p.network, p.target)
		if err != nil {
			near.Close()
			continue
		}
		p.wg.Go(func() { p.copy(far, near) })
		p.wg.Go(func() { p.copy(near, far) })
	}
}

func (p *tap) copy(to, from net.Conn) {
	io.Copy(to, io.TeeReader(from, &p.seen))
	to.Close()
	from.Close()
}

// TestPrivacy runs a gate through an enrolment, a passage and a stranger, and looks for faces and names in everything
// that it wrote.
func TestPrivacy(t *testing.T) {
	const label, consent = "Zdenka Poisonova", "paper form 4711-poison"
	site := gatetest.NewSite(t)
	account := loopback.NewAccount()
	broker, err := loopback.Start("127.0.0.1:0", account, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { broker.Close() })
	mqtt := newTap(t, "tcp", "127.0.0.1:0", strings.TrimPrefix(broker.URL(), "tcp://"))
	socket := newTap(t, "unix", site.Path("tap.sock"), site.Socket())
	must(t, os.WriteFile(site.Path("password"), []byte(account.Password), 0o600))

	states := map[pipeline.State]int{} // the gate's until it has stopped
	r := start(t, site, gatetest.Settings{
		"mqtt": fmt.Sprintf(`{broker: "tcp://%s", username: %s, password_file: %s}`,
			mqtt.listener.Addr(), account.Username, site.Path("password")),
		"log": "{level: debug}",
	}, daemon.Outside{Observe: func(p gate.Passage) { states[p.Report.State]++ }})
	r.client = control.NewClient(site.Path("tap.sock"))
	arrival, stranger := gatetest.Arrival(t), gatetest.Clip(t, "walk/s02")[40:75]
	r.enrol(t, "p01", label)
	_, err = r.client.Enrol(t.Context(), control.EnrolRequest{Label: label, Consent: consent, Age: "adult"}, nil)
	if err == nil {
		t.Error("the label was enrolled twice")
	}
	pass, err := r.client.IssuePass(t.Context(), label)
	must(t, err)
	must(t, r.stage.Play(t.Context(), arrival))
	gatetest.Eventually(t, "the passage is told", func() bool { return strings.Contains(mqtt.seen.String(), `"granted"`) })
	must(t, r.stage.Play(t.Context(), stranger))
	_, err = r.client.People(t.Context())
	must(t, err)
	_, err = r.client.Status(t.Context())
	must(t, err)
	r.stop()
	if states[pipeline.Granted] == 0 || states[pipeline.Unknown] == 0 {
		t.Fatalf("the frames came to %v: nobody was let in, or the stranger was not looked at", states)
	}

	var p poison
	engine := gatetest.Engine(t)
	defer engine.Close()
	for i, picture := range slices.Concat(gatetest.Clip(t, "people/p01")[:3], arrival, stranger) {
		p.addPicture(t, fmt.Sprintf("picture %d", i), picture, engine)
	}
	for _, name := range []string{label, consent, "form " + label} {
		p.addName(name)
	}
	p.addToken(t, pass)
	if len(p.faces) < 100 {
		t.Fatalf("only %d traces of faces to look for", len(p.faces))
	}

	found, files := p.findInFolder(t, site.State())
	if files < 4 {
		t.Errorf("only %d files in the state folder", files)
	}
	for _, leak := range found {
		t.Errorf("on disk: %s", leak)
	}
	for _, place := range []struct {
		name, data string
		needles    []needle
	}{
		{"the log", r.log.String(), p.everything()},
		{"MQTT", mqtt.seen.String(), p.everything()},
		{"the control socket", socket.seen.String(), p.faces},
	} {
		if place.data == "" {
			t.Errorf("nothing was heard of %s", place.name)
		}
		for _, leak := range p.find([]byte(place.data), place.needles) {
			t.Errorf("in %s: %s", place.name, leak)
		}
	}
	t.Run("planted", func(t *testing.T) { plantLeaks(t, p) })
}

// plantLeaks checks that the search finds each kind of leak, also in the middle of other bytes.
func plantLeaks(t *testing.T, p poison) {
	clean := bytes.Repeat([]byte("nothing to see here. "), 1000)
	picture := gatetest.Clip(t, "people/p01")[0]
	tests := []struct {
		name string
		leak []byte
		find string
	}{
		{"none", nil, ""},
		{"JPEG", picture[:64], "a picture"},
		{"PNG", []byte("\x89PNG\r\n\x1a\n"), "a picture"},
		{"the middle of a picture", picture[len(picture)/3 : 2*len(picture)/3], "a part of"},
		{"name", p.names[0].bytes, "Zdenka"},
		{"name in base64", []byte(base64.StdEncoding.EncodeToString([]byte("label=Zdenka Poisonova;"))), "base64"},
		{"name in hexadecimal", fmt.Appendf(nil, "%x", "label=Zdenka Poisonova;"), "hexadecimal"},
	}
	for _, n := range p.faces {
		if strings.HasPrefix(n.what, "the embedding") {
			tests = append(tests, struct {
				name string
				leak []byte
				find string
			}{n.what, n.bytes, n.what})
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "file"), slices.Concat(clean, tt.leak, clean), 0o600))
			found, _ := p.findInFolder(t, dir)
			if tt.find == "" && len(found) > 0 || tt.find != "" && !strings.Contains(strings.Join(found, "\n"), tt.find) {
				t.Errorf("found %q, want %q", found, tt.find)
			}
		})
	}
}
