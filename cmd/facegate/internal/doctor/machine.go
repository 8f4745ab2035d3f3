package doctor

import (
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/memory"
	"facegate/cmd/facegate/internal/service"
	"facegate/configs/address"
)

// A Machine is what a gate runs on.
type Machine struct {
	Root      fs.FS // of its file system
	Unit      service.Unit
	Installed bool // the Unit is of this machine, and not that of the package
	Lines     bool // the door is driven by lines of the kernel
	Brokers   []address.Address
	Camera    Stream
}

// A Stream is what a USB camera is to send.
type Stream struct {
	Node string  // such as video0, "" for none
	Mbps float64 // of pictures as they are, megabits a second; 0 for compressed ones
}

// Look looks at everything that a machine tells in its files, whether or not a gate runs on it. What a kernel does not tell is passed
// over: most boards have no more than half of it.
func (m Machine) Look() Look {
	l := Look{Parts: []health.Part{Power, Temperature, Processor, health.Memory, health.Disk}}
	if m.Installed {
		l.Parts = append(l.Parts, Service)
	}
	for _, examine := range []func() []Finding{
		m.service, m.reach, m.clock, m.power, m.throttling, m.heat, m.cores, m.controller, m.swap, m.wear, m.fileSystems, m.persists, m.bandwidth,
	} {
		l.Findings = append(l.Findings, examine()...)
	}
	return l
}

// text returns the first line of a file, "" if there is none.
func (m Machine) text(name string) string {
	b, err := fs.ReadFile(m.Root, name)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strings.Trim(first, " \t\x00")
}

// number returns the number in a file, which may begin with 0x, and false if there is none.
func (m Machine) number(name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(m.text(name), 0, 64)
	return n, err == nil
}

// glob returns the names that a pattern fits.
func (m Machine) glob(pattern string) []string {
	names, _ := fs.Glob(m.Root, pattern) // its one error is about the pattern
	return names
}

// there reports whether a file is there, even if it is a link to nothing.
func (m Machine) there(name string) bool {
	_, err := fs.Lstat(m.Root, name)
	return err == nil
}

// isRaspberry reports whether the machine is a Raspberry Pi.
func (m Machine) isRaspberry() bool {
	return strings.HasPrefix(m.text("proc/device-tree/model"), "Raspberry Pi")
}

// service says whether the machine starts the gate when it is switched on.
func (m Machine) service() []Finding {
	const unit = "etc/systemd/system/facegate.service"
	if target, err := fs.ReadLink(m.Root, unit); err == nil && path.Base(target) == "null" {
		return when(true, Service, Wrong, "the service is masked: nothing starts it", "systemctl unmask facegate && systemctl enable --now facegate")
	}
	enabled := m.there("etc/systemd/system/multi-user.target.wants/facegate.service")
	return when(m.Installed && !enabled, Service, Wrong, "the service is not enabled: the gate does not come up when the machine is switched on",
		"systemctl enable facegate")
}

// reach says whether the unit lets the gate reach its brokers. Which number a name has is not looked up: that may change.
func (m Machine) reach() (found []Finding) {
	for _, b := range m.Brokers {
		number, err := netip.ParseAddr(b.Host)
		permitted := b.OnBoard() || m.Unit.Permits(number) || err != nil && m.Unit.PermitsOthers()
		found = append(found, when(m.Installed && !permitted, health.Broker, Wrong,
			fmt.Sprintf("the unit does not let the gate reach %s: IPAddressAllow= does not name it", b.Host),
			"systemctl edit facegate, write [Service] and IPAddressAllow= with the broker's number, then: systemctl restart facegate")...)
	}
	return found
}

// clock says whether the unit lets the gate ask who has set the clock.
func (m Machine) clock() []Finding {
	return when(m.Installed && m.Unit.HidesClock, health.Clock, Wrong, "the unit keeps the gate from asking whether a time server has set the clock (ProtectClock=)",
		"systemctl edit facegate, remove ProtectClock=, then: systemctl restart facegate")
}

// Bits of what the firmware of a Raspberry Pi tells of its supply and its clock (vcgencmd get_throttled). Each is there a second time 16
// bits further up, for since the start.
const (
	underVoltage = 1 << iota
	capped
	throttled
	softLimit

	sinceStart = 16
)

// throttledBits are those that the firmware of a Raspberry Pi tells, 0 on every other machine.
func (m Machine) throttledBits() int64 {
	bits, _ := strconv.ParseInt(strings.TrimPrefix(m.text("sys/devices/platform/soc/soc:firmware/get_throttled"), "0x"), 16, 64)
	return bits
}

const adviceSupply = "use the supply that the board's maker sells for it, with its own cable, and give USB devices a hub with a supply"

// power says whether the supply is too weak: a camera fails by it, and a card is damaged.
func (m Machine) power() []Finding {
	bits := m.throttledBits()
	now := bits&underVoltage != 0
	for _, name := range m.glob("sys/class/hwmon/hwmon*/name") {
		if alarm, ok := m.number(path.Join(path.Dir(name), "in0_lcrit_alarm")); m.text(name) == "rpi_volt" && ok && alarm == 1 {
			now = true
		}
	}
	if now {
		return when(true, Power, Wrong, "the board is given too little voltage", adviceSupply)
	}
	return when(bits&(underVoltage<<sinceStart) != 0, Power, Wrong, "the board was given too little voltage since it was started", adviceSupply)
}

const adviceHeat = "give the housing air or the board a heat sink, and keep sun and lamps off; facegate doctor says when it is cool enough"

// throttling says whether the machine is slower than it could be because of heat.
func (m Machine) throttling() []Finding {
	slow := m.throttledBits()&(capped|throttled|softLimit) != 0 && m.throttledBits()&underVoltage == 0
	for _, kind := range m.glob("sys/class/thermal/cooling_device*/type") {
		n, ok := m.number(path.Join(path.Dir(kind), "cur_state"))
		if ok && n > 0 && strings.Contains(strings.ToLower(m.text(kind)), "cpu") && !strings.Contains(m.text(kind), "idle") {
			slow = true
		}
	}
	return when(slow, Temperature, Wrong, "the processor is slowed down because it is hot", adviceHeat)
}

// hotFrom is from where on a zone counts as hot that does not say so itself, in thousandths of a degree Celsius.
const hotFrom = 80_000

// heat says whether a zone of the machine is near where it would be slowed down or switched off.
func (m Machine) heat() []Finding {
	for _, zone := range m.glob("sys/class/thermal/thermal_zone*") {
		t, ok := m.number(path.Join(zone, "temp"))
		if ok && t >= m.limit(zone) {
			return when(true, Temperature, Wrong, fmt.Sprintf("the board is hot: %d °C (%s)", t/1000, m.text(path.Join(zone, "type"))), adviceHeat)
		}
	}
	return nil
}

// limit is from where on a zone is hot: its own lowest trip point at which something is done, or hotFrom.
func (m Machine) limit(zone string) int64 {
	limit := int64(hotFrom)
	for _, kind := range m.glob(path.Join(zone, "trip_point_*_type")) {
		at, ok := m.number(strings.TrimSuffix(kind, "_type") + "_temp")
		if ok && at > 0 && slices.Contains([]string{"passive", "hot"}, m.text(kind)) {
			limit = min(limit, at)
		}
	}
	return limit
}

// cores says whether a power mode has switched cores off, as those of a Jetson do.
func (m Machine) cores() []Finding {
	present, online := m.text("sys/devices/system/cpu/present"), m.text("sys/devices/system/cpu/online")
	todo := "switch them on, one by one: echo 1 >/sys/devices/system/cpu/cpuN/online"
	if m.there("etc/nvpmodel.conf") {
		todo = "choose a power mode with more cores: nvpmodel -q says which it is, nvpmodel -m 0 is usually that with all"
	}
	return when(online != present, Processor, Advice, fmt.Sprintf("only the cores %s of %s are switched on", online, present), todo)
}

// memoryControlled reports whether the kernel can bound the memory of a service, and false where it does not tell.
func (m Machine) memoryControlled() (yes, known bool) {
	if controllers, err := fs.ReadFile(m.Root, "sys/fs/cgroup/cgroup.controllers"); err == nil {
		return slices.Contains(strings.Fields(string(controllers)), "memory"), true
	}
	groups, err := fs.ReadFile(m.Root, "proc/cgroups")
	for line := range strings.Lines(string(groups)) {
		if f := strings.Fields(line); len(f) == 4 && f[0] == "memory" {
			return f[3] == "1", true
		}
	}
	return false, err == nil
}

// controller says whether the limits of the unit hold.
func (m Machine) controller() []Finding {
	controlled, known := m.memoryControlled()
	todo := "add cgroup_enable=memory to the command line of the kernel, and restart the machine"
	if m.isRaspberry() {
		todo = "add cgroup_enable=memory to the one line of /boot/firmware/cmdline.txt, and restart the machine: reboot"
	}
	return when(known && !controlled, health.Memory, Advice,
		"the memory controller of the kernel is off: MemoryMax= and MemorySwapMax= of the unit do nothing", todo)
}

// swap says whether what a gate has in its memory can get to a disk. One whose unit lets it lock its memory is not concerned.
func (m Machine) swap() []Finding {
	on, err := memory.SwapOn(m.Root)
	controlled, _ := m.memoryControlled()
	kept := m.Unit.LocksMemory || m.Unit.NoSwap && controlled
	return when(m.Installed && err == nil && on && !kept, health.Memory, Wrong,
		"frames and keys can get to a disk: swap is on, and the unit does not let the gate lock its memory (LimitMEMLOCK=infinity)",
		"swapoff -a, and remove its line from /etc/fstab (Raspberry Pi OS: systemctl disable --now dphys-swapfile)")
}

// wear says whether an eMMC or a card that tells so is worn (JESD84-B51, EXT_CSD 267 to 269).
func (m Machine) wear() (found []Finding) {
	const todo = "back up, and replace it before it fails: facegate backup create FILE"
	for _, file := range m.glob("sys/class/block/mmcblk*/device/life_time") {
		card := path.Base(path.Dir(path.Dir(file)))
		end, _ := m.number(path.Join(path.Dir(file), "pre_eol_info"))
		used := 0
		for _, field := range strings.Fields(m.text(file)) {
			n, err := strconv.ParseInt(field, 0, 64)
			if err == nil {
				used = max(used, int(n)*10)
			}
		}
		found = append(found, when(used > 90 || end >= 2, health.Disk, Wrong,
			fmt.Sprintf("the flash memory %s is worn: %d %% of its life are over", card, min(used, 100)), todo)...)
	}
	return found
}

// fileSystems says whether the kernel has found damage.
func (m Machine) fileSystems() (found []Finding) {
	for _, file := range m.glob("sys/fs/ext4/*/errors_count") {
		disk := path.Base(path.Dir(file))
		n, ok := m.number(file)
		found = append(found, when(ok && n > 0, health.Disk, Wrong, fmt.Sprintf("the file system on %s is damaged: the kernel has met %d errors", disk, n),
			"touch /forcefsck and restart the machine, or add fsck.mode=force to the command line of the kernel once; replace the disk if it comes again")...)
	}
	return found
}

// persists says whether a line keeps its level when a gate is killed, as with the kernel of Raspberry Pi OS.
func (m Machine) persists() []Finding {
	const todo = "add dtparam=strict_gpiod to /boot/firmware/config.txt, and restart the machine: reboot"
	for _, file := range m.glob("sys/module/*/parameters/persist_gpio_outputs") {
		if m.Lines && m.text(file) == "Y" {
			return when(true, health.Door, Advice,
				"the kernel keeps the level of a line when the gate is killed: until systemd has called facegate door safe the door stays as it is", todo)
		}
	}
	return nil
}

// carried is how much of one camera a USB 2 port carries, in megabits a second: three packets of 1,024 bytes in each of 8,000 microframes
// (USB 2.0, section 5.6.4).
const carried = 3 * 1024 * 8 * 8000 / 1e6

// bandwidth says whether the port of the camera carries what the camera is to send.
func (m Machine) bandwidth() []Finding {
	port, err := fs.ReadLink(m.Root, path.Join("sys/class/video4linux", m.Camera.Node, "device"))
	if err != nil || m.Camera.Node == "" {
		return nil
	}
	at, _, _ := strings.Cut(path.Base(port), ":") // the interface of the device
	speed, err := strconv.ParseFloat(m.text(path.Join("sys/bus/usb/devices", at, "speed")), 64)
	switch {
	case err != nil: // it is none of USB
		return nil
	case speed < 480:
		return when(true, health.Camera, Wrong, fmt.Sprintf("the camera is at a USB port or hub that carries %.0f Mbit/s", speed),
			"plug it into a port of the board itself, with another cable")
	case speed == 480 && m.Camera.Mbps > carried:
		return when(true, health.Camera, Wrong,
			fmt.Sprintf("the camera is to send %.0f Mbit/s, and its USB 2 port carries %.0f of one camera", m.Camera.Mbps, carried),
			"set camera.format to mjpeg, or choose a smaller size: facegate camera list shows which there are")
	}
	return nil
}
