package desk

import (
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/device/keypad"
	"facegate/device/reader"
	"facegate/pipeline/attempt"
	"facegate/pipeline/template"
	"facegate/pipeline/visitor"
)

// serve asks for the door for a scan, which it clears, and has it said what came of it.
func (d *Desk) serve(s reader.Scan) {
	if s.Kind != reader.Code && s.Kind != reader.Keys && d.take(s) {
		d.parts.Said(Said{Reader: s.Reader, Taken: true})
		return
	}
	said := Said{Reader: s.Reader}
	switch s.Kind {
	case reader.Code:
		said.Outcome, said.Unread = d.code(s)
	case reader.Card:
		said.Outcome = d.shown(s, people.Shown{Means: attempt.Card, Card: s.Value})
	case reader.SecureCard:
		said.Outcome = d.shown(s, people.Shown{Means: attempt.SecureCard, Card: s.Value})
	case reader.Keys:
		said.Outcome, said.Unread = d.typed(s)
	default:
		said.Unread = true
	}
	s.Clear()
	d.parts.Said(said)
}

// code asks for the door for a code. What has the form of no pass asks for nothing.
func (d *Desk) code(s reader.Scan) (o attempt.Outcome, unread bool) {
	if text := string(s.Value); visitor.Is(text) {
		a := d.parts.Visitor(text, s.At)
		a.Reader = s.Reader
		return d.parts.Ask(a), false
	}
	t, err := template.ParseToken(string(s.Value))
	if err != nil {
		return attempt.Outcome{}, true
	}
	defer t.Clear()
	return d.shown(s, people.Shown{Means: attempt.Pass, Pass: t}), false
}

// shown asks for the door for a pass or a card.
func (d *Desk) shown(s reader.Scan, what people.Shown) attempt.Outcome {
	b, _ := d.parts.Register.Bearer(what) // the finding says it: who shows a card of another house is in no log
	return d.ask(b, what, attempt.Attempt{
		Means: b.Means, Asked: s.At, Person: b.Person, Finding: b.Finding, Reader: s.Reader, Credential: b.Credential,
		Faceless: b.Faceless, Groups: b.Groups,
	})
}

// typed asks for the door for a PIN: that of whoever has the number that was typed before it or, without a number, of whoever was
// named lately. A number of nobody, and nobody, cost as much time as somebody.
func (d *Desk) typed(s reader.Scan) (o attempt.Outcome, unread bool) {
	typed, err := keypad.Parse(s.Value)
	if err != nil {
		return attempt.Outcome{}, true
	}
	b, ok := d.lately(s.At)
	if typed.Number != "" {
		b, err = d.parts.Register.ByNumber(typed.Number)
		ok = err == nil
	}
	if !ok {
		b = people.Bearer{}
	}
	finding, duress := d.parts.Register.CheckPIN(b.Person, typed.PIN)
	return d.ask(b, people.Shown{Means: attempt.PIN}, attempt.Attempt{
		Means: attempt.PIN, Asked: s.At, Person: b.Person, Finding: finding, Reader: s.Reader, Counted: true,
		Faceless: b.Faceless, Groups: b.Groups, Duress: duress,
	}), false
}

// ask asks for the door, and has the camera look for the face where that is to follow.
func (d *Desk) ask(b people.Bearer, what people.Shown, a attempt.Attempt) attempt.Outcome {
	o := d.parts.Ask(a)
	d.remember(b, a.Asked, o)
	if o.Err != nil {
		d.parts.Log.Warn("somebody whom the rules let in waits before the door", "reader", a.Reader, "error", o.Err, "hint", hint.Of(o.Err))
	}
	if o.Wait != attempt.Face {
		return o
	}
	m, err := d.parts.Register.ClaimFor(b, what)
	if err != nil { // as by a card of somebody whose template opens with their pass alone
		d.parts.Log.Warn("a face cannot be compared with whom a card names", "reader", a.Reader, "error", err, "hint", hint.Of(err))
		return o
	}
	d.parts.Claim(m)
	return o
}
