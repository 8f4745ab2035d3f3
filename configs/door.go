package configs

import (
	"fmt"
	"strings"
	"time"

	"facegate/configs/passage"
	"facegate/configs/week"
)

// A Driver is what moves the lock.
type Driver string

// The drivers.
const (
	Cdev Driver = "cdev" // a relay on a line of a GPIO character device
	Sim  Driver = "sim"  // no relay; the state is kept in memory, or in a folder of files
)

// A DoorKind is what kind of lock the relay moves.
type DoorKind string

// The kinds.
const (
	Strike    DoorKind = "strike"    // unlocked for each pass
	Maglock   DoorKind = "maglock"   // a magnet that holds the door shut while it has current
	Turnstile DoorKind = "turnstile" // lets one person through for each pass, and says when they are
)

// A Fail is what a door is without the gate, as when it has no power.
type Fail string

// The two ways, of which none is the default.
const (
	FailSecure Fail = "secure" // locked: the relay pulls in to unlock it
	FailSafe   Fail = "safe"   // unlocked: the relay pulls in to lock it
)

// A Forced says whether an opening that nobody caused is an alarm.
type Forced string

// The answers.
const (
	ForcedAuto Forced = "auto" // where contact and exit button are wired: otherwise who leaves by the handle would raise it
	ForcedOn   Forced = "on"
	ForcedOff  Forced = "off"
)

// A Bias is what holds an input where nothing drives it.
type Bias string

// The biases.
const (
	AsIs     Bias = "as-is"
	PullUp   Bias = "pull-up"
	PullDown Bias = "pull-down"
	NoBias   Bias = "none"
)

// An Input is a GPIO line that the gate reads. It is not wired without a Line.
type Input struct {
	Line      string        `yaml:"line"`       // name of the line
	Chip      string        `yaml:"chip"`       // label of its chip; "" finds the line on any chip
	ActiveLow bool          `yaml:"active_low"` // it is active at low level
	Bias      Bias          `yaml:"bias"`
	Debounce  time.Duration `yaml:"debounce"` // how long a level has to last to count
}

// An Output is a GPIO line that the gate drives. It is not wired without a Line.
type Output struct {
	Line      string `yaml:"line"`       // name of the line
	Chip      string `yaml:"chip"`       // label of its chip; "" finds the line on any chip
	ActiveLow bool   `yaml:"active_low"` // it is lit, or sounds, at low level
}

// Wired reports whether there is such an input.
func (i Input) Wired() bool { return i.Line != "" }

// Wired reports whether there is such an output.
func (o Output) Wired() bool { return o.Line != "" }

// Door is the lock of the gate, and what tells of the door.
type Door struct {
	Name      string            `yaml:"name"`      // what pass events call the door
	Direction passage.Direction `yaml:"direction"` // what pass events call the way through it
	Driver    Driver            `yaml:"driver"`    // what moves the lock
	Kind      DoorKind          `yaml:"kind"`      // never "" after Parse
	Fail      Fail              `yaml:"fail"`      // never "" after Parse

	Chip      string        `yaml:"chip"`       // label of the GPIO chip; "" finds Line on any chip. With Sim a folder of files, "" for memory
	Line      string        `yaml:"line"`       // name of the GPIO line of the relay
	ActiveLow bool          `yaml:"active_low"` // the relay pulls in at low level
	Pulse     time.Duration `yaml:"pulse"`      // how long the door is unlocked for one pass
	MaxOpen   time.Duration `yaml:"max_open"`   // how long it is kept unlocked at most, by a hold or the schedule

	Contact Input `yaml:"contact"` // active while the door stands open; of a turnstile, while somebody turns it
	Exit    Input `yaml:"exit"`    // active while the exit button is pressed
	Fire    Input `yaml:"fire"`    // active while there is a fire alarm
	Tamper  Input `yaml:"tamper"`  // active while somebody opens the housing

	Interlock Input `yaml:"interlock"` // active while the other of two doors is open

	LEDRed   Output `yaml:"led_red"`
	LEDGreen Output `yaml:"led_green"`
	Buzzer   Output `yaml:"buzzer"`

	HeldWarn       time.Duration `yaml:"held_warn"`       // for how long the door stands open until the buzzer warns
	HeldAfter      time.Duration `yaml:"held_after"`      // likewise until it is an alarm
	Forced         Forced        `yaml:"forced"`          // whether an opening without a cause is an alarm
	PassageTimeout time.Duration `yaml:"passage_timeout"` // how long a turnstile waits for somebody to go through

	Schedule []week.Window `yaml:"schedule"` // when it is open to everybody, or shut to all
	Holidays []week.Date   `yaml:"holidays"`
}

// A Wire is one line of the door, of the prompt or of a reader: the key that names it, and the line.
type Wire struct {
	Key        string // such as "door.exit.line"
	Line, Chip string
}

// ChipKey is the key that names its chip, such as "door.exit.chip".
func (w Wire) ChipKey() string { return section(w.Key) + ".chip" }

// Wires lists the lines that are wired, of the door, of the prompt and of readers, the relay first.
func (c *Config) Wires() []Wire {
	d := c.Door
	all := []Wire{
		{"door.line", d.Line, d.Chip},
		{"door.contact.line", d.Contact.Line, d.Contact.Chip},
		{"door.exit.line", d.Exit.Line, d.Exit.Chip},
		{"door.fire.line", d.Fire.Line, d.Fire.Chip},
		{"door.tamper.line", d.Tamper.Line, d.Tamper.Chip},
		{"door.interlock.line", d.Interlock.Line, d.Interlock.Chip},
		{"door.led_red.line", d.LEDRed.Line, d.LEDRed.Chip},
		{"door.led_green.line", d.LEDGreen.Line, d.LEDGreen.Chip},
		{"door.buzzer.line", d.Buzzer.Line, d.Buzzer.Chip},
		{"prompt.led_left", c.Prompt.LEDLeft, c.Prompt.Chip},
		{"prompt.led_right", c.Prompt.LEDRight, c.Prompt.Chip},
	}
	for i, r := range c.Readers {
		key := fmt.Sprintf("readers[%d]", i+1)
		all = append(all, Wire{key + ".d0", r.D0, r.Chip}, Wire{key + ".d1", r.D1, r.Chip})
	}
	wired := all[:0]
	for _, w := range all {
		if w.Line != "" {
			wired = append(wired, w)
		}
	}
	return wired
}

// ForcedAlarm reports whether an opening that nobody caused is an alarm.
func (d Door) ForcedAlarm() bool {
	return d.Forced == ForcedOn || d.Forced == ForcedAuto && d.Contact.Wired() && d.Exit.Wired()
}

// ShutsIn says why somebody may find no way out of the door when the gate is dead, "" if they do. A magnet that keeps its
// current without the gate gives way to no handle.
func (d Door) ShutsIn() (reason, todo string) {
	if d.Kind != Maglock || d.Fail != FailSecure || d.Exit.Wired() || d.Fire.Wired() {
		return "", ""
	}
	return "the magnet holds without the gate, and neither an exit button nor a fire alarm is wired: whoever is inside may not get out",
		"set door.fail to safe and wire it so, or wire door.exit or door.fire; a way out that needs no gate is the law in most places"
}

// HolidaysPast says that all holidays are past on the day of now, "" if one is to come or none is listed. From then on the door and the
// rules take every holiday for an ordinary day.
func (c *Config) HolidaysPast(now time.Time) (reason, todo string) {
	zone, err := time.LoadLocation(c.TimeZone)
	if err != nil { // which is refused elsewhere
		zone = time.UTC
	}
	var last week.Date
	for _, d := range c.Door.Holidays {
		if !d.Past(now.In(zone).Date()) {
			return "", ""
		}
		if last == (week.Date{}) || last.Past(d.Year, d.Month, d.Day) {
			last = d
		}
	}
	if last == (week.Date{}) {
		return "", ""
	}
	return fmt.Sprintf("all days of door.holidays are past, the last of them %s: every holiday counts as an ordinary day", last),
		"add those that are to come to door.holidays, or write those of every year without the year, as in 12-25"
}

func (d *document) door(cfg *Config) {
	door := &cfg.Door
	oneOf(d, "door.direction", door.Direction, passage.In, passage.Out)
	oneOf(d, "door.driver", door.Driver, Cdev, Sim)
	d.lock(door)
	d.check(door.Driver != Cdev || door.Line != "", "door.line", "is empty; the cdev driver needs the name of a GPIO line")
	if door.Driver == Sim && door.Chip != "" {
		d.absolute("door.chip", door.Chip)
	}
	within(d, "door.pulse", door.Pulse, 200*time.Millisecond, 30*time.Second)
	within(d, "door.max_open", door.MaxOpen, time.Minute, 24*time.Hour)
	for _, key := range []string{"contact", "exit", "fire", "tamper", "interlock"} {
		d.input("door."+key, map[string]Input{
			"contact": door.Contact, "exit": door.Exit, "fire": door.Fire, "tamper": door.Tamper, "interlock": door.Interlock,
		}[key])
	}
	d.contact(door)
	d.wires(cfg)
	d.schedule(cfg)
}

// lock checks what moves the lock. To take one kind for another, or locked for unlocked, is to leave a door open, so that
// neither has a default where there is a door.
func (d *document) lock(door *Door) {
	if door.Driver == Sim && door.Kind == "" {
		door.Kind = Strike
	}
	if door.Driver == Sim && door.Fail == "" {
		door.Fail = FailSecure
	}
	if door.Kind == "" {
		d.at([]string{"door.kind"}, "is missing; strike: unlocked for each pass | maglock: held shut by a magnet | "+
			"turnstile: one person for each pass")
	} else {
		oneOf(d, "door.kind", door.Kind, Strike, Maglock, Turnstile)
	}
	if door.Fail == "" {
		d.at([]string{"door.fail"}, "is missing; what the door is without the gate, as when it has no power: secure: locked, "+
			"and the relay pulls in to unlock it | safe: unlocked, and the relay pulls in to lock it, as most magnets do")
	} else {
		oneOf(d, "door.fail", door.Fail, FailSecure, FailSafe)
	}
}

func (d *document) input(key string, i Input) {
	oneOf(d, key+".bias", i.Bias, AsIs, PullUp, PullDown, NoBias)
	within(d, key+".debounce", i.Debounce, 0, time.Second)
}

// contact checks what needs to see the door.
func (d *document) contact(door *Door) {
	oneOf(d, "door.forced", door.Forced, ForcedAuto, ForcedOn, ForcedOff)
	within(d, "door.held_warn", door.HeldWarn, time.Second, time.Hour)
	within(d, "door.held_after", door.HeldAfter, time.Second, time.Hour)
	within(d, "door.passage_timeout", door.PassageTimeout, time.Second, time.Minute)
	if door.HeldWarn >= door.HeldAfter {
		d.at([]string{"door.held_warn", "door.held_after"},
			"held_warn %v is not before held_after %v: the warning is to come before the alarm", door.HeldWarn, door.HeldAfter)
	}
	if door.Contact.Wired() {
		if door.Pulse >= door.HeldWarn {
			d.at([]string{"door.held_warn", "door.pulse"},
				"held_warn %v is not longer than pulse %v: whoever goes through would be warned", door.HeldWarn, door.Pulse)
		}
		return
	}
	const blind = "%s needs door.contact: without it the gate does not see whether the door is open"
	d.check(door.Kind != Turnstile, "door.kind", "turnstile needs door.contact: it says when somebody is through, and the next may come")
	d.check(door.Forced != ForcedOn, "door.forced", blind, "on")
	usual := d.usual.Door // which a copy of the reference has
	d.check(door.HeldWarn == usual.HeldWarn, "door.held_warn", blind, "this")
	d.check(door.HeldAfter == usual.HeldAfter, "door.held_after", blind, "this")
	d.check(!door.Buzzer.Wired(), "door.buzzer", blind, "it")
}

// wires refuses a line that stands there twice. That two names are one line is for who opens them to see.
func (d *document) wires(cfg *Config) {
	all := cfg.Wires()
	for i, w := range all {
		for _, other := range all[:i] {
			same := w.Line == other.Line && (w.Chip == other.Chip || w.Chip == "" || other.Chip == "")
			if same && section(w.Key)+section(other.Key) != "promptprompt" { // whose lights have words of their own
				d.at([]string{w.Key, other.Key, section(w.Key)}, "the line %s is that of %s", w.Line, other.Key)
			}
		}
	}
}

// section returns the key without its last part.
func section(key string) string { return key[:max(0, strings.LastIndexAny(key, ".["))] }

func (d *document) schedule(cfg *Config) {
	door, sound := &cfg.Door, true
	for i, w := range door.Schedule {
		sound = d.window(fmt.Sprintf("door.schedule[%d]", i+1), w) && sound
	}
	if zone, err := time.LoadLocation(cfg.TimeZone); err != nil || zone == time.Local {
		d.at([]string{"time_zone"}, "%q is no time zone; write one as Europe/Berlin or Asia/Shanghai (timedatectl list-timezones lists them)",
			cfg.TimeZone)
	}
	d.check(cfg.TimeZone != "" || len(door.Schedule) == 0, "door.schedule",
		"needs time_zone: the clock of most boards is in UTC, and the door would open and shut at other hours than meant")
	if long := week.LongestOpen(door.Schedule); sound && long > door.MaxOpen {
		d.at([]string{"door.schedule", "door.max_open"}, "leaves the door open for %s at a stretch, and door.max_open is %v; "+
			"raise that (24h at most) if it is meant", stretch(long), door.MaxOpen)
	}
}

func stretch(d time.Duration) string {
	if d == week.Forever {
		return "all week"
	}
	return d.String()
}

// window checks one window of the schedule, and reports whether it is in order.
func (d *document) window(key string, w week.Window) bool {
	before := len(d.errs)
	for _, part := range []string{"days", "from", "to", "door"} {
		if !d.given[key+"."+part] {
			d.fault(d.nearest(key+"."+part), key, "has no %s; write for instance {days: mon-fri, from: 08:00, to: 18:00, door: open}", part)
			return false
		}
	}
	oneOf(d, key+".door", w.Door, week.Open, week.Shut)
	d.check(w.From != week.Day, key+".from", "24:00 is the end of a day; write 00:00 of the next")
	d.check(w.From != w.To, key+".to", "%v is where it begins; from 00:00 to 24:00 is a whole day", w.To)
	return len(d.errs) == before
}
