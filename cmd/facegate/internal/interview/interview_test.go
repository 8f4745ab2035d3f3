package interview_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/interview"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/configs/passage"
)

// A bench is a machine with two cameras, of which one can be used, and a relay board.
type bench struct {
	unwell []interview.Part // what the next tests find unwell
	tested []interview.Part
}

func (b *bench) Cameras(*configs.Config) []interview.Choice {
	return []interview.Choice{{Answer: "/dev/video1", Not: "it carries no pictures"}, {Answer: "/dev/v4l/by-id/cam", Says: "MJPG 640x480 at 30"}}
}

func (b *bench) Lines(*configs.Config) []interview.Choice {
	return []interview.Choice{{Answer: "GPIO17"}, {Answer: "GPIO27"}, {Answer: interview.Simulated}}
}

func (b *bench) Bundles(*configs.Config) []interview.Choice {
	return []interview.Choice{{Answer: "registry"}, {Answer: "open"}}
}

func (b *bench) Test(_ context.Context, part interview.Part, _ string) (interview.Verdict, error) {
	b.tested = append(b.tested, part)
	if len(b.unwell) > 0 && b.unwell[0] == part {
		b.unwell = b.unwell[1:]
		return interview.Unwell, nil
	}
	return interview.Well, nil
}

// A clerk waits for a prompt that has a text in it, and gives the answer after it.
type clerk struct {
	t      *testing.T
	script []string // prompt and answer in turn
	said   strings.Builder
}

func (c *clerk) talk() interview.Talk {
	return interview.Talk{
		Say: func(line string) { c.said.WriteString(line + "\n") },
		Ask: func(_ context.Context, prompt string) (string, error) {
			c.said.WriteString(prompt + "\n")
			if len(c.script) == 0 {
				return "", errors.New("nobody answers: " + prompt)
			}
			if !strings.Contains(prompt, c.script[0]) {
				c.t.Errorf("asked %q, want %q", prompt, c.script[0])
			}
			answer := c.script[1]
			c.script = c.script[2:]
			return answer, nil
		},
	}
}

// hold holds an interview with a script.
func hold(t *testing.T, b *bench, text string, given map[string]string, script ...string) (interview.Result, *clerk, error) {
	t.Helper()
	c := &clerk{t: t, script: script}
	r, err := interview.Interview{Name: "gate.yaml", Text: text, Given: given, Talk: c.talk(), Machine: b}.Run(t.Context())
	if err == nil && len(c.script) > 0 {
		t.Errorf("nobody asked for %q", c.script)
	}
	return r, c, err
}

// first are the answers of somebody who sets up a gate of a kind that asks the most, from nothing.
var first = []string{
	"Whose law", "2", "Name of the building", "hq", "this gate", "", "other ways", "key, intercom", "Camera", "2", "Networks", "2",
	"GPIO line", "2", "holds the door", "maglock", "without the gate", "safe", "which level", "low",
	"broker", "ssl://broker.hq:8883", "User", "gate", "password", "/etc/facegate/mqtt.password", "authority", "/etc/facegate/ca.pem",
}

// TestFirst sets up a gate under the law of the European Union.
func TestFirst(t *testing.T) {
	b := new(bench)
	r, c, err := hold(t, b, string(configs.Reference()), nil, first...)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(first) / 2; n > 18 { // of 25 until somebody is let in
		t.Errorf("%d answers", n)
	}
	d := r.Draft
	if d.Jurisdiction != law.EU || d.Site != "hq" || d.Gate != "main" || d.Camera.Device != "/dev/v4l/by-id/cam" || d.Vision.Bundle != configs.Open ||
		d.Door.Line != "GPIO27" || d.Door.Kind != configs.Maglock || d.Door.Fail != configs.FailSafe || !d.Door.ActiveLow ||
		d.MQTT.Brokers.String() != "ssl://broker.hq:8883" || d.MQTT.Username != "gate" || d.MQTT.PasswordFile != "/etc/facegate/mqtt.password" ||
		d.MQTT.CAFile != "/etc/facegate/ca.pem" || !slices.Equal(d.Alternatives, []passage.Way{passage.Key, passage.Intercom}) {
		t.Errorf("the answers come to %+v\n%s", d.Config, &c.said)
	}
	for _, f := range d.Faults { // the rest is what an operator states
		if f.Law == "" {
			t.Errorf("it leaves %v", f)
		}
	}
	if len(d.About("assessment.id", "notice.controller", "notice.sign_installed")) != 3 {
		t.Errorf("what is to be stated is %v", d.Faults)
	}
	if want := []interview.Part{interview.Camera, interview.Networks, interview.Door, interview.Broker}; !slices.Equal(b.tested, want) {
		t.Errorf("tested are %v", b.tested)
	}
	was, is := strings.Split(string(configs.Reference()), "\n"), strings.Split(r.Text, "\n")
	changed := 0
	for i := range was {
		if was[i] != is[i] {
			changed++
		}
	}
	if len(is) != len(was) || changed != 13 {
		t.Errorf("%d lines are changed, and %d are now %d", changed, len(was), len(is))
	}

	// Who gives the command again has all of it proposed, and changes nothing.
	again := slices.Clone(first)
	for i := 1; i < len(again); i += 2 {
		again[i] = ""
	}
	same, _, err := hold(t, new(bench), r.Text, nil, again...)
	if err != nil || same.Text != r.Text || len(same.Changed) > 0 {
		t.Errorf("once more: %v, changed %v", err, same.Changed)
	}
}

// TestRefused refuses at once what the file would be refused for, explains, and goes back.
func TestRefused(t *testing.T) {
	r, c, err := hold(t, new(bench), string(configs.Reference()), nil,
		"Whose law", "", "Whose law", "de", "Whose law", "?", "Whose law", "lab",
		"building", "a/b", "building", "hq", "this gate", "front",
		"Camera", "1", "Camera", "cam", "Camera", "<", "in the building [front]", "side", "Camera", "2", "Networks", "3", "Networks", "registry",
		"GPIO line", "GPIO27", "holds the door", "turnstile", "holds the door", "strike", "without the gate", "secure", "which level", "",
		"broker", "tcp://10.0.0.9:1883", "broker", "", "User", "")
	if err != nil {
		t.Fatalf("%v\n%s", err, &c.said)
	}
	if r.Draft.Gate != "side" || len(r.Draft.Faults) > 0 {
		t.Errorf("gate %q, %v", r.Draft.Gate, r.Draft.Faults)
	}
	for _, says := range []string{
		"this has to be answered", `"de" is none of ["cn" "eu" "us-il" "lab"]`, "no legal advice", "MQTT topics reserve", "/dev/video1: it carries no pictures",
		"nor a path", `"3" is none of`, "turnstile needs door.contact", "10.0.0.9 is another machine", "   -  /dev/video1", "   2  GPIO27",
	} {
		if !strings.Contains(c.said.String(), says) {
			t.Errorf("nobody says %q:\n%s", says, &c.said)
		}
	}
}

// TestUnwell goes on from a part that is not well as whoever answers wants it.
func TestUnwell(t *testing.T) {
	text := "profile: lab\nsite: hq\ngate: front\ncamera: {device: /dev/v4l/by-id/cam}\ndoor: {driver: sim}\n"
	b := &bench{unwell: []interview.Part{interview.Camera, interview.Camera, interview.Broker}}
	r, _, err := hold(t, b, text, map[string]string{"profile": "lab", "site": "hq", "gate": "front", "line": "sim", "mqtt-user": "none"},
		"Camera", "", "not well", "t", "not well", "<", "Camera", "", "Networks", "", "broker", "", "broker is not well", "")
	if err != nil {
		t.Fatal(err)
	}
	want := map[interview.Part]interview.Verdict{
		interview.Camera: interview.Well, interview.Networks: interview.Well, interview.Door: interview.Well, interview.Broker: interview.Unwell,
	}
	if diff := cmp.Diff(want, r.Verdicts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(r.Text, "door: {driver: sim}\n") {
		t.Errorf("the text is\n%s", r.Text)
	}
}

// TestNobodyAnswers takes flags, then what is proposed, and names the flag of what is missing or refused.
func TestNobodyAnswers(t *testing.T) {
	full := map[string]string{
		"profile": "lab", "site": "hq", "camera": "/dev/video0", "line": "5@gpiochip", "kind": "strike", "fail": "secure",
	}
	silent := func(given map[string]string) (interview.Result, error) {
		i := interview.Interview{Name: "gate.yaml", Text: string(configs.Reference()), Given: given, Machine: new(bench)}
		return i.Run(t.Context())
	}
	r, err := silent(full)
	if err != nil || r.Draft.Door.Line != "5" || r.Draft.Door.Chip != "gpiochip" || len(r.Draft.Faults) > 0 {
		t.Fatalf("%v: %v", err, r.Draft)
	}
	for name := range full {
		given := maps.Clone(full)
		delete(given, name)
		if _, err := silent(given); !errors.Is(err, interview.ErrMissing) || !strings.Contains(hint.Of(err), "--"+name) {
			t.Errorf("without %s: %v; %s", name, err, hint.Of(err))
		}
	}
	for name, bad := range map[string]string{"site": "a#b", "kind": "latch", "level": "up", "broker": "nowhere:x", "camera": "1x", "gate": ""} {
		given := maps.Clone(full)
		given[name] = bad
		if _, err := silent(given); !errors.Is(err, interview.ErrRefused) || !strings.Contains(hint.Of(err), "--"+name) {
			t.Errorf("%s %q: %v; %s", name, bad, err, hint.Of(err))
		}
	}
}

// TestSilence ends with a stream of input that has ended, which answers nothing for ever.
func TestSilence(t *testing.T) {
	i := interview.Interview{Name: "gate.yaml", Text: string(configs.Reference()), Machine: new(bench), Talk: interview.Talk{
		Say: func(string) {}, Ask: func(context.Context, string) (string, error) { return "", nil },
	}}
	if _, err := i.Run(t.Context()); !errors.Is(err, interview.ErrAnswers) || !strings.Contains(hint.Of(err), "--profile") {
		t.Errorf("%v; %s", err, hint.Of(err))
	}
}

// TestFormerIsNoConfiguration begins with no text that cannot be told what it means.
func TestFormerIsNoConfiguration(t *testing.T) {
	if _, _, err := hold(t, new(bench), "profile: lab\nsit: hq\n", nil); err == nil || !strings.Contains(err.Error(), `did you mean "site"?`) {
		t.Error(err)
	}
}
