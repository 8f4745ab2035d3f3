package labels

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"facegate/configs/hint"
)

// Groups reads a list of who belongs to which group, a line each of a person, by the name of their folder, and the group,
// and returns the group of each. The error wraps ErrList if the list breaks its format, or names somebody who is not among
// names, or is in it already.
func Groups(list io.Reader, names []string) (map[string]string, error) {
	groups, err := readGroups(list, names)
	if err != nil && hint.Of(err) == "" {
		err = hint.Wrap(err, "a line is the name of a person's folder and their group: PERSON,GROUP")
	}
	return groups, err
}

func readGroups(list io.Reader, names []string) (map[string]string, error) {
	rows, err := read(list, "person", "group")
	if err != nil {
		return nil, fmt.Errorf("groups: %w", err)
	}
	groups := map[string]string{}
	for _, r := range rows {
		person := r.fields[0]
		if !slices.Contains(names, person) {
			return nil, fmt.Errorf("groups: %w", r.errorf("there is nobody of the name %s", person))
		}
		if groups[person] != "" {
			return nil, fmt.Errorf("groups: %w", r.errorf("%s is in the list already, in group %s", person, groups[person]))
		}
		if groups[person], err = r.clean(1, "a group"); err != nil {
			return nil, fmt.Errorf("groups: %w", err)
		}
	}
	if len(groups) == 0 {
		return nil, fmt.Errorf("groups: %w: nobody is in it", ErrList)
	}
	return groups, nil
}

// Names returns the groups that there are, in order.
func Names(groups map[string]string) []string {
	return slices.Compact(slices.Sorted(maps.Values(groups)))
}
