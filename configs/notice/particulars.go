package notice

import (
	"slices"

	"facegate/configs/law"
	"facegate/configs/passage"
	"facegate/configs/words"
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
	More          []Foreign // further languages, in the order of the configuration
}

// A Foreign is a language that facegate has no notice in. The operator has written one.
type Foreign struct {
	Language Language
	Words    Words
	File     string      // from which Text is, for messages
	Text     string      // Markdown with the places of the notice in English; see Check
	Says     words.Words // what is said at the door
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

// Words returns what the operator says in a language, nothing in one that is not offered.
func (s Statement) Words(lang Language) Words {
	switch lang {
	case English:
		return s.EN
	case Chinese:
		return s.ZH
	}
	f, _ := s.foreign(lang)
	return f.Words
}

func (s Statement) foreign(lang Language) (Foreign, bool) {
	i := slices.IndexFunc(s.More, func(f Foreign) bool { return f.Language == lang })
	if i < 0 {
		return Foreign{}, false
	}
	return s.More[i], true
}

// Says returns what is said at the door in a language.
func (s Statement) Says(lang Language) words.Words {
	if f, ok := s.foreign(lang); ok {
		return f.Says
	}
	return words.Of(string(lang))
}

// Languages returns every language that there can be a notice in: those of facegate, and then the operator's.
func (s Statement) Languages() []Language {
	all := Languages()
	for _, f := range s.More {
		all = append(all, f.Language)
	}
	return all
}

// Fields returns what the notice says in one language, which is lang.
func (w Words) Fields(lang Language) []Field {
	prefix := "notice." + string(lang) + "."
	if !slices.Contains(Languages(), lang) {
		prefix = "notice.languages." + string(lang) + "."
	}
	return []Field{
		{Key: prefix + "place", Value: w.Place},
		{Key: prefix + "purpose", Value: w.Purpose},
		{Key: prefix + "necessity", Value: w.Necessity},
		{Key: prefix + "rights", Value: w.Rights},
	}
}
