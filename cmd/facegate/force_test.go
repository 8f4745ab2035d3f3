package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/status"
	"facegate/store/receipt"
)

// spoil damages a file of the site and its copy.
func spoil(t *testing.T, dir, name string) {
	t.Helper()
	for _, name := range []string{name, strings.Replace(name, ".", ".copy.", 1)} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("spoiled"), 0o600))
	}
}

// TestDestroyWhatDoesNotOpen destroys the templates, and then everything, of a gate that cannot start.
func TestDestroyWhatDoesNotOpen(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, site gatetest.Site){
		"damaged list":    func(t *testing.T, site gatetest.Site) { spoil(t, site.State(), "people.db") },
		"damaged journal": func(t *testing.T, site gatetest.Site) { spoil(t, site.State(), "journal.db") },
		"damaged keyring": func(t *testing.T, site gatetest.Site) { spoil(t, site.Keyrings(), "people.key") },
		"no device key": func(t *testing.T, site gatetest.Site) {
			must(t, os.Rename(site.Path("device.key"), site.Path("lost.key")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			site := gatetest.NewSite(t)
			config := stoppedWith(t, site, "ann", "bob")
			key := strings.TrimSpace(facegate(t.Context(), "device", "pubkey", "--config", config).out)
			harm(t, site)
			facegate(t.Context(), "people", "--config", config).want(t, exitFailed, "", "to do: ")
			facegate(t.Context(), "destroy-templates", "--config", config).want(t, exitUnconfirmed, "", "--yes")
			p := facegate(t.Context(), "destroy-templates", "--yes", "--config", config)
			p.want(t, exitOK, "every template is destroyed", "")
			p.want(t, exitOK, "not done: the records do not open, and do not say so yet: ", "")
			if left, _ := filepath.Glob(filepath.Join(site.State(), "faces*.db")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}

			certificate := site.Path("certificate.json")
			p = facegate(t.Context(), "wipe", "--yes", "--certificate", certificate, "--config", config)
			for _, dir := range []string{site.State(), site.Keyrings()} {
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("%s holds %v, %v", dir, left, err)
				}
			}
			if name == "no device key" {
				p.want(t, exitOK, "there is no certificate: nothing could be signed", "")
				absent(t, certificate)
				return
			}
			p.want(t, exitOK, "the certificate does not say how much there was", "")
			genuine(t, certificate, key, receipt.Wipe, receipt.Unopened)
			facegate(t.Context(), "receipt", "show", certificate, "--lang", "en").want(t, exitOK, "How much there was is not known", "")
			facegate(t.Context(), "receipt", "show", certificate, "--lang", "zh").want(t, exitOK, "数量不详", "")
			absent(t, site.Path("device.key"))
		})
	}
}

// TestDestroyedIsKnownAtTheStart brings the device key back after the templates were destroyed without it.
func TestDestroyedIsKnownAtTheStart(t *testing.T) {
	site := gatetest.NewSite(t)
	config := stoppedWith(t, site, "ann")
	must(t, os.Rename(site.Path("device.key"), site.Path("lost.key")))
	facegate(t.Context(), "destroy-templates", "--yes", "--json", "--config", config).want(t, exitOK, `"templates_destroyed": true`, "")
	must(t, os.Rename(site.Path("lost.key"), site.Path("device.key")))
	l := startLive(t, site, nil)
	var s status.Status
	l.do(t, "status", "--json").decode(t, &s)
	if !s.Lockout.LockedDown || s.People.Enrolled != 0 {
		t.Errorf("status --json says %+v, %+v", s.Lockout, s.People)
	}
	l.do(t, "people").want(t, exitOK, "ann", "")
	l.do(t, "audit", "verify").want(t, exitOK, "the audit log is whole", "")
}

// TestDestroyWithoutRoom destroys the templates at a gate whose disk is full, starts that anew, and wipes it.
func TestDestroyWithoutRoom(t *testing.T) {
	if !withMounts(t) {
		return
	}
	site := gatetest.NewSite(t)
	smallDisk(t, site.State())
	l := startLive(t, site, nil)
	if p := l.enroll(t, "p01"); p.code != exitOK {
		t.Fatal(p.err)
	}
	fillDisk(t, site.State())
	for range 2 {
		l.do(t, "destroy-templates", "--yes").want(t, exitOK, "the records do not say that the templates are destroyed", "")
		p := l.do(t, "status")
		p.want(t, exitOK, "every template was destroyed", "")
		l.stop()
		l = startLive(t, site, nil)
	}
	l.stop()
	config := site.WriteConfig(t, nil)
	p := facegate(t.Context(), "wipe", "--yes", "--certificate", "-", "--config", config)
	if p.code != exitOK || !strings.Contains(p.out, receipt.Schema) {
		t.Errorf("code %d: %s\n%s", p.code, p.out, p.err)
	}
	if left, err := os.ReadDir(site.State()); err != nil || len(left) != 1 { // the ballast
		t.Errorf("left: %v, %v", left, err)
	}
}
