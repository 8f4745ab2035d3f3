package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"maps"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"facegate/cmd/facegate/internal/doctor"
	"facegate/cmd/facegate/internal/ended"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/configs/hint"
	"facegate/gpio/cdev"
	"facegate/pipeline/publish/contracttest"
	"facegate/pipeline/publish/loopback"
	"facegate/pipeline/publish/mosquittotest"
	"facegate/store/clock"
)

// An installation is what the doctor looks at: the folder of a gate, its configuration, and the machine.
type installation struct {
	gatetest.Site
	settings gatetest.Settings
	machine  fstest.MapFS
	chips    []cdev.Chip
	unread   error // of the chips
	clock    clock.Reading
	config   string // "" for one that the settings write
}

// A breakage is one way in which an installation is broken, and what the doctor has to say of it.
type breakage struct {
	name  string
	spoil func(t *testing.T, in *installation)
	part  health.Part
	state doctor.State
	says  string
	todo  string
}

// holding is a file of a machine that holds text.
func holding(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

const pi = "sys/devices/platform/soc/soc:firmware/get_throttled"

// wellMachine is a Raspberry Pi on which nothing is wrong, with the shipped unit for a user.
func wellMachine(t *testing.T, as string) fstest.MapFS {
	t.Helper()
	unit, err := os.ReadFile(filepath.Join(gatetest.Root(t), "configs", "facegate.service"))
	must(t, err)
	link := &fstest.MapFile{Data: []byte("/usr/lib/systemd/system/facegate.service"), Mode: fs.ModeSymlink}
	return fstest.MapFS{
		"usr/lib/systemd/system/facegate.service":                     holding(strings.Replace(string(unit), "User=facegate", "User="+as, 1)),
		"etc/systemd/system/multi-user.target.wants/facegate.service": link,
		"proc/device-tree/model":                                      holding("Raspberry Pi 4 Model B Rev 1.4\x00"),
		"proc/swaps":                                                  holding("Filename Type Size Used Priority\n"),
		"sys/fs/cgroup/cgroup.controllers":                            holding("cpuset cpu io memory pids\n"),
		pi:                                                            holding("0\n"),
		"sys/class/hwmon/hwmon1/name":                                 holding("rpi_volt\n"),
		"sys/class/hwmon/hwmon1/in0_lcrit_alarm":                      holding("0\n"),
		"sys/class/thermal/thermal_zone0/temp":                        holding("48312\n"),
		"sys/class/thermal/thermal_zone0/type":                        holding("cpu-thermal\n"),
		"sys/class/thermal/cooling_device0/type":                      holding("cpufreq-cpu0\n"),
		"sys/class/thermal/cooling_device0/cur_state":                 holding("0\n"),
		"sys/devices/system/cpu/present":                              holding("0-3\n"),
		"sys/devices/system/cpu/online":                               holding("0-3\n"),
		"sys/class/block/mmcblk0/device/life_time":                    holding("0x01 0x02\n"),
		"sys/class/block/mmcblk0/device/pre_eol_info":                 holding("0x01\n"),
		"sys/fs/ext4/mmcblk0p2/errors_count":                          holding("0\n"),
		"sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs":  holding("N\n"),
	}
}

// chipsOfPi are the lines of a Raspberry Pi.
func chipsOfPi() []cdev.Chip {
	return []cdev.Chip{{Name: "gpiochip0", Label: "pinctrl-bcm2711", Lines: []cdev.Info{{Name: "GPIO16"}, {Name: "GPIO17"}}}}
}

// relay are the settings of a door at a line of the board.
const relay = "{driver: cdev, kind: strike, fail: secure, line: %s}"

// newInstallation returns a gate of which nothing is wrong but that it does not run, for a user. mqtt is its broker.
func newInstallation(t *testing.T, as, mqtt string) *installation {
	t.Helper()
	return &installation{
		Site: gatetest.NewSite(t), machine: wellMachine(t, as), chips: chipsOfPi(), clock: gatetest.TimeServer()(),
		settings: gatetest.Settings{"camera": `{source: replay, path: "-", fps: 5, max_age: 3s}`, "mqtt": mqtt},
	}
}

// set changes the settings of a key. A camera or line of the kernel's goes with a profile that is the law.
func (in *installation) set(key, text string) {
	in.settings[key] = text
	if strings.Contains(text, "v4l2") || strings.Contains(text, "cdev") {
		maps.Copy(in.settings, lawful())
	}
}

// doctor has the command look at an installation.
func (in *installation) doctor(t *testing.T, more ...string) (r doctor.Report, p printout) {
	t.Helper()
	if in.config == "" {
		in.config = in.WriteConfig(t, in.settings)
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), append([]string{"doctor", "--json", "--config", in.config}, more...), terminal{
		in: bytes.NewReader(nil), out: &out, err: &errs, machine: in.machine,
		chips: func() ([]cdev.Chip, error) { return in.chips, in.unread }, clock: func() clock.Reading { return in.clock },
	})
	p = printout{code, out.String(), errs.String()}
	unmarshal(t, p.out, &r)
	return r, p
}

// wants holds a Report against a breakage, which is to be all that is found but for a gate that does not run.
func (b breakage) wants(t *testing.T, r doctor.Report, p printout) {
	t.Helper()
	found := slices.Clone(r.Findings)
	if len(found) > 1 && !r.Running {
		found = slices.DeleteFunc(found, func(f doctor.Finding) bool {
			return f.Part == doctor.Service && strings.Contains(f.Reason, "does not run")
		})
	}
	code := map[doctor.State]int{doctor.Advice: exitOK, doctor.Unknown: exitForbidden, doctor.Wrong: exitFailed}[r.State]
	if len(found) != 1 || p.code != code || p.err != "" {
		t.Fatalf("exit code %d, %d findings:\n%s%s", p.code, len(found), p.out, p.err)
	}
	f := found[0]
	if f.Part != b.part || f.State != b.state || !strings.Contains(f.Reason, b.says) || !strings.Contains(f.Todo, b.todo) {
		t.Errorf("it finds\n%s %s: %s\n  to do: %s\nwant\n%s %s: %s\n  to do: %s", f.State, f.Part, f.Reason, f.Todo, b.state, b.part, b.says, b.todo)
	}
}

// drop puts a drop-in beside the unit.
func drop(text string) func(*testing.T, *installation) {
	return func(_ *testing.T, in *installation) {
		in.machine["etc/systemd/system/facegate.service.d/site.conf"] = holding("[Service]\n" + text + "\n")
	}
}

// tells has a file of the machine say something.
func tells(name, text string) func(*testing.T, *installation) {
	return func(_ *testing.T, in *installation) { in.machine[name] = holding(text) }
}

// sets changes the settings of a key.
func sets(key, text string) func(*testing.T, *installation) {
	return func(_ *testing.T, in *installation) { in.set(key, text) }
}

// brokenMachines are machines with which something is wrong, whether or not the gate runs.
func brokenMachines() []breakage {
	const wrong, advice = doctor.Wrong, doctor.Advice
	return []breakage{
		{"too little voltage", tells("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"), doctor.Power, wrong, "is given too little voltage", "use the supply"},
		{"too little voltage for a moment", tells(pi, "50000\n"), doctor.Power, wrong, "was given too little voltage since", "use the supply"},
		{"slowed down by the firmware", tells(pi, "80008\n"), doctor.Temperature, wrong, "slowed down because it is hot", "heat sink"},
		{"slowed down by the kernel", tells("sys/class/thermal/cooling_device0/cur_state", "2\n"), doctor.Temperature, wrong, "slowed down", "heat sink"},
		{"hot", tells("sys/class/thermal/thermal_zone0/temp", "83500\n"), doctor.Temperature, wrong, "the board is hot: 83 °C (cpu-thermal)", "heat sink"},
		{"cores switched off", func(t *testing.T, in *installation) {
			in.machine["sys/devices/system/cpu/online"], in.machine["etc/nvpmodel.conf"] = holding("0-1\n"), holding("")
		}, doctor.Processor, advice, "only the cores 0-1 of 0-3", "nvpmodel -m 0"},
		{
			"no memory controller", tells("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids\n"), health.Memory, advice,
			"the memory controller of the kernel is off", "add cgroup_enable=memory to the one line of /boot/firmware/cmdline.txt",
		},
		{"swap, and memory that is not locked", func(t *testing.T, in *installation) {
			drop("LimitMEMLOCK=64K\nMemorySwapMax=100M")(t, in)
			in.machine["proc/swaps"] = holding("Filename Type Size Used Priority\n/var/swap file 102396 0 -2\n")
		}, health.Memory, wrong, "swap is on", "swapoff -a"},
		{"worn flash memory", tells("sys/class/block/mmcblk0/device/life_time", "0x01 0x0b\n"), health.Disk, wrong, "mmcblk0 is worn: 100 %", "facegate backup create"},
		{"flash memory near its end", tells("sys/class/block/mmcblk0/device/pre_eol_info", "0x03\n"), health.Disk, wrong, "mmcblk0 is worn", "facegate backup create"},
		{"a damaged file system", tells("sys/fs/ext4/mmcblk0p2/errors_count", "7\n"), health.Disk, wrong, "mmcblk0p2 is damaged: the kernel has met 7 errors", "fsck"},
		{"a masked service", func(t *testing.T, in *installation) {
			in.machine["etc/systemd/system/facegate.service"] = &fstest.MapFile{Data: []byte("/dev/null"), Mode: fs.ModeSymlink}
		}, doctor.Service, wrong, "masked", "systemctl unmask facegate"},
		{"a service that is not enabled", func(t *testing.T, in *installation) {
			delete(in.machine, "etc/systemd/system/multi-user.target.wants/facegate.service")
		}, doctor.Service, wrong, "not enabled", "systemctl enable facegate"},
		{"a unit that hides the clock", drop("ProtectClock=yes"), health.Clock, wrong, "ProtectClock=", "systemctl edit facegate, remove ProtectClock="},
		{
			"a broker that the unit keeps away", sets("mqtt", `{broker: "ssl://192.0.2.7:8883"}`), health.Broker, wrong,
			"does not let the gate reach 192.0.2.7", "systemctl edit facegate, write [Service] and IPAddressAllow=",
		},
		{"lines that keep their level", func(t *testing.T, in *installation) {
			in.machine["sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs"] = holding("Y\n")
			in.set("door", fmt.Sprintf(relay, "GPIO17"))
		}, health.Door, advice, "the kernel keeps the level of a line", "add dtparam=strict_gpiod to /boot/firmware/config.txt"},
	}
}

// TestDoctorNamesBrokenMachines breaks the machine below a gate that runs and is well: that alone is found.
func TestDoctorNamesBrokenMachines(t *testing.T) {
	t.Parallel()
	broker := contracttest.Start(t, loopback.Account{})
	well := newInstallation(t, self(), fmt.Sprintf("{broker: %q}", broker.URL()))
	l := startLive(t, well.Site, well.settings)
	gatetest.Eventually(t, "the gate is well", func() bool {
		return facegate(t.Context(), "status", "--check", "--socket", l.site.Socket()).code == exitOK
	})
	if r, p := well.doctor(t); r.State != doctor.OK || !r.Running || r.As != self() || len(r.Findings) != 0 || len(r.Well) < 20 || p.code != exitOK {
		t.Fatalf("a gate that is well: exit code %d\n%s", p.code, p.out)
	}
	t.Run("broken", func(t *testing.T) {
		t.Run("none, with its camera measured", func(t *testing.T) {
			t.Parallel()
			in := *well
			r, p := in.doctor(t, "--camera")
			for _, f := range r.Findings { // a busy machine may leave frames out
				if f.Part != health.Camera || !strings.Contains(f.Reason, "frame") {
					t.Errorf("it finds %+v\n%s", f, p.err)
				}
			}
		})
		for i, b := range brokenMachines() {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				in := *well
				in.machine, in.settings, in.config = maps.Clone(well.machine), maps.Clone(well.settings), ""
				b.spoil(t, &in)
				in.config = well.Path(fmt.Sprint(i, ".yaml"))
				must(t, os.WriteFile(in.config, []byte(in.YAML(t, in.settings)), 0o600))
				r, p := in.doctor(t)
				b.wants(t, r, p)
			})
		}
	})
	if p := facegate(t.Context(), "faces", "off", "--reason", "a trial", "--socket", l.site.Socket()); p.code != exitOK {
		t.Fatal(p.err)
	}
	r, p := well.doctor(t)
	breakage{part: health.Faces, state: doctor.Wrong, says: "faces were turned off", todo: "facegate faces on"}.wants(t, r, p)
}

// stopped are broken installations whose gate does not run. broker is one that everybody may use.
func brokenInstallations(broker *loopback.Broker) []breakage {
	const wrong = doctor.Wrong
	key := func(in *installation) string { return in.Path("device.key") }
	networks := func(t *testing.T, in *installation) string {
		in.set("vision", fmt.Sprintf("{models_dir: %s}", in.Path("models")))
		must(t, os.Mkdir(in.Path("models"), 0o700))
		files, err := os.ReadDir(gatetest.Models(t))
		must(t, err)
		for _, f := range files {
			must(t, os.Symlink(filepath.Join(gatetest.Models(t), f.Name()), filepath.Join(in.Path("models"), f.Name())))
		}
		return filepath.Join(in.Path("models"), gatetest.Bundle(t).Embedder.Files[0].File)
	}
	return []breakage{
		{
			"no configuration", func(_ *testing.T, in *installation) { in.config = in.Path("none.yaml") }, doctor.Configuration, wrong,
			"no such file", "facegate init --config",
		},
		{"a word that the configuration does not know", sets("camera", "{fsp: 20}"), doctor.Configuration, wrong, `unknown key "fsp"`, "facegate config check"},
		{"papers that the law asks for", func(_ *testing.T, in *installation) { in.set("profile", "eu") }, doctor.Configuration, wrong, "", "correct"},
		{"no key", func(t *testing.T, in *installation) { must(t, os.Remove(key(in))) }, health.Key, wrong, "no such file", "facegate key create"},
		{"a key for everybody", func(t *testing.T, in *installation) { must(t, os.Chmod(key(in), 0o644)) }, health.Key, wrong, "others than its owner", "chmod 0600"},
		{"half a key", func(t *testing.T, in *installation) { must(t, os.Truncate(key(in), 16)) }, health.Key, wrong, "key_file", ""},
		{"the key of another gate", func(t *testing.T, in *installation) {
			config := stoppedWith(t, in.Site, "ann")
			must(t, os.Remove(config))
			must(t, os.WriteFile(key(in), bytes.Repeat([]byte{7}, 32), 0o600))
		}, health.Disk, wrong, "made under another device key", "put the device key back that these records were made under"},
		{"records that everybody may write to", func(t *testing.T, in *installation) {
			must(t, os.Mkdir(in.State(), 0o700))
			must(t, os.Chmod(in.State(), 0o777))
		}, health.Disk, wrong, "state_dir", "chmod 0700"},
		{"no networks", sets("vision", "{models_dir: /nonexistent}"), health.Faces, wrong, "vision.models_dir", "facegate models fetch"},
		{"a damaged network", func(t *testing.T, in *installation) {
			embedder := networks(t, in)
			must(t, os.Remove(embedder))
			must(t, os.WriteFile(embedder, []byte("no network"), 0o600))
		}, health.Faces, wrong, "vision.models_dir", "facegate models"},
		{"no calibration", func(t *testing.T, in *installation) {
			in.set("vision", fmt.Sprintf("{models_dir: %s, calibration: /nonexistent}", gatetest.Models(t)))
		}, health.Faces, wrong, "vision.calibration", "put the file there"},
		{"no camera", sets("camera", "{source: v4l2, device: /dev/no-camera}"), health.Camera, wrong, "/dev/no-camera is not there", "facegate camera list"},
		{"what is no camera", sets("camera", "{source: v4l2, device: /dev/null}"), health.Camera, wrong, "/dev/null cannot be used", "video node"},
		{"a camera in the dark", func(t *testing.T, in *installation) { in.films(t, night(t)) }, health.Camera, wrong, "the picture is dark", "light the place"},
		{"a camera with a bad cable", func(t *testing.T, in *installation) {
			whole := gatetest.Corridor(t)
			in.films(t, whole, whole[:len(whole)/2])
		}, health.Camera, wrong, "of the frames are damaged", "cable"},
		{"no such line", sets("door", fmt.Sprintf(relay, "GPIO99")), health.Door, wrong, "door.line", "facegate door lines"},
		{"no chip that can be read", func(_ *testing.T, in *installation) {
			in.set("door", fmt.Sprintf(relay, "GPIO17"))
			in.chips, in.unread = nil, hint.Wrap(fs.ErrPermission, "Let the service's user into the group gpio (`usermod -aG gpio USER`)")
		}, health.Door, wrong, "permission denied", "usermod -aG gpio"},
		{"a line that somebody has", func(_ *testing.T, in *installation) {
			in.set("door", fmt.Sprintf(relay, "GPIO17"))
			in.chips[0].Lines[1].Used, in.chips[0].Lines[1].Consumer = true, "spi0 CS1"
		}, health.Door, wrong, `in use by "spi0 CS1"`, "use another line"},
		{"two lines of one name", func(_ *testing.T, in *installation) {
			in.set("door", fmt.Sprintf(relay, "GPIO17"))
			in.chips = append(in.chips, cdev.Chip{Name: "gpiochip4", Label: "other", Lines: []cdev.Info{{Name: "GPIO17"}}})
		}, health.Door, wrong, "more than one line fits", "Say on which chip"},
		{"the wrong profile", func(_ *testing.T, in *installation) {
			in.set("door", fmt.Sprintf(relay, "GPIO17"))
			for key := range lawful() {
				delete(in.settings, key)
			}
		}, health.Profile, wrong, "profile lab has a real camera or relay", "set profile to"},
		{"a magnet that shuts in", sets("door", "{driver: sim, kind: maglock, fail: secure}"), health.Door, wrong, "may not get out", "set door.fail to safe"},
		{"no broker", sets("mqtt", `{broker: "tcp://127.0.0.1:1"}`), health.Broker, wrong, "refuses the connection", "systemctl status mosquitto"},
		{"a password that others may read", func(t *testing.T, in *installation) {
			must(t, os.WriteFile(in.Path("password"), []byte("secret"), 0o644))
			in.set("mqtt", fmt.Sprintf("{broker: %q, username: gate, password_file: %s}", broker.URL(), in.Path("password")))
		}, health.Broker, wrong, "mqtt.password_file", "chmod 0600"},
		{
			"a clock that nobody has set", func(_ *testing.T, in *installation) { in.clock.Synced, in.clock.Kept = false, false }, health.Clock, wrong,
			"no time server has set the clock", "timedatectl set-ntp true",
		},
		{
			"a clock of a battery", func(_ *testing.T, in *installation) { in.clock.Synced, in.clock.Kept = false, true }, health.Clock, doctor.Advice,
			"no time server has set the clock", "facegate clock confirm",
		},
		{"a full disk", func(t *testing.T, in *installation) { in.mount(t, "size=8k", 0) }, health.Disk, wrong, "free, and an erasure needs", "make room"},
		{
			"a disk that cannot be written to", func(t *testing.T, in *installation) { in.mount(t, "size=8m", syscall.MS_RDONLY) }, health.Disk, wrong,
			"cannot be written to", "mount it for writing",
		},
		{"no group for the command line", func(_ *testing.T, in *installation) {
			in.set("control", fmt.Sprintf("{socket: %s, group: no-such-group}", in.Socket()))
		}, doctor.Control, wrong, "there is none called no-such-group", "groupadd --system no-such-group"},
		{"a gate that fails", func(t *testing.T, in *installation) {
			for range 3 {
				must(t, ended.Note(in.Socket(), ended.Failure{At: time.Now(), Error: "out of memory", ToDo: "see MemoryMax="}))
			}
		}, doctor.Service, wrong, "it failed 3 times in a row", "see MemoryMax="},
	}
}

// films has a camera of pictures.
func (in *installation) films(t *testing.T, pictures ...[]byte) {
	t.Helper()
	dir := in.Path("film")
	must(t, os.Mkdir(dir, 0o700))
	for i, p := range pictures {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".jpg")), p, 0o600))
	}
	in.set("camera", fmt.Sprintf("{source: replay, path: %s, fps: 5, loop: true}", dir))
}

// night is a dark picture.
func night(t *testing.T) []byte {
	t.Helper()
	dark := image.NewGray(image.Rect(0, 0, 320, 240))
	dark.SetGray(1, 1, color.Gray{Y: 30})
	var text bytes.Buffer
	must(t, jpeg.Encode(&text, dark, nil))
	return text.Bytes()
}

// mount gives the records a disk of their own.
func (in *installation) mount(t *testing.T, options string, flags uintptr) {
	t.Helper()
	disk := in.Path("disk")
	must(t, os.Mkdir(disk, 0o700))
	if err := syscall.Mount("tmpfs", disk, "tmpfs", flags, options+",mode=700"); err != nil {
		t.Skip("not permitted to mount: ", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(disk, 0)) })
	in.set("state_dir", disk)
	in.set("keys_dir", in.Keyrings())
}

// TestDoctorNamesBrokenInstallations breaks one thing at a time, and wants that alone to be found, with what to do next.
func TestDoctorNamesBrokenInstallations(t *testing.T) {
	t.Parallel()
	broker := contracttest.Start(t, loopback.Account{})
	mqtt := fmt.Sprintf("{broker: %q}", broker.URL())
	r, p := newInstallation(t, self(), mqtt).doctor(t)
	breakage{part: doctor.Service, state: doctor.Wrong, says: "the gate does not run", todo: "systemctl"}.wants(t, r, p)
	for _, b := range append(brokenInstallations(broker), brokenBrokers(t)...) {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t, self(), mqtt)
			b.spoil(t, in)
			r, p := in.doctor(t)
			b.wants(t, r, p)
		})
	}
}

// A paper is a certificate with its key, in PEM.
type paper struct{ certificate, key string }

// sign returns a paper for this machine that is valid until a time, signed by itself.
func sign(t *testing.T, until time.Time) paper {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "broker"}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return paper{
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
	}
}

// brokenBrokers are brokers at which something is wrong, all of one mosquitto.
func brokenBrokers(t *testing.T) []breakage {
	t.Helper()
	account := loopback.NewAccount()
	b := mosquittotest.NewGuarded(t, account, "topic readwrite facegate/test/front/pass")
	dir := t.TempDir()
	well, over := sign(t, time.Now().Add(time.Hour)), sign(t, time.Now().Add(-time.Hour))
	for name, p := range map[string]paper{"well": well, "over": over} {
		must(t, os.WriteFile(filepath.Join(dir, name+".crt"), []byte(p.certificate), 0o600))
		must(t, os.WriteFile(filepath.Join(dir, name+".key"), []byte(p.key), 0o600))
		socket := strings.TrimPrefix(b.URL(), "unix://") + name
		b.Configure(t, "listener 0 "+socket, fmt.Sprintf("certfile %s/%s.crt", dir, name), fmt.Sprintf("keyfile %s/%s.key", dir, name))
	}
	b.Start(t)
	t.Cleanup(func() { b.Stop(t) })
	at := func(scheme, listener, password, ca string) func(*testing.T, *installation) {
		return func(t *testing.T, in *installation) {
			wire := newTap(t, "tcp", "127.0.0.1:0", b.URL()+listener)
			must(t, os.WriteFile(in.Path("password"), []byte(password), 0o600))
			must(t, os.WriteFile(in.Path("ca.crt"), []byte(ca), 0o600))
			more := ""
			if ca != "" {
				more = ", ca_file: " + in.Path("ca.crt")
			}
			in.set("mqtt", fmt.Sprintf("{broker: %q, username: %s, password_file: %s%s}",
				scheme+"://"+wire.listener.Addr().String(), account.Username, in.Path("password"), more))
		}
	}
	const wrong = doctor.Wrong
	return []breakage{
		{"a wrong password", at("tcp", "", "wrong", ""), health.Broker, wrong, "let", "mqtt.password_file"},
		{
			"an access list that keeps a topic back", at("tcp", "", account.Password, ""), health.Broker, wrong,
			"does not give back what this gate tells on facegate/test/front/echo", "read and write facegate/test/front/# in the broker's access list",
		},
		{"a broker of another authority", at("ssl", "well", account.Password, over.certificate), health.Broker, wrong, "authority", "mqtt.ca_file"},
		{"a certificate that is over", at("ssl", "over", account.Password, over.certificate), health.Broker, wrong, "expired", "enew"},
		{"a port with TLS", at("tcp", "well", account.Password, ""), health.Broker, wrong, "closes the connection without an answer", "If it is a TLS port, write ssl://"},
	}
}

// nobody is the user of the service in tests of rights, who is in no group and owns nothing.
const nobody = "nobody"

// TestDoctorLooksAsTheService is run by root, who may do everything, of a service that runs as somebody else.
func TestDoctorLooksAsTheService(t *testing.T) {
	who, err := user.Lookup(nobody)
	if os.Geteuid() != 0 || err != nil {
		t.Skipf("only root can look as another user, who has to be there: %v", err)
	}
	t.Setenv(asBare, "1") // as which the test is started for the other user
	uid, err := strconv.Atoi(who.Uid)
	must(t, err)
	video, err := user.LookupGroup("video")
	must(t, err)
	gid, err := strconv.Atoi(video.Gid)
	must(t, err)
	broker := contracttest.Start(t, loopback.Account{})
	models := gatetest.NewSite(t).Path("models")
	must(t, os.Chmod(filepath.Dir(models), 0o755))
	must(t, os.CopyFS(models, os.DirFS(gatetest.Models(t))))
	must(t, filepath.WalkDir(models, func(path string, _ os.DirEntry, err error) error { return errors.Join(err, os.Chmod(path, 0o755)) }))
	node := func(in *installation, gid int, mode os.FileMode) string {
		path := in.Path("event-kbd")
		must(t, os.WriteFile(path, nil, 0o600))
		must(t, errors.Join(os.Chown(path, 0, gid), os.Chmod(path, mode)))
		return path
	}
	reader := func(path string) string { return "[{name: desk, kind: usb, device: " + path + ", class: card-secure}]" }
	const wrong = doctor.Wrong
	for _, b := range []breakage{
		{"well", func(t *testing.T, in *installation) {}, doctor.Service, wrong, "the gate does not run", "systemctl"},
		{"a configuration of root's alone", func(t *testing.T, in *installation) {
			in.config = in.WriteConfig(t, in.settings)
			must(t, os.Chmod(in.config, 0o600))
		}, doctor.Configuration, wrong, "permission denied", "let the user of facegate read"},
		{
			"a key of root's", func(t *testing.T, in *installation) { must(t, os.Chown(in.Path("device.key"), 0, 0)) }, health.Key, wrong,
			"permission denied", "",
		},
		{
			"records of root's", func(t *testing.T, in *installation) { must(t, os.Mkdir(in.State(), 0o755)) }, health.Disk, wrong,
			"state_dir", "own",
		},
		{"networks of root's", func(t *testing.T, in *installation) {
			must(t, os.Mkdir(in.Path("models"), 0o700))
			in.set("vision", fmt.Sprintf("{models_dir: %s}", in.Path("models")))
		}, health.Faces, wrong, "vision.models_dir", ""},
		{"a group that the service is not in", func(t *testing.T, in *installation) {
			drop("SupplementaryGroups=")(t, in)
			in.set("camera", "{source: v4l2, device: "+node(in, gid, 0o660)+"}")
		}, health.Camera, wrong, "this user may not use", "usermod -aG video " + nobody + " && systemctl restart facegate"},
		{"a camera of root's", func(t *testing.T, in *installation) {
			in.set("camera", "{source: v4l2, device: "+node(in, 0, 0o660)+"}")
		}, health.Camera, wrong, "this user may not use", "udevadm trigger"},
		{"a reader of root's", func(t *testing.T, in *installation) {
			in.set("readers", reader(node(in, 0, 0o600)))
			in.set("alternatives", "[card]")
		}, health.Entry, wrong, "this user may not use", "group input"},
		{"a reader for a group of the service", func(t *testing.T, in *installation) {
			in.set("readers", reader(node(in, gid, 0o660)))
			in.set("alternatives", "[card]")
		}, doctor.Service, wrong, "the gate does not run", "systemctl"},
		{"a password of root's", func(t *testing.T, in *installation) {
			must(t, os.WriteFile(in.Path("password"), []byte("secret"), 0o600))
			in.set("mqtt", fmt.Sprintf("{broker: %q, username: gate, password_file: %s}", broker.URL(), in.Path("password")))
		}, health.Broker, wrong, "permission denied", "mqtt.password_file"},
		{
			"no such user", func(t *testing.T, in *installation) { drop("User=no-such-user")(t, in) }, doctor.Service, wrong,
			"there is no user no-such-user", "install the package",
		},
	} {
		t.Run(b.name, func(t *testing.T) {
			in := newInstallation(t, nobody, fmt.Sprintf("{broker: %q}", broker.URL()))
			in.set("vision", fmt.Sprintf("{models_dir: %s}", models))
			must(t, errors.Join(os.Chown(in.Dir, uid, -1), os.Chown(in.Path("device.key"), uid, -1)))
			b.spoil(t, in)
			if in.config == "" {
				in.config = in.WriteConfig(t, in.settings)
				must(t, os.Chmod(in.config, 0o644))
			}
			r, p := in.doctor(t)
			b.wants(t, r, p)
		})
	}
}
