package configs_test

import (
	"slices"
	"strings"
	"testing"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/law"
)

// TestDraft reads what is not whole, and finds in it all that Read refuses.
func TestDraft(t *testing.T) {
	text := "profile: eu\nsite: hq\ndoor: {kind: strike}\nmqtt: {broker: 'ssl://a', client_id: x}\n"
	d, err := configs.ReadDraft("gate.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if d.Jurisdiction != law.EU || d.Site != "hq" || d.Door.Kind != configs.Strike || d.Camera.Width != 640 || d.KeysDir == "" {
		t.Errorf("it says %+v", d.Config)
	}
	if !d.Given("door.kind") || d.Given("door.fail") || !d.Given("site") || d.Given("gate") {
		t.Error("it is wrong about what the text says")
	}
	if site := func(c *configs.Config) string { return c.Site }; d.Usual(site) || !d.Usual(func(c *configs.Config) string { return c.Gate }) {
		t.Error("it is wrong about what the reference has")
	}
	_, err = configs.Parse("gate.yaml", strings.NewReader(text))
	var all []string
	for _, f := range d.Faults {
		all = append(all, f.Error())
	}
	if err == nil || strings.Join(all, "\n") != err.Error() {
		t.Errorf("its faults are\n%s\nand it is refused for\n%v", strings.Join(all, "\n"), err)
	}
	if f := d.About("door.fail", "gate", "site"); len(f) != 2 || f[0].Key != "gate" || f[1].Key != "door.fail" {
		t.Errorf("about gate and door.fail: %v", f)
	}
}

// TestDraftWithoutForm wants no draft of what may mean anything.
func TestDraftWithoutForm(t *testing.T) {
	for _, text := range []string{"profile: [", "profile: lab\nsit: hq\n", "\xff", strings.Repeat("#", configs.MaxSize+1)} {
		if d, err := configs.ReadDraft("gate.yaml", text); err == nil || !strings.Contains(err.Error(), "gate.yaml") {
			t.Errorf("%.20q: %v, %v", text, d, err)
		} else if hint.Of(err) == "" && len(text) < configs.MaxSize {
			t.Errorf("%.20q: no advice", text)
		}
	}
	whole := minimal + "door: {driver: sim}\n"
	if d, err := configs.ReadDraft("gate.yaml", whole); err != nil || slices.ContainsFunc(d.Faults, func(*configs.Error) bool { return true }) {
		t.Errorf("a whole one: %v, %v", d, err)
	}
}
