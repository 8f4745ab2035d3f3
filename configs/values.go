package configs

import (
	"slices"

	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/passage"
)

// What a Config says to those who know nothing of the file.

// Profile returns what the law of the place makes of the configuration.
func (c *Config) Profile() law.Profile {
	return law.Resolve(law.Terms{
		Jurisdiction: c.Jurisdiction, Mode: c.Match.Mode, Trigger: c.Match.Trigger,
		WhenAlike: c.Match.WhenAlike, Pass: slices.Contains(c.Alternatives, passage.QR),
		Second:   slices.ContainsFunc(c.Alternatives, passage.Way.Second),
		Children: c.Consent.Children, ChildAge: c.Consent.ChildAge,
		ValidDays: c.Enrol.ValidDays, IdleDays: c.Retention.IdleDays, AccessLogDays: c.Retention.AccessLogDays,
		Lockout: law.Lockout(c.Lockout),
	})
}

// Particulars returns what people are told before they consent.
func (c *Config) Particulars() notice.Particulars {
	return notice.Particulars{Statement: c.Notice.statement(), Ways: c.Alternatives, Profile: c.Profile()}
}

// Policy returns what an auditor is told.
func (c *Config) Policy() notice.Policy {
	return notice.Policy{
		Particulars: c.Particulars(), Site: c.Site, Gate: c.Gate,
		Assessment: law.Assessment(c.Assessment), Insisted: c.IKnow == law.OneToMany,
		MaxAge: c.Camera.MaxAge, MinFace: c.Zone.MinFace,
		Liveness: notice.Threshold(c.Liveness.Threshold), LivenessWindow: c.Liveness.Window,
		Judge: string(c.Decide.Judge), Agree: c.Decide.Agree, Within: c.Decide.Window, Rearm: c.Decide.Rearm, FPIR: c.Match.FPIR, Margin: c.Match.Margin,
		Broker: c.MQTT.Brokers.String(), Transfer: c.MQTT.Transfer, Unsigned: c.MQTT.HomeAssistant.Orders(),
	}
}

func (n *Notice) statement() notice.Statement {
	return notice.Statement{
		Version: n.Version, Controller: n.Controller, Contact: n.Contact, Officer: n.Officer, SignInstalled: n.SignInstalled,
		EN: notice.Words(n.EN), ZH: notice.Words(n.ZH), More: n.foreign(),
	}
}

// words returns where the words of a language stand.
func (n *Notice) words(lang notice.Language) *Words {
	if lang == notice.Chinese {
		return &n.ZH
	}
	return &n.EN
}
