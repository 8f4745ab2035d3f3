package update

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Installed returns the version of facegate's package on the machine whose root is given, "" if it is not installed from one. One
// that is installed by half, as after a power cut, counts.
func Installed(root fs.FS) (string, error) {
	text, err := fs.ReadFile(root, "var/lib/dpkg/status")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read what is installed: %w", err)
	}
	for paragraph := range strings.SplitSeq(string(text), "\n\n") {
		if !strings.HasPrefix(paragraph, "Package: facegate\n") {
			continue
		}
		c := parseControl(paragraph)
		if strings.HasSuffix(c.status, " config-files") || strings.HasSuffix(c.status, " not-installed") {
			return "", nil
		}
		return c.version, nil
	}
	return "", nil
}

// Refused returns the version that an update of the machine was taken back from, "" if none was since the last that came up. The
// package's watch-update writes it down.
func Refused(root fs.FS) string {
	text, err := fs.ReadFile(root, "var/lib/facegate-package/refused")
	if err != nil {
		return "" // for most machines have none
	}
	return strings.TrimSpace(string(text[:min(len(text), 100)]))
}
