package control

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/store/audit"
)

// Groups are the groups of this machine whose members have a role. Where none is named, everybody who may use the socket
// has both roles.
type Groups struct {
	Office     string // deals with people: enrols, shows, erases, issues passes
	Technician string // deals with door, camera and keys
}

// roles is a set of roles.
type roles uint8

const (
	office roles = 1 << iota
	technician
	both = office | technician
)

// A right says who may give an order. The zero right is nobody's.
type right uint8

const (
	everybodys      right = iota + 1 // who may use the socket
	offices                          // or of somebody with both roles
	technicians                      // likewise
	eithers                          // of whoever has a role
	bothsTogether                    // of somebody with both roles, or of two people with one each: it cannot be undone, for all
	officesTogether                  // likewise, but one of the two is of the office: it cannot be undone, for one person
)

// waits reports whether an order of this right waits for a second person.
func (r right) waits() bool { return r == bothsTogether || r == officesTogether }

// Errors of an order that is not carried out because of who gives it.
var (
	ErrForbidden = errors.New("this user may not do that")
	ErrPending   = errors.New("this waits for a second person")
)

// secondWithin is how long an order waits for a second person.
const secondWithin = 10 * time.Minute

// An authority knows who has which role, and which orders wait for a second person.
type authority struct {
	names Groups
	ids   map[roles]uint32 // of the groups; none if everybody has both roles
	self  uint32           // the user of this process

	mu    sync.Mutex // guards what follows
	asked map[string]asking
}

// An asking is an order that waits for a second person.
type asking struct {
	by    uint32
	as    roles
	until time.Time
}

// CheckGroups says whether NewServer knows the groups.
func CheckGroups(g Groups) error {
	_, err := newAuthority(g, os.Geteuid())
	return err
}

func newAuthority(g Groups, self int) (*authority, error) {
	a := &authority{names: g, self: uint32(self), asked: make(map[string]asking)}
	if g == (Groups{}) {
		return a, nil
	}
	a.ids = make(map[roles]uint32)
	for _, r := range []struct {
		role    roles
		name    string
		refused error
	}{{office, g.Office, ErrOffice}, {technician, g.Technician, ErrTechnician}} {
		role, name := r.role, r.name
		found, err := user.LookupGroup(name)
		if err != nil {
			return nil, hint.Wrap(fmt.Errorf("%w: there is none called %s", r.refused, name),
				"make it (groupadd --system %s), or correct control.office_group and control.technician_group", name)
		}
		id, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("the group %s has the number %q", name, found.Gid)
		}
		a.ids[role] = uint32(id)
	}
	return a, nil
}

// rolesOf returns the roles of p. Root and the user of the gate have both: what they may not ask for they could do to the
// files and the process.
func (a *authority) rolesOf(p peer) (r roles) {
	if len(a.ids) == 0 || p.uid == 0 || p.uid == a.self {
		return both
	}
	for role, id := range a.ids {
		if p.gid == id || slices.Contains(p.groups, id) {
			r |= role
		}
	}
	return r
}

// permit returns nil if p may give the order at now, and otherwise ErrForbidden or ErrPending with advice.
func (a *authority) permit(order string, needs right, p peer, now time.Time) error {
	has := a.rolesOf(p)
	switch {
	case needs == everybodys,
		needs == offices && has&office != 0,
		needs == technicians && has&technician != 0,
		needs == eithers && has != 0,
		needs.waits() && has == both:
		return nil
	case needs.waits() && has != 0:
		return a.second(order, needs, p.uid, has, now)
	}
	group := a.wanted(needs)
	return hint.Wrap(fmt.Errorf("%w: %s is not in the group %s", ErrForbidden, people.UserName(audit.Actor(p.uid)), group),
		"ask a member of the group %s, or become one (as root: usermod --append --groups GROUP USER) and log in again", group)
}

// wanted names the group, or the groups one of which, that it takes.
func (a *authority) wanted(needs right) string {
	switch needs {
	case offices:
		return a.names.Office
	case technicians:
		return a.names.Technician
	}
	return a.names.Office + " or " + a.names.Technician
}

// enough reports whether two people with these roles are those whom an order of this right takes.
func (r right) enough(one, other roles) bool {
	if r == officesTogether {
		return (one|other)&office != 0
	}
	return one|other == both
}

// second returns nil if somebody else has given the same order within the last ten minutes, and the two have the roles for it.
// Otherwise the order waits.
func (a *authority) second(order string, needs right, by uint32, as roles, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for other, first := range a.asked { // those that came to nothing are not kept
		if !now.Before(first.until) {
			delete(a.asked, other)
		}
	}
	first, waits := a.asked[order]
	delete(a.asked, order)
	if waits && first.by != by && needs.enough(first.as, as) {
		return nil
	}
	a.asked[order] = asking{by, as, now.Add(secondWithin)}
	return hint.Wrap(fmt.Errorf("%w: it cannot be undone", ErrPending), "have %s give the same command within %d minutes",
		a.others(needs, as), int(secondWithin.Minutes()))
}

// others says who may be the second, after somebody with these roles.
func (a *authority) others(needs right, as roles) string {
	switch {
	case as == technician:
		return "a member of the group " + a.names.Office
	case needs == officesTogether:
		return fmt.Sprintf("another member of the group %s, or one of %s,", a.names.Office, a.names.Technician)
	}
	return "a member of the group " + a.names.Technician
}
