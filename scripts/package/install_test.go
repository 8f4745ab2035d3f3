package packaging

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// onMachine runs a script of bash on a machine of its own that sees dir, and returns what it prints.
func onMachine(t *testing.T, dir, script string) string {
	t.Helper()
	if os.Getenv("FACEGATE_SLOW") == "" {
		t.Skip("FACEGATE_SLOW is not set")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root has mounts with several users in them")
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "TracerPid:\t0\n") {
		t.Skip("somebody watches which files are touched, and would take those of the other root for this one's")
	}
	under, err := os.MkdirTemp("", "testroot") // whose name has nothing that an option of a mount could not have
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(under) // what was mounted on it is gone
	cmd := exec.Command("./testroot.sh", "bash", "-euo", "pipefail", "-c", helpers+script)
	cmd.Env = append(os.Environ(), "TESTROOT_UNDER="+under, "TESTROOT_SHARES="+dir, "DIR="+dir, "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return string(out)
}

// helpers are what scripts have in common.
const helpers = `
cd "$DIR"
fail() { echo "FAIL: $*" >&2; cat /run/watched >&2 2>/dev/null || true; exit 1; }
is() { [[ $2 == "$3" ]] || fail "$1 is '$2', want '$3'"; }
mode() { stat -c '%a %U:%G' "$1"; }
install() { dpkg --no-triggers --force-unsafe-io --install "$@" >>/run/dpkg.log 2>&1 || { cat /run/dpkg.log >&2; fail "dpkg"; }; }
version() { dpkg-query -W -f '${Version}' facegate; }
up() { facegate status 2>/dev/null; }
until_up() { for _ in {1..300}; do ! up || return 0; sleep 0.1; done; fail "the gate is not up"; }
whole() { dpkg-query -W -f '${Version} ${db:Status-Abbrev}' facegate; }
kept() { ls /var/lib/facegate-package | paste -sd' '; }
seen() { for _ in {1..600}; do [[ ! -e $1 ]] || return 0; sleep 0.05; done; fail "there is no $1"; }
# power_cut takes the power away, and boot brings it back.
power_cut() {
  kill -9 -- "-$(cat /run/runs/watcher)" 2>/dev/null || true # with all that it has started
  watched
  systemctl stop facegate.service
  rm -f /run/runs/watch-code
}
boot() {
  systemctl start facegate.service
  systemctl start facegate-update.service
}
watched() { for _ in {1..1200}; do [[ ! -e /run/runs/watching ]] && return 0; sleep 0.1; done; fail "the update is still watched"; }
configure() { echo "site: test" >/etc/facegate/facegate.yaml; systemctl start facegate.service; until_up; }
`

// TestInstall installs, removes, installs again and purges, and looks at what is there after each.
func TestInstall(t *testing.T) {
	dir := t.TempDir()
	gate{"1.0", "amd64", "well"}.build(t, dir)
	onMachine(t, dir, `
install facegate_1.0_amd64.deb
grep -q 'facegate models fetch' /run/dpkg.log || fail "nobody says what is next"
is groups "$(id -nG facegate | tr ' ' '\n' | sort | paste -sd' ')" "facegate gpio input video"
is shell "$(getent passwd facegate | cut -d: -f7)" /usr/sbin/nologin
is key "$(mode /etc/facegate/device.key)" "600 facegate:facegate"
is "what others may see" "$(mode /etc/systemd/system/multi-user.target.wants)" "755 root:root"
is "length of the key" "$(stat -c %s /etc/facegate/device.key)" 32
is records "$(mode /var/lib/facegate)" "700 facegate:facegate"
is keyrings "$(mode /var/lib/facegate-keys)" "700 facegate:facegate"
is started "$(ls /run/runs/on 2>/dev/null || true)" "" # it was never configured
for unit in facegate facegate-update; do
  [[ -L /etc/systemd/system/multi-user.target.wants/$unit.service ]] || fail "$unit is not enabled"
done
key=$(sha256sum /etc/facegate/device.key)
configure
program=$(stat -c %i /usr/bin/facegate)

# Removing keeps people, and so does installing again.
touch /var/lib/facegate/people.db /var/lib/facegate-keys/people.key
dpkg --remove facegate >>/run/dpkg.log 2>&1
! up || fail "the gate runs on"
[[ ! -e /usr/bin/facegate ]] || fail "the program is left"
is "what is kept for a purge" "$(stat -c '%i %a' /var/lib/facegate-package/facegate)" "$program 755" # without a second copy on the disk
install facegate_1.0_amd64.deb
until_up
is "the key" "$(sha256sum /etc/facegate/device.key)" "$key"

# A key that was taken elsewhere is not made anew.
rm /etc/facegate/device.key
install facegate_1.0_amd64.deb
[[ ! -e /etc/facegate/device.key ]] || fail "a key was made on an update"
rm -f /var/lib/dpkg/info/facegate.* && sed -i '/^Package: facegate$/,/^$/d' /var/lib/dpkg/status
install facegate_1.0_amd64.deb
[[ ! -e /etc/facegate/device.key ]] || fail "a key was made beside records of another one"

# Purging leaves a certificate and nothing else.
head -c 32 /dev/urandom >/etc/facegate/device.key
chown facegate: /etc/facegate/device.key
mkdir -p /etc/systemd/system/facegate.service.d && touch /etc/systemd/system/facegate.service.d/site.conf
dpkg --purge facegate >/run/purge.log 2>&1 || { cat /run/purge.log; fail purge; }
grep -q 'the certificate is in /var/backups/facegate-wiped-' /run/purge.log || { cat /run/purge.log; fail "no certificate"; }
is certificate "$(cat /var/backups/facegate-wiped-*/certificate | cut -d' ' -f1-3)" "wiped 1 by"
is "its folder" "$(mode /var/backups/facegate-wiped-*)" "700 root:root"
left=$(cd /run/changed && find . -path ./var/backups -prune -o -iname '*facegate*' ! -type c -print) # c is what is gone
is left "$left" ""
! getent passwd facegate && ! getent group facegate || fail "the user is left"
is known "$(dpkg-query -W -f '${Status}' facegate 2>/dev/null || true)" ""
`)
}

// TestLogin looks at what is said to whoever logs in: nothing of a gate that is well, was never configured or is not there, and
// otherwise how it is.
func TestLogin(t *testing.T) {
	dir := t.TempDir()
	for version, how := range map[string]string{"1.0": "well", "2.0": "down", "3.0": "ends", "4.0": "broken"} {
		gate{version, "amd64", how}.build(t, dir)
	}
	onMachine(t, dir, `
login() { run-parts --lsbsysinit --regex '^60-facegate$' /etc/update-motd.d; } # as pam_motd does, of ours alone
with() { systemctl stop facegate.service; install facegate_$1_amd64.deb; systemctl start facegate.service; sleep 1; }
install facegate_1.0_amd64.deb
is unconfigured "$(login)" ""
configure
is well "$(login)" ""
with 2.0
is down "$(login)" "facegate: down"
with 3.0
is "ends again and again" "$(login)" "facegate: down"
with 4.0
is "cannot be started" "$(login)" "facegate: its program cannot be run; to do: systemctl status facegate"
dpkg --remove facegate >>/run/dpkg.log 2>&1
[[ -e /etc/update-motd.d/60-facegate ]] # a file of the site's is left, as the configuration is
is removed "$(login)" ""
dpkg --purge facegate >>/run/dpkg.log 2>&1
[[ ! -e /etc/update-motd.d/60-facegate ]] || fail "it is left"
`)
}

// TestFirstSteps does what the package says is next, line by line, with a real gate and the networks on a stick.
func TestFirstSteps(t *testing.T) {
	program, stick := "../../.build/facegate", os.Getenv("FACEGATE_MODELS")
	if _, err := os.Stat(program); err != nil || stick == "" {
		t.Skip("there is no .build/facegate or no FACEGATE_MODELS (make test)")
	}
	dir := t.TempDir()
	write(t, dir+"/facegate", read(t, program), 0o755)
	buildReal(t, dir)
	if out, err := exec.Command("cp", "-r", stick, dir+"/stick").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	onMachine(t, dir, `
umask 077 # of a careful root
install facegate_1.0_amd64.deb
steps=$(sed -n '/^facegate is installed. Next:$/,$ s/^  //p' /run/dpkg.log | sed 's/ *#.*//')
is steps "$(wc -l <<<"$steps")" 3
grep -q 'facegate models fetch$' <<<"$steps" || fail "nobody says how the networks come: $steps"
sed -n 's/.*from a stick: //p' /run/dpkg.log | sed "s#DIR#$DIR/stick#" | bash -eu
umask 022
bash -eu <<<"$(sed -n 2p <<<"$steps") --profile lab --site test --camera /dev/video0 --line sim --untested"
grep -q '^site: test$' /etc/facegate/facegate.yaml
is configuration "$(mode /etc/facegate/facegate.yaml)" "640 root:facegate"
is key "$(mode /etc/facegate/device.key)" "600 facegate:facegate"
bash -eu <<<"$(sed -n 2p <<<"$steps") --site other --untested --yes"
is "the former configuration" "$(mode /etc/facegate/facegate.yaml.former)" "640 root:facegate"
printf 'profile: lab\nsite: test\ngate: main\ndoor: {driver: sim}\ncamera: {source: replay, path: -}\n' >/etc/facegate/facegate.yaml
is "what others may see" "$(mode /etc/facegate/facegate.yaml)" "640 root:facegate"
rm -rf /run/facegate # which the unit makes
bash -eu <<<"$(sed -n 3p <<<"$steps")"
setpriv --reuid=facegate --regid=facegate --init-groups facegate models verify || fail "the gate cannot read its networks"
`)
}

// buildReal makes a package of the program that is in dir.
func buildReal(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("./build.sh", dir+"/facegate", "amd64", dir)
	cmd.Env = append(os.Environ(), "NFPM="+nfpm(t), "VERSION=1.0", "WORDS="+dir+"/facegate")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestPurgeWithoutConfiguration purges a package whose gate was never configured, and one whose program does not run, or has no room. What
// cannot be certified is said.
func TestPurgeWithoutConfiguration(t *testing.T) {
	dir := t.TempDir()
	gate{"1.0", "amd64", "well"}.build(t, dir)
	gate{"2.0", "amd64", "broken"}.build(t, dir)
	out := onMachine(t, dir, `
install facegate_1.0_amd64.deb
dpkg --purge facegate >>/run/dpkg.log 2>&1
[[ ! -e /etc/facegate && ! -e /var/lib/facegate && ! -e /var/lib/facegate-keys ]] || fail "something is left"
uncertified() { grep -q "$1" /run/purge.log || { cat /run/purge.log; fail "nobody says that there is no certificate, or why"; }; }

# Records on a disk of their own go, and the folder that it is mounted on stays. What cannot be removed is said.
install facegate_1.0_amd64.deb
mount -t tmpfs tmpfs /var/lib/facegate
touch /var/lib/facegate/people.db
mkdir /run/elsewhere && touch /run/elsewhere/faces.db
mkdir /var/lib/facegate/held && mount --bind -o ro /run/elsewhere /var/lib/facegate/held && mount -o remount,bind,ro /var/lib/facegate/held
! dpkg --purge facegate >/run/purge.log 2>&1 || fail "nobody says that something is left"
grep -q '^/var/lib/facegate/held/faces.db' /run/purge.log || { cat /run/purge.log; fail "nobody says what is left"; }
umount /var/lib/facegate/held
uncertified 'there is no /etc/facegate/facegate.yaml'
dpkg --purge facegate >/run/purge.log 2>&1 || { cat /run/purge.log; fail purge; }
is "what is left" "$(ls -A /var/lib/facegate)" ""
! getent passwd facegate || fail "the user is left"
umount /var/lib/facegate && rmdir /var/lib/facegate

# On a disk without room for the program or the certificate. Keys that lie elsewhere go as well.
purged() { # with a key
  install facegate_1.0_amd64.deb
  echo "site: test" >/etc/facegate/facegate.yaml
  mv /var/lib/facegate-keys /run/keys && ln -s /run/keys /var/lib/facegate-keys
  echo secret >/run/keys/people.key
  mount -t tmpfs -o "$1" tmpfs "$2"
  dpkg --purge facegate >/run/purge.log 2>&1 || { cat /run/purge.log; fail purge; }
  umount "$2"
  uncertified 'destroyed without a certificate'
  uncertified "$3"
  [[ ! -e /run/keys/people.key && ! -e /etc/facegate ]] || fail "something is left"
  rm -r /run/keys
}
mkdir -p /var/backups
purged ro /var/backups 'no folder for one in /var/backups'
purged size=4k,nr_inodes=2 /var/lib/facegate-package 'the program was not kept'

install facegate_2.0_amd64.deb
echo "site: test" >/etc/facegate/facegate.yaml
echo secret >/var/lib/facegate-keys/people.key
dpkg --purge facegate 2>&1
[[ ! -e /etc/facegate && ! -e /var/lib/facegate && ! -e /var/lib/facegate-keys ]] || fail "something is left"
is backups "$(ls -d /var/backups/facegate* 2>/dev/null || true)" ""
`)
	if !strings.Contains(out, "destroyed without a certificate") {
		t.Errorf("nobody says that there is no certificate:\n%s", out)
	}
}

// TestPurgeOfAGate purges a real gate with a member on its list, checks the certificate, and looks for the member in every file.
func TestPurgeOfAGate(t *testing.T) {
	program := "../../.build/facegate"
	if _, err := os.Stat(program); err != nil {
		t.Skip("there is no .build/facegate (make build)")
	}
	dir := t.TempDir()
	write(t, dir+"/facegate", read(t, program), 0o755)
	buildReal(t, dir)
	onMachine(t, dir, `
install facegate_1.0_amd64.deb
printf 'profile: lab\nsite: test\ngate: main\ndoor: {driver: sim}\n' >/etc/facegate/facegate.yaml
as_gate() { setpriv --reuid=facegate --regid=facegate --init-groups "$@"; }
as_gate facegate person add "Ada Marker" --until "$(date -d '+100 days' +%F)" --reference FORM-4711 --pass /var/lib/facegate/pass.png
as_gate facegate people | grep -q 'Ada Marker' || fail "nobody is on the list"
dpkg --purge facegate >/run/purge.log 2>&1 || { cat /run/purge.log; fail purge; }
certificate=$(echo /var/backups/facegate-wiped-*/certificate)
key=$(sed -n 's/.*--key \([0-9a-f]*\).*/\1/p' "${certificate%/*}/how-to-check.txt")
"$DIR/facegate" receipt verify "$certificate" --key "$key" >/run/verified || fail "the certificate is not genuine"
grep -q '1 people' /run/verified || { cat /run/verified; fail "the certificate does not count the member"; }
! grep -rlF -e 'Ada Marker' -e FORM-4711 /etc /var/lib /var/backups /var/cache /var/tmp /root/facegate* /tmp 2>/dev/null || fail "the member is left"
`)
}

// TestUpdate updates a gate that comes up.
func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1.0", "2.0"} {
		gate{version, "amd64", "well"}.build(t, dir)
	}
	onMachine(t, dir, `
install facegate_1.0_amd64.deb
configure
install facegate_2.0_amd64.deb
watched
is code "$(cat /run/runs/watch-code)" 0
is version "$(version)" 2.0
is kept "$(ls /var/lib/facegate-package)" ""
until_up
`)
}

// TestRemoveForgetsAnUpdate removes a gate after an update of it was taken back: what is installed next is no update.
func TestRemoveForgetsAnUpdate(t *testing.T) {
	dir := t.TempDir()
	gate{"1.0", "amd64", "well"}.build(t, dir)
	gate{"2.0", "amd64", "ends"}.build(t, dir)
	onMachine(t, dir, `
install facegate_1.0_amd64.deb
configure
install facegate_2.0_amd64.deb
watched
is refused "$(cat /var/lib/facegate-package/refused)" 2.0
dpkg --remove facegate >>/run/dpkg.log 2>&1
is kept "$(ls /var/lib/facegate-package)" facegate
grep -q 'facegate-update.service' /run/runs/forgotten || fail "systemd is not told that the unit is gone"
install facegate_1.0_amd64.deb
until_up
[[ ! -e /var/lib/facegate-package/refused ]] || fail "the update is remembered"
`)
}

// TestAsWellAsBefore updates a gate that is down, as for want of a camera, to one that is down: nothing is worse than before. One that
// does not run is not watched.
func TestAsWellAsBefore(t *testing.T) {
	dir := t.TempDir()
	for version, how := range map[string]string{"1.0": "down", "2.0": "down", "3.0": "ends"} {
		gate{version, "amd64", how}.build(t, dir)
	}
	onMachine(t, dir, `
install facegate_1.0_amd64.deb
configure
install facegate_2.0_amd64.deb
watched
is code "$(cat /run/runs/watch-code)" 0
is version "$(version)" 2.0
systemctl stop facegate.service
rm /run/runs/watch-code
install facegate_3.0_amd64.deb
is version "$(version)" 3.0
is kept "$(ls /var/lib/facegate-package)" ""
[[ ! -e /run/runs/watching && ! -e /run/runs/watch-code ]] || fail "it is watched"
`)
}

// TestWatchGoesOn loses power while an update is watched that does not come up. At the next boot it is watched again, and taken back.
func TestWatchGoesOn(t *testing.T) {
	dir := t.TempDir()
	gate{"1.0", "amd64", "well"}.build(t, dir)
	gate{"2.0", "amd64", "ends"}.build(t, dir)
	gate{"3.0", "amd64", "well"}.build(t, dir)
	onMachine(t, dir, `
install facegate_1.0_amd64.deb
configure
install facegate_2.0_amd64.deb
kill -9 "$(cat /run/runs/watcher)"
watched
is version "$(version)" 2.0
[[ -e /var/lib/facegate-package/former.deb ]] || fail "the former package is gone"
systemctl start facegate-update.service
watched
is version "$(version)" 1.0
until_up

# A gate that is well is not taken back where how it was is lost, and what the cut has left of a package does not stay.
mkdir /var/lib/facegate-package/keeping && touch /var/lib/facegate-package/keeping.deb
install facegate_3.0_amd64.deb
kill -9 "$(cat /run/runs/watcher)"
watched
: >/var/lib/facegate-package/before
systemctl start facegate-update.service
watched
is version "$(version)" 3.0
is kept "$(ls /var/lib/facegate-package)" ""
`)
}

// TestUpdateOnAFullDisk cannot keep the former package, and leaves the gate as it is.
func TestUpdateOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"1.0", "2.0"} {
		gate{version, "amd64", "well"}.build(t, dir)
	}
	out := onMachine(t, dir, `
install facegate_1.0_amd64.deb
configure
runs=$(wc -l </run/runs/log)
mount -t tmpfs -o size=1m tmpfs /var/lib/facegate-package
! dpkg --install facegate_2.0_amd64.deb 2>&1 || fail "it was updated"
is version "$(version)" 1.0
up || fail "the gate was stopped"
is runs "$(wc -l </run/runs/log)" "$runs" # it was not even started again
is kept "$(ls /var/lib/facegate-package)" ""
umount /var/lib/facegate-package
install facegate_2.0_amd64.deb
watched
is version "$(version)" 2.0
`)
	if !strings.Contains(out, "nothing was changed: make room on the disk") {
		t.Errorf("nobody says what to do:\n%s", out)
	}
}

// makeFolder makes a folder in dir.
func makeFolder(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// failures are ways in which a new version does not come up.
func failures() []string { return []string{"ends", "hangs", "dies", "down", "broken", "killed"} }

// rollback is the script of an update to a version that does not come up, after which the former one is to be back. The gate of
// "killed" is well, and is killed whenever it starts.
const rollback = `
install facegate_1.0_amd64.deb
configure
before=$(cd / && dpkg-query -L facegate | sort | xargs -d '\n' stat -c '%n %a %U %s' | grep -v ' 755 root 4096$')
install $HOW/facegate_2.0_amd64.deb
if [[ $HOW == killed ]]; then
  (while [[ $(version) == 2.0 ]]; do kill -9 "$(cat /run/runs/pid)" 2>/dev/null || true; sleep 0.3; done) &
fi
watched
is code "$(cat /run/runs/watch-code)" 1
is version "$(version)" 1.0
until_up
after=$(cd / && dpkg-query -L facegate | sort | xargs -d '\n' stat -c '%n %a %U %s' | grep -v ' 755 root 4096$')
is files "$after" "$before"
is refused "$(cat /var/lib/facegate-package/refused)" 2.0
is kept "$(ls /var/lib/facegate-package)" refused
grep -q 'version 2.0 was taken back' /run/watched || fail "nobody says so"
dpkg --verify facegate || fail "what is back is not whole"
`

// TestRollback updates twenty times to a version that does not come up, in one way after the other, and has the former one back.
func TestRollback(t *testing.T) {
	const rounds = 20
	dir := t.TempDir()
	gate{"1.0", "amd64", "well"}.build(t, dir)
	for _, how := range failures() {
		is := how
		if how == "killed" {
			is = "well"
		}
		gate{"2.0", "amd64", is}.build(t, makeFolder(t, dir, how))
	}
	for i := range rounds {
		how := failures()[(i+5)%len(failures())]
		t.Run(fmt.Sprintf("%d %s", i+1, how), func(t *testing.T) {
			t.Parallel()
			onMachine(t, dir, "HOW="+how+rollback)
		})
	}
}
