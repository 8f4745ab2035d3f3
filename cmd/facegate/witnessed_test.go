package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/witness"
	"facegate/cmd/facegate/internal/witness/logtest"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
	qr "facegate/pipeline/template/pass"
	"facegate/store/checkpoint"
)

// A keeper is a witness that knows a gate.
type keeper struct {
	t        *testing.T
	path     string
	key, id  string // the verifier key, and the id of it
	requests int
}

// newKeeper makes a witness that knows logs, of which it is given the keys.
func newKeeper(t *testing.T, name string, keys ...string) *keeper {
	t.Helper()
	k := &keeper{t: t, path: filepath.Join(t.TempDir(), "witness.db")}
	facegate(t.Context(), "witness", "create", k.path, "--name", name).want(t, exitOK, name+"+", "created")
	facegate(t.Context(), append([]string{"witness", "add", k.path}, keys...)...).want(t, exitOK, fmt.Sprint("logs that are followed: ", len(keys)), "")
	w, err := witness.Open(k.path)
	must(t, err)
	defer w.Close()
	k.key, k.id = w.Verifier().String(), checkpoint.KeyID(w.Verifier())
	return k
}

// sign has the witness cosign a request that somebody carries to it, and returns its answer.
func (k *keeper) sign(request string) (signed string) {
	k.t.Helper()
	k.requests++
	path := fmt.Sprint(k.path, ".request", k.requests)
	must(k.t, os.WriteFile(path, []byte(request), 0o600))
	p := facegate(k.t.Context(), "witness", "sign", k.path, path)
	p.want(k.t, exitOK, "\n— ", "")
	return p.out
}

// A cosignedGate is a gate that is cosigned by one witness over mosquitto, and by another one that only a file reaches.
type cosignedGate struct {
	t      *testing.T
	site   gatetest.Site
	more   gatetest.Settings
	config string
	*live
	near, far *keeper
	url       string // of the broker, for the gate and the near witness
	serves    *served
	wire      *subscriber
	origin    string // of its log
}

// newCosignedGate makes a gate at which p01 has a face and Ann is on the list. Its near witness follows another log too.
func newCosignedGate(t *testing.T, other *logtest.Log) *cosignedGate {
	t.Helper()
	broker := mosquittotest.New(t, loopback.Account{})
	broker.Start(t)
	g := &cosignedGate{t: t, site: gatetest.NewSite(t).FixKey(t), wire: subscribe(t, broker.URL(), loopback.Account{})}
	g.url = "tcp://" + newTap(t, "tcp", "127.0.0.1:0", broker.URL()).listener.Addr().String()
	g.start()
	if p := g.enroll(t, "p01"); p.code != exitOK {
		t.Fatal(p.err)
	}
	g.add("Ann")
	g.do("backup", "create", g.site.Path("gate.backup")).want(t, exitOK, "holds 2 people", "")
	device := strings.TrimSpace(g.do("device", "pubkey").out)
	g.origin, _, _ = strings.Cut(g.do("audit", "checkpoint").out, "\n")
	g.stop()

	g.near, g.far = newKeeper(t, "residents.example", device, other.Key(t)), newKeeper(t, "auditor.example", device)
	g.more = gatetest.Settings{
		"mqtt": fmt.Sprintf("{broker: %q}", g.url), "witness": fmt.Sprintf("{keys: [%q, %q], every: 1h}", g.near.key, g.far.key),
	}
	g.config = g.site.WriteConfig(t, g.more)
	return g
}

// do carries out a command on the gate as it runs.
func (g *cosignedGate) do(args ...string) printout {
	g.t.Helper()
	return g.live.do(g.t, args...)
}

// add puts somebody on the list, of which the log has an entry.
func (g *cosignedGate) add(name string) {
	g.t.Helper()
	p := g.do("person", "add", name, "--until", "2040-01-31", "--reference", "contract "+name, "--pass", g.site.Path(name+".png"))
	p.want(g.t, exitOK, name, "")
}

func (g *cosignedGate) start() {
	g.t.Helper()
	g.live = startLive(g.t, g.site, g.more)
}

// restart has the gate ask its witnesses, which it does at its start.
func (g *cosignedGate) restart() {
	g.t.Helper()
	g.stop()
	g.start()
}

func (g *cosignedGate) how() (s status.Status) {
	g.t.Helper()
	g.do("status", "--json").decode(g.t, &s)
	return s
}

// witness returns how it is with the near witness.
func (g *cosignedGate) witness() status.Witness {
	g.t.Helper()
	return g.how().Witnesses[0]
}

// serve has the near witness answer what the broker is asked.
func (g *cosignedGate) serve() {
	g.t.Helper()
	g.serves = startWitness(g.t, g.near.path, "--mqtt", g.url)
	gatetest.Eventually(g.t, "the witness is connected", func() bool { return strings.Contains(g.serves.log.String(), "connected to the broker") })
}

// forget has the near witness forget the gate, and serve again.
func (g *cosignedGate) forget() {
	g.t.Helper()
	g.serves.stop(g.t)
	facegate(g.t.Context(), "witness", "forget", g.near.path, g.origin, "--yes").want(g.t, exitOK, "is forgotten", "")
	g.serve()
}

// cosigned waits until the near witness has cosigned more than size entries, and returns how many.
func (g *cosignedGate) cosigned(size int64) int64 {
	g.t.Helper()
	gatetest.Eventually(g.t, fmt.Sprintf("more than %d entries are cosigned", size), func() bool { w := g.witness(); return w.Size > size && w.Err == "" })
	return g.witness().Size
}

// goesOnFrom waits until the gate would ask the near witness to go on from size entries.
func (g *cosignedGate) goesOnFrom(size int64) {
	g.t.Helper()
	gatetest.Eventually(g.t, fmt.Sprintf("the gate goes on from %d entries", size), func() bool {
		return strings.HasPrefix(g.do("audit", "checkpoint", "--for", g.near.key).out, fmt.Sprintf("old %d\n", size))
	})
}

// topic returns the one on which the near witness answers.
func (g *cosignedGate) topic() string { return "facegate/test/front/audit/cosignature/" + g.near.id }

// answer returns what the broker was given last for the near witness.
func (g *cosignedGate) answer() string {
	g.t.Helper()
	all := g.wire.on(g.topic())
	if len(all) == 0 {
		g.t.Fatal("the witness has not answered")
	}
	return string(all[len(all)-1].Payload())
}

// say gives the broker an answer of the near witness, as somebody does who may write there.
func (g *cosignedGate) say(signed string) {
	g.t.Helper()
	if token := g.wire.client.Publish(g.topic(), 1, true, signed); !token.Wait() || token.Error() != nil {
		g.t.Fatal(token.Error())
	}
}

// stands checks that nothing has happened to the gate: so many entries are cosigned, and faces are on.
func (g *cosignedGate) stands(size int64, when string) {
	g.t.Helper()
	if s := g.how(); s.Witnesses[0].Size != size || s.Witnesses[0].Ahead || s.Older != nil || s.FacesOff != nil {
		g.t.Errorf("%s: the witness %+v, older %+v, faces off %+v", when, s.Witnesses[0], s.Older, s.FacesOff)
	}
}

// TestWitnessed has what the gate and its witnesses go through, one after the other: all is well, somebody forges, the witness loses its
// memory, and the gate is put back to before an erasure.
func TestWitnessed(t *testing.T) {
	t.Parallel()
	other := logtest.Numbered(t, 7, "entry", 999)
	g := newCosignedGate(t, other)
	foreign := g.near.sign(string(other.Request(t, 0, 999)))
	g.serve()
	g.start()
	first := g.cosigned(0)
	genuine := g.answer()
	g.byHand()
	g.forged(first, genuine, foreign)
	g.add("Bob")
	g.stop()

	former := t.TempDir()
	must(t, os.CopyFS(former, os.DirFS(g.site.Dir)))
	g.start() // while the broker retains what is forged
	second := g.cosigned(first)
	receipts := t.TempDir()
	g.do("erase", "p01", "--yes", "--receipt", filepath.Join(receipts, "p01.txt")).want(t, exitOK, "p01 is erased", "")
	third := g.replayed(first, second, genuine)
	g.forgotten(third)
	g.stop()

	g.putBack(former)
	g.restored(receipts)
}

// byHand carries what the gate asks to the far witness as the picture of a code, and its answer back as a file.
func (g *cosignedGate) byHand() {
	t := g.t
	t.Helper()
	if w := g.how().Witnesses[1]; w.Size != 0 {
		t.Errorf("the witness that is away has cosigned: %+v", w)
	}
	code, note := filepath.Join(t.TempDir(), "request.png"), filepath.Join(t.TempDir(), "note")
	g.do("audit", "checkpoint", "--for", g.far.key, "--qr", code).want(t, exitOK, code+" is for the witness", "")
	picture, err := os.ReadFile(code)
	must(t, err)
	request, err := qr.Text(picture)
	must(t, err)
	if want := g.do("audit", "checkpoint", "--for", g.far.key).out; request != want {
		t.Errorf("the code says\n%s\nand not\n%s", request, want)
	}
	must(t, os.WriteFile(note, []byte(strings.TrimSpace(g.far.sign(request))), 0o600)) // as a code is scanned
	g.do("audit", "cosigned", note).want(t, exitOK, "auditor.example has cosigned", "")
	if w := g.how().Witnesses[1]; w.Size == 0 || w.Err != "" {
		t.Errorf("the witness that was reached by hand has cosigned %+v", w)
	}
}

// forged has somebody who may write to the broker say for the near witness what it has not said of this gate. The last of it stays there.
func (g *cosignedGate) forged(size int64, genuine, foreign string) {
	t := g.t
	t.Helper()
	text, _, _ := strings.Cut(genuine, "\n\n")
	stranger := newKeeper(t, "stranger.example", strings.TrimSpace(g.do("device", "pubkey").out))
	for what, said := range map[string]string{
		"unsigned":                       text + "\n\n",
		"signed by the gate alone":       genuine[:strings.LastIndex(genuine, "— ")],
		"a larger size":                  strings.Replace(genuine, fmt.Sprintf("\n%d\n", size), fmt.Sprintf("\n%d\n", size+1000), 1),
		"of another gate":                foreign,
		"cosigned by a stranger":         stranger.sign(g.do("audit", "checkpoint", "--for", g.far.key, "--anew").out),
		"of more signatures than counts": genuine + strings.Repeat("— junk AAAAAAAA\n", 101),
		"no note":                        strings.Repeat("x\n", 7<<10),
	} {
		g.say(genuine)
		gatetest.Eventually(t, "what is genuine is taken in", func() bool { return g.witness().Err == "" })
		g.say(said)
		gatetest.Eventually(t, what+" is refused", func() bool { return g.witness().Err != "" })
		g.stands(size, what)
	}
}

// replayed has somebody give the broker again what the near witness said long ago. The witness then refuses once what it is asked, its
// answer tells the gate where to go on from, and it cosigns again. It returns how many entries.
func (g *cosignedGate) replayed(then, now int64, genuine string) int64 {
	t := g.t
	t.Helper()
	newest := g.answer()
	g.say(genuine)
	g.goesOnFrom(then)
	g.stands(now, "an answer of long ago")
	g.restart()
	g.goesOnFrom(now)
	if answer := g.answer(); answer != newest {
		t.Errorf("the witness has not answered with the newest that it has, but with\n%s", answer)
	}
	g.restart()
	return g.cosigned(now)
}

// forgotten has the near witness lose its memory of the gate. What the broker retains for it is answered with nothing, and the gate begins
// anew with it.
func (g *cosignedGate) forgotten(size int64) {
	g.t.Helper()
	g.forget()
	g.goesOnFrom(0)
	g.stands(size, "a witness without its memory")
	g.restart()
	g.goesOnFrom(size)
	g.stands(size, "a witness that has begun anew")
}

// putBack puts all that the gate keeps back to before the erasure, the anchor too, so that nothing at the gate can tell. What the broker
// retains of the witness does: no face is looked at, and whoever was erased does not get in.
func (g *cosignedGate) putBack(former string) {
	t := g.t
	t.Helper()
	for _, name := range []string{"state", "state-keys", "anchor"} {
		must(t, os.RemoveAll(g.site.Path(name)))
		must(t, os.CopyFS(g.site.Path(name), os.DirFS(filepath.Join(former, name))))
	}
	g.start()
	gatetest.Eventually(t, "the witness tells", func() bool { s := g.how(); return s.Older != nil && s.Witnesses[0].Ahead })
	found := map[health.Name]string{}
	for _, c := range g.how().Health.Conditions {
		found[c.Name] = c.Todo
	}
	if !strings.Contains(found[health.WitnessAhead], "facegate backup restore") || found[health.OlderCopy] == "" {
		t.Errorf("the health is %+v", found)
	}
	must(t, g.stage.Play(t.Context(), gatetest.Arrival(t)))
	if s := g.how(); s.Door.Pulses > 0 {
		t.Errorf("somebody who was erased gets in: %+v", s.Door)
	}
}

// restored goes the way back: the witness forgets the gate, by which alone nothing is well, and then a backup is restored. Faces are on again,
// and whoever was erased is not on the list.
func (g *cosignedGate) restored(receipts string) {
	t := g.t
	t.Helper()
	g.forget()
	g.goesOnFrom(0)
	older := g.how()
	if older.Witnesses[0].Ahead || older.Older == nil || older.FacesOff == nil {
		t.Errorf("after the witness has forgotten: the witness %+v, older %+v, faces off %+v", older.Witnesses[0], older.Older, older.FacesOff)
	}
	g.stop()
	p := facegate(t.Context(), "backup", "restore", g.site.Path("gate.backup"), "--yes", "--receipts", receipts, "--last-receipt", "1",
		"--credentials", "back", "--config", g.config)
	if p.code != exitOK {
		t.Fatal(p.err)
	}
	g.start()
	var all []people.Person
	g.do("people", "--json").decode(t, &all)
	if len(all) != 2 || all[0].Label != "Ann" || all[1].Label != "Bob" {
		t.Errorf("on the list are %+v", all)
	}
	g.stands(g.cosigned(older.Witnesses[0].Size), "after the restore")
	g.stop()
	g.serves.stop(t)
}
