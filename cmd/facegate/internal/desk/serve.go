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
	return d.answered(b, what, s.Reader, d.parts.Ask(attempt.Attempt{
		Means: b.Means, Asked: s.At, Person: b.Person, Finding: b.Finding, Reader: s.Reader, Credential: b.Credential,
		Faceless: b.Faceless, Groups: b.Groups,
	}))
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
	a := attempt.Attempt{Means: attempt.PIN, Asked: s.At, Person: b.Person, Reader: s.Reader, Faceless: b.Faceless}
	return d.answered(b, people.Shown{Means: attempt.PIN}, s.Reader, d.parts.Try(a, func(counted func() error) (attempt.Finding, bool) {
		return d.parts.Register.CheckPIN(b.Person, typed.PIN, counted)
	})), false
}

// answered takes note of what came of a scan, and has the camera look for the face where that is to follow.
func (d *Desk) answered(b people.Bearer, what people.Shown, at string, o attempt.Outcome) attempt.Outcome {
	d.remember(b, o)
	if o.Err != nil { // what is at fault is the gate, or how late the attempt is
		d.parts.Log.Warn("the door stays locked to somebody who has asked for it", "reader", at, "error", o.Err, "hint", hint.Of(o.Err))
	}
	if o.Wait != attempt.Face {
		return o
	}
	m, err := d.parts.Register.ClaimFor(b, what)
	if err != nil { // as by a card of somebody whose template opens with their pass alone
		d.parts.Log.Warn("a face cannot be compared with whom a card names", "reader", at, "error", err, "hint", hint.Of(err))
		return o
	}
	d.parts.Claim(m, o.Until)
	return o
}
