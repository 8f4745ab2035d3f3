package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/configs/text"
	"facegate/store/audit"
)

const (
	// MaxText is the greatest length in bytes of a text of a Consent that has no limit of its own.
	MaxText = 64

	// MaxConsentRef is the greatest length of a consent's Reference in bytes.
	MaxConsentRef = 128
)

// What people say who enrol somebody, or turn faces off.
var (
	LabelLine     = text.Line{Name: "a label", Max: MaxLabel}
	ReferenceLine = text.Line{Name: "a reference", Max: MaxConsentRef}
	GuardianLine  = text.Line{Name: "a guardian", Max: MaxText}
	WitnessLine   = text.Line{Name: "a witness", Max: MaxText}
	ReasonLine    = text.Line{Name: "a reason", Max: MaxConsentRef}
)

// An AgeBand is as much of a person's age as has to be known: whether they can consent alone, below which age they cannot being
// Consent.ChildAge, and what their face is worth at the door, which changes at 14 and 18.
type AgeBand uint8

// The age bands. The numbers are written to disk.
const (
	Adult      AgeBand = 1 // from 18 on
	Minor      AgeBand = 2 // under 18, and consents alone
	Child      AgeBand = 3 // under 14, by a guardian's consent
	Youth      AgeBand = 4 // from 14 on, by a guardian's consent
	ChildAlone AgeBand = 5 // under 14, and consents alone
)

// Under14 reports whether the person is.
func (b AgeBand) Under14() bool { return b == Child || b == ChildAlone }

// Under18 reports whether the person is.
func (b AgeBand) Under18() bool { return b != Adult && b != 0 }

// Guardian reports whether a guardian consents for the person.
func (b AgeBand) Guardian() bool { return b == Child || b == Youth }

// possible reports whether somebody can be of b where a guardian consents for who is under childAge.
func (b AgeBand) possible(childAge uint8) bool {
	switch b {
	case Minor:
		return childAge < majority
	case Youth:
		return childAge > childhood
	case ChildAlone:
		return childAge < childhood
	}
	return true
}

const (
	childhood = 14 // the age in years below which a person is a child, for whom no face alone is enough
	majority  = 18 // from which a person consents alone under every law
)

// A Notice is the text that a person consented to.
type Notice struct {
	Version string   // as the operator counts
	Hash    [32]byte // SHA-256 of the text
}

// A Consent is the record of one person's consent. It is kept for Retention.Records after it ended, without the name of
// the guardian and with nothing that leads to the person but Reference, because whoever processed faces must be able to
// show that it was with consent (GDPR 7(1), PIPL 55-56).
type Consent struct {
	ID        [16]byte // random; given by the store
	Profile   string   // Options.Profile when it was given; given by the store
	Notice    Notice
	Purpose   string // what for
	Method    string // how it was given: on paper, with an electronic signature
	Witness   string // who saw it
	AgeBand   AgeBand
	ChildAge  uint8  // years below which a guardian consents, when it was given
	Guardian  string // who consented for the person; required where AgeBand.Guardian says so
	Given     time.Time
	Expires   time.Time // required
	Reference string    // where the site keeps the signed form; at most MaxConsentRef bytes

	Ended time.Time    // when the person was erased, or gave another consent; zero before
	Why   audit.Reason // it ended

	// GivenCount and EndedCount are set where the clock was not known to be right when the consent was given, or ended: they
	// are clock.Verdict.Count at that time, and become the date when there is a right one. They are 0 otherwise.
	GivenCount, EndedCount time.Duration
}

// check says why a person cannot be captured on c at now, while the notices are in force.
func (c Consent) check(now time.Time, notices [][32]byte) error {
	for _, f := range []struct {
		line  text.Line
		given string
	}{
		{text.Line{Name: "a notice version", Max: MaxText}, c.Notice.Version},
		{text.Line{Name: "a purpose", Max: MaxText}, c.Purpose},
		{text.Line{Name: "a method", Max: MaxText}, c.Method},
		{WitnessLine, c.Witness},
		{ReferenceLine, c.Reference},
	} {
		if f.given == "" {
			return noConsent("give %s, one line of at most %d bytes", f.line.Name, f.line.Max)
		}
		if err := f.line.Check(f.given); err != nil {
			return badText(ErrNoConsent, err)
		}
	}
	if err := GuardianLine.Check(c.Guardian); err != nil {
		return badText(ErrNoConsent, err)
	}
	switch {
	case c.AgeBand < Adult || c.AgeBand > ChildAlone:
		return noConsent("say whether the person is an adult, a minor who can consent alone, or younger")
	case c.ChildAge == 0 || c.ChildAge > majority || !c.AgeBand.possible(c.ChildAge):
		return noConsent("say below which age a guardian consents, which is at most %d", majority)
	case c.AgeBand.Guardian() && c.Guardian == "":
		return hint.Wrap(fmt.Errorf("store: %w: under %d", ErrGuardian, c.ChildAge), "get the consent of a parent or guardian and give their name")
	case c.Given.IsZero() || c.Given.After(now):
		return noConsent("give the time of the consent, which cannot be in the future")
	case !c.Expires.Truncate(time.Second).After(now):
		return noConsent("give the day on which the consent ends, in the future")
	case !slices.Contains(notices, c.Notice.Hash):
		return hint.Wrap(fmt.Errorf("store: %w", ErrStale), "have the person read the present notice and consent to it")
	}
	return nil
}

// badText returns the error of a text that cannot be kept, which is one of kind.
func badText(kind, err error) error {
	return hint.Wrap(fmt.Errorf("store: %w: %w", kind, err), "%s", hint.Of(err))
}

// NeedsConsent reports whether p has consented under another profile than that of the store. A consent belongs to the rules
// that it was given under: p, who gives their face, does not match until they have consented again (Recapture), or the former
// profile is back.
func (c Compliance) NeedsConsent(p Person) bool { return c.s.needsConsent(p) }

func (s *Store) needsConsent(p Person) bool { return p.Consented() && p.Consent.Profile != s.profile }

// ConsentAgain returns how many people that is so of.
func (c Compliance) ConsentAgain() (n int) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, p := range c.s.register.byID {
		if c.s.needsConsent(p) {
			n++
		}
	}
	return n
}

func noConsent(format string, args ...any) error {
	return hint.Wrap(fmt.Errorf("store: %w", ErrNoConsent), format, args...)
}

// end returns c as it is kept when the person has been erased, or captured again on another consent.
func (c Consent) end(at moment, why audit.Reason) Consent {
	c.Ended, c.EndedCount, c.Why, c.Guardian = at.Time.UTC().Truncate(time.Second), at.Count, why, ""
	return c
}

// A consentRow is a Consent in people.db. Its length is fixed, so that sealed rows do not tell long texts from short.
type consentRow struct {
	Profile, Version, Purpose, Method, Witness, Guardian text64

	Hash                  [32]byte
	AgeBand               AgeBand
	ChildAge              uint8
	Why                   audit.Reason
	Given, Expires, Ended int64 // Unix time in seconds; Ended is 0 for not yet

	GivenCount, EndedCount time.Duration

	Reference text128
}

func (c Consent) encode() ([]byte, error) {
	row := consentRow{
		Profile: newText64(c.Profile), Version: newText64(c.Notice.Version), Purpose: newText64(c.Purpose), Method: newText64(c.Method),
		Witness: newText64(c.Witness), Guardian: newText64(c.Guardian), Hash: c.Notice.Hash, AgeBand: c.AgeBand, ChildAge: c.ChildAge,
		Why: c.Why, Given: c.Given.Unix(), Expires: c.Expires.Unix(), Reference: newText128(c.Reference),
		GivenCount: c.GivenCount, EndedCount: c.EndedCount,
	}
	if !c.Ended.IsZero() {
		row.Ended = c.Ended.Unix()
	}
	return binary.Append(nil, binary.BigEndian, row)
}

// consentSize is the length of an encoded consentRow in bytes. Its Reference comes last, after agreedSize.
const (
	agreedSize  = 6*(1+64) + 32 + 1 + 1 + 1 + 5*8
	consentSize = agreedSize + 1 + 128
)

// decodeConsent reads what encode has written. By hand, because reflection took a quarter of the time to open a store.
func decodeConsent(id [16]byte, plain []byte) (Consent, error) {
	if len(plain) != consentSize {
		return Consent{}, errConsentForm
	}
	f := fields(plain)
	c := decodeAgreed(id, &f)
	c.Reference = f.text(128)
	return c, nil
}

// decodeAgreed reads a consentRow but for its Reference.
func decodeAgreed(id [16]byte, f *fields) Consent {
	c := Consent{
		ID: id, Profile: f.text(64), Notice: Notice{Version: f.text(64)}, Purpose: f.text(64), Method: f.text(64), Witness: f.text(64),
		Guardian: f.text(64),
	}
	c.Notice.Hash, c.AgeBand, c.ChildAge = [32]byte(f.next(32)), AgeBand(f.next(1)[0]), f.next(1)[0]
	c.Why = audit.Reason(f.next(1)[0])
	c.Given, c.Expires, c.Ended = f.time(), f.time(), f.time()
	if c.Ended.Unix() == 0 {
		c.Ended = time.Time{}
	}
	c.GivenCount, c.EndedCount = f.duration(), f.duration()
	return c
}

// decodeEnded reads when the consent ended, of what encode has written, and nothing else.
func decodeEnded(plain []byte) (moment, error) {
	if len(plain) != consentSize {
		return moment{}, errConsentForm
	}
	f := fields(plain[consentSize-1-128-3*8:])
	at := moment{Time: f.time()}
	f.duration()
	at.Count = f.duration()
	return at, nil
}

var errConsentForm = errors.New("a consent is not in the form of this version")

// Fields are what is left of a row to decode.
type fields []byte

func (f *fields) next(n int) (field []byte) {
	field, *f = (*f)[:n], (*f)[n:]
	return field
}

// text reads a text of at most size bytes, such as a text64.
func (f *fields) text(size int) string {
	n := int(f.next(1)[0])
	return string(f.next(size)[:min(n, size)])
}

func (f *fields) time() time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(f.next(8))), 0).UTC()
}

func (f *fields) duration() time.Duration { return time.Duration(binary.BigEndian.Uint64(f.next(8))) }

// A text64 is a text in a row of fixed length.
type text64 struct {
	Len  uint8
	Text [64]byte
}

func newText64(s string) (t text64) {
	t.Len = uint8(copy(t.Text[:], s))
	return t
}

func (t text64) String() string { return string(t.Text[:min(t.Len, 64)]) }

// A text128 is a longer text64.
type text128 struct {
	Len  uint8
	Text [128]byte
}

func newText128(s string) (t text128) {
	t.Len = uint8(copy(t.Text[:], s))
	return t
}
