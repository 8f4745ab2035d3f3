package visitor

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// A Door is where a pass opens: one gate, or every gate of a group. Its name is what the configuration of the gate says.
type Door struct{ name string }

// The kinds of names. No name of a gate has a slash in it, so that no two doors have one name.
const (
	gatePrefix  = "gate "
	groupPrefix = "group "
)

// Gate returns the door of one gate, by the site and the gate of its configuration.
func Gate(site, gate string) Door { return Door{gatePrefix + site + "/" + gate} }

// Group returns the doors of all gates that are of a group.
func Group(name string) Door { return Door{groupPrefix + name} }

// Place returns the id that a pass has of the door: the first bytes of the SHA-256 of its name. Two doors may share one, see Sign.
func (d Door) Place() uint16 {
	sum := sha256.Sum256([]byte("facegate door 1\x00" + d.name))
	return binary.BigEndian.Uint16(sum[:])
}

// IsGroup reports whether the door is that of a group.
func (d Door) IsGroup() bool { return strings.HasPrefix(d.name, groupPrefix) }

// String returns the site and the gate, or the name of the group.
func (d Door) String() string {
	return strings.TrimPrefix(strings.TrimPrefix(d.name, gatePrefix), groupPrefix)
}
