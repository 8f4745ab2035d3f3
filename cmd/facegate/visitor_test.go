package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	qr "facegate/pipeline/template/pass"
	"facegate/pipeline/visitor"
	"facegate/store"
	"facegate/store/clock/clocktest"
)

// An officeDesk is a machine of an office, without a gate, in a folder of its own.
type officeDesk struct {
	t        *testing.T
	dir, key string
	notice   string // of the gate, on a stick
}

func newOfficeDesk(t *testing.T, config string) officeDesk {
	t.Helper()
	o := officeDesk{t: t, dir: t.TempDir()}
	o.key, o.notice = o.path("office.key"), o.path("north.en.md")
	facegate(t.Context(), "pass", "key", "new", o.key).want(t, exitOK, "it stays in the office", "")
	text := facegate(t.Context(), "notice", "--config", config)
	text.want(t, exitOK, "Face recognition", "")
	must(t, os.WriteFile(o.notice, []byte(text.out), 0o600))
	return o
}

func (o officeDesk) path(name string) string { return filepath.Join(o.dir, name) }

// issue issues a pass, and returns its picture.
func (o officeDesk) issue(name string, args ...string) string {
	o.t.Helper()
	png := o.path(name + ".png")
	facegate(o.t.Context(), append([]string{"pass", "issue", "--key", o.key, "--png", png}, args...)...).want(o.t, exitOK, "number: ", "")
	return png
}

// begun makes the records of a gate that has run once.
func begun(t *testing.T, c *configs.Config) {
	t.Helper()
	o, err := opening.Options(c, opening.Keys(c), clocktest.Right(time.Now), slog.New(slog.DiscardHandler))
	must(t, err)
	s, err := store.Open(o)
	must(t, err)
	must(t, s.Close())
}

// TestVisitorPasses has one office issue passes for two gates, which are asked about them, revoke them and forget the office.
func TestVisitorPasses(t *testing.T) {
	north, south := gatetest.NewSite(t), gatetest.NewSite(t)
	at := func(site gatetest.Site, gate string) func(args ...string) printout {
		more := gatetest.Settings{"site": "lime-court", "gate": gate, "passes": "{groups: [yard]}"}
		config := site.WriteConfig(t, more)
		begun(t, site.Config(t, more))
		facegate(t.Context(), "clock", "confirm", "--yes", "--config", config).want(t, exitOK, "right", "")
		return func(args ...string) printout { return facegate(t.Context(), append(args, "--config", config)...) }
	}
	atNorth, atSouth := at(north, "north"), at(south, "south")
	o := newOfficeDesk(t, filepath.Join(north.Dir, "facegate.yaml"))
	for _, do := range []func(...string) printout{atNorth, atSouth} {
		do("pass", "list").want(t, exitOK, "no visitor's pass opens this gate", "")
		do("pass", "key", "add", "front desk", o.key+".pub").want(t, exitOK, "front desk is registered", "")
	}
	atNorth("pass", "key", "add", "other", o.key+".pub").want(t, exitFailed, "", "it is registered already, as front desk")
	atNorth("pass", "key", "add", "other", o.key).want(t, exitFailed, "", "to do: give the 64 hexadecimal digits")
	atNorth("pass", "key", "list").want(t, exitOK, "front desk", "")

	own := o.issue("own", "--gate", "lime-court/north", "--for", "2h")
	both := o.issue("both", "--group", "yard", "--for", "2h", "--uses", "3")
	atNorth("pass", "show", own).want(t, exitOK, "it opens this gate", "")
	atSouth("pass", "show", own).want(t, exitOK, "opens nothing here: the visitor's pass is for another door", "")
	atNorth("pass", "show", both).want(t, exitOK, "3 times", "")
	atSouth("pass", "show", both).want(t, exitOK, "it opens this gate", "")

	var shown people.ShownVisit
	atNorth("pass", "show", own, "--json").decode(t, &shown)
	if !shown.Opens || shown.Office != "front desk" || shown.Door != "lime-court/north" || shown.Uses != 1 {
		t.Errorf("show --json says %+v", shown)
	}
	atNorth("pass", "revoke", shown.Number).want(t, exitOK, "opens nothing at this gate any more", "")
	atNorth("pass", "show", own).want(t, exitOK, "was revoked", "")
	atNorth("pass", "revoke", "--pass", both).want(t, exitOK, "opens nothing at this gate any more", "")
	atSouth("pass", "show", both).want(t, exitOK, "it opens this gate", "")
	atNorth("pass", "list").want(t, exitOK, shown.Number+"  revoked by its number alone, and never shown here, forgotten after ", "")
	atNorth("pass", "revoke", "ABCD").want(t, exitFailed, "", "to do: give the 20 letters")
	atNorth("pass", "revoke").want(t, exitUsage, "", "give the number of the pass or --pass")

	atSouth("pass", "key", "remove", "front desk").want(t, exitUnconfirmed, "", "--yes")
	atSouth("pass", "key", "remove", "front desk", "--yes").want(t, exitOK, "none of its passes opens this gate", "")
	atSouth("pass", "show", both).want(t, exitOK, "of no office that is registered here", "")
	atSouth("pass", "key", "remove", "front desk", "--yes").want(t, exitFailed, "", "to do: list them")
	atSouth("audit", "verify").want(t, exitOK, "the audit log is whole", "")
}

// TestIssue issues passes on a machine without a gate: sheet, picture and terminal, and the list that the office keeps.
func TestIssue(t *testing.T) {
	site := gatetest.NewSite(t)
	o := newOfficeDesk(t, site.WriteConfig(t, nil))
	pdf, png, spoken := o.path("pass.pdf"), o.path("pass.png"), o.path("pass.txt")
	var made struct {
		Number         string
		PDF, PNG, Text string
	}
	begins := time.Now().AddDate(0, 0, 80).Format(time.DateOnly)
	facegate(t.Context(), "pass", "issue", "--key", o.key, "--gate", "hq/north", "--from", begins+"T08:00", "--until", begins+"T18:00",
		"--pdf", pdf, "--png", png, "--text", spoken, "--notice", o.notice, "--note", "  the piano   tuner ", "--json").decode(t, &made)
	if made.PDF != pdf || made.PNG != png || made.Text != spoken {
		t.Errorf("issue --json says %+v", made)
	}
	for _, path := range []string{pdf, png, spoken, o.key, o.key + ".passes"} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	page, err := os.ReadFile(pdf)
	must(t, err)
	picture, err := os.ReadFile(png)
	must(t, err)
	text, err := qr.Text(picture)
	must(t, err)
	signed, err := visitor.Parse(text)
	if err != nil || !bytes.HasPrefix(page, []byte("%PDF-")) || signed.Number().String() != made.Number || signed.Length != 10*time.Hour || signed.Uses != 1 {
		t.Errorf("%+v, %v", signed.Pass, err)
	}
	says, err := os.ReadFile(spoken)
	must(t, err)
	for _, want := range []string{"Visitor's pass\n", "Gate: hq/north\n", made.Number, "hold the code to the camera", "Face recognition"} {
		if !strings.Contains(string(says), want) {
			t.Errorf("the text does not say %q:\n%s", want, says)
		}
	}
	if strings.Contains(string(says), text[:16]) {
		t.Error("the text has the pass itself")
	}
	listed := facegate(t.Context(), "pass", "list", "--key", o.key)
	listed.want(t, exitOK, made.Number, "")
	listed.want(t, exitOK, "the piano tuner", "")
	kept, err := os.ReadFile(o.key + ".passes")
	must(t, err)
	if strings.Contains(string(kept), text[:40]) {
		t.Error("the list of the office has the pass itself")
	}
	facegate(t.Context(), "pass", "issue", "--key", o.key, "--group", "yard", "--for", "1h", "--uses", "0", "--png", "-").want(t, exitOK, "\x1b[97;40m█", "")
	facegate(t.Context(), "pass", "issue", "--key", o.key, "--group", "yard", "--for", "1h", "--png", "-").want(t, exitOK, "each gate of the group counts by itself", "")

	// What is over leaves the list with the next pass.
	old := []entry{{Number: "OLD", Until: time.Now().Add(-time.Minute)}}
	data, err := json.Marshal(old)
	must(t, err)
	must(t, os.WriteFile(o.key+".passes", data, 0o600))
	o.issue("next", "--group", "yard", "--for", "1h")
	if kept, err := os.ReadFile(o.key + ".passes"); err != nil || strings.Contains(string(kept), "OLD") {
		t.Errorf("the list is %s, %v", kept, err)
	}
}

// TestNotIssued asks for passes that cannot be, and finds no file of any.
func TestNotIssued(t *testing.T) {
	o := newOfficeDesk(t, gatetest.NewSite(t).WriteConfig(t, nil))
	open := o.path("open.key")
	key, err := os.ReadFile(o.key)
	must(t, err)
	must(t, os.WriteFile(open, key, 0o644))
	chinese := o.path("north.zh.md")
	must(t, os.WriteFile(chinese, []byte("# 人脸识别\n"), 0o600))
	pdf := o.path("pass.pdf")
	for _, tt := range []struct {
		name, says string
		args       []string
	}{
		{"no place", "the pass needs a gate or a group", []string{"--for", "1h"}},
		{"both places", "the pass needs a gate or a group", []string{"--for", "1h", "--gate", "a/b", "--group", "c"}},
		{"no site", "is not a site and a gate", []string{"--for", "1h", "--gate", "north"}},
		{"no end", "give --until TIME", []string{"--gate", "a/b"}},
		{"two ends", "give --until TIME", []string{"--gate", "a/b", "--for", "1h", "--until", "2040-01-31T18:00"}},
		{"over", "it would be over already", []string{"--gate", "a/b", "--until", "2020-01-31T18:00"}},
		{"backwards", "it would be over already", []string{"--gate", "a/b", "--from", "2040-02-01", "--until", "2020-01-31"}},
		{"too early", "in the 90 days before it begins", []string{"--gate", "a/b", "--from", time.Now().AddDate(0, 0, 92).Format(time.DateOnly), "--for", "1h"}},
		{"too long", "45 days at most", []string{"--gate", "a/b", "--for", "1200h"}},
		{"too often", "1 to 15 times", []string{"--gate", "a/b", "--for", "1h", "--uses", "16"}},
		{"no time", "is no time", []string{"--gate", "a/b", "--until", "tomorrow"}},
		{"a key for all to read", "chmod 0600", []string{"--gate", "a/b", "--for", "1h", "--key", open}},
		{"a public key", "without .pub", []string{"--gate", "a/b", "--for", "1h", "--key", o.key + ".pub"}},
		{"no file for the text", "--pdf and --text take a file", []string{"--gate", "a/b", "--for", "1h", "--text", "-"}},
		{"no notice for the text", "the sheet needs the notice of the gate", []string{"--gate", "a/b", "--for", "1h", "--text", pdf, "--config", o.path("none.yaml")}},
		{"no notice", "the sheet needs the notice of the gate", []string{"--gate", "a/b", "--for", "1h", "--pdf", pdf, "--config", o.path("none.yaml")}},
		{"a notice in no language", "let its name end with .en.md", []string{"--gate", "a/b", "--for", "1h", "--pdf", pdf, "--notice", o.key}},
		{"no such font", "name a file .ttf", []string{"--gate", "a/b", "--for", "1h", "--pdf", pdf, "--notice", chinese, "--font", o.path("none")}},
		{"a font that is none", "is not a single TrueType font", []string{"--gate", "a/b", "--for", "1h", "--pdf", pdf, "--notice", chinese, "--font", o.key}},
	} {
		png := o.path("pass.png")
		p := facegate(t.Context(), append([]string{"pass", "issue", "--key", o.key, "--png", png}, tt.args...)...)
		if p.code == exitOK || !strings.Contains(p.err, tt.says) || !strings.Contains(p.err, "to do: ") {
			t.Errorf("%s: code %d\n%s", tt.name, p.code, p.err)
		}
		absent(t, png)
		absent(t, pdf)
		absent(t, o.key+".passes")
	}
	facegate(t.Context(), "pass", "key", "new", o.key).want(t, exitFailed, "", "to do: name a new file")
	lone := o.path("lone.key")
	must(t, os.WriteFile(lone+".pub", nil, 0o600))
	facegate(t.Context(), "pass", "key", "new", lone).want(t, exitFailed, "", "to do: name a new file")
	absent(t, lone)
	facegate(t.Context(), "pass", "show", o.key).want(t, exitFailed, "", "the 138 letters")
}
