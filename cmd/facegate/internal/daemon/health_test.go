package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/memory"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/law"
	"facegate/device"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline/publish"
)

// TestHealthOfParts breaks each part by itself.
func TestHealthOfParts(t *testing.T) {
	well := status.Status{
		Camera: device.CaptureStatus{State: device.Streaming}, Door: door.Status{State: gpio.Locked},
		MQTT: publish.Status{Connected: true}, Mode: law.OneToMany,
	}
	parts := []func(*status.Status) []health.Condition{cameraHealth, doorHealth, recordHealth, facesHealth, brokerHealth, lawHealth}
	for _, c := range []struct {
		name   string
		breaks func(*status.Status)
		part   health.Part
		state  health.State
		reason string
	}{
		{"all well", func(*status.Status) {}, "", "", ""},
		{"no frame yet", func(s *status.Status) { s.Camera.State = device.Starting }, health.Camera, health.Degraded, "no frame"},
		{
			"camera lost", func(s *status.Status) { s.Camera.State, s.Camera.Error = device.Lost, "unplugged" },
			health.Camera, health.Down, "unplugged",
		},
		{
			"damaged frames", func(s *status.Status) { s.Camera.Error = "50 % of the last 100 frames are damaged" },
			health.Frames, health.Degraded, "50 % of the last",
		},
		{"recording over", func(s *status.Status) { s.Camera.State = device.Ended }, health.Camera, health.Down, "ended"},
		{"line in fault", func(s *status.Status) { s.Door = door.Status{State: gpio.Fault, Err: "stuck"} }, health.Door, health.Down, "stuck"},
		{"forced", func(s *status.Status) { s.Door.Alarms = []string{string(door.Forced)} }, health.Door, health.Degraded, "nobody was let in"},
		{"warned of", func(s *status.Status) { s.Door.Alarms = []string{string(door.HeldWarning)} }, "", "", ""},
		{"held", func(s *status.Status) { s.Door.Alarms = []string{string(door.Held)} }, health.Door, health.Degraded, "too long"},
		{"tampered with", func(s *status.Status) { s.Door.Alarms = []string{string(door.Tamper)} }, health.Door, health.Degraded, "housing"},
		{"fire", func(s *status.Status) { s.Door.Alarms = []string{string(door.FireOn)} }, health.Door, health.Degraded, "fire alarm"},
		{"held by somebody", func(s *status.Status) { s.Door.State, s.Door.Why = gpio.Unlocked, door.Hold }, "", "", ""},
		{
			"a button that sticks", func(s *status.Status) {
				s.Door.Lines = []door.LineStatus{{Role: "exit", Line: "GPIO4", Err: "stuck", Hint: "look"}}
			},
			health.Door, health.Degraded, "door.exit is in fault: stuck",
		},
		{"a fault that is over", func(s *status.Status) { s.Door.Err = "stuck" }, "", "", ""},
		{"no templates", func(s *status.Status) { s.Lockout.LockedDown = true }, health.Faces, health.Down, "every template was destroyed"},
		{
			"faces off", func(s *status.Status) { s.FacesOff = &status.FacesOff{Since: time.Now(), Reason: "a film"} },
			health.Faces, health.Down, ": a film",
		},
		{"switched off", func(s *status.Status) { closed(s, status.Closed{Means: "face", Off: 2}) }, health.Faces, health.Degraded, "2 people opens nothing, because"},
		{"slowed down", func(s *status.Status) { closed(s, status.Closed{Means: "face", Slowed: 1}) }, health.Faces, health.Degraded, "for now"},
		{"flooded", func(s *status.Status) { closed(s, status.Closed{Means: "face", WaitS: 3}) }, health.Faces, health.Down, "many prints"},
		{"a card switched off", func(s *status.Status) { closed(s, status.Closed{Means: "card", Off: 2}) }, health.Entry, health.Degraded, "the card of 2 people"},
		{"a flood of PINs", func(s *status.Status) { closed(s, status.Closed{Means: "PIN", WaitS: 3}) }, health.Entry, health.Down, "by PIN"},
		{"nothing can be written down", func(s *status.Status) { s.Record.Full = true }, health.Entry, health.Down, "nobody is let in"},
		{"much is to be written down", func(s *status.Status) { s.Record.Waiting = 1000 }, "", "", ""},
		{
			"two gates with one name", func(s *status.Status) { s.MQTT = publish.Status{Connected: true, Err: "another client has the id"} },
			health.Broker, health.Degraded, "another client",
		},
		{"a pass before each face", func(s *status.Status) { s.Mode = law.OneToOne }, "", "", ""},
		{
			"broker away", func(s *status.Status) { s.MQTT = publish.Status{Err: "refused"} },
			health.Broker, health.Degraded, "refused",
		},
		{
			"two gates of one name", func(s *status.Status) { s.MQTT.Err = "another client has the client id" },
			health.Broker, health.Degraded, "another client",
		},
		{
			"one of two brokers away", func(s *status.Status) {
				s.MQTT.Others = []publish.Other{{Broker: "ssl://b:8883", Err: "ssl://b:8883 refuses", Hint: "start it"}, {Broker: "ssl://c:8883"}}
			},
			health.Broker, health.Degraded, "another broker",
		},
		{"events lost", func(s *status.Status) { s.MQTT.Dropped = 2 }, health.Broker, health.Degraded, "2 events"},
		{"assessment due", func(s *status.Status) { s.Assessment.Due = true }, health.Law, health.Degraded, "does not cover"},
	} {
		s := well
		c.breaks(&s)
		var found []health.Condition
		for _, part := range parts {
			found = append(found, part(&s)...)
		}
		if c.part == "" {
			if len(found) != 0 {
				t.Errorf("%s: %+v", c.name, found)
			}
			continue
		}
		if len(found) != 1 || found[0].Part != c.part || found[0].State != c.state ||
			!strings.Contains(found[0].Reason, c.reason) || found[0].Todo == "" {
			t.Errorf("%s: %+v", c.name, found)
		}
	}
}

// TestHealthOfDisks looks at disks that are full in one way or the other.
func TestHealthOfDisks(t *testing.T) {
	const block, size = 4096, 10 << 20
	good := unix.Statfs_t{Bsize: block, Bavail: (size + roomFor) / block, Files: 100, Ffree: 1}
	for _, c := range []struct {
		name   string
		breaks func(*unix.Statfs_t)
		reason string
	}{
		{"with room", func(*unix.Statfs_t) {}, ""},
		{"that counts no files", func(s *unix.Statfs_t) { s.Files, s.Ffree = 0, 0 }, ""},
		{"with no room for an erasure", func(s *unix.Statfs_t) { s.Bavail-- }, "an erasure needs 11264"},
		{"without files", func(s *unix.Statfs_t) { s.Ffree = 0 }, "no more files"},
		{"for reading", func(s *unix.Statfs_t) { s.Flags, s.Bavail = unix.ST_RDONLY, 0 }, "cannot be written to"},
	} {
		disk := good
		c.breaks(&disk)
		found := room("/state", disk, size)
		if c.reason == "" && len(found) == 0 {
			continue
		}
		if len(found) != 1 || c.reason == "" || !strings.Contains(found[0].Reason, c.reason) || found[0].State != health.Degraded {
			t.Errorf("a disk %s: %+v", c.name, found)
		}
	}
}

// TestLabInUse checks that the profile for people who do not exist warns of a real camera and of a real relay.
func TestLabInUse(t *testing.T) {
	for _, c := range []struct {
		profile law.Jurisdiction
		source  configs.PictureSource
		driver  configs.Driver
		warns   bool
	}{
		{law.Lab, configs.Replay, configs.Sim, false},
		{law.Lab, configs.V4L2, configs.Sim, true},
		{law.Lab, configs.Replay, configs.Cdev, true},
		{law.EU, configs.V4L2, configs.Cdev, false},
	} {
		d := &Daemon{config: &configs.Config{
			Jurisdiction: c.profile, Camera: configs.Camera{Source: c.source}, Door: configs.Door{Driver: c.driver},
		}}
		warns := slices.ContainsFunc(d.profileHealth(nil), func(c health.Condition) bool { return c.Part == health.Profile })
		if warns != c.warns {
			t.Errorf("%+v: a warning: %v", c, warns)
		}
	}
}

// TestHealthOfPackage says which update was taken back, as long as it is known.
func TestHealthOfPackage(t *testing.T) {
	for version, want := range map[string]int{"": 0, "1.3.0": 1} {
		d := &Daemon{outside: Outside{Refused: func() string { return version }}}
		if found := d.packageHealth(nil); len(found) != want || want == 1 && !strings.HasPrefix(found[0].Reason, "version 1.3.0 did not come up") {
			t.Errorf("%q: %+v", version, found)
		}
	}
	if found := (&Daemon{}).packageHealth(nil); found != nil {
		t.Errorf("a gate that is from no package: %+v", found)
	}
}

// TestHealthOfMemory puts a gate that may not lock its memory on machines with and without swap.
func TestHealthOfMemory(t *testing.T) {
	on := fstest.MapFS{"proc/swaps": {Data: []byte("Filename Type\n/dev/zram0 partition\n")}}
	found := swapHealth(on, memory.ErrLimit)
	if len(found) != 1 || found[0].Part != health.Memory || !strings.Contains(found[0].Reason, memory.ErrLimit.Error()) {
		t.Errorf("with swap: %+v", found)
	}
	if found := swapHealth(fstest.MapFS{}, memory.ErrLimit); found != nil {
		t.Errorf("without swap: %+v", found)
	}
	if found := (&Daemon{}).memoryHealth(nil); found != nil {
		t.Errorf("with locked memory: %+v", found)
	}
}

func closed(s *status.Status, c status.Closed) { s.Lockout.Means = append(s.Lockout.Means, c) }
