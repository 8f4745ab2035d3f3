package store

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"facegate/configs/hint"
	"facegate/configs/text"
	"facegate/pipeline/visitor"
	"facegate/store/audit"
	"facegate/store/pubkey"
)

// Why an office is not registered, or not removed.
var (
	ErrOfficeKey  = errors.New("the key of the office cannot be registered")
	ErrOfficeName = errors.New("no office is registered under this name")
)

// OfficeLine is what the name of an office may be.
var OfficeLine = text.Line{Name: "the name of an office", Max: MaxLabel}

// An Office issues visitors' passes, which open this door for as long as it is registered.
type Office struct {
	Name  string            // as whoever registered it calls it
	Key   ed25519.PublicKey // of its signatures
	Since time.Time         // the day, at midnight UTC
}

// ID returns the id of the office's key, which its passes have.
func (o Office) ID() visitor.KeyID { return visitor.KeyOf(o.Key) }

// register takes the offices that passes are checked by, and from when these have to begin.
func (v *visits) register(st state) {
	offices := make(map[visitor.KeyID]Office, len(st.Offices))
	for _, o := range st.Offices {
		offices[o.ID()] = o
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.offices, v.restored = offices, st.Visits
}

// Offices returns the offices that are registered, by name.
func (v Visits) Offices() []Office {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	return slices.Clone(v.s.state.Offices)
}

// AddOffice registers an office: passes that it issues, or has issued, open this door. It refuses with ErrOfficeKey.
func (v Visits) AddOffice(name string, key ed25519.PublicKey, by audit.Actor) (Office, error) {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	if err := v.s.ready(); err != nil {
		return Office{}, err
	}
	o := Office{name, slices.Clone(key), day(v.s.now())}
	if err := v.s.admits(v.s.state.Offices, o); err != nil {
		return Office{}, err
	}
	next := v.s.state
	next.Offices = append(slices.Clone(next.Offices), o)
	slices.SortFunc(next.Offices, func(a, b Office) int { return cmp.Compare(a.Name, b.Name) })
	e := audit.Entry{Kind: audit.OfficeAdded, Actor: by, Digest: sha256.Sum256(key)}
	next.Burial = v.s.disown(nil, [][16]byte{v.s.officeMark(key)})
	if err := v.s.note(v.s.now(), next, e); err != nil {
		return Office{}, err
	}
	v.s.visits.register(v.s.state)
	return o, nil
}

// admits says why an office cannot be registered beside others.
func (s *Store) admits(others []Office, o Office) error {
	refused := func(why, advice string) error {
		return hint.Wrap(fmt.Errorf("%w: %s", ErrOfficeKey, why), "%s", advice)
	}
	if err := OfficeLine.Check(o.Name); err != nil || o.Name == "" {
		return cmp.Or(err, refused("it has no name", "give the office a name"))
	}
	if err := pubkey.Check(o.Key); err != nil {
		return refused("it is no public key of an office", "name the file that facegate pass key new has written beside the key")
	}
	for _, other := range others {
		switch {
		case bytes.Equal(other.Key, o.Key):
			return refused("it is registered already, as "+other.Name, "there is nothing to do")
		case other.Name == o.Name:
			return refused("another one is registered as "+other.Name, "choose another name, or remove the old key first: facegate pass key remove NAME")
		case other.ID() == o.ID():
			return refused("it has the same id as that of "+other.Name, "make another key: facegate pass key new FILE")
		}
	}
	if len(others) >= MaxOffices {
		return refused(fmt.Sprintf("there are %d already", MaxOffices), "remove one that issues no passes any more: facegate pass key remove NAME")
	}
	return nil
}

// RemoveOffice ends an office: none of its passes opens this door any more. What was revoked and used of them stays so for as long as
// they could be valid, whoever registers the key again. It refuses with ErrOfficeName.
func (v Visits) RemoveOffice(name string, by audit.Actor) (Office, error) {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	if err := v.s.ready(); err != nil {
		return Office{}, err
	}
	i := slices.IndexFunc(v.s.state.Offices, func(o Office) bool { return o.Name == name })
	if i < 0 {
		return Office{}, hint.Wrap(fmt.Errorf("%q: %w", name, ErrOfficeName), "list them with: facegate pass key list")
	}
	o, next := v.s.state.Offices[i], v.s.state
	next.Offices = slices.Delete(slices.Clone(next.Offices), i, i+1)
	e := audit.Entry{Kind: audit.OfficeRemoved, Actor: by, Digest: sha256.Sum256(o.Key)}
	next.Burial = v.s.disown([][16]byte{v.s.officeMark(o.Key)}, nil)
	if err := v.s.note(v.s.now(), next, e); err != nil {
		return Office{}, err
	}
	v.s.visits.register(v.s.state)
	return o, nil
}
