package recordstest

import (
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/store"
	"facegate/store/audit"
)

// groups puts people into groups, of which the rules of the house name two.
func groups(t *testing.T, s Subject) {
	ctx := t.Context()
	s.enrol(t, "Ada")
	join := people.JoinRequest{Label: "Bob", Reference: "contract 7", Until: time.Now().AddDate(1, 0, 0)}
	join.Groups = []string{"staff", "cleaners", "staff"}
	if bob := done(s.Join(ctx, join))(t); !slices.Equal(bob.Groups, []string{"cleaners", "staff"}) {
		t.Errorf("joined: %+v", bob)
	}
	s.noted(t, audit.Joined)
	put := func(label string, ahead bool, names ...string) (people.Person, error) {
		return s.SetGroups(ctx, people.GroupsRequest{Label: label, Grouping: people.Grouping{Groups: names, Ahead: ahead}})
	}
	in := func(when, label string, want ...string) {
		t.Helper()
		list, f := done(s.People(ctx))(t), done(s.Show(ctx, label))(t)
		i := slices.IndexFunc(list, func(p people.Person) bool { return p.Label == label })
		if i < 0 || !slices.Equal(list[i].Groups, want) || !slices.Equal(f.Groups, want) {
			t.Errorf("%s: %s is listed in %+v, shown in %q, want %q", when, label, list, f.Groups, want)
		}
	}
	in("from the first", "Bob", "cleaners", "staff")
	in("from the first", "Ada")
	if p, err := put("Ada", false, " staff"); err != nil || !slices.Equal(p.Groups, []string{"staff"}) {
		t.Errorf("put into a group: %+v, %v", p, err)
	}
	s.noted(t, audit.Regrouped)
	in("afterwards", "Ada", "staff")

	_, err := put("Ada", false, "staff", "stafff")
	refused(t, "a group that no rule names", err, people.ErrGroup)
	_, err = put("Ada", true, "visitor")
	refused(t, "the group of visitors", err, people.ErrGroup)
	_, err = put("Ada", false, "night shift")
	refused(t, "two words", err, store.ErrGroups)
	_, err = put("Ada", true, "a", "b", "c", "d", "e", "f", "g", "h", "i")
	refused(t, "nine", err, store.ErrGroups)
	join.Label, join.Groups = "Eve", []string{"stafff"}
	_, err = s.Join(ctx, join)
	refused(t, "join a group that no rule names", err, people.ErrGroup)
	in("after all that is refused", "Ada", "staff")

	done(put("Ada", true, "contractors", "staff"))(t)
	in("ahead of the rules", "Ada", "contractors", "staff")
	done(put("Ada", false, "cleaners", "contractors"))(t) // which she is in already
	in("moved", "Ada", "cleaners", "contractors")
	done(put("Ada", false))(t)
	in("in none", "Ada")
	done(s.Erase(ctx, people.Who{Label: "Bob"}, audit.Requested))(t)
	if g := s.Store.Members().Grouped(); len(g) != 0 {
		t.Errorf("somebody is left in %v", g)
	}
}
