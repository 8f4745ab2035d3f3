// Package service reads how systemd starts the gate, as far as a check of the configuration has to know it.
package service

import (
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strings"

	"facegate/cmd/facegate/internal/opening"
)

// A Unit is what facegate.service and its drop-ins say.
type Unit struct {
	User       string   // whom the gate runs as
	Groups     []string // besides those of the user
	Credential bool     // systemd brings the device key along

	LocksMemory bool     // the gate may lock any amount of memory
	NoSwap      bool     // none of its memory is swapped, where the kernel has a memory controller
	Confined    bool     // it reaches no address but those of Allowed
	Allowed     []string // addresses, networks and words such as localhost
	HidesClock  bool     // it may not ask whether a time server has set the clock
}

// name of the unit.
const name = "facegate.service"

// folders hold units. A unit in one hides those of the same name in the later ones (systemd.unit(5)).
func folders() []string {
	return []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}
}

// Read returns the unit that is installed on the machine whose root is given, and that of the shipped file with false if none
// is.
func Read(root fs.FS) (u Unit, installed bool) {
	u = Unit{User: "facegate"}
	for _, folder := range folders() {
		text, err := fs.ReadFile(root, path.Join(folder, name))
		if err == nil {
			u.User, installed = "root", true // which is whom systemd takes without User=
			u.read(string(text))
			break
		}
	}
	for _, folder := range slices.Backward(folders()) {
		dropIns, _ := fs.Glob(root, path.Join(folder, name+".d", "*.conf")) // its one error is about the pattern
		for _, dropIn := range dropIns {
			if text, err := fs.ReadFile(root, dropIn); err == nil {
				u.read(string(text))
			}
		}
	}
	return u, installed
}

// isTrue reports whether a value is one of those that systemd takes for yes (systemd.syntax(7)).
func isTrue(value string) bool {
	return slices.Contains([]string{"1", "yes", "true", "on"}, strings.ToLower(value))
}

// Permits reports whether the unit lets the gate reach a machine.
func (u Unit) Permits(number netip.Addr) bool {
	return !u.Confined || slices.ContainsFunc(u.Allowed, func(allowed string) bool { return covers(allowed, number) })
}

// PermitsOthers reports whether the unit lets the gate reach any other machine than this one.
func (u Unit) PermitsOthers() bool {
	return !u.Confined || slices.ContainsFunc(u.Allowed, func(allowed string) bool { return allowed != "localhost" })
}

// covers reports whether an entry of IPAddressAllow= names a machine (systemd.resource-control(5)).
func covers(allowed string, number netip.Addr) bool {
	switch allowed {
	case "any":
		return true
	case "localhost":
		return number.IsLoopback()
	case "link-local":
		return number.IsLinkLocalUnicast()
	case "multicast":
		return number.IsMulticast()
	}
	if network, err := netip.ParsePrefix(allowed); err == nil {
		return network.Contains(number)
	}
	one, err := netip.ParseAddr(allowed)
	return err == nil && one == number
}

// read takes over what text sets.
func (u *Unit) read(text string) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "User":
			u.User = value
		case "Group":
			u.Groups = append(u.Groups, value)
		case "SupplementaryGroups":
			u.Groups = add(u.Groups, value)
		case "LimitMEMLOCK":
			u.LocksMemory = value == "infinity"
		case "MemorySwapMax":
			u.NoSwap = value == "0"
		case "ProtectClock":
			u.HidesClock = isTrue(value)
		case "IPAddressDeny":
			u.Confined = value == "any" || value != "" && u.Confined
		case "IPAddressAllow":
			u.Allowed = add(u.Allowed, value)
		case "LoadCredential", "LoadCredentialEncrypted", "SetCredentialEncrypted", "ImportCredential":
			u.Credential = u.Credential || strings.HasPrefix(value, opening.KeyCredential)
		}
	}
}

// add returns a list with the words of value more. Without one systemd forgets the list.
func add(list []string, value string) []string {
	if value == "" {
		return nil
	}
	return append(list, strings.Fields(value)...)
}
