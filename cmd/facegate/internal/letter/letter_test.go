package letter_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/letter"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/goldentest"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
)

// config returns the reference configuration under a profile, whose demands on a gate do not concern the letter.
func config(profile string) *configs.Config {
	c := configs.Defaults()
	c.Jurisdiction = law.Jurisdiction(profile)
	return c
}

var china = time.FixedZone("CST", 8*60*60)

func at(hour int) time.Time { return time.Date(2026, 3, 1, hour, 30, 0, 0, time.UTC) }

func file() people.File {
	return people.File{
		Person: people.Person{
			Label: "Zhang Wei", Consent: "folder 7", Enrolled: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Expires: at(20).AddDate(1, 0, 0),
		},
		Template: true, Scheme: "S1", Epoch: 1, Lane: 3,
		Agreed: people.Consent{
			NoticeVersion: "1", Method: "separate", Witness: "Li Na", Age: "adult", ChildAge: 14, Given: at(20), Expires: at(20).AddDate(1, 0, 0),
		},
		Entries: []people.AuditEntry{{Time: at(20), Kind: "enrolled"}},
	}
}

// everything has all that a letter can say.
func everything() people.File {
	f := file()
	f.Scheme, f.Pass, f.LastSeen, f.Owed = "S2", true, time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC), at(3).AddDate(0, 3, 0)
	f.Agreed.Age, f.Agreed.Guardian = "under-14", "Zhang Min"
	f.Entries = append(f.Entries, people.AuditEntry{Time: at(21), Kind: "pass-issued"})
	return f
}

func TestAccess(t *testing.T) {
	gone := file()
	gone.Template, gone.Entries = false, nil
	near, child := file(), file() // whose face opens nothing alone
	near.Second, near.Agreed.Age = people.SecondNear, "minor"
	child.Second, child.Agreed.Age, child.Agreed.ChildAge, child.Agreed.Guardian, child.Pass, child.Scheme = people.SecondAge, "under-14", 16, "Zhang Min", true, "S2"
	member := file() // who gives no face
	member.NoFace, member.Template, member.Pass, member.Agreed, member.LastSeen = true, false, true, people.Consent{}, at(0)
	member.Groups = []string{"cleaners", "night"}
	member.Entries = []people.AuditEntry{
		{Time: at(20), Kind: "joined"}, {Time: at(21), Kind: "credential-issued"}, {Time: at(21), Kind: "regrouped"},
	}
	member.Credentials = []people.Credential{
		{Kind: "pass", Issued: at(0)},
		{Kind: "pass", Visitor: true, Issued: at(0), From: at(1), Until: at(20), Uses: 3, Left: 2},
		{Kind: "card", Issued: at(0)},
		{Kind: "PIN", Number: "4711", Duress: true, Issued: at(0), Until: at(20)},
	}
	for _, tt := range []struct {
		name    string
		profile string
		lang    notice.Language
		file    people.File
	}{
		{"access-cn-zh.golden", "cn", notice.Chinese, file()},
		{"access-cn-en.golden", "cn", notice.English, everything()},
		{"access-eu-en.golden", "eu", notice.English, file()},
		{"access-eu-zh.golden", "eu", notice.Chinese, everything()},
		{"access-member-en.golden", "eu", notice.English, member},
		{"access-member-zh.golden", "cn", notice.Chinese, member},
		{"access-near-en.golden", "cn", notice.English, near},
		{"access-near-zh.golden", "cn", notice.Chinese, near},
		{"access-child-en.golden", "eu", notice.English, child},
		{"access-child-zh.golden", "eu", notice.Chinese, child},
		{"access-lab-en.golden", "lab", notice.English, gone},
		{"access-lab-zh.golden", "lab", notice.Chinese, gone},
	} {
		var b strings.Builder
		if err := letter.Access(&b, tt.lang, china, at(22), tt.file, config(tt.profile).Particulars()); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		goldentest.Check(t, tt.name, b.String())
		// Every time has its zone, in which it is already tomorrow, and a day that never was is no day.
		for _, text := range []string{"2 March 2026, 04:30 UTC+08:00", "2026年3月2日 04:30（UTC+08:00）"} {
			if got := strings.Contains(b.String(), text); got != (strings.Contains(text, "年") == (tt.lang == notice.Chinese)) {
				t.Errorf("%s: %q: %v", tt.name, text, got)
			}
		}
		never := map[notice.Language]string{notice.English: "Last let in by face: never", notice.Chinese: "最近一次刷脸通行：从未"}[tt.lang]
		if got := strings.Contains(b.String(), never); got != tt.file.LastSeen.IsZero() || strings.Contains(b.String(), "0001") {
			t.Errorf("%s: never: %v", tt.name, got)
		}
	}
}

func TestAccessWithoutNotice(t *testing.T) {
	c := config("lab")
	c.Notice.ZH = configs.Words{}
	if err := letter.Access(new(strings.Builder), notice.Chinese, china, at(22), file(), c.Particulars()); !errors.Is(err, notice.ErrNone) {
		t.Errorf("got %v", err)
	}
}

func aReceipt(reason string) receipt.Receipt {
	return receipt.Receipt{
		Number: 3, Kind: receipt.Erasure, Reason: reason, Time: "2026-03-01T20:30:00Z", Erased: receipt.Counts{People: 1, Templates: 1, Consents: 1, Guardians: 1},
		Forms: []receipt.Salted{receipt.CommitForm([16]byte{1}, "folder 7")}, Audit: receipt.Audit{Size: 17}, Device: []byte{0xab, 0xcd},
	}
}

func TestReceipt(t *testing.T) {
	certificate := aReceipt("")
	certificate.Kind, certificate.Forms = receipt.Wipe, nil
	several := aReceipt("expired")
	several.Erased.People, several.Forms = 2, append(several.Forms, receipt.CommitForm([16]byte{2}, "folder 8"))
	doubted := aReceipt("idle")
	doubted.Clock = "doubted"
	member := aReceipt("expired") // who gave no face
	member.Erased = receipt.Counts{People: 1, Passes: 2, Cards: 1, PINs: 1}
	witnessed := proof.Proof{Cosigned: []proof.Cosignature{
		{Name: "auditor.example", Key: "0a0b0c0d", At: at(21), Checked: true}, {Name: "resi\u202edents.example", Key: "01020304", At: at(22)},
	}}
	for _, lang := range []notice.Language{notice.English, notice.Chinese} {
		for name, tt := range map[string]letter.Paper{
			"receipt-withdrawn": {Receipt: aReceipt("withdrawn"), Checked: true},
			"receipt-several":   {Receipt: several, Checked: false},
			"receipt-wipe":      {Receipt: certificate, Checked: true},
			"receipt-doubted":   {Receipt: doubted, Checked: true},
			"receipt-member":    {Receipt: member, Checked: true},
			"receipt-shown":     {Receipt: aReceipt("withdrawn"), Checked: true, Proof: new(proof.Proof)},
			"receipt-witnessed": {Receipt: aReceipt("withdrawn"), Checked: true, Proof: &witnessed},
		} {
			var b strings.Builder
			if err := letter.Receipt(&b, lang, china, tt); err != nil {
				t.Fatal(err)
			}
			goldentest.Check(t, name+"-"+string(lang)+".golden", b.String())
		}
		for name, tt := range map[string]letter.Paper{
			"sheet-witnessed": {Receipt: aReceipt("withdrawn"), Checked: true, Proof: &witnessed}, "sheet-wipe": {Receipt: certificate, Checked: true},
		} {
			title, lines, err := letter.Sheet(lang, china, tt, len(tt.Forms)+1)
			if err != nil {
				t.Fatal(err)
			}
			goldentest.Check(t, name+"-"+string(lang)+".golden", title+"\n\n"+strings.Join(lines, "\n")+"\n")
		}
		for _, reason := range []string{"requested", "withdrawn", "expired", "idle", "recaptured", "face-withdrawn"} {
			var b strings.Builder
			if err := letter.Receipt(&b, lang, china, letter.Paper{Receipt: aReceipt(reason), Checked: true}); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), ": "+reason) || strings.Contains(b.String(), "："+reason) {
				t.Errorf("%s has no words for %s", lang, reason)
			}
		}
	}
	idle := letter.Paper{Receipt: aReceipt("idle"), Checked: true}
	var french, english strings.Builder // a language of an operator's
	if err := errors.Join(letter.Receipt(&french, "fr", china, idle), letter.Receipt(&english, notice.English, china, idle)); err != nil || french.String() != english.String() {
		t.Errorf("in French: %v\n%s", err, &french)
	}
}

// TestAccessIsOneLetter checks that nothing that the gate says begins a line of its own, and that each law has its age.
func TestAccessIsOneLetter(t *testing.T) {
	f := everything()
	f.Label, f.Consent, f.Agreed.Guardian = "Zhang\nYou owe us money", "7\r\x1b[2J", "Min\u2028\u202e"
	f.Agreed.Age, f.Agreed.ChildAge = "14-17", 18
	var b strings.Builder
	if err := letter.Access(&b, notice.English, china, at(22), f, config("eu").Particulars()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "\nYou owe") || strings.ContainsAny(b.String(), "\r\x1b\u2028\u202e") || !strings.Contains(b.String(), "age: 14 to 17 years") {
		t.Errorf("the letter is\n%s", b.String())
	}
}
