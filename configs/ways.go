package configs

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"facegate/configs/law"
	"facegate/configs/passage"
	"facegate/configs/text"
	"facegate/configs/week"
)

// A Switch is on, off, or as the rest of the configuration makes it.
type Switch string

// The positions of a Switch.
const (
	Auto Switch = "auto"
	On   Switch = "on"
	Off  Switch = "off"
)

// Passes is where passes are shown.
type Passes struct {
	Camera Switch   `yaml:"camera"` // whether codes that are shown to the camera are read; Config.CodesRead resolves it
	Groups []string `yaml:"groups"` // of gates that this one is of: a visitor's pass for one of them opens it too
}

// A ReaderKind is how a reader is connected, and what it gives.
type ReaderKind string

// The kinds of readers.
const (
	Wiegand       ReaderKind = "wiegand"        // cards, over two lines
	WiegandKeypad ReaderKind = "wiegand-keypad" // keys of four bits each, over two lines
	USB           ReaderKind = "usb"            // cards, typed by a reader that is a keyboard to the system
	Keypad        ReaderKind = "keypad"         // a keypad that is a keyboard to the system
)

// lines reports whether readers of this kind are on two lines, otherwise they are a device.
func (k ReaderKind) lines() bool { return k == Wiegand || k == WiegandKeypad }

// cards reports whether cards are shown to readers of this kind.
func (k ReaderKind) cards() bool { return k == Wiegand || k == USB }

// A Reader is what cards are shown to, or numbers are typed on, besides the camera.
type Reader struct {
	Name   string        `yaml:"name"` // of no other reader, and not that of the camera
	Kind   ReaderKind    `yaml:"kind"`
	D0     string        `yaml:"d0"`     // name of the GPIO line on which zeros come, of the wiegand kinds
	D1     string        `yaml:"d1"`     // likewise ones
	Chip   string        `yaml:"chip"`   // label of their chip; "" finds the lines on any chip
	Format int           `yaml:"format"` // bits of a card, of wiegand: 26, 34, 35 or 37
	Device string        `yaml:"device"` // absolute path of the input device, of usb and keypad
	Class  passage.Means `yaml:"class"`  // of cards: ByCardUID or ByCardSecure; never "" after Parse where there are cards
	Twice  bool          `yaml:"twice"`  // a wiegand card counts when it has been read twice within a second
}

// PINs is what a PIN has to be like.
type PINs struct {
	MinDigits int `yaml:"min_digits"`
}

// A Rule is one way through the door.
type Rule struct {
	By       []passage.Means `yaml:"by"`       // one alone, or two of one person together, in either order
	Within   time.Duration   `yaml:"within"`   // of two: from the first to the second; never 0 after Parse
	When     string          `yaml:"when"`     // name of one of Plans, "" for always
	Groups   []string        `yaml:"groups"`   // of people it is for; none for everybody
	Faceless bool            `yaml:"faceless"` // it is only for people who give no face
}

// Hours are days of the week, from a time to another by the clock on the wall.
type Hours struct {
	Days week.Days  `yaml:"days"`
	From week.Clock `yaml:"from"`
	To   week.Clock `yaml:"to"`
}

// CameraReader is the name of the camera as a reader.
const CameraReader = "camera"

// usualWithin is within of a rule that does not say it.
const usualWithin = 20 * time.Second

// rulesMeans lists the means that a rule may name.
func rulesMeans() []passage.Means {
	return []passage.Means{
		passage.ByFace, passage.ByPass, passage.ByVisitor, passage.ByCardUID, passage.ByCardSecure, passage.ByPIN, passage.ByOrder,
		passage.ByHomeAssistant,
	}
}

// entrances checks readers, PINs, rules and plans.
func (d *document) entrances(cfg *Config) {
	oneOf(d, "passes.camera", cfg.Passes.Camera, Auto, On, Off)
	for i, g := range cfg.Passes.Groups {
		d.word("passes.groups", g)
		d.check(!slices.Contains(cfg.Passes.Groups[:i], g), "passes.groups", "%q stands there twice", g)
	}
	bounded(d, "pins.min_digits", cfg.PINs.MinDigits, law.Of(cfg.Jurisdiction).PINDigits)
	for i := range cfg.Readers {
		d.reader(fmt.Sprintf("readers[%d]", i+1), &cfg.Readers[i], cfg.Readers[:i])
	}
	for i := range cfg.Rules {
		key := fmt.Sprintf("rules[%d]", i+1)
		d.rule(key, &cfg.Rules[i], cfg.Plans)
		for _, m := range cfg.Rules[i].By {
			d.check(cfg.Takes(m) || !slices.Contains(rulesMeans(), m), key+".by", "names %s, and %s", m, untaken(m))
		}
	}
	d.plans(cfg)
	within(d, "again_after", cfg.AgainAfter, 0, maxAgain)
	within(d, "refire_after", cfg.RefireAfter, 0, maxRefire)
}

const (
	maxAgain  = 24 * time.Hour
	maxRefire = 10 * time.Minute
	maxWithin = 2 * time.Minute
)

// reader checks one reader against what its kind has, and against those before it.
func (d *document) reader(key string, r *Reader, before []Reader) {
	if d.need(key, "name", "write for instance {name: outside, kind: wiegand, d0: GPIO23, d1: GPIO24, format: 26}") {
		d.readerName(key+".name", r.Name, before)
	}
	if !d.need(key, "kind", "one of wiegand, wiegand-keypad, usb, keypad") {
		return
	}
	oneOf(d, key+".kind", r.Kind, Wiegand, WiegandKeypad, USB, Keypad)
	has := map[string]bool{
		"d0": r.Kind.lines(), "d1": r.Kind.lines(), "chip": r.Kind.lines(), "format": r.Kind == Wiegand, "twice": r.Kind == Wiegand,
		"device": !r.Kind.lines(), "class": r.Kind.cards(),
	}
	for _, part := range slices.Sorted(maps.Keys(has)) {
		d.check(has[part] || !d.given[key+"."+part] || blank(r, part), key+"."+part, "is nothing that a reader of kind %s has", r.Kind)
	}
	switch {
	case r.Kind.lines():
		d.need(key, "d0", "the name of the line on which zeros come")
		d.need(key, "d1", "the name of the line on which ones come")
	case d.need(key, "device", "the lasting name of the reader under /dev/input/by-id/"):
		d.absolute(key+".device", r.Device)
		other := slices.IndexFunc(before, func(o Reader) bool { return o.Device == r.Device })
		d.check(other < 0, key+".device", "is that of another reader")
	}
	if r.Kind == Wiegand && d.need(key, "format", "how many bits its cards have: 26, 34, 35 or 37") {
		d.check(slices.Contains([]int{26, 34, 35, 37}, r.Format), key+".format", "%d is none of 26, 34, 35, 37", r.Format)
	}
	if r.Kind.cards() {
		if r.Class == "" {
			r.Class = passage.ByCardUID // what nobody has said to be secure is not
		}
		oneOf(d, key+".class", r.Class, passage.ByCardUID, passage.ByCardSecure)
	}
}

// blank reports whether a part of a reader, which its kind does not have, says nothing.
func blank(r *Reader, part string) bool {
	return map[string]bool{
		"d0": r.D0 == "", "d1": r.D1 == "", "chip": r.Chip == "", "format": r.Format == 0, "twice": !r.Twice,
		"device": r.Device == "", "class": r.Class == "",
	}[part]
}

// need demands a part of an item of a list, and reports whether it is there.
func (d *document) need(key, part, advice string) bool {
	if d.given[key+"."+part] {
		return true
	}
	d.fault(d.nearest(key+"."+part), key, "has no %s: %s", part, advice)
	return false
}

func (d *document) readerName(key, name string, before []Reader) {
	d.word(key, name)
	d.check(name != CameraReader, key, "%q is the camera's", name)
	other := slices.IndexFunc(before, func(o Reader) bool { return o.Name == name })
	d.check(other < 0, key, "%q is that of another reader", name)
}

// word checks a name that other parts of the file, and the command line, refer to.
func (d *document) word(key, name string) {
	fault := text.WordFault(name)
	d.check(fault == "", key, "%q %s", name, fault)
}

// rule checks one rule by itself. Whether all of them leave a way to those who give no face is for those who weigh by them.
func (d *document) rule(key string, r *Rule, plans map[string][]Hours) {
	if !d.need(key, "by", "write for instance {by: [card-uid, pin], within: 20s}") {
		return
	}
	for _, m := range r.By {
		oneOf(d, key+".by", m, rulesMeans()...)
	}
	d.check(len(r.By) == 1 || len(r.By) == 2 && r.By[0] != r.By[1], key+".by", "names %d means; one opens alone, or two different ones together",
		len(r.By))
	if len(r.By) == 2 {
		if r.Within == 0 && !d.given[key+".within"] {
			r.Within = usualWithin
		}
		within(d, key+".within", r.Within, time.Second, maxWithin)
		d.check(!slices.Contains(r.By, passage.ByVisitor), key+".by", "visitor goes with nothing else: the gate knows no person who could show it")
		for _, m := range r.By {
			d.check(!m.Afar(), key+".by", "%s goes with nothing else: whoever gives the order is not at the door", m)
		}
	} else {
		d.check(r.Within == 0, key+".within", "is of two means together, and the rule names one")
	}
	if slices.ContainsFunc(r.By, passage.Means.Afar) {
		d.check(len(r.Groups) == 0, key+".groups", "is of people, and whoever gives an order is in no group")
		d.check(!r.Faceless, key+".faceless", "is of people, and an order from afar is of none")
	}
	_, ok := plans[r.When]
	d.check(r.When == "" || ok, key+".when", "%q is none of plans", r.When)
	for i, g := range r.Groups {
		d.word(key+".groups", g)
		d.check(!slices.Contains(r.Groups[:i], g), key+".groups", "%q stands there twice", g)
	}
	d.check(!r.Faceless || !slices.Contains(r.By, passage.ByFace), key+".faceless",
		"is true, and the rule names the face: whoever gives none could never pass")
}

// plans checks the plans of rules.
func (d *document) plans(cfg *Config) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Plans)) {
		key := "plans." + name
		d.word(key, name)
		d.check(len(cfg.Plans[name]) > 0, key, "is empty; a rule with it would never count")
		for i, h := range cfg.Plans[name] {
			d.hours(fmt.Sprintf("%s[%d]", key, i+1), h)
		}
	}
	d.check(cfg.TimeZone != "" || len(cfg.Plans) == 0, "plans",
		"needs time_zone: the clock of most boards is in UTC, and the rules would count at other hours than meant")
}

func (d *document) hours(key string, h Hours) {
	for _, part := range []string{"days", "from", "to"} {
		if !d.need(key, part, "write for instance {days: mon-fri, from: 08:00, to: 18:00}") {
			return
		}
	}
	d.check(h.From != week.Day, key+".from", "24:00 is the end of a day; write 00:00 of the next")
	d.check(h.From != h.To, key+".to", "%v is where it begins; from 00:00 to 24:00 is a whole day", h.To)
}

// Takes reports whether something takes a means: the camera, a reader or, of an order, the connection to the broker.
func (c *Config) Takes(m passage.Means) bool {
	switch m {
	case passage.ByFace, passage.ByOrder:
		return true
	case passage.ByHomeAssistant:
		return c.MQTT.HomeAssistant.Orders()
	case passage.ByPass, passage.ByVisitor:
		return c.CodesRead()
	case passage.ByPIN:
		return slices.ContainsFunc(c.Readers, func(r Reader) bool { return !r.Kind.cards() })
	}
	return slices.ContainsFunc(c.Readers, func(r Reader) bool { // which proves a key of those cards alone that have one
		return r.Class == m || r.Class == passage.ByCardSecure && m == passage.ByCardUID
	})
}

// untaken says what is missing where nothing takes a means.
func untaken(m passage.Means) string {
	switch m {
	case passage.ByPass, passage.ByVisitor:
		return "passes.camera is off: no code that is shown to the camera is read"
	case passage.ByPIN:
		return "there is nothing to type it on; add a reader of kind keypad or wiegand-keypad to readers"
	case passage.ByCardSecure:
		return "nothing at the door has a card prove a key; add a reader of class card-secure to readers"
	case passage.ByHomeAssistant:
		return "mqtt.home_assistant.unsigned_orders is off: Home Assistant opens nothing"
	}
	return "nothing at the door reads cards; add a reader of kind wiegand or usb to readers"
}

// CodesRead reports whether codes that are shown to the camera are read.
func (c *Config) CodesRead() bool {
	switch c.Passes.Camera {
	case On:
		return true
	case Off:
		return false
	}
	codes := func(m passage.Means) bool { return m == passage.ByPass || m == passage.ByVisitor }
	return c.Profile().Passes || slices.ContainsFunc(c.Rules, func(r Rule) bool { return slices.ContainsFunc(r.By, codes) })
}
