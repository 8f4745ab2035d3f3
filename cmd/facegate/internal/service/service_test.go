package service_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/service"
)

func TestRead(t *testing.T) {
	shipped, err := os.ReadFile(filepath.Join(gatetest.Root(t), "configs", "facegate.service"))
	if err != nil {
		t.Fatal(err)
	}
	const etc, lib = "etc/systemd/system/facegate.service", "usr/lib/systemd/system/facegate.service"
	ours := service.Unit{
		User: "facegate", Groups: []string{"facegate", "video", "gpio", "input", "tss"}, LocksMemory: true, NoSwap: true, Confined: true, Allowed: []string{"localhost"},
	}
	changed := ours
	changed.User, changed.Groups, changed.Credential = "door", []string{"facegate", "video", "gpio", "input", "tss", "gpio", "dialout"}, true
	bent := ours
	bent.Groups, bent.HidesClock, bent.LocksMemory, bent.NoSwap = []string{"video"}, true, false, false
	bent.Allowed = []string{"192.0.2.7", "2001:db8::/32"}
	for _, test := range []struct {
		name      string
		files     map[string]string
		want      service.Unit
		installed bool
	}{
		{"none", nil, service.Unit{User: "facegate"}, false},
		{"the shipped one", map[string]string{etc: string(shipped)}, ours, true},
		{"of a package, with one of the site before it", map[string]string{lib: string(shipped), etc: "[Service]\nUser=gate\n"}, service.Unit{User: "gate"}, true},
		{"without a user", map[string]string{etc: "[Service]\nExecStart=/usr/bin/facegate run\n"}, service.Unit{User: "root"}, true},
		{"with drop-ins", map[string]string{
			lib:                string(shipped),
			etc + ".d/a.conf":  "[Service]\nUser=door\nSupplementaryGroups=gpio dialout\n",
			etc + ".d/b.conf":  "[Service]\n# User=other\nLoadCredentialEncrypted = facegate-device-key:/etc/k\n",
			etc + ".d/c.conf~": "User=nobody\n",
		}, changed, true},
		{"with drop-ins that take away", map[string]string{
			lib: string(shipped),
			etc + ".d/a.conf": "[Service]\nSupplementaryGroups=\nSupplementaryGroups=video\nProtectClock=yes\nLimitMEMLOCK=64K\nMemorySwapMax=1G\n" +
				"IPAddressAllow=\nIPAddressAllow=192.0.2.7 2001:db8::/32\n",
		}, bent, true},
	} {
		root := fstest.MapFS{}
		for path, text := range test.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		got, installed := service.Read(root)
		if diff := cmp.Diff(test.want, got); diff != "" || installed != test.installed {
			t.Errorf("%s: installed = %t, want %t; (-want +got):\n%s", test.name, installed, test.installed, diff)
		}
	}
}

// TestPermits checks which machines a unit lets a gate reach.
func TestPermits(t *testing.T) {
	for allowed, machines := range map[string]map[string]bool{
		"localhost":          {"127.0.0.1": true, "::1": true, "192.0.2.7": false},
		"192.0.2.7":          {"192.0.2.7": true, "192.0.2.8": false},
		"192.0.2.0/24 ::1":   {"192.0.2.8": true, "::1": true, "198.51.100.1": false},
		"any":                {"198.51.100.1": true},
		"link-local":         {"169.254.1.1": true, "192.0.2.7": false},
		"multicast nonsense": {"224.0.0.1": true, "192.0.2.7": false},
	} {
		u := service.Unit{Confined: true, Allowed: strings.Fields(allowed)}
		for machine, want := range machines {
			if got := u.Permits(netip.MustParseAddr(machine)); got != want {
				t.Errorf("IPAddressAllow=%s: %s is permitted: %t", allowed, machine, got)
			}
		}
	}
	if !(service.Unit{}).Permits(netip.MustParseAddr("192.0.2.7")) {
		t.Error("a unit that denies nothing forbids something")
	}
}
