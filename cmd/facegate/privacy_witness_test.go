package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/needle"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/status"
	"facegate/cmd/facegate/internal/systime"
	"facegate/cmd/facegate/internal/typeset/typesettest"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/template"
	qr "facegate/pipeline/template/pass"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/receipt"
	"facegate/store/storetest"
)

// What a gate shows of its audit log, and what witnesses and those who were erased keep of it. A topic is a place too.
const (
	toWitnesses = "audit/checkpoint"
	ofWitness   = "audit/cosignature"
	inNote      = "in the checkpoint that is printed"
	inRequest   = "in the request that is printed"
	inReceipt   = "in the file of the receipt"
	inLeaf      = "in the entry that the receipt shows"
	onSheet     = "on the receipt's page"
	inCodes     = "in the codes of the page"
	atWitness   = "in the witness's file"
)

// TestPrivacyOfWitnesses erases somebody at a gate with a witness, and looks for them in all that tells of it.
func TestPrivacyOfWitnesses(t *testing.T) {
	t.Parallel()
	a := attest(t, contracttest.Start(t, loopback.Account{}), "residents.example")
	for place, leaks := range a.find(t) {
		if t.Logf("%s: %d bytes searched", place, len(a.places[place])); len(leaks) > 0 {
			t.Errorf("%s: %q", place, leaks)
		}
	}
}

// TestPrivacyOfWitnessesFindsLeaks has the name of the witness, and whoever else may write there, say what the search is for.
func TestPrivacyOfWitnessesFindsLeaks(t *testing.T) {
	t.Parallel()
	a := attest(t, contracttest.Start(t, loopback.Account{}), hex.EncodeToString([]byte(poisonName)))
	want := map[string]string{ofWitness + "/" + a.id: poisonName + " in hexadecimal"}
	for place, leak := range map[string]needle.Needle{
		toWitnesses: {What: "the template", Bytes: a.code}, toWitnesses + "/" + a.id: {What: "the secret of a pass", Bytes: a.secret},
	} {
		root := append([]byte("odd"), leak.Bytes...) // as long as a hash is, the contract has nothing against it
		line := string(inBase64(append(root, make([]byte, sha256.Size-len(root))...)))
		token := a.subscriber.client.Publish(gateTopic+place, 1, true, regexp.MustCompile(`(?m)^\S{43}=$`).ReplaceAllString(string(a.heard(place)), line))
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatalf("publish on %s: %v", place, token.Error())
		}
		want[place] = leak.What + " in base64"
		gatetest.Eventually(t, "the leak on "+place+" is heard", func() bool { return strings.Contains(string(a.heard(place)), line) })
	}
	for _, place := range []string{inReceipt, onSheet, inCodes, atWitness} {
		want[place] = poisonName + " in hexadecimal"
	}
	for place, leak := range map[string]string{inNote: strings.ToUpper(poisonForm), inRequest: fmt.Sprintf("%x", a.subject)} {
		a.places[place] = fmt.Append(a.places[place], leak)
	}
	want[inNote], want[inRequest] = poisonForm, "the person's id in the audit log in hexadecimal"
	leaf := bytes.Clone(a.places[inLeaf])
	copy(leaf[len(leaf)-16:], a.secret) // the salt
	a.keep(t, bytes.Replace(a.places[inReceipt], inBase64(a.places[inLeaf]), inBase64(leaf), 1))
	want[inLeaf] = "the secret of a pass"

	found := a.find(t)
	for place := range found {
		if want[place] == "" {
			t.Errorf("nothing leaks %s", place)
		}
	}
	for place, leak := range want {
		if !slices.ContainsFunc(found[place], func(f string) bool { return strings.HasPrefix(f, leak+" at ") }) {
			t.Errorf("%s: %q was not found, but %q", place, leak, found[place])
		}
	}
}

// inBase64 returns data as a proof has it.
func inBase64(data []byte) []byte { return base64.StdEncoding.AppendEncode(nil, data) }

// gateTopic begins every topic of the gate.
const gateTopic = "facegate/test/front/"

// An attested gate has erased somebody, and a witness has cosigned that.
type attested struct {
	subscriber *subscriber
	id         string // of the witness
	code       []byte // of the template
	secret     []byte // of the pass
	subject    audit.Subject
	search     *needle.Search
	places     map[string][]byte // what was found there
}

// attest has a gate erase somebody, and a witness of this name cosign that over broker.
func attest(t *testing.T, broker *loopback.Broker, name string) *attested {
	t.Helper()
	site := gatetest.NewSite(t).FixKey(t)
	config, path, page := site.WriteConfig(t, nil), site.Path("receipt.txt"), site.Path("receipt.pdf")
	do := func(args ...string) printout {
		t.Helper()
		p := facegate(t.Context(), append(args, "--socket", site.Socket(), "--config", config)...)
		if p.code != exitOK {
			t.Fatalf("%s: %s", args, p.err)
		}
		return p
	}
	a := &attested{subscriber: subscribe(t, broker.URL(), loopback.Account{}), places: map[string][]byte{}}
	a.enrol(t, site)
	do("erase", poisonName, "--yes", "--receipt", path)

	k := newKeeper(t, name, strings.TrimSpace(do("device", "pubkey").out))
	a.id = k.id
	startWitness(t, k.path, "--mqtt", broker.URL())
	l := startLive(t, site, gatetest.Settings{
		"mqtt": fmt.Sprintf("{broker: %q}", broker.URL()), "witness": fmt.Sprintf("{keys: [%q], every: 1h}", k.key),
	})
	gatetest.Eventually(t, "the witness has cosigned", func() bool {
		var s status.Status
		l.do(t, "status", "--json").decode(t, &s)
		return len(s.Witnesses) == 1 && s.Witnesses[0].Size > 0
	})
	do("receipt", "prove", path)
	a.places[inNote] = []byte(do("audit", "checkpoint").out)
	a.places[inRequest] = []byte(do("audit", "checkpoint", "--for", k.key).out)
	for _, topic := range []string{toWitnesses, toWitnesses + "/" + a.id, ofWitness + "/" + a.id} {
		gatetest.Eventually(t, topic+" is heard", func() bool { return len(a.heard(topic)) > 0 })
	}
	l.stop()
	proven, err := os.ReadFile(path)
	must(t, err)
	a.keep(t, proven)
	facegate(t.Context(), "receipt", "show", path, "--pdf", page).want(t, exitOK, "receipt: in ", "")
	a.sheet(t, page)
	a.places[atWitness], err = os.ReadFile(k.path)
	must(t, err)
	return a
}

// enrol enrols the person at the stopped gate, and makes the search for them.
func (a *attested) enrol(t *testing.T, site gatetest.Site) {
	t.Helper()
	c := site.Config(t, nil)
	s, err := opening.Store(c, systime.New(), discard)
	must(t, err)
	defer s.Close()
	notices, err := c.Particulars().Texts()
	must(t, err)
	e := store.Enrolment{
		Label: poisonName, Consent: storetest.Consent(), Expires: storetest.Now().AddDate(10, 0, 0), By: 1000,
		Made: template.Made{Scheme: template.SchemeS1, Epoch: 1},
	}
	e.Consent.Notice = store.Notice{Version: notices[0].Version, Hash: notices[0].SHA256}
	e.Consent.Reference = poisonForm
	must(t, binary.Read(rand.Reader, binary.LittleEndian, &e.Code))
	token, keys, err := s.Credentials().DrawPass()
	must(t, err)
	e.Pass = keys
	person, err := s.Enrol(e)
	must(t, err)
	log, err := s.Log().Read()
	must(t, err)
	for _, r := range log.Records {
		if r.Entry.Kind == audit.Enrolled {
			a.subject = r.Entry.Subject
		}
	}
	if a.subject == (audit.Subject{}) {
		t.Fatal("the log does not say who was enrolled")
	}
	a.code, err = binary.Append(nil, binary.LittleEndian, e.Code[:3])
	must(t, err)
	a.secret = secretOf(t, token)
	a.search = needle.NewSearch(slices.Concat(
		needle.Text(poisonName, poisonName), needle.Text(poisonForm, poisonForm), needle.Encodings("the template", a.code),
		needle.Encodings("the text of a pass", []byte(token.Text())), needle.Encodings("the secret of a pass", a.secret),
		needle.Encodings("the person's id", person.ID[:]), needle.Encodings("the person's id in the audit log", a.subject[:]),
	))
}

// heard returns all that came on a topic of the gate.
func (a *attested) heard(topic string) (all []byte) {
	for _, m := range a.subscriber.on(gateTopic + topic) {
		all = append(all, m.Payload()...)
	}
	return all
}

// keep takes in the file of a receipt.
func (a *attested) keep(t *testing.T, file []byte) {
	t.Helper()
	_, proof := receipt.Split(file)
	leaf, err := torchwood.ProofExtraData(proof)
	must(t, err)
	if len(leaf) != audit.LeafSize {
		t.Fatalf("the receipt shows an entry of %d bytes", len(leaf))
	}
	a.places[inReceipt], a.places[inLeaf] = file, leaf
}

// sheet takes in the page of a receipt: the file, what is packed in it, what it says in words, and what its codes say.
func (a *attested) sheet(t *testing.T, page string) {
	t.Helper()
	pdf, err := os.ReadFile(page)
	must(t, err)
	parts := append([]string{string(pdf)}, typesettest.Streams(pdf)...)
	for _, line := range typesettest.Read(t, pdf) {
		parts = append(parts, line.Text)
	}
	a.places[onSheet] = []byte(strings.Join(parts, " ")) // lines are broken at spaces
	line, proof := receipt.Split(a.places[inReceipt])
	for _, picture := range typesettest.Pictures(t, pdf) {
		for _, part := range [][]byte{line, proof} {
			code, err := qr.Draw(string(part))
			must(t, err)
			if pixels(t, picture) == pixels(t, code) {
				a.places[inCodes] = append(a.places[inCodes], part...)
			}
		}
	}
	if len(a.places[inCodes]) != len(a.places[inReceipt]) {
		t.Errorf("the codes of the page say %d bytes, and not the %d of the file", len(a.places[inCodes]), len(a.places[inReceipt]))
	}
}

// pixels returns those of a picture: the code in it is known by them, and no reader has to find it.
func pixels(t *testing.T, picture []byte) string {
	t.Helper()
	decoded, err := png.Decode(bytes.NewReader(picture))
	must(t, err)
	grey := image.NewGray(decoded.Bounds())
	draw.Draw(grey, grey.Bounds(), decoded, grey.Bounds().Min, draw.Src)
	return grey.Bounds().String() + string(grey.Pix)
}

// find returns what leaked, by place.
func (a *attested) find(t *testing.T) map[string][]string {
	t.Helper()
	for _, topic := range []string{toWitnesses, toWitnesses + "/" + a.id, ofWitness + "/" + a.id} {
		a.places[topic] = a.heard(topic)
	}
	found := map[string][]string{}
	for place, data := range a.places {
		if found[place] = a.search.Find(data); len(data) == 0 {
			t.Errorf("%s: nothing to search", place)
		}
	}
	return found
}
