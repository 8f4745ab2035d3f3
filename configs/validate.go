package configs

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/text"
)

// validate records what is wrong with the values of cfg.
func (d *document) validate(cfg *Config) {
	d.words(cfg)
	d.jurisdiction(cfg)
	d.names(cfg)
	d.door(cfg)
	d.prompt(cfg)
	d.files(cfg)
	d.camera(&cfg.Camera)
	d.vision(&cfg.Vision)
	d.zone(&cfg.Zone)
	d.quality(&cfg.Quality)
	d.recognition(cfg)
	d.enrol(&cfg.Enrol)
	d.mqtt(cfg)
	d.telling(&cfg.MQTT)
	d.witness(&cfg.Witness)
	d.control(&cfg.Control)
	d.entrances(cfg)
	d.lawful(cfg)
	d.further(cfg)
	d.kiosk(cfg)
	d.metrics(cfg)
}

// at records a fault of the first of keys that the file sets itself. A rule about several keys names all of them.
func (d *document) at(keys []string, format string, args ...any) {
	for _, key := range keys {
		if tok := d.place[key]; tok != nil {
			d.fault(tok, key, format, args...)
			return
		}
	}
	d.fault(nil, keys[0], format, args...)
}

func (d *document) check(ok bool, key, format string, args ...any) {
	if !ok {
		d.at([]string{key}, format, args...)
	}
}

// within demands low <= v <= high. A NaN is never within.
func within[T cmp.Ordered](d *document, key string, v, low, high T) {
	d.check(v >= low && v <= high, key, "%v is not between %v and %v", v, low, high)
}

func oneOf[T ~string](d *document, key string, v T, allowed ...T) {
	d.check(slices.Contains(allowed, v), key, "%q is none of %q", v, allowed)
}

// words brings the texts that people read into their one form (see package text), in which a line break is a space.
func (d *document) words(cfg *Config) {
	n, a := &cfg.Notice, &cfg.Assessment
	texts := map[string]*string{
		"site": &cfg.Site, "gate": &cfg.Gate, "door.name": &cfg.Door.Name, "mqtt.transfer": &cfg.MQTT.Transfer,
		"assessment.id": &a.ID, "assessment.version": &a.Version, "notice.version": &n.Version,
		"notice.controller": &n.Controller, "notice.contact": &n.Contact, "notice.officer": &n.Officer,
	}
	for _, lang := range notice.Languages() {
		w, prefix := n.words(lang), "notice."+string(lang)+"."
		texts[prefix+"place"], texts[prefix+"purpose"] = &w.Place, &w.Purpose
		texts[prefix+"necessity"], texts[prefix+"rights"] = &w.Necessity, &w.Rights
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		clean, err := text.Clean(strings.ReplaceAll(*texts[key], "\n", " "))
		if err != nil {
			d.at([]string{key}, "cannot be printed as it stands: %v; %s", err, hint.Of(err))
			continue
		}
		*texts[key] = clean
	}
}

// names checks what becomes part of an MQTT topic: one level (MQTT 3.1.1, section 4.7), readable in a log.
func (d *document) names(cfg *Config) {
	d.required("site", cfg.Site)
	d.required("gate", cfg.Gate)
	d.topicLevel("door.name", cfg.Door.Name)
}

// required refuses the reference's value, which would make two gates of one broker speak with one voice.
func (d *document) required(key, name string) {
	if !d.given[key] {
		d.at([]string{key}, "is missing; it names this gate in MQTT topics")
		return
	}
	d.topicLevel(key, name)
}

const maxName = 64 // bytes

func (d *document) topicLevel(key, name string) {
	d.check(name != "", key, "is empty")
	d.check(len(name) <= maxName, key, "is longer than %d bytes", maxName)
	d.check(!strings.ContainsAny(name, "/+#"), key, "%q contains one of / + #, which MQTT topics reserve", name)
	d.check(!strings.HasPrefix(name, "$"), key, "%q begins with $, which brokers reserve", name)
}

// prompt checks the lights, of which there are two, each with a line of its own.
func (d *document) prompt(cfg *Config) {
	p, keys := cfg.Prompt, []string{"prompt.led_left", "prompt.led_right"}
	switch {
	case (p.LEDLeft == "") != (p.LEDRight == ""):
		d.at(keys, "only one of the two lights has a line; name both, or none")
	case p.Lights() && p.LEDLeft == p.LEDRight:
		d.at(keys, "both lights have the line %s", p.LEDLeft)
	}
}

// files demands absolute paths, because a service starts in another folder than a technician does.
func (d *document) files(cfg *Config) {
	d.absolute("state_dir", cfg.StateDir)
	d.absolute("key_file", cfg.KeyFile)
	if cfg.TPM != "" {
		d.absolute("tpm", cfg.TPM)
	}
	if inside(cfg.StateDir, cfg.KeyFile) {
		d.at([]string{"key_file", "state_dir"},
			"%s lies inside state_dir %s; a copy of that folder would then open itself", cfg.KeyFile, cfg.StateDir)
	}
	if cfg.KeysDir != "" {
		d.absolute("keys_dir", cfg.KeysDir)
	}
	keys := cmp.Or(cfg.KeysDir, keysDir(cfg.StateDir))
	if overlap(cfg.StateDir, keys) {
		d.at([]string{"keys_dir", "state_dir"}, "%s and state_dir %s are not apart; a copy of the one would then bring back whoever "+
			"was erased since", keys, cfg.StateDir)
	}
	if cfg.AnchorDir != "" {
		d.absolute("anchor_dir", cfg.AnchorDir)
	}
	anchor := cmp.Or(cfg.AnchorDir, anchorDir(cfg.KeyFile))
	apart := func(key, dir string) {
		if overlap(dir, anchor) {
			d.at([]string{"anchor_dir", key}, "%s and %s %s are not apart; an older copy of that folder, put back, would then not be "+
				"noticed; name a folder that no copy reaches", anchor, key, dir)
		}
	}
	if apart("keys_dir", keys); !inside(cfg.StateDir, cfg.KeyFile) || cfg.AnchorDir != "" {
		apart("state_dir", cfg.StateDir)
	}
}

// overlap reports whether two folders are one, or one lies in the other.
func overlap(a, b string) bool { return inside(a, b) || inside(b, a) }

// inside reports whether path is dir or lies in it.
func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

func (d *document) absolute(key, path string) {
	d.check(filepath.IsAbs(path), key, "%q is not an absolute path", path)
}

func (d *document) camera(c *Camera) {
	oneOf(d, "camera.source", c.Source, V4L2, Replay)
	oneOf(d, "camera.format", c.Format, AutoFormat, MJPEG, YUYV)
	d.check(c.Source != V4L2 || c.Device != "", "camera.device", "is empty; a camera needs its device node")
	d.check(c.Source != Replay || c.Path != "", "camera.path", "is empty; a replay needs a folder, a file, or -")
	d.check(!c.Loop || c.Path != "-", "camera.loop", "standard input cannot be played again")
	within(d, "camera.width", c.Width, 160, 1920)
	within(d, "camera.height", c.Height, 120, 1920)
	within(d, "camera.fps", c.FPS, 5, 60) // a face not seen for half a second is a new one
	within(d, "camera.exposure", c.Exposure, 0, time.Second)
	d.check(c.Exposure == 0 || c.Exposure >= 100*time.Microsecond, "camera.exposure", "%v is shorter than 100µs, the unit of cameras", c.Exposure)
	within(d, "camera.gain", c.Gain, -1, 1<<16)
	oneOf(d, "camera.power_line", c.PowerLine, KeepPowerLine, NoPowerLine, FiftyHz, SixtyHz, AutoPowerLine)
	within(d, "camera.backlight", c.Backlight, -1, 1<<16)
	within(d, "camera.max_age", c.MaxAge, 50*time.Millisecond, 5*time.Second)
	within(d, "camera.frozen_after", c.FrozenAfter, 0, time.Minute)
	d.check(c.FrozenAfter == 0 || c.FrozenAfter >= time.Second, "camera.frozen_after", "%v is shorter than 1s; 0s is for ever", c.FrozenAfter)
}

func (d *document) vision(v *Vision) {
	oneOf(d, "vision.bundle", v.Bundle, Registry, Zoo, Open)
	d.check(v.ModelsDir != "", "vision.models_dir", "is empty")
	for i, name := range v.Liveness {
		d.check(!slices.Contains(v.Liveness[:i], name), "vision.liveness", "%q stands there twice", name)
	}
}

func (d *document) zone(z *Zone) {
	within(d, "zone.min_face", z.MinFace, 20, 1000)
	r := z.Region
	d.check(0 <= r.Left && r.Left < r.Right && r.Right <= 1, "zone.region",
		"left %v and right %v are not in order between 0 and 1", r.Left, r.Right)
	d.check(0 <= r.Top && r.Top < r.Bottom && r.Bottom <= 1, "zone.region",
		"top %v and bottom %v are not in order between 0 and 1", r.Top, r.Bottom)
}

func (d *document) quality(q *Quality) {
	within(d, "quality.min_sharpness", q.MinSharpness, 0, 10000)
	within(d, "quality.min_brightness", q.MinBrightness, 0, 255)
	within(d, "quality.max_brightness", q.MaxBrightness, 0, 255)
	if q.MinBrightness >= q.MaxBrightness {
		d.at([]string{"quality.min_brightness", "quality.max_brightness"},
			"min_brightness %v is not below max_brightness %v", q.MinBrightness, q.MaxBrightness)
	}
	within(d, "quality.max_yaw", q.MaxYaw, 1, 90)
	within(d, "quality.max_pitch", q.MaxPitch, 1, 90)
	within(d, "quality.max_roll", q.MaxRoll, 1, 90)
	within(d, "quality.max_side_light", q.MaxSideLight, 20, 90) // below, faces in even light would be refused
}

// recognition checks liveness, match and decide, which only hold together.
func (d *document) recognition(cfg *Config) {
	within(d, "liveness.window", cfg.Liveness.Window, 1, 30)
	oneOf(d, "liveness.active", cfg.Liveness.Active, ActiveOff, ActiveDoubt, ActiveAlways)
	within(d, "match.fpir", cfg.Match.FPIR, 1e-4, 1e-1)
	within(d, "match.margin", cfg.Match.Margin, 0, 0.5)
	oneOf(d, "decide.judge", cfg.Decide.Judge, Mean, Every)
	within(d, "decide.agree", cfg.Decide.Agree, 1, 30)
	within(d, "decide.window", cfg.Decide.Window, 200*time.Millisecond, 10*time.Second)
	within(d, "decide.rearm", cfg.Decide.Rearm, time.Second, 5*time.Minute)

	// A face swapped for a photo inside one track fills most of the liveness window before enough frames agree.
	if 2*cfg.Decide.Agree <= cfg.Liveness.Window {
		d.at([]string{"decide.agree", "liveness.window"},
			"decide.agree %d is not more than half of liveness.window %d; a face swapped for a photo could pass",
			cfg.Decide.Agree, cfg.Liveness.Window)
	}
	if frames := cfg.Decide.Window.Seconds() * float64(cfg.Camera.FPS); frames < float64(cfg.Decide.Agree) {
		d.at([]string{"decide.window", "decide.agree", "camera.fps"},
			"decide.window %v holds only %.0f frames at camera.fps %d; decide.agree wants %d, so the door would never open",
			cfg.Decide.Window, frames, cfg.Camera.FPS, cfg.Decide.Agree)
	}
}

func (d *document) enrol(e *Enrol) {
	within(d, "enrol.frames", e.Frames, 3, 30)
	within(d, "enrol.timeout", e.Timeout, 5*time.Second, 10*time.Minute)
}

// maxSocket is the longest path of a Unix socket on Linux, in bytes (unix(7): 108 with the final zero).
const maxSocket = 107

func (d *document) control(c *Control) {
	d.absolute("control.socket", c.Socket)
	d.check(c.OfficeGroup == "" == (c.TechnicianGroup == ""), "control.office_group",
		"and technician_group belong together: name both, or neither and everybody may do everything")
	d.check(c.OfficeGroup == "" || c.OfficeGroup != c.TechnicianGroup, "control.technician_group",
		"is the office_group too; to let everybody do everything name neither, to let somebody do both put them into both groups")
	d.check(len(c.Socket) <= maxSocket, "control.socket", "is longer than the %d bytes that a socket may have", maxSocket)
}
