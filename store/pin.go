package store

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/argon2"

	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

// The length of a PIN in digits. A site may ask for more than MinPIN; see Options.MinPIN.
const (
	MinPIN = 6
	MaxPIN = 12
)

// ErrNoPIN says of a person that they have no PIN.
var ErrNoPIN = errors.New("the person has no PIN")

// The parameters of Argon2id: the second recommended option of RFC 9106 (3 passes, 64 MiB, 4 lanes) scaled to a board with
// little memory and one core to spare, which is 3 passes over 32 MiB in one lane. docs/pins.md has what they cost.
// They are those of every PIN on disk: with others the version of the domains and of the keyrings is another one.
const (
	pinPasses = 3
	pinMemory = 32 << 10 // KiB
	pinLanes  = 1
)

// A pinDomain says what a PIN is for. The same digits are kept as something else for each.
type pinDomain string

// The domains.
const (
	forEntry  pinDomain = "facegate PIN 2\n"
	forDuress pinDomain = "facegate duress PIN 2\n"
)

// slowPIN returns the slow hash of what a person has typed. Its salt is the id of the person, which is random, and nobody else's.
// So one slow hash serves for the PIN and for that of duress, and to try one takes as long as to try both.
func slowPIN(person template.PersonID, pin []byte) []byte {
	return argon2.IDKey(pin, person[:], pinPasses, pinMemory, pinLanes, 32)
}

// keptPIN returns what is kept of a PIN whose slow hash this is. There are no more than 10^6 PINs of six digits, which no slow
// hash can make long to try for whoever has the databases and their keys. The key that comes from the device key (a pepper)
// keeps from trying whoever does not have that one.
func keptPIN(pepper [32]byte, domain pinDomain, person template.PersonID, slow []byte) [32]byte {
	mac := hmac.New(sha256.New, pepper[:])
	for _, part := range [][]byte{[]byte(domain), person[:], slow} {
		mac.Write(part)
	}
	return [32]byte(mac.Sum(nil))
}

// checkDigits says why pin cannot be anybody's: it is no PIN of at least so many digits, or one of those that are tried first.
func checkDigits(pin []byte, least int) error {
	if len(pin) < least || len(pin) > MaxPIN {
		return weakPIN("it has %d to %d digits", least, MaxPIN)
	}
	same, up, down := true, true, true
	for i, d := range pin {
		if d < '0' || d > '9' {
			return weakPIN("it has digits, and nothing else")
		}
		if i > 0 {
			step := int(d) - int(pin[i-1])
			same, up, down = same && step == 0, up && step == 1, down && step == -1
		}
	}
	if same || up || down || repeats(pin) {
		return weakPIN("choose one that is not the same digits over and over, and no row such as 123456")
	}
	return nil
}

// repeats reports whether pin is a shorter row of digits over and over, such as 123123.
func repeats(pin []byte) bool {
	for n := 1; n <= len(pin)/2; n++ {
		again := len(pin)%n == 0
		for i := n; again && i < len(pin); i++ {
			again = pin[i] == pin[i-n]
		}
		if again {
			return true
		}
	}
	return false
}

func weakPIN(format string, args ...any) error {
	return hint.Wrap(fmt.Errorf("store: %w", ErrWeakPIN), format, args...)
}

// DrawPIN returns a PIN at random, of the least number of digits, that nobody has yet. It is to be cleared after use.
func (w Credentials) DrawPIN() ([]byte, error) {
	for {
		n, err := w.s.draw(pow10(w.s.minPIN))
		if err != nil {
			return nil, err
		}
		pin := fmt.Appendf(nil, "%0*d", w.s.minPIN, n)
		if checkDigits(pin, w.s.minPIN) == nil {
			return pin, nil
		}
	}
}

// draw returns a number below n, each as likely as any other.
func (s *Store) draw(n uint64) (uint64, error) {
	drawn, err := rand.Int(s.rand, new(big.Int).SetUint64(n))
	if err != nil {
		return 0, fmt.Errorf("store: no randomness: %w", err)
	}
	return drawn.Uint64(), nil
}

func pow10(digits int) uint64 {
	n := uint64(1)
	for range digits {
		n *= 10
	}
	return n
}

// SetPIN gives the person enrolled under label a PIN, in the place of the one before, whose Number and PIN for duress stay. Who
// has none yet gets a Number. It refuses with ErrUnknown, ErrOwed, ErrWeakPIN or ErrTerms: a PIN is the person's own, and is used
// any number of times.
func (w Credentials) SetPIN(label string, pin []byte, t Terms, by audit.Actor) (Credential, error) {
	owner, slow, err := w.hashFor(label, pin)
	if err != nil {
		return Credential{}, err
	}
	defer clear(slow)
	return w.give(label, t, by, func(p Person) (Credential, error) {
		if p.ID != owner {
			return Credential{}, nobodyHas(label)
		}
		return w.s.newPIN(p, slow)
	})
}

// hashFor returns the slow hash of a PIN for the person enrolled under label. The store is not held meanwhile: it takes time on
// purpose.
func (w Credentials) hashFor(label string, pin []byte) (template.PersonID, []byte, error) {
	if err := checkDigits(pin, w.s.minPIN); err != nil {
		return template.PersonID{}, nil, err
	}
	w.s.mu.Lock()
	p, err := w.s.known(label)
	w.s.mu.Unlock()
	if err != nil {
		return template.PersonID{}, nil, err
	}
	return p.ID, w.s.hashPIN(p.ID, pin), nil
}

// hashPIN is slowPIN for one after the other, so that nobody who types fast has the memory filled.
func (s *Store) hashPIN(person template.PersonID, pin []byte) []byte {
	s.hashing.Lock()
	defer s.hashing.Unlock()
	return slowPIN(person, pin)
}

// newPIN returns the PIN whose slow hash this is as a credential of p.
func (s *Store) newPIN(p Person, slow []byte) (Credential, error) {
	c, err := s.newCredential(PIN)
	if err != nil {
		return Credential{}, err
	}
	c.hash = keptPIN(s.pepper, forEntry, p.ID, slow)
	old, ok := p.pin()
	if c.Number, c.duress = old.Number, old.duress; !ok {
		c.Number, err = s.drawNumber()
	}
	if c.HasDuress() && c.duress == keptPIN(s.pepper, forDuress, p.ID, slow) {
		return Credential{}, samePIN()
	}
	return c, err
}

func samePIN() error {
	return weakPIN("choose another one: the PIN for duress and the usual one have to differ")
}

// SetDuress gives the person enrolled under label a PIN for duress, in the place of the one before. It opens the door as their
// PIN does, for as long, and CheckPIN tells that it was typed. It refuses with ErrUnknown, ErrOwed, ErrNoPIN, or with ErrWeakPIN
// where it is their PIN.
func (w Credentials) SetDuress(label string, pin []byte, by audit.Actor) error {
	owner, slow, err := w.hashFor(label, pin)
	if err != nil {
		return err
	}
	defer clear(slow)
	return w.changePIN(label, by, audit.CredentialIssued, func(p Person, c *Credential) error {
		switch {
		case p.ID != owner:
			return nobodyHas(label)
		case c.hash == keptPIN(w.s.pepper, forEntry, p.ID, slow):
			return samePIN()
		}
		c.duress = keptPIN(w.s.pepper, forDuress, p.ID, slow)
		return nil
	})
}

// RemoveDuress takes the PIN for duress from the person enrolled under label. Who has none keeps none. It refuses with ErrUnknown,
// ErrOwed or ErrNoPIN.
func (w Credentials) RemoveDuress(label string, by audit.Actor) error {
	return w.changePIN(label, by, audit.CredentialRevoked, func(_ Person, c *Credential) error {
		c.duress = [32]byte{}
		return nil
	})
}

// Renumber gives the person enrolled under label another Number. It refuses with ErrUnknown, ErrOwed or ErrNoPIN.
func (w Credentials) Renumber(label string, by audit.Actor) (n Number, err error) {
	err = w.changePIN(label, by, audit.CredentialIssued, func(_ Person, c *Credential) error {
		c.Number, err = w.s.drawNumber()
		n = c.Number
		return err
	})
	return n, err
}

// changePIN changes the PIN of a person as edit does. The audit log says that their PIN was issued or revoked, and not what of
// it: who may read the log need not know who has a PIN for duress.
func (w Credentials) changePIN(label string, by audit.Actor, what audit.Kind, edit func(Person, *Credential) error) error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if err := w.s.ready(); err != nil {
		return err
	}
	p, c, err := w.s.pinOf(label)
	if err != nil {
		return err
	}
	old := c
	if err := edit(p, &c); err != nil || c == old {
		return err
	}
	return w.s.change(p, p.with(c), audit.Entry{Kind: what, Count: uint32(PIN)}, by)
}

// pinOf returns the PIN of the person enrolled under label.
func (s *Store) pinOf(label string) (Person, Credential, error) {
	p, err := s.known(label)
	if err != nil {
		return Person{}, Credential{}, err
	}
	c, ok := p.pin()
	if !ok {
		return Person{}, Credential{}, hint.Wrap(fmt.Errorf("store: %w", ErrNoPIN), "give the person one first: facegate pin set LABEL")
	}
	return p, c, nil
}

// pin returns p's PIN.
func (p Person) pin() (Credential, bool) {
	return p.firstCredential(func(c Credential) bool { return c.Kind == PIN })
}

// RemovePIN takes the PIN from the person enrolled under label, and with it their Number and the PIN for duress. It refuses with
// ErrUnknown, ErrOwed or ErrNoPIN.
func (w Credentials) RemovePIN(label string, by audit.Actor) error {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if err := w.s.ready(); err != nil {
		return err
	}
	p, c, err := w.s.pinOf(label)
	if err != nil {
		return err
	}
	return w.s.change(p, p.without(c.ID), audit.Entry{Kind: audit.CredentialRevoked, Count: uint32(PIN)}, by)
}

// CheckPIN says whether pin is that of a person who was named by other means, or their PIN for duress. Whoever has none, is not on
// the list or may not come in is refused with ErrPIN too, after the same work: one slow hash, and two comparisons. A PIN that is
// right may be refused with ErrNotYet or ErrOver.
//
// Nothing is compared before counted, which is called once and may wait for a disk, has returned: the try is to be on disk first.
// If it returns an error, that is the error of CheckPIN, whatever the PIN is. That somebody was forced is told all the same.
func (w Credentials) CheckPIN(person template.PersonID, pin []byte, counted func() error) (duress bool, err error) {
	_, c, _ := w.s.register.named(person)
	if len(pin) > MaxPIN {
		pin = pin[:MaxPIN+1] // which is nobody's
	}
	slow := w.s.hashPIN(person, pin)
	defer clear(slow)
	entry, forced := keptPIN(w.s.pepper, forEntry, person, slow), keptPIN(w.s.pepper, forDuress, person, slow)
	uncounted := counted()
	isDuress := subtle.ConstantTimeCompare(forced[:], c.duress[:])
	if uncounted != nil {
		return isDuress == 1, uncounted
	}
	if subtle.ConstantTimeCompare(entry[:], c.hash[:])|isDuress != 1 {
		return false, hint.Wrap(fmt.Errorf("store: %w", ErrPIN), "type it again, or take another way in")
	}
	p, now, leaving := w.s.register.named(person)
	if now.ID != c.ID { // it was replaced meanwhile, or the person is gone
		return false, hint.Wrap(fmt.Errorf("store: %w", ErrPIN), "type it again, or take another way in")
	}
	return isDuress == 1, w.s.opens(p, c, leaving)
}
