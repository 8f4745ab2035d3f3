// Package service reads how systemd starts the gate, as far as a check of the configuration has to know it.
package service

import (
	"io/fs"
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
			u.Groups = append(u.Groups, strings.Fields(value)...)
		case "LoadCredential", "LoadCredentialEncrypted", "SetCredentialEncrypted", "ImportCredential":
			u.Credential = u.Credential || strings.HasPrefix(value, opening.KeyCredential)
		}
	}
}
