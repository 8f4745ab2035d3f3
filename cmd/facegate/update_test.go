package main

import (
	"path/filepath"
	"testing"
)

// TestUpdateNeedsKeys refuses to check a release on a gate that has no keys of releases, and says where they come from. What a
// release has to be is tested where it is judged.
func TestUpdateNeedsKeys(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "release.pub")
	p := facegate(t.Context(), "update", "--check", "facegate_1.2.0_arm64.deb", "--key", missing)
	p.want(t, exitFailed, "", "no key is known by which a release could be checked: there is no "+missing)
	p.want(t, exitFailed, "", "name their file by --key")
	facegate(t.Context(), "update", "facegate_1.2.0_arm64.deb").want(t, exitUsage, "", "--check")
}
