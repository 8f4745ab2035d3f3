package configs

import "strings"

// Metrics is what monitoring reads.
type Metrics struct {
	Listen string `yaml:"listen"` // an address of this machine alone with a port; "" for nothing
}

// metrics checks what monitoring reads. It is no secret, and nobody on another machine is to ask a door for it: a collector on this
// one does, and has ways to keep it to whom it is for.
func (d *document) metrics(cfg *Config) {
	const key, advice = "metrics.listen", "write 127.0.0.1:9686 or [::1]:9686"
	m := &cfg.Metrics
	if m.Listen == "" {
		return
	}
	m.Listen = d.onlyHere(key, m.Listen, "and metrics are for a collector on this one, such as Prometheus", advice)
	d.check(m.Listen != cfg.Kiosk.Listen || strings.HasSuffix(m.Listen, ":0"), key, "is where the page of the screen is (kiosk.listen); take another port")
}
