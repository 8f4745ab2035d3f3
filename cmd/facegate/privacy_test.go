package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/needle"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/systime"
	"facegate/device"
	"facegate/device/evdev"
	"facegate/pipeline/embed"
	"facegate/pipeline/publish/childtest"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/template"
	qr "facegate/pipeline/template/pass"
	"facegate/pipeline/vision"
	"facegate/pipeline/visitor"
)

// TestPrivacy runs a gate in a process of its own through an enrolment, a passage and a stranger, a pass of a resident and one of a
// visitor, a card and a PIN, and looks for faces, names and what was shown in every file, line, message and byte that leaves it, and
// in its memory, of which a core dump would be made.
func TestPrivacy(t *testing.T) {
	g := watch(t, nil)
	for _, topic := range []string{"availability", "lock/state", "health", "mode", "info", "pass", "pass/live"} {
		if !strings.Contains(g.mqtt.seen.String(), "/"+topic) {
			t.Errorf("nothing of %s was searched", topic)
		}
	}
	for place, leaks := range g.find(t) {
		for _, leak := range leaks {
			t.Errorf("%s: %s", place, leak)
		}
	}
	for place, size := range g.searched {
		if t.Logf("%s: %d bytes searched", place, size); size == 0 {
			t.Errorf("%s: nothing to search", place)
		}
	}
}

// TestPrivacyFindsLeaks has the gate leak in each of these ways: a search that finds nothing must be one that finds.
func TestPrivacyFindsLeaks(t *testing.T) {
	person := gatetest.Clip(t, "people/p01")[0]
	stranger := gatetest.Clip(t, "walk/s02")[60]
	engine := gatetest.Engine(t)
	defer engine.Close()
	v, _, ok := faceOf(t, engine, stranger)
	if !ok {
		t.Fatal("the stranger shows no face")
	}
	// Not from the beginning, and in the middle of something else.
	part := stranger[len(stranger)/3 : 2*len(stranger)/3]
	wrap := func(leak []byte) []byte { return slices.Concat([]byte("odd"), leak, []byte("even")) }
	planted := &leaks{Memory: [][]byte{wrap(part), wrap(float32s(v)), wrap([]byte(poisonCard))}}
	serial := guestPass(t).serial
	want := map[string][]string{} // patterns of what is found
	for _, l := range []struct {
		name string
		leak []byte
		find string
	}{
		{"jpeg", person[:64], "picture begins"},
		{"png", []byte("\x89PNG\r\n\x1a\n"), "picture begins"},
		{"part", part, "part of picture"},
		{"float32", float32s(v), "as float32"},
		{"float16", float16s(v), "as float16"},
		{"int8", int8s(v), "as int8"},
		{"hex", []byte(hex.EncodeToString(float32s(v))), "as float32 in hexadecimal"},
		{"base64", []byte(base64.StdEncoding.EncodeToString(wrap(float32s(v)))), "as float32 in base64"},
		{"text", fmt.Append(nil, v), "as text"},
		{"name", []byte(poisonName), poisonName},
		{"name64", []byte(base64.StdEncoding.EncodeToString([]byte("label=" + poisonName + ";"))), "in base64"},
		{"namehex", fmt.Appendf(nil, "%x", poisonName), "in hexadecimal"},
		{"card", []byte(poisonCard), "number of a card"},
		{"pin", []byte(poisonPIN), "the PIN"},
		{"visitor", []byte(guestPass(t).text[30:]), "text of a visitor's pass"},
		{"serial", slices.Clone(serial[:]), "serial of a visitor's pass"},
		{"number", []byte(guestPass(t).number), "number of a visitor's pass"},
	} {
		planted.Files = append(planted.Files, plantedFile{l.name, wrap(l.leak)})
		want[onDisk] = append(want[onDisk], "^"+l.name+": .*"+l.find)
	}
	planted.Log = []byte(poisonForm)
	want[inLog] = []string{poisonForm}
	g := watch(t, planted)
	// What does not come from the gate itself passes the same wires, and lies in the same folders.
	for _, dir := range g.written() {
		name := "in-" + filepath.Base(dir)
		must(t, os.WriteFile(filepath.Join(dir, name), wrap([]byte(poisonName)), 0o600))
		want[onDisk] = append(want[onDisk], "^"+name+": "+poisonName+" at")
	}
	fmt.Fprintf(&g.mqtt.seen, "subject=%s", poisonName)
	g.page += poisonCard
	g.socket.seen.Write(wrap(slices.Concat(float32s(v), []byte(poisonCard))))
	if g.memory != nil {
		want[inMemory] = []string{"part of picture", "as float32", "number of a card"}
	}
	want[onMQTT], want[onSocket] = []string{poisonName}, []string{"as float32", "number of a card"}
	want[onPage] = []string{"number of a card"}
	found := g.find(t)
	for place, leaks := range want {
		for _, leak := range leaks {
			if !slices.ContainsFunc(found[place], regexp.MustCompile(leak).MatchString) {
				t.Errorf("%s: %q was not found, but %q", place, leak, found[place])
			}
		}
	}
}

// TestPrivacyNoCoreDump aborts a gate that could write a core dump as far as its limits go.
func TestPrivacyNoCoreDump(t *testing.T) {
	abort := func(dir string, command ...string) {
		t.Helper()
		cmd := exec.Command("sh", append([]string{"-c", `ulimit -c unlimited && exec "$@"`, "sh"}, command...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), asProgram+"=1", asPanicking+"=1", "GOTRACEBACK=crash")
		stderr, err := cmd.StderrPipe()
		must(t, err)
		must(t, childtest.Start(cmd))
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if strings.Contains(lines.Text(), "in service") {
				cmd.Process.Signal(syscall.SIGUSR2) // see asPanicking
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatalf("%s was not aborted", command)
		}
	}
	dir := t.TempDir()
	if abort(dir, "sh", "-c", "kill -ABRT $$"); cores(t, dir) == 0 {
		t.Skip("this machine writes no core dumps")
	}
	site := gatetest.NewSite(t)
	abort(site.Dir, os.Args[0], "run", "--config", site.WriteConfig(t, gatetest.Settings{
		"camera": fmt.Sprintf("{source: replay, path: %s, loop: true, fps: 15}", gatetest.Testdata(t, "walk/p01")),
	}))
	if cores(t, site.Dir) > 0 {
		t.Error("a core dump was written")
	}
}

// cores returns how many core dumps are in dir.
func cores(t *testing.T, dir string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "core*"))
	must(t, err)
	return len(found)
}

// What identifies the person of these tests, besides the face.
const (
	poisonName = "Zdenka Poisonova"
	poisonForm = "paper form 4711-poison"
	poisonCard = "8420471193650278"
	poisonPIN  = "271828459045"
)

// A guest is a visitor with a pass that was never at the gate before.
type guest struct {
	text   string
	serial visitor.Serial
	number string
	office ed25519.PublicKey
}

// guestPass returns the pass of a visitor for the gate of these tests. It is the same for as long as an hour lasts.
func guestPass(t *testing.T) guest {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	pass := visitor.Pass{From: testStart.Truncate(time.Minute), Length: 2 * time.Hour, Uses: 1, Serial: visitor.Serial([]byte("\x91guest\xf3\x02"))}
	text, err := visitor.Sign(key, visitor.Gate("test", "front"), pass)
	must(t, err)
	signed, err := visitor.Parse(text)
	must(t, err)
	return guest{text, pass.Serial, signed.Number().String(), key.Public().(ed25519.PublicKey)}
}

// testStart is when these tests began.
var testStart = time.Now()

// The places that are searched.
const (
	onDisk   = "on disk"
	inLog    = "in the log"
	onMQTT   = "on MQTT"
	onSocket = "on the control socket"
	onPage   = "in the metrics"
	inMemory = "in memory"
)

// A watched gate has been through everything, and has ended.
type watched struct {
	site         gatetest.Site
	log          string
	mqtt, socket *tap
	memory       []byte // after everybody had left
	page         string // the metrics, then and in between
	pass         template.Token
	card, pad    *evdev.Twin
	typed        string // a number and a PIN
	faces        *needle.Search
	shown        *needle.Search // for what was shown to a reader, and belongs in no answer
	cleared      *needle.Search // for what of that leaves the memory with the answer
	all          *needle.Search // for all of these, names, and what belongs in an answer alone
	searched     map[string]int // bytes, by place
}

// watch leads a gate through an enrolment, a passage and a stranger, while it leaks.
func watch(t *testing.T, leak *leaks) *watched {
	site := gatetest.NewSite(t).FixKey(t)
	account := loopback.NewAccount()
	broker := contracttest.Start(t, account)
	g := &watched{
		site:     site,
		mqtt:     newTap(t, "tcp", "127.0.0.1:0", broker.URL()),
		socket:   newTap(t, "unix", site.Path("tap.sock"), "unix://"+site.Socket()),
		searched: map[string]int{},
	}
	must(t, os.WriteFile(site.Path("password"), []byte(account.Password), 0o600))
	must(t, os.Mkdir(site.Path("tmp"), 0o700))
	t.Setenv("TMPDIR", site.Path("tmp"))
	if leak != nil {
		leak.Dir = site.State()
		t.Setenv(asLeaking, leak.write(t))
	}

	for name, twin := range map[string]**evdev.Twin{"card": &g.card, "pad": &g.pad} {
		var err error
		*twin, err = evdev.Plug(site.Path(name))
		must(t, err)
		t.Cleanup(func() { (*twin).Unplug() })
	}
	p := newProjector(t)
	gate := launch(t, site, p.pipe, gatetest.Settings{
		"camera": fmt.Sprintf(`{source: replay, path: "-", fps: %d, max_age: 3s}`, gatetest.FPS),
		"mqtt": fmt.Sprintf(`{broker: "tcp://%s", username: %s, password_file: %s}`,
			g.mqtt.listener.Addr(), account.Username, site.Path("password")),
		"log": "{level: debug}", "metrics": `{listen: "127.0.0.1:0"}`, "alternatives": "[qr, card, pin]", "decide": "{rearm: 1s}",
		"readers": fmt.Sprintf("[{name: desk, kind: usb, device: %s, class: card-uid}, {name: pad, kind: keypad, device: %s}]",
			site.Path("card"), site.Path("pad")),
	})
	gate.status(t)
	gate.client = control.NewClient(site.Path("tap.sock"))
	pose, arrival := gatetest.Pose(t, "p01"), gatetest.Arrival(t)
	stranger := gatetest.Clip(t, "walk/s02")[40:75]
	g.visit(t, gate, p, pose, arrival, stranger)
	if mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", gate.cmd.Process.Pid)); err == nil {
		writesOnlyBelow(t, gate.cmd.Process.Pid, site.State(), site.Keyrings(), site.Anchor(), filepath.Dir(gate.frames))
		g.memory = memoryOf(t, gate.cmd.Process.Pid, mem)
		mem.Close()
	} else {
		t.Log("the memory is not searched, as a gate lets nobody read it who may not trace any process: ", err)
	}
	p.end()
	gate.ended(t)
	g.log = gate.log.String()
	g.lookFor(t, slices.Concat(gatetest.Clip(t, "people/p01")[:3], arrival, stranger))
	return g
}

// visit is what happens at the gate.
func (g *watched) visit(t *testing.T, gate *program, p *projector, pose, arrival, stranger [][]byte) {
	t.Helper()
	request := people.EnrolRequest{Label: poisonName, Consent: poisonForm, Age: "adult"}
	stop := p.loop(pose)
	_, err := gate.client.Enrol(t.Context(), request, func(people.Progress) {})
	for range 3 { // a busy machine may be too slow for one
		if err != nil {
			_, err = gate.client.Enrol(t.Context(), request, func(people.Progress) {})
		}
	}
	stop()
	must(t, err)
	if _, err := gate.client.Enrol(t.Context(), request, nil); err == nil {
		t.Error("the label was enrolled twice")
	}
	g.pass, err = gate.client.IssuePass(t.Context(), poisonName)
	must(t, err)
	seen := gate.came
	for range 10 { // a busy machine may need to see them more than once
		gate.emptied() // whoever was just captured is let in once they have been gone
		if p.play(arrival); seen("granted") > 0 {
			break
		}
	}
	for range 10 {
		if p.play(stranger); seen("unknown") > 0 {
			break
		}
	}
	g.page += gate.metrics(t)
	if seen("granted") == 0 || seen("unknown") == 0 {
		text, _ := os.ReadFile(gate.frames)
		t.Fatalf("nobody was let in, or the stranger was not looked at: %q", strings.Fields(string(text)))
	}
	g.comeOtherwise(t, gate, p)
	_, err = gate.client.Show(t.Context(), poisonName)
	must(t, err)
	_, err = gate.client.People(t.Context())
	must(t, err)
	_, err = gate.client.Verify(t.Context(), nil)
	must(t, err)
	gate.emptied()
	g.page += gate.metrics(t)
}

// emptied waits until everybody has been gone for two seconds, by the frames in which nobody is.
func (p *program) emptied() {
	nobody := p.came("nobody")
	for p.came("nobody") < nobody+2*gatetest.FPS {
		time.Sleep(100 * time.Millisecond)
	}
}

// comeOtherwise has the person come in by their pass, a card and a PIN, and a visitor by a pass that is shown again after that.
func (g *watched) comeOtherwise(t *testing.T, gate *program, p *projector) {
	t.Helper()
	office := people.OfficeRequest{Name: "front desk", Key: hex.EncodeToString(guestPass(t).office)}
	_, err := gate.client.AddOffice(t.Context(), office)
	must(t, err)
	_, err = gate.client.ConfirmClock(t.Context(), time.Now())
	must(t, err)
	given, err := gate.client.SetPIN(t.Context(), people.PINRequest{Label: poisonName, PIN: []byte(poisonPIN)})
	must(t, err)
	_, err = gate.client.AddCard(t.Context(), people.CardRequest{Label: poisonName}, func(people.CardWait) {
		time.Sleep(100 * time.Millisecond) // in which the gate begins to wait
		must(t, g.card.Type(poisonCard+"\n"))
	})
	must(t, err)
	opens := func(what string, shows func()) {
		t.Helper()
		before := gate.status(t).Door.Pulses
		gatetest.Eventually(t, what+" opens the door", func() bool {
			if gate.status(t).Door.Pulses > before {
				return true
			}
			shows()
			time.Sleep(time.Second)
			return false
		})
	}
	for what, text := range map[string]string{"the pass": g.pass.Text(), "a visitor's pass": guestPass(t).text} {
		code, err := qr.Draw(text)
		must(t, err)
		picture, err := holdUp(gatetest.Corridor(t), code)
		must(t, err)
		opens(what, func() { p.play(gatetest.Hold([][]byte{picture}, time.Second)) })
	}
	opens("the card", func() { must(t, g.card.Type(poisonCard+"\n")) })
	g.typed = given.Number + "*" + poisonPIN
	opens("the PIN", func() { must(t, g.pad.Type(g.typed+"\n")) })
}

// lookFor makes the searches for whatever the faces in pictures, the template, or a name could be told from.
func (g *watched) lookFor(t *testing.T, pictures [][]byte) {
	t.Helper()
	engine := gatetest.Engine(t)
	defer engine.Close()
	var faces, names []needle.Needle
	embeddings := 0
	for i, picture := range pictures {
		middle := len(picture) / 2
		faces = append(faces, needle.Needle{What: fmt.Sprintf("a part of picture %d", i), Bytes: picture[middle : middle+24]})
		v, chip, ok := faceOf(t, engine, picture)
		if !ok {
			continue
		}
		embeddings++
		faces = append(faces, needle.Needle{What: fmt.Sprintf("pixels of face %d", i), Bytes: chip[len(chip)/2 : len(chip)/2+48]})
		faces = append(faces, vectorNeedles(fmt.Sprintf("the embedding of face %d", i), v)...)
	}
	if embeddings < 50 {
		t.Fatalf("only %d embeddings to look for", embeddings)
	}
	for _, name := range []string{poisonName, poisonForm} {
		names = append(names, needle.Encodings(name, []byte(name))...)
	}
	names = append(names, needle.Encodings("the text of a pass", []byte(g.pass.Text()))...)
	names = append(names, needle.Encodings("the PIN", []byte(poisonPIN))...)
	card := needle.Encodings("the number of a card", []byte(poisonCard))
	g.cleared = needle.NewSearch(append(needle.Encodings("what was typed", []byte(g.typed)), card...))
	guest := guestPass(t)
	shown := slices.Concat(
		needle.Encodings("the text of a visitor's pass", []byte(guest.text[40:80])), needle.Encodings("the number of a visitor's pass", []byte(guest.number)),
		card, needle.Encodings("the serial of a visitor's pass", guest.serial[:])[:2], // it is too short for base64
	)
	secret := needle.Encodings("the secret of a pass", secretOf(t, g.pass))
	names = append(names, secret...)
	faces = append(faces, secret...) // as the text, it belongs on the socket, and nowhere in memory afterwards
	g.faces, g.shown, g.all = needle.NewSearch(faces), needle.NewSearch(shown), needle.NewSearch(slices.Concat(faces, shown, names, g.codes(t)))
}

// secretOf returns the bytes that are secret of a pass.
func secretOf(t *testing.T, pass template.Token) []byte {
	t.Helper()
	raw, err := base32.StdEncoding.DecodeString(pass.Text())
	must(t, err)
	return raw[1:17]
}

// codes returns the templates in the clear, which belong nowhere but in memory.
func (g *watched) codes(t *testing.T) (needles []needle.Needle) {
	t.Helper()
	s, err := opening.Store(g.site.Config(t, nil), systime.New(), discard)
	must(t, err)
	defer s.Close()
	var modelID [32]byte
	if _, err := hex.Decode(modelID[:], []byte(gatetest.Bundle(t).Embedder.ID())); err != nil {
		t.Fatal(err)
	}
	records, err := s.Templates().Records(modelID)
	must(t, err)
	if len(records) != 1 {
		t.Fatalf("%d templates", len(records))
	}
	var code []byte
	for _, word := range records[0].Code {
		code = binary.LittleEndian.AppendUint64(code, word)
	}
	return needle.Encodings("the template", code[:24])
}

// find returns what leaked, by place.
func (g *watched) find(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{
		onDisk: g.findOnDisk(t),
		// Names belong on the socket of technicians, and in memory. So do pictures: that of the empty corridor.
		onSocket: slices.Concat(g.faces.Find([]byte(g.socket.seen.String())), g.shown.Find([]byte(g.socket.seen.String()))),
	}
	g.searched[onSocket] = len(g.socket.seen.String())
	if g.memory != nil {
		found[inMemory], g.searched[inMemory] = append(g.faces.Find(g.memory), g.cleared.Find(g.memory)...), len(g.memory)
	}
	for place, text := range map[string]string{inLog: g.log, onMQTT: g.mqtt.seen.String(), onPage: g.page} {
		found[place] = append(g.all.Find([]byte(text)), pictureIn([]byte(text))...)
		g.searched[place] = len(text)
	}
	return found
}

// written returns the folders that the gate could write to.
func (g *watched) written() []string {
	return []string{g.site.State(), g.site.Keyrings(), g.site.Anchor(), g.site.Path("tmp")}
}

// findOnDisk looks into every file that the gate could write to.
func (g *watched) findOnDisk(t *testing.T) (found []string) {
	t.Helper()
	for _, dir := range g.written() {
		must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			g.searched[onDisk] += len(data)
			for _, leak := range append(g.all.Find(data), pictureIn(data)...) {
				found = append(found, e.Name()+": "+leak)
			}
			return err
		}))
	}
	return found
}

// faceOf computes what the gate does for the best face of a picture.
func faceOf(t *testing.T, engine *vision.Engine, picture []byte) (v embed.Vector, chip []byte, ok bool) {
	t.Helper()
	must(t, engine.Load(device.Frame{Format: device.JPEG, Data: picture}))
	faces, err := engine.Detect()
	must(t, err)
	if len(faces) == 0 {
		return nil, nil, false
	}
	face := faces[0]
	must(t, engine.Locate(&face))
	chip, _, err = engine.Align(&face)
	must(t, err)
	chip = bytes.Clone(chip)
	v = make(embed.Vector, engine.Dim())
	must(t, engine.Embed(v))
	return v, chip, true
}

// pictureIn reports where a picture begins in data: a PNG, or a JPEG (ITU-T T.81), which is SOI and a segment after whose
// length there is another marker, as far as data goes: three bytes alone turn up in what is encrypted.
func pictureIn(data []byte) []string {
	at := bytes.Index(data, []byte("\x89PNG\r\n"))
	for from := 0; at < 0; from++ {
		i := bytes.Index(data[from:], []byte("\xff\xd8\xff"))
		if i < 0 {
			return nil
		}
		from += i
		segment := data[from+2:]
		if len(segment) < 4 || segment[1] < 0xc0 {
			continue
		}
		if next := 2 + int(binary.BigEndian.Uint16(segment[2:])); next >= len(segment) || segment[next] == 0xff {
			at = from
		}
	}
	return []string{fmt.Sprintf("a picture begins at byte %d", at)}
}

// vectorNeedles returns the forms in which a vector may be kept. The first numbers of each stand for all.
func vectorNeedles(what string, v embed.Vector) []needle.Needle {
	const enough = 24 // bytes that no other data has by chance
	needles := needle.Encodings(what+" as float32", float32s(v)[:enough])
	needles = append(needles, needle.Encodings(what+" as float16", float16s(v)[:enough])...)
	needles = append(needles, needle.Encodings(what+" as int8", int8s(v)[:enough])...)
	for _, x := range v[:4] {
		if text := strconv.FormatFloat(float64(x), 'g', -1, 32); len(text) >= 10 {
			needles = append(needles, needle.Needle{What: what + " as text", Bytes: []byte(text)})
		}
	}
	return needles
}

func float32s(v embed.Vector) (b []byte) {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// float16s is IEEE 754 binary16, rounded to nearest; the numbers of an embedding are far below its limit.
func float16s(v embed.Vector) (b []byte) {
	for _, x := range v {
		bits := math.Float32bits(x)
		sign := uint16(bits >> 16 & 0x8000)
		// Scaling by 2^-112 moves the exponent's bias from 127 to 15, and lets subnormals come out right.
		magnitude := math.Float32bits(math.Float32frombits(bits&^(1<<31)) * 0x1p-112)
		b = binary.LittleEndian.AppendUint16(b, sign|uint16((magnitude+0xfff+magnitude>>13&1)>>13))
	}
	return b
}

// int8s scales the greatest number to 127, as quantised vectors are kept.
func int8s(v embed.Vector) (b []byte) {
	var greatest float64
	for _, x := range v {
		greatest = max(greatest, math.Abs(float64(x)))
	}
	for _, x := range v {
		b = append(b, byte(int8(math.Round(float64(x)/greatest*127))))
	}
	return b
}

// memoryOf reads what of a process is its own and can be written to: what a core dump has of it.
func memoryOf(t *testing.T, pid int, mem io.ReaderAt) (memory []byte) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	must(t, err)
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		var mode string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &mode); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(mode, "rw") {
			continue
		}
		part, err := io.ReadAll(io.NewSectionReader(mem, int64(from), int64(to-from)))
		must(t, err)
		memory = append(memory, part...)
	}
	return memory
}

// writesOnlyBelow checks that a process has no file open for writing outside dir.
func writesOnlyBelow(t *testing.T, pid int, dirs ...string) {
	t.Helper()
	fds := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(fds)
	must(t, err)
	for _, e := range entries {
		link, err := os.Lstat(filepath.Join(fds, e.Name()))
		if err != nil || link.Mode().Perm()&0o200 == 0 { // the link's mode is that of the opening
			continue
		}
		file, err := os.Stat(filepath.Join(fds, e.Name()))
		if err != nil || !file.Mode().IsRegular() {
			continue
		}
		name, err := os.Readlink(filepath.Join(fds, e.Name()))
		if err == nil && filepath.IsAbs(name) && !slices.Contains(dirs, filepath.Dir(name)) {
			t.Errorf("%s is open for writing", name)
		}
	}
}

// A projector shows clips to a gate through a pipe, and the empty corridor in between.
type projector struct {
	pipe  *os.File // the end to read from
	clips chan [][]byte
	done  chan struct{} // gets a value when a clip is over
	wg    sync.WaitGroup
}

func newProjector(t *testing.T) *projector {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	p := &projector{pipe: r, clips: make(chan [][]byte), done: make(chan struct{})}
	corridor := gatetest.Corridor(t)
	p.wg.Go(func() {
		defer w.Close()
		for {
			select {
			case clip, ok := <-p.clips:
				if !ok {
					return
				}
				for _, picture := range clip {
					w.Write(picture)
				}
				p.done <- struct{}{}
			default:
				if _, err := w.Write(corridor); err != nil {
					return
				}
			}
		}
	})
	t.Cleanup(func() { r.Close() })
	return p
}

// play shows a clip to its end.
func (p *projector) play(clip [][]byte) {
	p.clips <- clip
	<-p.done
}

// loop shows a clip again and again until stop is called.
func (p *projector) loop(clip [][]byte) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := 0; ; i++ {
			p.play(clip[i%len(clip):][:1])
			select {
			case <-end:
				return
			default:
			}
		}
	}()
	return func() { close(end); <-ended }
}

// end ends the film.
func (p *projector) end() {
	close(p.clips)
	p.wg.Wait()
}

// A tap is a proxy that keeps all that passes it, in both directions.
type tap struct {
	listener net.Listener
	target   string // URL
	wg       sync.WaitGroup
	seen     record
}

// A record is a Buffer for several goroutines.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// newTap listens on address and leads to the URL target.
func newTap(t *testing.T, network, address, target string) *tap {
	t.Helper()
	l, err := net.Listen(network, address)
	must(t, err)
	p := &tap{listener: l, target: target}
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
		network, address, _ := strings.Cut(p.target, "://")
		far, err := net.Dial(network, address)
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

// asLeaking is set, in the environment of a test binary that is facegate itself, to the name of a file of leaks.
const asLeaking = "FACEGATE_TEST_LEAKS"

// leaks are what a gate does that it must not do.
type leaks struct {
	Dir    string
	Files  []plantedFile // in Dir
	Log    []byte
	Memory [][]byte
}

type plantedFile struct {
	Name string
	Data []byte
}

// leaked is kept in memory.
var leaked [][]byte

// write writes l to a file of which the gate knows.
func (l *leaks) write(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "leaks")
	data, err := json.Marshal(l)
	must(t, err)
	must(t, os.WriteFile(path, data, 0o600))
	return path
}

// leak leaks what the file at path says.
func leak(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var l leaks
	if err := json.Unmarshal(data, &l); err != nil {
		return err
	}
	clear(data)
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return err
	}
	for _, f := range l.Files {
		if err := os.WriteFile(filepath.Join(l.Dir, f.Name), f.Data, 0o600); err != nil {
			return err
		}
	}
	leaked = l.Memory
	_, err = os.Stderr.Write(l.Log)
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
