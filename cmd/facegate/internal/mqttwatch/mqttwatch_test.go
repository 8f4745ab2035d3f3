package mqttwatch_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/mqttwatch"
	"facegate/pipeline/publish"
)

const (
	store = "5e0ad3c4416b27f9"
	boot  = "7c1e5a0b93d2f148"
	pass  = `{"schema":"pass/2","event_type":"granted","store":"` + store + `","seq":%d,"boot":"` + boot + `","ts":"2026-03-02T08:14:07.412Z",` +
		`"clock":"synced","door":"main","direction":"in","method":"face","reason":null,"latency_ms":1000,"replayed":%t}`
)

// note is a checkpoint that nobody has signed.
var note = strings.Repeat("0123456789abcdef", 4) + "\n212\n" + strings.Repeat("A", 43) + "=\n\n— " + strings.Repeat("0123456789abcdef", 4) + " AAAA\n"

// TestSays holds what is said of a message on each topic, and that a message of another form does not pass for one.
func TestSays(t *testing.T) {
	good := fmt.Sprintf(pass, 7, false)
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	for _, tt := range []struct {
		topic, payload string
		says, fault    string // "" for none
	}{
		{"availability", "online", "the gate is there", ""},
		{"availability", "offline", "the gate is lost", ""},
		{"availability", "ONLINE", "ONLINE", `"ONLINE" is none of online, stopped, offline`},
		{"lock/state", "UNLOCKED", "the door is unlocked", ""},
		{"door/state", "OPEN", "the door stands open", ""},
		{"alarm/fire/state", "ON", "The fire alarm keeps the door unlocked.", ""},
		{"alarm/fire/state", "OFF", "It is not so: The fire alarm", ""},
		{"alarm/fire/state", "", "", "is none of ON, OFF"},
		{"echo", boot, "the gate reads back what it says", ""},
		{"echo", "7c1e", "7c1e", "no id of 16"},
		{"pass", good, "somebody was let in by face, seq 7, at 2026-03-02T08:14:07.412Z (clock: synced), 1000 ms from the frame", ""},
		{"pass", fmt.Sprintf(pass, 7, true), "replayed: it has waited", ""},
		{"pass/live", edit(`"direction":"in"`, `"direction":"out"`), "somebody was let out by face", ""},
		{"pass", edit(`"granted"`, `"opened"`, `"face"`, `"exit"`), "the door was opened: the exit button, seq 7", ""},
		{"pass", edit(`,"replayed":false`, ``), "", "missing or of another form: replayed"},
		{"pass", edit(`"door"`, `"name":"Zdenka","door"`), "", `unknown field "name"`},
		{"pass", edit(`"DOOR"`, `"door"`, `"door"`, `"DOOR"`), "", "missing or of another form: door, DOOR"},
		{"pass", edit(`"seq":7`, `"seq":"7"`), "", "not of the form of this topic"},
		{"pass", edit(`"seq":7`, `"seq":0`), "", "its number is 0"},
		{"pass", edit(`"face"`, `"Zdenka"`), "", `there is no method "Zdenka"`},
		{"pass", edit(`pass/2`, `pass/9`), "", `its schema is "pass/9"`},
		{"pass", edit(`07.412Z`, `07.412+01:00`), "", "is no time in UTC"},
		{"pass", edit(`"in"`, `"up"`), "", `no direction "up"`},
		{"pass", edit(store, "nobody"), "", "16 hexadecimal digits"},
		{"pass", good + "{}", "", "something follows its end"},
		{"pass", "[]", "[]", "not of the form"},
		{"pass", "\x1b[2J\xff", `\x1b[2J\xff`, "not of the form"},
		{
			"alarm/duress", `{"schema":"alarm/2","event_type":"duress","store":"` + store + `","seq":1,"boot":"` + boot +
				`","ts":"2026-03-02T08:14:07.412Z","clock":"synced","door":"main","replayed":false}`,
			"somebody was forced to ask for the door, seq 1", "",
		},
		{
			"health", `{"schema":"health/1","state":"degraded","conditions":[{"name":"disk_full","part":"disk","state":"degraded"}],` +
				`"ts":"2026-03-02T08:14:07.412Z","clock":"synced"}`, "the gate is degraded: disk_full", "",
		},
		{"health", `{"schema":"health/1","state":"ok","conditions":null,"ts":"x","clock":"synced"}`, "", "is no time"},
		{
			"cmd/reply", `{"schema":"reply/1","nonce":"` + boot + `","result":"refused","reason":"clock"}`,
			"the order with the nonce " + boot + ": refused, clock", "",
		},
		{"cmd/reply", `{"schema":"reply/1","nonce":"` + boot + `","result":"refused","reason":null}`, "", "do not go together"},
		{"cmd/open", `{"schema":"open/1"}`, "", "missing or of another form: device"},
		{"audit/checkpoint", note, "the audit log of the gate has 212 entries; signed by the gate", ""},
		{"audit/checkpoint", "", "nothing is asked of a witness any more", ""},
		{"audit/checkpoint", strings.Replace(note, "212", "many", 1), "", "no signed note of the form of this topic"},
		{
			"audit/checkpoint/0011aabb", "old 200\n" + strings.Repeat("A", 43) + "=\n\n" + note,
			"a witness that knows 200 entries is asked to cosign: the audit log of the gate has 212 entries", "",
		},
		{"audit/checkpoint/0011aabb", note, "", "no signed note of the form of this topic"},
		{"audit/checkpoint/0011aabb", "", "nothing is asked of this witness any more", ""},
		{
			"audit/cosignature/0011aabb", note + "— auditor.example AAAA\n",
			"a witness knows the audit log of the gate with 212 entries; signed by the gate, auditor.example", "",
		},
		{"audit/cosignature/0011aabb", "", "the witness knows nothing of this gate", ""},
		{"audit/cosignature/0011aabb", note + "Zdenka\n", "", "no signed note of the form of this topic"},
		{"who/passed", "Zdenka", "Zdenka", "on no topic of a gate"},
	} {
		l := hear(mqttwatch.New(), tt.topic, tt.payload)
		faults := strings.Join(l.Faults, "; ")
		if !strings.Contains(l.Says, tt.says) || tt.fault == "" && faults != "" || !strings.Contains(faults, tt.fault) {
			t.Errorf("%s %q: says %q, wrong: %q; want %q, %q", tt.topic, tt.payload, l.Says, faults, tt.says, tt.fault)
		}
		if text, err := json.Marshal(l); err != nil || !json.Valid(text) {
			t.Errorf("%s %q as JSON: %v", tt.topic, tt.payload, err)
		}
	}
}

// hear has a message heard as the gate says it.
func hear(w *mqttwatch.Watch, topic, payload string) mqttwatch.Line {
	h := publish.Heard{Topic: topic, Payload: []byte(payload), QoS: 1}
	for _, t := range publish.Topics() {
		if t.Name == topic {
			h.QoS = t.QoS
		}
	}
	return w.Hear(h, time.Now())
}

// TestEveryTopic checks that there are words for whatever the gate says.
func TestEveryTopic(t *testing.T) {
	for _, topic := range publish.Topics() {
		if topic.Payload == nil {
			continue
		}
		payload := []string{}
		if reflect.TypeOf(topic.Payload).Kind() == reflect.String {
			payload = topic.Words
		} else if text, err := json.Marshal(topic.Payload); err == nil {
			payload = append(payload, string(text))
		}
		for _, text := range payload {
			l := hear(mqttwatch.New(), topic.Name, text)
			if words := len(topic.Words) > 0; words && (len(l.Faults) > 0 || l.Says == text) || !words && len(l.Faults) == 0 {
				t.Errorf("%s %q: %q, %q", topic.Name, text, l.Says, l.Faults)
			}
		}
	}
}

// TestCarriage finds what came in another way than the gate says it.
func TestCarriage(t *testing.T) {
	good := []byte(fmt.Sprintf(pass, 7, false))
	for _, tt := range []struct {
		heard publish.Heard
		want  string
	}{
		{publish.Heard{Topic: "pass", Payload: good, QoS: 1}, ""},
		{publish.Heard{Topic: "pass", Payload: good, QoS: 0}, "it came at QoS 0, and the gate says it at 1"},
		{publish.Heard{Topic: "pass", Payload: good, QoS: 1, Retained: true}, "the broker retains it"},
		{publish.Heard{Topic: "lock/state", Payload: []byte("LOCKED"), QoS: 1, Retained: true}, ""},
		{publish.Heard{Topic: "lock/state", Payload: []byte("LOCKED"), QoS: 1}, ""},
	} {
		got := strings.Join(mqttwatch.New().Hear(tt.heard, time.Now()).Faults, "; ")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.heard, got, tt.want)
		}
	}
}

// TestNumbers finds what is missing and what comes again, on each topic by itself.
func TestNumbers(t *testing.T) {
	w := mqttwatch.New()
	for i, tt := range []struct {
		seq     int
		missing uint64
		again   bool
		note    string // "" for none
	}{
		{5, 0, false, ""},
		{6, 0, false, ""},
		{6, 0, true, "seq 6 was heard before"},
		{5, 0, true, "seq 5 was heard before"},
		{4, 0, false, "older than the first"},
		{11, 4, false, "4 are missing before it: seq 7 to 10"},
		{8, 0, false, "seq 8 was missing: it comes out of its order"},
		{8, 0, true, "seq 8 was heard before"},
		{7, 0, false, "seq 7 was missing"},
		{10, 0, false, "seq 10 was missing"},
		{9, 0, false, "seq 9 was missing"},
		{9, 0, true, "seq 9 was heard before"},
		{12, 0, false, ""},
		{14, 1, false, "1 are missing before it: seq 13 to 13"},
	} {
		if live := hear(w, "pass/live", fmt.Sprintf(pass, 100-i, false)); len(live.Notes) > 0 {
			t.Errorf("of what is told once it is said %q", live.Notes)
		}
		l := hear(w, "pass", fmt.Sprintf(pass, tt.seq, false))
		if notes := strings.Join(l.Notes, "; "); l.Missing != tt.missing || l.Again != tt.again || tt.note == "" && notes != "" || !strings.Contains(notes, tt.note) {
			t.Errorf("%d: seq %d: %d missing, again %v, %q; want %+v", i, tt.seq, l.Missing, l.Again, notes, tt)
		}
	}
	if n := w.Missing(); n != 1 {
		t.Errorf("%d are missing in all, and all but seq 13 came", n)
	}
	other := strings.Replace(fmt.Sprintf(pass, 1, false), store, boot, 1)
	if l := hear(w, "pass", other); l.Missing != 0 || !slices.ContainsFunc(l.Notes, func(n string) bool { return strings.Contains(n, "begun anew") }) {
		t.Errorf("after a wipe: %+v", l)
	}
	w.Begin()
	if l := hear(w, "pass", fmt.Sprintf(pass, 900, false)); len(l.Notes) > 0 {
		t.Errorf("on another connection: %q", l.Notes)
	}
	hear(w, "pass", fmt.Sprintf(pass, 903, false))
	if n := w.Missing(); n != 3 {
		t.Errorf("%d are missing on both connections, want seq 13, 901 and 902", n)
	}
}
