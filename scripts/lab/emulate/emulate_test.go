package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPL061(t *testing.T) {
	got := pl061{}.read("7@1795738931.236001:pl061_set_output 0xaaaa setting output 5 to 1")
	if diff := cmp.Diff([]pinChange{{1795738931.236001, 5, "1"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (pl061{}).read("7@1.5:pl061_update 0xaaaa GPIORIS = 1"); got != nil {
		t.Errorf("%v of a line that tells of no pin", got)
	}
}

// TestBCM2835 has pin 17 become an output, pull in, let go, and become an input again, beside pin 27, which stays at 1.
func TestBCM2835(t *testing.T) {
	b := newBCM2835()
	var got []pinChange
	for _, line := range []string{
		"7@1.0:memory_region_ops_write cpu 0 mr 0xaa addr 0x3f20001c value 0x8000000 size 4 name 'bcm2835_gpio'",
		"7@2.0:memory_region_ops_write cpu 0 mr 0xaa addr 0x3f200008 value 0x200000 size 4 name 'bcm2835_gpio'",
		"7@3.0:memory_region_ops_write cpu 0 mr 0xaa addr 0x3f200004 value 0x200000 size 4 name 'bcm2835_gpio'",
		"7@4.0:memory_region_ops_write cpu 0 mr 0xaa addr 0x3f20001c value 0x20000 size 4 name 'bcm2835_gpio'",
		"7@4.5:memory_region_ops_write cpu 0 mr 0xaa addr 0x3f215040 value 0x41 size 4 name 'bcm2835-aux'",
		"7@5.0:memory_region_ops_write cpu 0 mr 0xaa addr 0x3f200028 value 0x20000 size 4 name 'bcm2835_gpio'",
		"7@6.0:memory_region_ops_write cpu 0 mr 0xaa addr 0x3f200004 value 0x0 size 4 name 'bcm2835_gpio'",
	} {
		got = append(got, b.read(line)...)
	}
	want := []pinChange{{2, 27, "1"}, {3, 17, "0"}, {4, 17, "1"}, {5, 17, "0"}, {6, 17, "z"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPulse(t *testing.T) {
	good := []pinChange{{1, 6, "0"}, {1.5, 7, "1"}, {2, 6, "1"}, {3, 6, "0"}, {4, 6, "z"}}
	for name, test := range map[string]struct {
		changes []pinChange
		ok      bool
	}{
		"one pulse":  {good, true},
		"none":       {good[:1], false},
		"never over": {good[:3], false},
		"a glitch":   {append(good, pinChange{5, 6, "1"}, pinChange{5.001, 6, "0"}), false},
		"too short":  {[]pinChange{{1, 6, "0"}, {2, 6, "1"}, {2.2, 6, "0"}}, false},
	} {
		if _, err := (pulse{6, "010"}).check(test.changes); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJudge has runs go wrong in every way.
func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		console string
		ok      bool
	}{
		"passed":           {"lab: virt\n--- PASS: TestX\nlab: done\n", true},
		"not done":         {"lab: virt\n--- FAIL: TestX\n", false},
		"skipped":          {"--- SKIP: TestX\nlab: done\n", false},
		"no such test":     {"testing: warning: no tests to run\nlab: done\n", false},
		"done, not really": {"the test says lab: done\n", false},
	} {
		e := newEmulation(board{name: "virt"}, new(bytes.Buffer), new(bytes.Buffer))
		e.listen(strings.NewReader(test.console), new(bytes.Buffer), nil)
		if err := e.judge(); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnswer has the guest ask, and says nothing of its questions in the log.
func TestAnswer(t *testing.T) {
	e := newEmulation(board{name: "virt"}, new(bytes.Buffer), new(bytes.Buffer))
	e.changes = []pinChange{{1, 6, "0"}, {2, 6, "1"}}
	var answers bytes.Buffer
	e.listen(strings.NewReader("\x00lab asks: changes 1\r\nlab asks: drive 2 1\nlab asks: what?\n"), &answers, &driver{})
	want := `{"changes":[{"at":2,"pin":6,"level":"1"}]}` + "\n" +
		`{"error":"QEMU cannot drive inputs of this board"}` + "\n" + `{"error":"not understood: what?"}` + "\n"
	if diff := cmp.Diff(want, answers.String()); diff != "" || len(e.lines) != 0 {
		t.Errorf("%q (-want +got):\n%s", e.lines, diff)
	}
}

// TestSearch has a guest say what must be on its disk and what must not.
func TestSearch(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(disk, []byte("\x00\x00a certificate\x00\x00a secret that stayed"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		says, sought string
		ok           bool
	}{
		"there":               {saysThere, "a certificate", true},
		"not there":           {saysThere, "a certificates", false},
		"nowhere":             {saysNowhere, "another secret", true},
		"stayed":              {saysNowhere, "a secret", false},
		"too short to tell":   {saysNowhere, "zzz", false},
		"nothing to look for": {"lab: done", "", true},
	} {
		e := newEmulation(board{name: "debian12"}, new(bytes.Buffer), new(bytes.Buffer))
		e.lines = []string{fmt.Sprintf("%s%x", test.says, test.sought)}
		if err := e.search(disk); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
