package configs

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"facegate/configs/notice"
)

// Kiosk is the screen at the door, and the sounds and lights that say the same.
type Kiosk struct {
	// Listen is where the page of the screen is: an address of this machine alone with a port, or unix: with the absolute path
	// of a socket; "" for no screen.
	Listen    string            `yaml:"listen"`
	Languages []notice.Language `yaml:"languages"` // the screen begins with the first; never none after Parse where there is a screen
	Tones     bool              `yaml:"tones"`     // buzzer and lights of the door say the same
}

// unixPrefix is what an address that is a socket begins with.
const unixPrefix = "unix:"

// Address returns where the page is as net.Listen wants it.
func (k Kiosk) Address() (network, address string) {
	if path, ok := strings.CutPrefix(k.Listen, unixPrefix); ok {
		return "unix", path
	}
	return "tcp", k.Listen
}

// kiosk checks the screen. Whoever reaches its page sees who comes and goes at the door, as somebody who stands there does. So
// nobody on another machine may.
func (d *document) kiosk(cfg *Config) {
	k := &cfg.Kiosk
	if k.Listen != "" {
		k.Listen = d.loopback(k.Listen)
	}
	d.languages(cfg)
	d.check(!k.Tones || cfg.Door.Buzzer.Wired() || cfg.Door.LEDRed.Wired() || cfg.Door.LEDGreen.Wired(), "kiosk.tones",
		"needs a line to sound or to light: door.buzzer, door.led_red or door.led_green")
}

// adviceKiosk is the form of kiosk.listen.
const adviceKiosk = "write 127.0.0.1:8686, [::1]:8686 or unix:/run/facegate/kiosk.sock"

// loopback checks where the page of the screen is, and brings it into one form.
func (d *document) loopback(address string) string {
	const key = "kiosk.listen"
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		d.check(filepath.IsAbs(path), key, "%q is not the absolute path of a socket; %s", path, adviceKiosk)
		d.check(len(path) <= maxSocket, key, "is longer than the %d bytes that a socket may have", maxSocket)
		return address
	}
	return d.onlyHere(key, address, "and the page shows when somebody comes to the door; the browser of the screen runs on this one", adviceKiosk)
}

// onlyHere checks that an address is one of this machine alone with a port, and brings it into one form. why says what other machines
// have to do with it.
func (d *document) onlyHere(key, address, why, advice string) string {
	if port, ok := strings.CutPrefix(address, "localhost:"); ok { // which a hosts file could lead elsewhere
		address = "127.0.0.1:" + port
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		d.check(false, key, "%q is no address of this machine with a port; %s", address, advice)
		return address
	}
	d.check(at.Addr().Unmap().IsLoopback(), key, "%v can be reached from other machines, %s: %s", at.Addr(), why, advice)
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()).String()
}

// languages checks the languages of the screen. Each needs a notice.
func (d *document) languages(cfg *Config) {
	const key = "kiosk.languages"
	spoken := d.spoken(cfg)
	if len(cfg.Kiosk.Languages) == 0 {
		cfg.Kiosk.Languages = spoken
	}
	for i, lang := range cfg.Kiosk.Languages {
		d.check(!slices.Contains(cfg.Kiosk.Languages[:i], lang), key, "%q stands there twice", lang)
		if all := cfg.Notice.statement().Languages(); !slices.Contains(all, lang) {
			oneOf(d, key, lang, all...)
			continue
		}
		d.check(slices.Contains(spoken, lang), key, "%q has no notice, which the screen shows; write notice.%[1]s", lang)
	}
}
