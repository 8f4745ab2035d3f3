package configs

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/passage"
)

// jurisdiction checks the profile, which has no default: the law of a place is not a matter of taste.
func (d *document) jurisdiction(cfg *Config) {
	if cfg.Jurisdiction == "" {
		d.at([]string{"profile"}, "is missing; name whose law the gate stands under: cn, eu, us-il, or lab, where nobody is enrolled who exists")
		return
	}
	oneOf(d, "profile", cfg.Jurisdiction, law.Jurisdictions()...)
}

// lawful records what the profile forbids, and what it wants the operator to state.
func (d *document) lawful(cfg *Config) {
	r := law.Of(cfg.Jurisdiction)
	d.comparison(cfg, r)
	d.alike(cfg, r)
	d.children(cfg, r)
	d.ways(cfg, r)
	d.terms(cfg, r)
	d.attacks(cfg, r)
	d.assessment(&cfg.Assessment, cfg.Jurisdiction, r)
	d.notice(&cfg.Notice, r)
	d.transfer(&cfg.MQTT, r)
	d.unsignedOrders(cfg, r)
	if r.Production() {
		d.examples(cfg, r)
	}
}

// examples refuses what the reference gives as an example. A notice in the name of nobody is none. A site of that name would
// be every such site's.
func (d *document) examples(cfg *Config, r law.Rules) {
	example := &d.usual
	refuse := func(key, law, value string, is bool) {
		if is && d.given[key] {
			d.refuse(key, law, "%q is the example of the reference; write what is true here", value)
		}
	}
	refuse("site", "", cfg.Site, bare(cfg.Site) == bare(example.Site))
	is, not := &cfg.Notice, &example.Notice
	for _, e := range []struct{ key, value, example string }{
		{"notice.controller", is.Controller, not.Controller},
		{"notice.contact", is.Contact, not.Contact},
		{"notice.en.place", is.EN.Place, not.EN.Place},
		{"notice.zh.place", is.ZH.Place, not.ZH.Place},
	} {
		refuse(e.key, r.Notice, e.value, strings.Contains(bare(e.value), bare(e.example)))
	}
}

// bare returns the letters and digits of text, in lower case: spaces and signs make no other text of it.
func bare(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// refuse records that law forbids the value of key.
func (d *document) refuse(key, law, format string, args ...any) {
	d.unlawful(d.place[key], key, law, format, args...)
}

// demand records that law wants key. Its place is that of the section that should hold it, or of the profile.
func (d *document) demand(key, law, format string, args ...any) {
	section, _, _ := strings.Cut(key, ".")
	d.unlawful(cmp.Or(d.place[key], d.place[section], d.place["profile"]), key, law, format, args...)
}

// bounded demands that v lies in b. A NaN never does.
func bounded[T cmp.Ordered](d *document, key string, v T, b law.Bound[T]) {
	if b.Holds(v) {
		return
	}
	whose := ""
	if b.Law != "" {
		whose = ", the limits that facegate sets for this profile"
	}
	d.refuse(key, b.Law, "%v is not between %v and %v%s", v, b.Low, b.High, whose)
}

func (d *document) comparison(cfg *Config, r law.Rules) {
	oneOf(d, "match.mode", cfg.Match.Mode, law.AutoMode, law.OneToOne, law.OneToMany)
	oneOf(d, "match.trigger", cfg.Match.Trigger, law.AutoTrigger, law.ZoneTrigger, law.RequestTrigger)
	oneOf(d, "i_know", cfg.IKnow, "", law.OneToMany)
	p := cfg.Profile()
	if p.EmbedTrigger == law.ZoneTrigger && p.Mode == law.OneToOne {
		d.at([]string{"match.trigger"}, "zone does not go with mode one-to-one, which waits for a pass")
	} else if p.EmbedTrigger == law.ZoneTrigger && r.Zone != "" {
		d.refuse("match.trigger", r.Zone, "zone is refused in profile %s: it would measure faces of people who pass by; "+
			"use request", cfg.Jurisdiction)
	}
	if p.Mode == law.OneToMany && r.OneToMany != "" && cfg.IKnow != law.OneToMany {
		d.refuse("match.mode", r.OneToMany, "one-to-many is refused in profile %s: all templates under one key of the "+
			"operator; use one-to-one, or answer for it with i_know: one-to-many", cfg.Jurisdiction)
	}
}

// alike checks what is done about faces that are alike. Whoever is compared with the owner of their pass alone is compared with
// nobody whose face could be like theirs.
func (d *document) alike(cfg *Config, r law.Rules) {
	const key = "match.when_alike"
	oneOf(d, key, cfg.Match.WhenAlike, law.AutoAlike, law.RefuseAlike, law.SecondFactor, law.WarnAlike)
	switch v, many := cfg.Match.WhenAlike, cfg.Profile().Mode == law.OneToMany; {
	case v == law.WarnAlike && r.Accuracy != "":
		d.refuse(key, r.Accuracy, "warn is refused in profile %s: a face that may be another's would open the door by itself; "+
			"use second-factor or refuse", cfg.Jurisdiction)
	case !many && (v == law.WarnAlike || v == law.RefuseAlike):
		d.at([]string{key}, "%s does not go with mode one-to-one, where a pass comes with every face and nobody is compared with "+
			"others; leave it at auto", v)
	case many && v == law.SecondFactor && !slices.ContainsFunc(cfg.Alternatives, passage.Way.Second):
		d.at([]string{key, "alternatives"}, "second-factor has nothing to ask for with the face; list card, pin or qr in "+
			"alternatives, or use refuse")
	}
}

func (d *document) children(cfg *Config, r law.Rules) {
	if cfg.Consent.ChildAge != 0 {
		bounded(d, "consent.child_age", cfg.Consent.ChildAge, r.ChildAge)
	}
	if v := cfg.Consent.Children; v != law.RefuseChildren && v != law.AskGuardian {
		d.refuse("consent.children", r.ChildAge.Law, "%q is none of %q; who is under %d cannot consent alone",
			v, []law.Children{law.RefuseChildren, law.AskGuardian}, cfg.Profile().ChildAge)
	}
}

func (d *document) ways(cfg *Config, r law.Rules) {
	const key = "alternatives"
	if r.Production() && !d.given[key] {
		d.demand(key, r.Alternatives, "is missing; list the other ways in at this door: card, pin, qr, intercom, key")
		return
	}
	if len(cfg.Alternatives) == 0 {
		d.refuse(key, r.Alternatives, "is empty; a face is never the only way in")
	}
	for i, way := range cfg.Alternatives {
		oneOf(d, key, way, passage.Ways()...)
		d.check(!slices.Contains(cfg.Alternatives[:i], way), key, "%q stands there twice", way)
		d.served(cfg, way)
	}
}

// served refuses a way in that the gate itself has to serve, and cannot: a word is no reader.
func (d *document) served(cfg *Config, way passage.Way) {
	by := map[passage.Way]passage.Means{passage.Card: passage.ByCardUID, passage.PIN: passage.ByPIN, passage.QR: passage.ByPass}[way]
	if by != "" && !cfg.Takes(by) {
		d.at([]string{"alternatives"}, "has %s, and %s", way, untaken(by))
	}
}

func (d *document) terms(cfg *Config, r law.Rules) {
	bounded(d, "enrol.valid_days", cfg.Enrol.ValidDays, r.ValidDays)
	bounded(d, "retention.idle_days", cfg.Retention.IdleDays, r.IdleDays)
	bounded(d, "retention.access_log_days", cfg.Retention.AccessLogDays, r.AccessLogDays)
}

// attacks checks what stands against a photo, and against trying again and again.
func (d *document) attacks(cfg *Config, r law.Rules) {
	if t := cfg.Liveness.Threshold; !t.Auto {
		bounded(d, "liveness.threshold", t.Score, r.Liveness)
	}
	l := cfg.Lockout
	bounded(d, "lockout.delay_after", l.DelayAfter, r.DelayAfter)
	bounded(d, "lockout.delay", l.Delay, r.Delay)
	bounded(d, "lockout.disable_after", l.DisableAfter, r.DisableAfter)
	if l.DelayAfter >= l.DisableAfter {
		d.at([]string{"lockout.delay_after", "lockout.disable_after"},
			"delay_after %d is not below disable_after %d", l.DelayAfter, l.DisableAfter)
	}
}

func (d *document) assessment(a *Assessment, j law.Jurisdiction, r law.Rules) {
	d.plain("assessment.id", a.ID)
	d.plain("assessment.version", a.Version)
	if r.Production() {
		d.stated("assessment.id", a.ID, r.Assessment)
		d.stated("assessment.date", a.Date, r.Assessment)
		d.stated("assessment.version", a.Version, r.Assessment)
	}
	if a.Date != "" {
		_, err := time.Parse(time.DateOnly, a.Date)
		d.check(err == nil, "assessment.date", "%q is not a date; write year-month-day, such as 2026-03-31", a.Date)
	}
	if j == law.USIL && a.ID != "" {
		u, err := url.Parse(a.ID)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			d.refuse("assessment.id", r.Assessment, "%q is not the https:// address of the public policy", a.ID)
		}
	}
}

// stated demands that the file itself gives key a value. The examples of the reference bind nobody.
func (d *document) stated(key, value, law string) {
	if !d.given[key] {
		d.demand(key, law, "is missing")
	} else if strings.TrimSpace(value) == "" {
		d.demand(key, law, "is empty")
	}
}

const maxText = 400 // characters; the notice has to stay on one page

// plain refuses what would upset a page.
func (d *document) plain(key, value string) {
	d.check(utf8.RuneCountInString(value) <= maxText, key, "is longer than %d characters", maxText)
}

func (d *document) notice(n *Notice, r law.Rules) {
	d.check(len(n.Version) <= maxName, "notice.version", "is longer than %d bytes; every consent holds it", maxName)
	statement := n.statement()
	for _, f := range statement.Fields() {
		d.plain(f.Key, f.Value)
		if r.Production() && !f.Optional {
			d.stated(f.Key, f.Value, r.Notice)
		}
	}
	for _, lang := range notice.Languages() {
		for _, f := range statement.Words(lang).Fields(lang) {
			d.plain(f.Key, f.Value)
			if r.Production() && d.given["notice."+string(lang)] {
				d.stated(f.Key, f.Value, r.Notice)
			}
		}
	}
	if !r.Production() {
		d.complete(n)
		return
	}
	if !n.SignInstalled {
		d.demand("notice.sign_installed", r.Sign, "is not true; put up the sign before the camera can see anybody")
	}
	switch {
	case r.Chinese != "" && !d.given["notice.zh"]:
		d.demand("notice.zh", r.Chinese, "is missing; the notice has to be in the language of the people it is for")
	case !d.given["notice.en"] && !d.given["notice.zh"] && len(n.Languages) == 0:
		d.demand("notice.en", r.Notice, "is missing; write the notice in at least one language: en, zh or one of notice.languages")
	}
}

// complete refuses a notice with gaps. Without a law behind it, it may still have examples.
func (d *document) complete(n *Notice) {
	const gap = "is empty; nobody can consent to a notice with a gap"
	statement := n.statement()
	for _, f := range statement.Fields() {
		d.check(f.Optional || strings.TrimSpace(f.Value) != "", f.Key, gap)
	}
	spoken := len(n.Languages)
	for _, lang := range notice.Languages() {
		words := statement.Words(lang)
		if words == (notice.Words{}) {
			continue
		}
		spoken++
		for _, f := range words.Fields(lang) {
			d.check(strings.TrimSpace(f.Value) != "", f.Key, gap)
		}
	}
	d.check(spoken > 0, "notice.en", "is empty; write the notice in at least one language, en or zh")
}

// clearUnspoken removes the example words of languages that a production file does not speak.
func (d *document) clearUnspoken(cfg *Config) {
	if !law.Of(cfg.Jurisdiction).Production() {
		return
	}
	spoken := d.spoken(cfg)
	for _, lang := range notice.Languages() {
		if !slices.Contains(spoken, lang) {
			*cfg.Notice.words(lang) = Words{}
		}
	}
}

// spoken returns the languages of the notice, that of the place first. The words of the reference are examples, and in a
// production file none of its own.
func (d *document) spoken(cfg *Config) (all []notice.Language) {
	languages := notice.Languages()
	if cfg.Jurisdiction == law.CN {
		slices.Reverse(languages)
	}
	for _, lang := range languages {
		if *cfg.Notice.words(lang) != (Words{}) && (d.given["notice."+string(lang)] || !law.Of(cfg.Jurisdiction).Production()) {
			all = append(all, lang)
		}
	}
	return append(all, cfg.Notice.tags()...)
}

// transfer checks brokers that are not on the site. An event holds nobody's face or name. That a door opens, and when, is
// still not for everyone.
func (d *document) transfer(m *MQTT, r law.Rules) {
	d.plain("mqtt.transfer", m.Transfer)
	for i, b := range m.Brokers {
		if r.Transfer == "" || b.OnSite() {
			continue
		}
		key := "mqtt.broker"
		if d.place[brokerKey(i)] != nil {
			key = brokerKey(i)
		}
		if strings.TrimSpace(m.Transfer) == "" {
			d.refuse(key, r.Transfer, "%s is not on the site; events are anonymous, and still leave it only with "+
				"mqtt.transfer, the reference of the decision that lets them", b.Host)
		}
		if !b.TLS || m.Username == "" && m.CertFile == "" {
			d.refuse(key, r.Transfer, "%s is not on the site; that needs TLS (ssl://), and mqtt.username or mqtt.cert_file", b.Host)
		}
	}
}
