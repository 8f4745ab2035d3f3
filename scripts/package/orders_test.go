package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// versions are gates of which some come up and some do not.
func versions() map[string]string {
	return map[string]string{
		"0.9": "ends", "1.0": "well", "2.0": "well", "2.1": "ends", "2.2": "hangs", "3.0": "well", "3.1": "ends", "4.0": "well", "4.1": "ends",
	}
}

// orders are what may come to pass around an update that is watched, each with what is to be installed in the end. Version 1.0 is
// there, and up. The scripts of the first group install a package while the one before it is still watched.
var orders = []struct{ name, script, want, refused string }{
	{"over one that comes up", "install 2.0; install 3.1; watched", "2.0", "3.1"},
	{"over one that does not", "install 2.1; install 3.1; watched", "1.0", "3.1"},
	{"over one that does not, and well", "install 2.1; install 3.0; watched", "3.0", ""},
	{"over one that hangs", "install 2.2; install 3.1; watched", "1.0", "3.1"},
	{"two that come up, and one that does not", "install 2.0; install 3.0; install 4.1; watched", "3.0", "4.1"},
	{"one that comes up, and two that do not", "install 2.0; install 3.1; install 4.1; watched", "2.0", "4.1"},
	{"three that do not", "install 2.1; install 3.1; install 4.1; watched", "1.0", "4.1"},
	{"the same again", "install 2.0; install 2.0; watched", "2.0", ""},
	{"the same again, which does not come up", "install 2.1; install 2.1; watched", "1.0", "2.1"},
	{"the former one by hand", "install 2.1; install 1.0; watched", "1.0", ""},
	{"after one was taken back", "install 2.1; watched; is version $(version) 1.0; install 2.0; watched", "2.0", ""},

	{"reinstalled", "install 1.0; watched", "1.0", ""},
	{"reinstalled as something else", "dpkg --install again/facegate_1.0_amd64.deb; watched", "1.0", ""},
	{"an older one that comes up", "install 2.0; watched; install 1.0; watched", "1.0", ""},
	{"an older one that does not", "install 2.0; watched; install 0.9; watched", "2.0", "0.9"},

	{"power cut, and well", "install 2.0; power_cut; boot; watched", "2.0", ""},
	{"power cut, and not", "install 2.1; power_cut; boot; watched", "1.0", "2.1"},
	{"power cut again and again", "install 2.1; for _ in 1 2 3; do power_cut; boot; sleep 1; done; watched", "1.0", "2.1"},
	{"restarted", "install 2.0; systemctl stop facegate-update.service facegate.service; seen $kept/former.deb; boot; watched", "2.0", ""},
	{"restarted, and not", "install 2.1; systemctl stop facegate-update.service facegate.service; boot; watched", "1.0", "2.1"},
	{"power cut before it was configured", "unpack 2.0; power_cut; boot; watched", "1.0", "2.0"},
	{"power cut, and configured by hand", "unpack 2.0; power_cut; boot; sleep 1; dpkg --configure -a; watched", "2.0", ""},
	{"configured later", "unpack 2.0; sleep 12; [[ ! -e /run/runs/watching ]]; dpkg --configure -a; watched", "2.0", ""},
	{"broken off, and something else", "unpack 2.0; install 3.1; watched", "1.0", "3.1"},
	{"power cut while it was being kept", `
		setsid dpkg --install facegate_2.0_amd64.deb &>/dev/null &
		seen $kept/keeping.list
		kill -9 -- -$!
		power_cut; boot; until_up
		install 2.0; watched`, "2.0", ""},
	{"power cut while the former one was brought back", `
		install 2.1; seen $kept/failing; power_cut
		FACEGATE_BACK=yes dpkg --unpack $kept/former.deb
		boot; watched`, "1.0", "2.1"},
	{"power cut when the former one was back", `
		install 2.1; seen $kept/failing; power_cut
		FACEGATE_BACK=yes dpkg --install $kept/former.deb
		boot; watched`, "1.0", "2.1"},
	{"power cut when it was known to be back", `
		install 2.1; seen $kept/failing; power_cut
		FACEGATE_BACK=yes dpkg --install $kept/former.deb
		rm $kept/failing; echo 2.1 >$kept/refused
		boot; watched`, "1.0", "2.1"},

	{"cut off", "runs=$(runs); ! dpkg --install cut.deb; is runs $(runs) $runs", "1.0", ""},
	{"cut off, over one that comes up", "install 2.0; ! dpkg --install cut.deb; watched", "2.0", ""},
	{"cut off, over one that does not", "install 2.1; ! dpkg --install cut.deb; watched", "1.0", "2.1"},
	{"others install meanwhile", "install 2.1; dpkg --install slow.deb; watched", "1.0", "2.1"},
	{"a file in /etc that was changed", `
		echo '# ours' >>/etc/update-motd.d/60-facegate
		install 2.1; watched
		grep -q ours /etc/update-motd.d/60-facegate`, "1.0", "2.1"},
	{"a file in /etc that was removed", `
		rm /etc/update-motd.d/60-facegate
		install 2.1; watched
		is "what was taken back" "$(cat $kept/refused)" 2.1
		install 3.0; watched
		[[ ! -e /etc/update-motd.d/60-facegate ]] || fail "it is back"
		install 4.1; watched
		[[ ! -e /etc/update-motd.d/60-facegate ]] || fail "it is back"`, "3.0", "4.1"},
	{"a run that has no number", ": >/run/runs/id; install 2.0; watched", "2.0", ""},
	{"a full disk", `
		mount -t tmpfs -o size=9m tmpfs $kept
		install 2.1
		head -c 9M /dev/zero >$kept/full 2>/dev/null || true
		! dpkg --install facegate_3.0_amd64.deb &>/run/said
		is version $(version) 2.1
		grep -q 'nothing was changed: make room' /run/said
		watched; rm $kept/full; cp $kept/refused /run; umount $kept; cp /run/refused $kept`, "1.0", "2.1"},
	{"a disk that is full at the end", `
		mount -t tmpfs -o size=9m tmpfs $kept
		install 2.1
		head -c 9M /dev/zero >$kept/full 2>/dev/null || true
		watched; rm $kept/full; cp $kept/refused /run; umount $kept; cp /run/refused $kept`, "1.0", "2.1"},
	{"stopped by hand", `
		install 2.2; sleep 2; systemctl stop facegate.service
		sleep 13
		is version $(version) 2.2; [[ -e /run/runs/watching ]]; ! up
		systemctl start facegate.service; watched`, "1.0", "2.2"},
}

// TestOrders has updates in every order with each other, with power cuts, and with what people do meanwhile. What is installed in the end
// is the newest version that came up, whole, and the gate is up.
func TestOrders(t *testing.T) {
	dir := t.TempDir()
	for version, how := range versions() {
		gate{version, "amd64", how}.build(t, dir)
	}
	gate{"1.0", "amd64", "ends"}.build(t, makeFolder(t, dir, "again"))
	whole := read(t, filepath.Join(dir, "facegate_3.0_amd64.deb"))
	write(t, filepath.Join(dir, "cut.deb"), whole[:len(whole)-1000], 0o644)
	buildSlow(t, dir)
	for _, tt := range orders {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			onMachine(t, dir, `
kept=/var/lib/facegate-package
install() { dpkg --install "facegate_$1_amd64.deb" >>/run/dpkg.log 2>&1 || { cat /run/dpkg.log >&2; fail "dpkg"; }; }
unpack() { dpkg --unpack "facegate_$1_amd64.deb" >>/run/dpkg.log 2>&1 || fail "dpkg"; }
runs() { wc -l </run/runs/log; }
install 1.0
configure
`+tt.script+`
is installed "$(whole)" "`+tt.want+` ii "
until_up
is refused "$(cat $kept/refused 2>/dev/null || true)" "`+tt.refused+`"
is kept "$(kept)" "$([[ -z "`+tt.refused+`" ]] || echo refused)"
dpkg --verify facegate
`)
		})
	}
}

// buildSlow makes a package of something else, which takes its time.
func buildSlow(t *testing.T, dir string) {
	t.Helper()
	control := filepath.Join(makeFolder(t, dir, "slow"), "DEBIAN")
	if err := os.Mkdir(control, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, control+"/control", []byte("Package: slow\nVersion: 1\nArchitecture: all\nMaintainer: t <t@t>\nDescription: slow\n"), 0o644)
	write(t, control+"/postinst", []byte("#!/bin/sh\nsleep 14\n"), 0o755)
	if out, err := exec.Command("dpkg-deb", "--build", filepath.Dir(control), dir+"/slow.deb").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestRemovedWhileWatched removes and purges a package whose update is watched, or is just being taken back: it does not come back, and
// nobody waits for it.
func TestRemovedWhileWatched(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1.0", "2.2"} {
		gate{version, "amd64", versions()[version]}.build(t, dir)
	}
	buildSlow(t, dir)
	for name, when := range map[string]string{
		"watched":         "",
		"about to return": "dpkg --install slow.deb >>/run/dpkg.log; [[ -e /var/lib/facegate-package/failing ]]",
	} {
		for _, how := range []string{"remove", "purge"} {
			t.Run(how+" "+name, func(t *testing.T) {
				t.Parallel()
				onMachine(t, dir, `
install facegate_1.0_amd64.deb
configure
install facegate_2.2_amd64.deb
`+when+`
begun=$(cut -d. -f1 /proc/uptime)
dpkg --`+how+` facegate >>/run/dpkg.log 2>&1 || { cat /run/dpkg.log; fail "it stays"; }
[[ $(($(cut -d. -f1 /proc/uptime) - begun)) -lt 8 ]] || fail "somebody waited"
[[ ! -e /run/runs/watching ]] || fail "it is watched still"
sleep 3
[[ ! -e /usr/bin/facegate ]] || fail "it is back"
is kept "$(kept 2>/dev/null)" "$([[ `+how+` == purge ]] || echo facegate)"
`)
			})
		}
	}
}
