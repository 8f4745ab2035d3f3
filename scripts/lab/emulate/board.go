package main

import (
	"fmt"
	"path/filepath"
	"time"
)

// A board is one that QEMU emulates.
type board struct {
	name    string
	program string // of QEMU
	arch    string
	console string   // the serial line, as the kernel calls it
	options []string // of the machine
	dtb     bool     // the kernel has to be told what the machine has
	disks   []disk   // that the machine has; with none its files are in the folder of its architecture
	watch   tracer   // nil if nothing of its pins is seen from outside
	drives  bool     // its inputs can be driven from outside
	pulses  []pulse  // that TestPulse gives
	only    string   // what to test instead of all; "" for all
}

// A disk is a file of the host that the board has as memory which keeps what is in it: nothing has to be waited for to read and
// write there, and so no time goes by.
type disk struct {
	file string // in the folder of the board
	size string // of the file, as QEMU takes it
}

// A tracer has QEMU report what its GPIO controller does, and reads it.
type tracer interface {
	event() string                // of QEMU
	read(line string) []pinChange // what a line of the report says
}

// A pulse is what a pin has to do over the whole run: take these levels, of which the last but one is the pulse.
type pulse struct {
	pin    int
	levels string
}

// avx2 is the processor of a PC, with vectors of eight numbers, by which it looks at a frame in half a second: a face that was not seen
// for longer is a new one to the gate. What QEMU cannot emulate of it is left out.
const avx2 = "Haswell-noTSX,-pcid,-x2apic,-tsc-deadline,-invpcid"

func boardOf(name string) (board, error) {
	switch name {
	case "virt": // after power-on its pins are low; it is twice as fast, to follow faces while it looks for passes
		return board{
			name: name, program: "qemu-system-aarch64", arch: "arm64", console: "ttyAMA0", watch: pl061{}, drives: true,
			options: []string{
				"-M", "virt", "-cpu", "cortex-a72,cntfrq=2000000000", "-smp", "1", "-m", "1024", "-nodefaults", "-serial", "stdio",
			},
			pulses: []pulse{{6, "010"}, {7, "0101"}},
		}, nil
	case "raspi3b": // after power-on its pins are inputs; the console is on the second serial line
		return board{
			name: name, program: "qemu-system-aarch64", arch: "arm64", console: "ttyS1,115200", dtb: true, watch: newBCM2835(),
			options: []string{"-M", "raspi3b", "-serial", "null", "-serial", "stdio"},
			pulses:  []pulse{{17, "010"}, {22, "101"}},
		}, nil
	case "amd64": // a simulated controller in the kernel, watched by another program in there
		return board{
			name: name, program: "qemu-system-x86_64", arch: "amd64", console: "ttyS0",
			options: []string{"-M", "q35", "-cpu", "Nehalem", "-smp", "1", "-m", "1024", "-nodefaults", "-serial", "stdio"},
		}, nil
	case "debian12", "debian13": // a PC with that Debian on its disk, and a stick in it
		return board{
			name: name, program: "qemu-system-x86_64", arch: "amd64", console: "ttyS0", disks: []disk{{diskFile, "1G"}, {"stick.img", "256M"}},
			options: []string{
				"-M", "q35,nvdimm=on", "-cpu", avx2, "-smp", "1", "-m", "1024,slots=2,maxmem=8G", "-rtc", "clock=vm",
				"-nodefaults", "-serial", "stdio",
			},
		}, nil
	}
	return board{}, fmt.Errorf("there is no board %q; there are virt, raspi3b, amd64, debian12 and debian13", name)
}

// command is QEMU's. An instruction takes one tick of the board's counter, however long it takes the host, so that a busy host changes
// no time on the board. A tick is a nanosecond, unless the counter is said to have another frequency (cntfrq). More than one
// processor would only take turns. Of the four of a Raspberry Pi three get nothing to do, but are started: until the kernel starts
// them they wait in a loop, and while anything runs no time is skipped.
//
// Its sockets are in the folder of the lab. Where a board has disks nobody outside has to keep up with it, and the time in which
// nothing runs is skipped. There the kernel guards against no flaws of processors either: an emulated one has none, and to keep the
// kernel's memory apart costs the emulator all that it has translated of addresses, at each call of the kernel. It puts each program where
// it was put before, so that what the emulator has translated of it serves again.
func (b board) command(lab string, now time.Time) []string {
	from, icount, system := filepath.Join(lab, b.arch), "shift=0,sleep=on", ""
	if b.disks != nil {
		from, icount = filepath.Join(lab, b.name), "shift=0,sleep=off"
		system = " systemd.mask=serial-getty@ttyS0.service systemd.show_status=no mitigations=off norandmaps" // the console is the test's
	}
	kernel := fmt.Sprintf("console=%s panic=-1 quiet isolcpus=1-3 board=%s tty=%s now=%d only=%q%s",
		b.console, b.name, b.console, now.Unix(), b.only, system)
	argv := append([]string{b.program}, b.options...)
	argv = append(argv, "-icount", icount, "-display", "none", "-monitor", "none", "-no-reboot", "-append", kernel,
		"-kernel", filepath.Join(from, "vmlinuz"), "-initrd", filepath.Join(from, "initramfs.cpio"))
	if b.dtb {
		argv = append(argv, "-dtb", filepath.Join(from, b.name+".dtb"))
	}
	for i, d := range b.disks {
		argv = append(argv, "-object", fmt.Sprintf("memory-backend-file,id=m%d,share=on,mem-path=%s,size=%s", i, filepath.Join(from, d.file), d.size),
			"-device", fmt.Sprintf("nvdimm,id=d%d,memdev=m%[1]d", i))
	}
	if b.watch != nil {
		argv = append(argv, "-msg", "timestamp=on", "-trace", b.watch.event())
	}
	if b.drives {
		argv = append(argv, "-qtest", "unix:"+socketOf(lab, b, "qtest")+",server=on,wait=off", "-qtest-log", "/dev/null",
			"-qmp", "unix:"+socketOf(lab, b, "qmp")+",server=on,wait=off")
	}
	return argv
}

// diskFile is the disk on which the system of a board is installed.
const diskFile = "disk.img"

// socketOf is the path of a socket of QEMU.
func socketOf(lab string, b board, protocol string) string {
	return filepath.Join(lab, b.name+"."+protocol)
}
