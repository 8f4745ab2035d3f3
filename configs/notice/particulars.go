package notice

import (
	"facegate/configs/law"
	"facegate/configs/passage"
)

// Particulars are what people are told of one gate before they consent.
type Particulars struct {
	Statement Statement
	Ways      []passage.Way // the other ways in at this door
	Profile   law.Profile
}

// A Statement is what the operator says in the notice. It names the keys of section notice of the configuration.
type Statement struct {
	Version       string // changed with the text; part of every consent
	Controller    string // who answers for the data
	Contact       string // of the controller
	Officer       string // contact of the data protection officer, "" for none
	SignInstalled bool   // the operator confirms a sign that can be seen before the camera sees
	EN, ZH        Words
}

// Words are what the operator says in one language. All of them are empty if it is not offered.
type Words struct {
	Place     string // where the door, and the device with the data, are
	Purpose   string // what faces are recognised for
	Necessity string // why a face is needed for that
	Rights    string // where and how a person uses their rights
}

// A Field is one text of a statement.
type Field struct {
	Key      string // of the configuration
	Value    string
	Optional bool
}

// Fields returns what the notice says in every language.
func (s Statement) Fields() []Field {
	return []Field{
		{Key: "notice.version", Value: s.Version},
		{Key: "notice.controller", Value: s.Controller},
		{Key: "notice.contact", Value: s.Contact},
		{Key: "notice.officer", Value: s.Officer, Optional: true},
	}
}

// Words returns what the operator says in a language.
func (s Statement) Words(lang Language) Words {
	if lang == Chinese {
		return s.ZH
	}
	return s.EN
}

// Fields returns what the notice says in one language, which is lang.
func (w Words) Fields(lang Language) []Field {
	prefix := "notice." + string(lang) + "."
	return []Field{
		{Key: prefix + "place", Value: w.Place},
		{Key: prefix + "purpose", Value: w.Purpose},
		{Key: prefix + "necessity", Value: w.Necessity},
		{Key: prefix + "rights", Value: w.Rights},
	}
}
