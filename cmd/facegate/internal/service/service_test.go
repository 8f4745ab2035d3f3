package service_test

import (
	"os"
	"path/filepath"
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
	ours := service.Unit{User: "facegate", Groups: []string{"facegate", "video", "gpio", "input"}}
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
		}, service.Unit{User: "door", Groups: []string{"facegate", "video", "gpio", "input", "gpio", "dialout"}, Credential: true}, true},
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
