package people

import (
	"context"
	"encoding/hex"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/attempt"
	"facegate/pipeline/visitor"
	"facegate/store"
	"facegate/store/pubkey"
)

// An Office issues visitors' passes that open this door.
type Office struct {
	Name  string    `json:"name"`
	ID    string    `json:"id"`         // of its key, as its passes have it, in hexadecimal
	Key   string    `json:"public_key"` // in hexadecimal
	Since time.Time `json:"since"`      // the day on which it was registered
}

// A Visit is what the gate keeps of a visitor's pass, until that ends.
type Visit struct {
	Number  string    `json:"number"`
	Used    int       `json:"used"`           // how often, where that is counted
	Revoked bool      `json:"revoked"`        // it opens nothing any more
	Until   time.Time `json:"until,omitzero"` // when it ends, or certainly has; zero until the clock is right

	// ByNumber says that it was revoked by its number alone, and was never here.
	ByNumber bool `json:"by_number_alone,omitempty"`
}

// Visits are all that the gate keeps of visitors' passes.
type Visits struct {
	Gate    string   `json:"gate"`             // site and gate, for which a pass can be issued
	Groups  []string `json:"groups,omitempty"` // likewise
	Offices []Office `json:"offices"`
	Passes  []Visit  `json:"passes"`
}

// An OfficeRequest asks for an office to be registered.
type OfficeRequest struct {
	Name string `json:"name"`
	Key  string `json:"public_key"` // in hexadecimal
}

// Clean brings what people typed into its one form, or says what of it cannot be kept.
func (r *OfficeRequest) Clean() error { return CleanOffice(&r.Name) }

// CleanOffice brings the name of an office that somebody typed into its one form, or says what of it cannot be kept.
func CleanOffice(name *string) error { return store.OfficeLine.CleanIn(name) }

// A Revocation names a visitor's pass that is to open nothing any more, by its number or by its letters. By its letters the gate
// knows when it can forget that.
type Revocation struct {
	Number string `json:"number,omitempty"`
	Pass   string `json:"pass,omitempty"`
}

// A ShownVisit is what a visitor's pass says, and what it comes to at this door.
type ShownVisit struct {
	Number string    `json:"number"`
	Office string    `json:"office,omitempty"` // that has signed it; "" if that is not registered here
	Door   string    `json:"door,omitempty"`   // that it is for; "" if that is not this one, or nobody has signed it
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	Uses   int       `json:"uses"` // how often it opens, 0 for any number of times
	Left   int       `json:"left"` // how many of Uses are left
	Opens  bool      `json:"opens"`
	Why    string    `json:"why,omitempty"`  // it does not open
	Todo   string    `json:"todo,omitempty"` // about that
}

// Visits implements Records.
func (b bound) Visits(context.Context) (Visits, error) {
	v := Visits{Offices: []Office{}, Passes: []Visit{}}
	for _, d := range b.terms.Doors {
		if d.IsGroup() {
			v.Groups = append(v.Groups, d.String())
		} else {
			v.Gate = d.String()
		}
	}
	for _, o := range b.store.Credentials().Visits().Offices() {
		v.Offices = append(v.Offices, office(o))
	}
	for _, k := range b.store.Credentials().Visits().List() {
		v.Passes = append(v.Passes, visit(k))
	}
	return v, nil
}

func office(o store.Office) Office {
	id := o.ID()
	return Office{o.Name, hex.EncodeToString(id[:]), hex.EncodeToString(o.Key), o.Since}
}

func visit(k store.KnownVisit) Visit {
	return Visit{Number: k.Number.String(), Used: k.Used, Revoked: k.Revoked, Until: k.Until, ByNumber: k.ByNumber}
}

// AddOffice implements Records.
func (b bound) AddOffice(_ context.Context, r OfficeRequest) (Office, error) {
	key, err := pubkey.Parse(r.Key)
	if err != nil {
		return Office{}, hint.Wrap(store.ErrOfficeKey, "give the 64 hexadecimal digits of the file that facegate pass key new has written beside the key")
	}
	o, err := b.store.Credentials().Visits().AddOffice(r.Name, key, b.by)
	return office(o), err
}

// RemoveOffice implements Records.
func (b bound) RemoveOffice(_ context.Context, name string) (Office, error) {
	o, err := b.store.Credentials().Visits().RemoveOffice(name, b.by)
	return office(o), err
}

// RevokeVisit implements Records.
func (b bound) RevokeVisit(_ context.Context, r Revocation) (Visit, error) {
	n, until, err := r.named()
	if err != nil {
		return Visit{}, err
	}
	k, err := b.store.Credentials().Visits().Revoke(n, until, b.by)
	return visit(k), err
}

// named returns the pass that r names, and when it ends if r says so.
func (r Revocation) named() (visitor.Number, time.Time, error) {
	if r.Pass == "" {
		n, err := visitor.ParseNumber(r.Number)
		if err != nil {
			err = hint.Wrap(err, "give the 20 letters that are printed on the sheet, or the pass itself")
		}
		return n, time.Time{}, err
	}
	signed, err := visitor.Parse(r.Pass)
	if err != nil {
		return visitor.Number{}, time.Time{}, hint.Wrap(err, "%s", advicePass)
	}
	return signed.Number(), signed.Until(), nil
}

const advicePass = "give the picture of the pass, or the letters that its code says and nothing else"

// ShowVisit implements Records.
func (b bound) ShowVisit(_ context.Context, pass string) (ShownVisit, error) {
	signed, err := visitor.Parse(pass)
	if err != nil {
		return ShownVisit{}, hint.Wrap(err, "%s", advicePass)
	}
	found, why := b.store.Credentials().Visits().Find(pass, b.terms.Doors)
	s := ShownVisit{
		Number: signed.Number().String(), Office: found.Office.Name, Door: found.Door.String(), From: signed.From, Until: signed.Until(),
		Uses: signed.Uses, Left: found.Left, Opens: why == nil,
	}
	if why != nil {
		s.Why, s.Todo = why.Error(), hint.Of(why)
	}
	return s, nil
}

// Visitor returns what a visitor's pass that was shown at a time comes to. It waits for no disk. A pass that this gate cannot know, and
// one that was made up, are Unknown: neither counts against anybody.
func (r *Register) Visitor(pass string, at time.Time) attempt.Attempt {
	a := attempt.Attempt{Means: attempt.Visitor, Asked: at, Groups: []string{attempt.Visitors}}
	found, err := r.store.Credentials().Visits().Find(pass, r.terms.Doors)
	switch {
	case err == nil:
		a.Finding, a.Credential = attempt.Matched, attempt.Credential(found.ID())
		a.Unlimited = found.Uses == 0
	case found.Door != (visitor.Door{}):
		a.Finding = attempt.Ended
	}
	return a
}

// Doors returns the doors that a gate is: its own, and those of its groups.
func Doors(site, gate string, groups []string) []visitor.Door {
	doors := []visitor.Door{visitor.Gate(site, gate)}
	for _, g := range groups {
		doors = append(doors, visitor.Group(g))
	}
	return doors
}
