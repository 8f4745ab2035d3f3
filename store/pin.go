package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"

	"facegate/configs/hint"
	"facegate/pipeline/template"
)

// The length of a PIN in digits.
const (
	MinPIN = 6
	MaxPIN = 12
)

// The parameters of Argon2id: the second recommended option of RFC 9106 (3 passes, 64 MiB, 4 lanes) scaled to a board with
// little memory and one core to spare, which is 3 passes over 32 MiB in one lane. docs/performance.md has what they cost.
// They are those of every PIN on disk: with others the version of pinDomain and of the keyrings is another one.
const (
	pinPasses = 3
	pinMemory = 32 << 10 // KiB
	pinLanes  = 1
)

const pinDomain = "facegate PIN 1\n"

// pinHash returns what is kept of a PIN. There are no more than 10^6 PINs of six digits, which no slow hash can make long to
// try for whoever has the databases and their keys. The key that comes from the device key (a pepper) keeps from trying
// whoever does not have that one.
func pinHash(pepper [32]byte, id CredentialID, salt [16]byte, pin []byte) [32]byte {
	slow := argon2.IDKey(pin, salt[:], pinPasses, pinMemory, pinLanes, 32)
	defer clear(slow)
	mac := hmac.New(sha256.New, pepper[:])
	for _, part := range [][]byte{[]byte(pinDomain), id[:], slow} {
		mac.Write(part)
	}
	return [32]byte(mac.Sum(nil))
}

// checkDigits says why pin cannot be anybody's: it is no PIN, or one of those that are tried first.
func checkDigits(pin []byte) error {
	if len(pin) < MinPIN || len(pin) > MaxPIN {
		return weakPIN("it has %d to %d digits", MinPIN, MaxPIN)
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
	if same || up || down {
		return weakPIN("choose one that is not the same digit over and over, and no row such as 123456")
	}
	return nil
}

func weakPIN(format string, args ...any) error {
	return hint.Wrap(fmt.Errorf("store: %w", ErrWeakPIN), format, args...)
}

// newPIN returns the credential of a PIN, of which it draws the id and the salt.
func (s *Store) newPIN(pin []byte) (Credential, error) {
	if err := checkDigits(pin); err != nil {
		return Credential{}, err
	}
	c, err := s.newCredential(PIN)
	if err != nil {
		return Credential{}, err
	}
	if _, err := io.ReadFull(s.rand, c.salt[:]); err != nil {
		return Credential{}, fmt.Errorf("store: no randomness: %w", err)
	}
	c.hash = s.hashPIN(c, pin)
	return c, nil
}

// hashPIN is pinHash for one after the other, so that nobody who types fast has the memory filled.
func (s *Store) hashPIN(c Credential, pin []byte) [32]byte {
	s.hashing.Lock()
	defer s.hashing.Unlock()
	return pinHash(s.pepper, c.ID, c.salt, pin)
}

// CheckPIN says whether pin is that of a person who was named by other means. Whoever has none, is not on the list or may not
// come in is refused with ErrPIN too, after the same time. A PIN that is right may be refused with ErrNotYet or ErrOver.
func (w Credentials) CheckPIN(person template.PersonID, pin []byte) error {
	c, err := w.pinOf(person)
	if len(pin) > MaxPIN {
		pin = pin[:MaxPIN+1] // which is nobody's
	}
	hash := w.s.hashPIN(c, pin)
	if subtle.ConstantTimeCompare(hash[:], c.hash[:]) != 1 || err != nil {
		return hint.Wrap(fmt.Errorf("store: %w", ErrPIN), "type it again, or take another way in")
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	_, _, err = w.s.valid(c.ID)
	return err
}

// pinOf returns the PIN of a person, zeros with an error if there is none that counts.
func (w Credentials) pinOf(person template.PersonID) (Credential, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	c, ok := w.s.register.byID[person].firstCredential(func(c Credential) bool { return c.Kind == PIN })
	if !ok {
		return Credential{}, ErrPIN
	}
	return c, nil
}
