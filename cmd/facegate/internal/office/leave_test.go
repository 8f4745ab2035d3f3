package office_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/pipeline/template/pass"
	"facegate/store/receipt"
)

// passOf returns the letters of the pass that a page shows.
func passOf(t *testing.T, body string) string {
	t.Helper()
	found := regexp.MustCompile(`src="data:image/png;base64,([^"]+)"`).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("there is no pass in\n%s", body)
	}
	picture, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(found[1], "&#43;", "+"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := pass.Read(picture)
	if err != nil {
		t.Fatal(err)
	}
	return token.Text()
}

// TestEnrol enrols people by form, with a face and without one, and has forms refused.
func TestEnrol(t *testing.T) {
	g := newGate(t)
	v := serve(t, g, time.Hour)
	c := v.enter()
	code, body := c.get("/enrol/zh/face")
	want(t, "the form", code, body, http.StatusOK, `value="adult"`, `value="under-14"`, `value="li.na"`, "under 16", `name="number" value="20`)
	numbers := regexp.MustCompile(`name="number" value="([^"]+)"`)
	number := numbers.FindStringSubmatch(body)[1]
	_, again := c.get("/enrol/zh/face")
	if numbers.FindStringSubmatch(again)[1] == number {
		t.Errorf("the number %s is proposed twice", number)
	}
	for _, tt := range []struct {
		what   string
		path   string
		fields []string
		says   string
	}{
		{"unsigned", "/enrol/zh/face", []string{"label", "Ada", "number", number, "age", "adult"}, "without a signed form"},
		{"a day that is none", "/enrol/zh/face", []string{"label", "Ada", "number", number, "age", "adult", "until", "soon", "signed", "yes"}, "write it as 2027-11-26"},
		{"no label", "/enrol/zh/pass", []string{"number", number, "until", "2099-01-01", "signed", "yes"}, "role=\"alert\""},
		{"no end", "/enrol/zh/pass", []string{"label", "Ada", "number", number, "signed", "yes"}, "role=\"alert\""},
	} {
		code, body := c.post(tt.path, tt.fields...)
		want(t, tt.what, code, body, http.StatusUnprocessableEntity, tt.says, `value="`+number+`"`)
	}
	code, body = c.post("/enrol/zh/face", "label", "Ada", "number", number, "age", "adult", "pass", "on", "signed", "yes")
	for strings.Contains(body, "<h1>Capture</h1>") && !strings.Contains(body, "alert") { // until it has ended
		code, body = c.get("/capture")
	}
	want(t, "the pass", code, body, http.StatusOK, "Ada is enrolled.", "Handed over: next person")
	letters := passOf(t, body)
	n, err := told(t, law.EU).Text(notice.Chinese)
	if sum := hex.EncodeToString(n.SHA256[:]); err != nil || g.read != sum {
		t.Errorf("she has read the notice %s, and was shown %s, %v", g.read, sum, err)
	}
	code, body = c.get("/")
	want(t, "before it is handed over", code, body, http.StatusOK, "Something has not been handed over yet")
	code, body = c.post("/handover")
	want(t, "the next person", code, body, http.StatusOK, `<h1>Notice</h1>`, "北门")
	code, body = c.get("/handover")
	want(t, "what was handed over", code, body, http.StatusOK, "<h1>People</h1>", number)
	if strings.Contains(body, letters) || strings.Contains(body, "base64") {
		t.Error("the pass is there still")
	}

	code, body = c.post("/enrol/en/pass", "label", "Zhang Wei", "number", "c 1", "until", "2099-01-01", "pass", "on", "signed", "yes")
	want(t, "without a face", code, body, http.StatusOK, "Zhang Wei is on the list, without a face.")
	first := passOf(t, body)
	c.post("/handover")
	code, body = c.post(c.personOf("Zhang Wei") + "/pass")
	want(t, "another pass", code, body, http.StatusOK, "Zhang Wei has another pass")
	if passOf(t, body) == first {
		t.Error("it is the same pass")
	}
}

// TestPassIsForgotten checks that a pass goes with its session.
func TestPassIsForgotten(t *testing.T) {
	v := serve(t, newGate(t), time.Hour)
	c := v.enter()
	_, body := c.post("/enrol/en/pass", "label", "Ada", "number", "c 1", "until", "2099-01-01", "pass", "on", "signed", "yes")
	passOf(t, body)
	c.post("/lock")
	code, body := v.enter().get("/handover")
	want(t, "in the next session", code, body, http.StatusOK, "<h1>People</h1>")
}

// TestHandOverWhatIsShown has two pages beside each other give a pass. What is handed over is what the page shows, and the other stays.
func TestHandOverWhatIsShown(t *testing.T) {
	g := newGate(t)
	g.join(t, "Ada")
	g.join(t, "Eve")
	c := serve(t, g, time.Hour).enter()
	ada, eve := c.personOf("Ada")+"/pass", c.personOf("Eve")+"/pass"
	c.post(ada)
	former := c.hand
	_, body := c.post(eve)
	letters := passOf(t, body)
	code, body := c.post("/handover", "hand", former)
	want(t, "the other page", code, body, http.StatusOK, "Eve has another pass")
	if passOf(t, body) != letters {
		t.Error("it is another pass")
	}
	code, body = c.post("/handover")
	want(t, "its own page", code, body, http.StatusOK, "<h1>People</h1>")
}

// TestLeave withdraws a face and erases people, who get their receipts in words and as they were signed.
func TestLeave(t *testing.T) {
	g := newGate(t)
	g.enrol(t, "Ada")
	if _, err := g.IssuePass(t.Context(), "Ada"); err != nil {
		t.Fatal(err)
	}
	v := serve(t, g, time.Hour)
	c := v.enter()
	ada := c.personOf("Ada")
	code, body := c.get(ada + "/withdraw")
	want(t, "whether to withdraw", code, body, http.StatusOK, "The consent of Ada (form Ada) is withdrawn.", "No, go back")
	if code, _ := c.get(ada + "/other"); code != http.StatusNotFound {
		t.Errorf("another way to leave: %d", code)
	}
	if code, _ := c.post(ada + "/other"); code != http.StatusNotFound {
		t.Errorf("another way to leave, carried out: %d", code)
	}
	code, body = c.post(ada + "/withdraw")
	want(t, "withdraw", code, body, http.StatusOK, "The face of Ada is erased", "The signature of this receipt is that of the gate.")
	code, page := c.get("/handover/0/pdf")
	want(t, "the page to print", code, page, http.StatusOK, "%PDF-", "/Subtype /Image")
	code, signed := c.get("/handover/0")
	want(t, "the receipt", code, signed, http.StatusOK, "face-withdrawn")
	if _, err := receipt.Read([]byte(signed)); err != nil {
		t.Error(err)
	}
	if code, _ := c.get("/handover/1"); code != http.StatusNotFound {
		t.Errorf("a receipt that is none: %d", code)
	}
	if kept, err := g.Receipts(t.Context()); err != nil || len(kept) != 1 {
		t.Errorf("before it is handed over the gate keeps %d receipts, %v", len(kept), err)
	}
	c.post("/handover")
	if kept, err := g.Receipts(t.Context()); err != nil || len(kept) != 0 {
		t.Errorf("once it is handed over the gate keeps %d receipts, %v", len(kept), err)
	}
	code, body = c.post(c.personOf("Ada") + "/erase")
	want(t, "erase", code, body, http.StatusOK, "Ada is erased, and does not match any more.")
	c.post("/handover")
	code, body = c.get("/")
	want(t, "the list", code, body, http.StatusOK, "Nobody is found.")
}

// TestPrivacy looks for names and passes where none may be: in addresses, in what the program writes and on the disk.
func TestPrivacy(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"} {
		t.Setenv(name, dir)
	}
	g := newGate(t)
	g.join(t, "Zwanzig Wei")
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	v := serve(t, g, time.Hour)
	c := v.enter()
	c.post("/find", "text", "Zwanzig")
	c.get(c.personOf("Zwanzig Wei"))
	_, body := c.post(c.personOf("Zwanzig Wei") + "/pass")
	letters := passOf(t, body)
	c.post("/handover")
	c.post(c.personOf("Zwanzig Wei") + "/erase")
	c.post("/handover")
	title := regexp.MustCompile(`<title>([^<]*)</title>`).FindStringSubmatch(body)[1]
	v.close()
	for _, needle := range []string{"Zwanzig", letters} {
		if strings.Contains(strings.Join(c.seen, " "), needle) || strings.Contains(title, needle) {
			t.Errorf("%s is in the history of the browser: %q, %q", needle, c.seen, title)
		}
		if bytes.Contains(v.log.Bytes(), []byte(needle)) {
			t.Errorf("%s is in the log:\n%s", needle, v.log)
		}
	}
	after, err := os.ReadDir(dir)
	if err != nil || len(after) != len(before) {
		t.Errorf("on the disk are %v, %v", after, err)
	}
}
