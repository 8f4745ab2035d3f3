package daemon_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/daemon"
	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/device/reader"
	"facegate/gpio/sim"
	"facegate/pipeline/attempt"
	"facegate/pipeline/calibrate"
	"facegate/pipeline/matchertest"
	"facegate/pipeline/models"
	"facegate/pipeline/visitor"
	"facegate/store"
	"facegate/store/clock"
)

// A broken thing is there when a gate starts.
type broken struct {
	name     string
	spoil    func(t *testing.T, s gatetest.Site)
	mend     func(t *testing.T, s gatetest.Site)
	part     health.Part // whose health says so, and what to do in words of todo
	todo     string
	networks bool // no face is looked at
	full     bool // there is no room to write, but for what is free within the files that are there
	readOnly bool // nothing can be written
}

// networksOf is the folder of networks of a site.
func networksOf(s gatetest.Site) string { return s.Path("networks") }

// bringNetworks links all networks into the folder of a site.
func bringNetworks(t *testing.T, s gatetest.Site) {
	t.Helper()
	must(t, os.MkdirAll(networksOf(s), 0o700))
	files, err := os.ReadDir(gatetest.Models(t))
	must(t, err)
	for _, f := range files {
		err := os.Symlink(filepath.Join(gatetest.Models(t), f.Name()), filepath.Join(networksOf(s), f.Name()))
		if err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
}

// without takes the file of a network away, or puts content in its place.
func without(file string, content []byte) func(*testing.T, gatetest.Site) {
	return func(t *testing.T, s gatetest.Site) {
		path := filepath.Join(networksOf(s), file)
		must(t, os.Remove(path))
		if content != nil {
			must(t, os.WriteFile(path, content, 0o600))
		}
	}
}

// calibrationOf is the file of the calibration of a site.
func calibrationOf(s gatetest.Site) string { return s.Path("calibration.json") }

// bringCalibration writes the shipped calibration for a site, whatever is in its place.
func bringCalibration(t *testing.T, s gatetest.Site) {
	t.Helper()
	must(t, os.RemoveAll(calibrationOf(s)))
	must(t, os.Rename(otherCalibration(t, s, func(*calibrate.File) {}), calibrationOf(s)))
}

// calibrations are what may be broken about the calibration of a gate.
func calibrations() (all []broken) {
	add := func(name, todo string, spoil func(*testing.T, gatetest.Site)) {
		all = append(all, broken{name: name, spoil: spoil, mend: bringCalibration, part: health.Faces, todo: todo, networks: true})
	}
	changed := func(change func(*calibrate.File)) func(*testing.T, gatetest.Site) {
		return func(t *testing.T, s gatetest.Site) {
			must(t, os.Rename(otherCalibration(t, s, change), calibrationOf(s)))
		}
	}
	add("no calibration", "put the file there, or correct vision.calibration", func(t *testing.T, s gatetest.Site) {
		must(t, os.Remove(calibrationOf(s)))
	})
	add("a calibration that is cut off", "write it again", func(t *testing.T, s gatetest.Site) {
		must(t, os.Truncate(calibrationOf(s), 1000))
	})
	add("a calibration that everybody may write to", "chmod o-w", func(t *testing.T, s gatetest.Site) {
		must(t, os.Chmod(calibrationOf(s), 0o646))
	})
	add("a pipe for a calibration", "name the file itself", func(t *testing.T, s gatetest.Site) {
		must(t, errors.Join(os.Remove(calibrationOf(s)), syscall.Mkfifo(calibrationOf(s), 0o600)))
	})
	add("the calibration of another embedder", "name the calibration of this embedder", changed(func(f *calibrate.File) {
		f.ModelID = strings.Repeat("ab", 32)
	}))
	add("a calibration of single pictures", "measure it again", changed(func(f *calibrate.File) { f.TemplatePictures = 1 }))
	add("a calibration of too few people", "measure on more people", changed(func(f *calibrate.File) {
		for i := range f.Decisions {
			f.Decisions[i].Points = f.Decisions[i].Points[:1]
		}
	}))
	return all
}

// back brings networks back, whatever is in their place.
func back(t *testing.T, s gatetest.Site) {
	must(t, os.RemoveAll(networksOf(s)))
	bringNetworks(t, s)
}

// spend fills a disk up. What it returns makes room again.
func spend(t *testing.T, disk string) (room func()) {
	t.Helper()
	var files []string
	for size := 4 << 20; size >= 1; size /= 2 {
		path := filepath.Join(disk, fmt.Sprint("film-", size))
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	return func() {
		for _, f := range files {
			must(t, os.Remove(f))
		}
	}
}

// breakages are what may be broken at the start of a gate that can read its records.
func breakages(t *testing.T, disk string) (all []broken) {
	b := gatetest.Bundle(t)
	manifest, err := models.Load()
	must(t, err)
	preferred := manifest.Preferred()
	networks := func(name, todo string, spoil func(*testing.T, gatetest.Site)) broken {
		return broken{name: name, spoil: spoil, mend: back, part: health.Faces, todo: todo, networks: true}
	}
	all = []broken{
		networks("no folder of networks", "facegate models fetch", func(t *testing.T, s gatetest.Site) { must(t, os.RemoveAll(networksOf(s))) }),
		networks("no detector", "facegate models fetch --bundle registry --dir", without(b.Detector.Files[0].File, nil)),
		networks("a damaged embedder", "facegate models fetch", without(b.Embedder.Files[0].File, []byte("half a download"))),
		networks("a changed embedder", "SHA-256", func(t *testing.T, s gatetest.Site) {
			path := filepath.Join(networksOf(s), b.Embedder.Files[0].File)
			data, err := os.ReadFile(path)
			must(t, err)
			without(b.Embedder.Files[0].File, data)(t, s)
			flipByte(t, path)
		}),
		networks("a list of adopted networks that is none", "facegate models adopt", func(t *testing.T, s gatetest.Site) {
			must(t, os.WriteFile(filepath.Join(networksOf(s), models.AdoptedFile), []byte("schema: ["), 0o600))
		}),
	}
	if _, err := os.Stat(filepath.Join(gatetest.Models(t), preferred[0].Files[0].File)); err == nil {
		all = append(all, networks("no liveness networks but weaker ones", "vision.liveness", without(preferred[0].Files[0].File, nil)))
	}
	if all = append(all, calibrations()...); disk == "" {
		return all
	}
	var room func()
	return append(all,
		broken{
			name: "a full disk", part: health.Disk, todo: "make room", full: true,
			spoil: func(t *testing.T, _ gatetest.Site) { room = spend(t, disk) },
			mend:  func(*testing.T, gatetest.Site) { room() },
		}, broken{
			name: "a disk that cannot be written to", part: health.Disk, todo: "mount it for writing", readOnly: true,
			spoil: func(t *testing.T, _ gatetest.Site) {
				must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
			},
			mend: func(t *testing.T, _ gatetest.Site) { must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT, "")) },
		},
	)
}

// smallDisk mounts a disk for the records of a site, and returns its folder, "" where nothing may be mounted.
func smallDisk(t *testing.T, s gatetest.Site) string {
	t.Helper()
	dir := s.Path("disk")
	must(t, os.MkdirAll(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m,mode=700"); err != nil {
		t.Log("the disk is left out: not permitted to mount: ", err)
		return ""
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	return dir
}

// guests registers an office, and returns passes of it: one for any number of times, and one that opens so many times.
func (h *hall) guests(t *testing.T) (often, counted string) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	_, err := h.client.AddOffice(t.Context(), people.OfficeRequest{Name: "desk", Key: hex.EncodeToString(key.Public().(ed25519.PublicKey))})
	must(t, err)
	v, err := h.client.Visits(t.Context())
	must(t, err)
	place, gate, _ := strings.Cut(v.Gate, "/")
	for i, uses := range []int{0, 15} {
		text, err := visitor.Sign(key, visitor.Gate(place, gate), visitor.Pass{
			From: time.Now().Truncate(time.Minute), Length: time.Hour, Uses: uses, Serial: visitor.Serial{byte(i + 1)},
		})
		must(t, err)
		if uses == 0 {
			often = text
		} else {
			counted = text
		}
	}
	return often, counted
}

// TestOtherWaysAtABrokenStart starts a gate with one thing after the other broken. It comes up at once, says what is wrong and what to
// do, and everybody comes in by whatever else they have, for which nothing has to be written.
func TestOtherWaysAtABrokenStart(t *testing.T) {
	site := gatetest.NewSite(t)
	disk := smallDisk(t, site)
	more := with(otherWays, "vision", "{models_dir: "+networksOf(site)+", calibration: "+calibrationOf(site)+"}")
	more["door"] = doorOf("")["door"]
	if disk != "" {
		more = with(with(more, "state_dir", disk+"/state"), "keys_dir", disk+"/keys")
	}
	bringNetworks(t, site)
	bringCalibration(t, site)
	h := open(t, site, more, daemon.Outside{Inputs: wire().inputs()})
	_, err := h.Register().Enrol(people.EnrolRequest{Label: "p01", Consent: "form 1", Age: "adult", Witness: "Li Na"}, matchertest.Face(1))
	must(t, err)
	text := h.joins(t, "none")
	none := h.equip(t, "none")
	none.pass = text
	often, counted := h.guests(t)
	h.stop()
	for _, b := range breakages(t, disk) {
		t.Run(b.name, func(t *testing.T) {
			b.spoil(t, site)
			w := wire()
			h := open(t, site, more, daemon.Outside{Inputs: w.inputs()})
			w.leave(t, h.line)
			conditions := conditionsOf(h.Status().Health, b.part)
			if !slices.ContainsFunc(conditions, func(c health.Condition) bool { return strings.Contains(c.Todo, b.todo) }) {
				t.Errorf("nothing says %q: %+v", b.todo, h.Status().Health)
			}
			for kind, value := range map[reader.Kind]string{reader.Code: none.pass, reader.Card: none.card} {
				if o := h.show(t, kind, value); o.Opened.IsZero() {
					t.Errorf("%v does not open the door: %+v", kind, o)
				}
			}
			if o := h.show(t, reader.Code, often); o.Opened.IsZero() {
				t.Errorf("a visitor's pass does not open the door: %+v", o)
			}
			if o := h.show(t, reader.Keys, none.typed); o.Opened.IsZero() != b.readOnly || b.readOnly && o.Reason != attempt.Record {
				t.Errorf("a PIN: %+v", o)
			}
			o := h.show(t, reader.Code, counted)
			if opened := !o.Opened.IsZero(); opened == b.readOnly && !b.full || !opened && o.Reason != attempt.Record {
				t.Errorf("a visitor's pass whose uses are counted: %+v", o)
			}
			if s := h.Status(); (s.Vision.Err != "") != b.networks {
				t.Errorf("the status is %+v", s.Vision)
			}
			if b.networks {
				_, err := h.client.Enrol(t.Context(), people.EnrolRequest{Label: "p02", Consent: "form", Age: "adult"}, func(people.Progress) {})
				if !errors.Is(err, people.ErrFacesOff) || !strings.Contains(hint.Of(err), b.todo) {
					t.Errorf("enrol: %v, hint %q", err, hint.Of(err))
				}
			}
			h.stop()
			b.mend(t, site)
		})
	}
	h = open(t, site, more, daemon.Outside{Inputs: wire().inputs()})
	if s := h.Status(); s.Vision.Err != "" || s.People.Enrolled != 1 || s.Epoch.Number != 1 {
		t.Errorf("when all is mended: %+v", s)
	}
}

// TestPassAtTheCameraWithoutNetworks holds a pass to the camera of a gate that has no networks.
func TestPassAtTheCameraWithoutNetworks(t *testing.T) {
	h := open(t, gatetest.NewSite(t), with(otherWays, "vision", "{models_dir: /nonexistent}"), daemon.Outside{})
	h.holds(t, "without networks", h.joins(t, "one"))
}

// TestAdoptedNetworkIsGone starts a gate whose embedder is one that was adopted, and is not there any more, with its calibration.
// Nobody is lost by it.
func TestAdoptedNetworkIsGone(t *testing.T) {
	site := gatetest.NewSite(t)
	bringNetworks(t, site)
	h := open(t, site, otherWays, daemon.Outside{})
	_, err := h.Register().Enrol(people.EnrolRequest{Label: "p01", Consent: "form 1", Age: "adult", Witness: "Li Na", Pass: true}, matchertest.Face(1))
	must(t, err)
	one := h.equip(t, "p01")
	h.stop()
	h = open(t, site, with(otherWays, "vision", "{models_dir: "+networksOf(site)+", embedder: ours}"), daemon.Outside{})
	if o := h.show(t, reader.Card, one.card); o.Opened.IsZero() {
		t.Errorf("a card: %+v", o)
	}
	s := h.Status()
	if faces := conditionsOf(s.Health, health.Faces); len(faces) != 1 || !strings.Contains(faces[0].Reason, "ours") {
		t.Errorf("health is %+v", s.Health)
	}
	if again := conditionsOf(s.Health, health.People); len(again) > 0 {
		t.Errorf("people are to be captured again: %+v", again)
	}
	h.stop()
	h = open(t, site, otherWays, daemon.Outside{})
	if s := h.Status(); s.People.Enrolled != 1 || s.Epoch.Number != 1 {
		t.Errorf("when it is back: %+v, %+v", s.People, s.Epoch)
	}
}

// awaitMended starts a gate whom a process follows, mends what is broken, and wants it to hand over.
func awaitMended(t *testing.T, site gatetest.Site, more gatetest.Settings, mend func()) {
	t.Helper()
	logged := new(log)
	d, err := daemon.New(site.Config(t, more), daemon.Outside{
		Line: sim.New(), Source: gatetest.Stage(t), HandsOver: true, Clock: gatetest.TimeServer(),
	}, "test", logged.logger())
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- d.Run(t.Context()) }()
	<-d.Ready()
	mend()
	select {
	case err := <-done:
		if !errors.Is(err, daemon.ErrHandover) {
			t.Errorf("Run: %v\n%s", err, logged)
		}
		must(t, d.Release())
	case <-time.After(time.Minute):
		t.Fatalf("nobody sees that it is mended:\n%s", logged)
	}
}

// TestCalibrationAppears has the calibration come while a gate goes on without it, half of it first.
func TestCalibrationAppears(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	vision := fmt.Sprintf("{models_dir: %s, calibration: %s}", gatetest.Models(t), calibrationOf(site))
	awaitMended(t, site, gatetest.Settings{"vision": vision}, func() {
		must(t, os.WriteFile(calibrationOf(site), []byte("{"), 0o600))
		time.Sleep(50 * time.Millisecond)
		bringCalibration(t, site)
	})
}

// TestNetworksAppear has the networks come while a gate goes on without them, one that is cut off first.
func TestNetworksAppear(t *testing.T) {
	site := gatetest.NewSite(t)
	must(t, os.Mkdir(networksOf(site), 0o700))
	awaitMended(t, site, gatetest.Settings{"vision": "{models_dir: " + networksOf(site) + "}"}, func() {
		half := filepath.Join(networksOf(site), gatetest.Bundle(t).Embedder.Files[0].File)
		must(t, os.WriteFile(half, []byte("half a download"), 0o600))
		time.Sleep(50 * time.Millisecond)
		back(t, site)
	})
}

// TestDiskIsMountedForWriting has a disk be written to again while a gate goes on that has opened its records to be read.
func TestDiskIsMountedForWriting(t *testing.T) {
	site := gatetest.NewSite(t)
	disk := smallDisk(t, site)
	if disk == "" {
		t.Skip("not permitted to mount")
	}
	more := gatetest.Settings{"state_dir": disk + "/state", "keys_dir": disk + "/keys"}
	start(t, site, more, daemon.Outside{}).stop()
	must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	awaitMended(t, site, more, func() { must(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT, "")) })
}

// TestDoorAtABrokenStart starts what is left of a gate whose records cannot be opened for one reason after the other. Exit button, fire
// alarm, schedule and openings by hand work, the health says what is refused and what to do, nothing is made or changed, and the gate
// goes on once it is mended.
func TestDoorAtABrokenStart(t *testing.T) {
	t.Parallel()
	site := gatetest.NewSite(t)
	fill(t, site)
	key, err := os.ReadFile(site.Path("device.key"))
	must(t, err)
	people, twin := filepath.Join(site.State(), "people.db"), filepath.Join(site.State(), "people.copy.db")
	whole, err := os.ReadFile(people)
	must(t, err)
	chmod := func(path string, mode os.FileMode) func() { return func() { must(t, os.Chmod(path, mode)) } }
	kept := func() []string {
		text, err := os.ReadFile(site.Path("device.key"))
		return append(listing(t, site.State()), fmt.Sprint(string(text), err))
	}
	for _, test := range []struct {
		name        string
		spoil, mend func()
		part        health.Part
		todo        string
		waits       bool // mends by itself
	}{
		{"damaged records", func() {
			must(t, errors.Join(os.Truncate(people, 10_000), os.Truncate(twin, 10_000)))
		}, func() {
			must(t, errors.Join(os.WriteFile(people, whole, 0o600), os.WriteFile(twin, whole, 0o600)))
		}, health.Disk, "facegate backup restore", false},
		{"no device key", func() { must(t, os.Remove(site.Path("device.key"))) }, func() {
			must(t, os.WriteFile(site.Path("device.key"), key, 0o600))
		}, health.Key, "restore its own to " + site.Path("device.key"), true},
		{
			"a device key for all to read", chmod(site.Path("device.key"), 0o644), chmod(site.Path("device.key"), 0o600),
			health.Key, "chmod 0600", true,
		},
		{"a device key that is cut off", func() { must(t, os.Truncate(site.Path("device.key"), 7)) }, func() {
			must(t, os.WriteFile(site.Path("device.key"), key, 0o600))
		}, health.Key, "backup", true},
		{"a folder that others may write to", chmod(site.State(), 0o777), chmod(site.State(), 0o700), health.Disk, "chmod 0700", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.spoil()
			c, before := site.Config(t, doorOf(", fire: {line: F}")), kept()
			w, line := wire(), sim.New()
			_, why := daemon.New(c, daemon.Outside{Line: sim.New(), Source: gatetest.Stage(t)}, "test", new(log).logger())
			if !daemon.LeavesDoor(why) {
				t.Fatalf("New = %v, which leaves nothing", why)
			}
			r, err := daemon.NewRemnant(c, daemon.Outside{Line: line, Inputs: w.inputs(), Clock: gatetest.TimeServer()}, "test", why, new(log).logger())
			must(t, err)
			r.LookEvery(50 * time.Millisecond)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			<-r.Ready()
			w.leave(t, line)
			w.burn(t, line)
			worst, _ := r.Status().Health.Worst()
			if worst.Part != test.part || worst.State != health.Down || !strings.Contains(worst.Todo, test.todo) || !strings.Contains(worst.Reason, "visitors") {
				t.Errorf("the health is %+v", worst)
			}
			if strings.Contains(worst.Todo, "goes on by itself") != test.waits {
				t.Errorf("whether it goes on by itself: %s", worst.Todo)
			}
			if after := kept(); !slices.Equal(before, after) {
				t.Errorf("it has changed %q to %q", before, after)
			}
			test.mend()
			if !test.waits {
				cancel()
			}
			if err := <-done; test.waits != errors.Is(err, daemon.ErrMended) || !test.waits && err != nil {
				t.Errorf("Run = %v", err)
			}
			cancel()
			start(t, site, nil, daemon.Outside{}).stop()
		})
	}
}

// unprivileged runs f as a process that may not pass over the modes of files, as root may.
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread() // capabilities are those of a thread
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had [2]unix.CapUserData
	must(t, unix.Capget(&header, &had[0]))
	less := had
	less[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	must(t, unix.Capset(&header, &less[0]))
	defer func() { must(t, unix.Capset(&header, &had[0])) }()
	f()
}

// TestFileKeptFromTheService has the gate tried again once no file of its records is kept from it, and not before, however well the
// folders are: each time its door would go out of service.
func TestFileKeptFromTheService(t *testing.T) {
	site := gatetest.NewSite(t)
	fill(t, site)
	c := site.Config(t, nil)
	for _, file := range []string{filepath.Join(c.StateDir, "people.db"), filepath.Join(c.KeysDir, "journal.key")} {
		must(t, os.Chmod(file, 0))
		unprivileged(t, func() {
			_, why := os.Open(file)
			if !errors.Is(why, fs.ErrPermission) {
				t.Fatalf("open: %v", why)
			}
			if daemon.Mends(c, why) {
				t.Errorf("%s is kept from the service, and the gate is tried again", file)
			}
			if advice := daemon.AdviceOn(why); !strings.HasPrefix(advice, "let the service's user own every file") {
				t.Errorf("the advice is %q", advice)
			}
			must(t, os.Chmod(file, 0o600))
			if !daemon.Mends(c, why) {
				t.Errorf("%s is there, and the gate is not tried again", file)
			}
		})
	}
}

// TestScheduleWithoutRecords has a door follow its schedule although its records cannot be opened, as long as a time server vouches for
// the clock.
func TestScheduleWithoutRecords(t *testing.T) {
	t.Parallel()
	for name, synced := range map[string]bool{"by a time server": true, "by nobody": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more := doorOf(", max_open: 12h, schedule: [{days: sun-sat, from: 08:00, to: 18:00, door: open}]")
			more["time_zone"] = "Asia/Shanghai"
			line := sim.New()
			out := daemon.Outside{Line: line, Clock: func() clock.Reading {
				r := gatetest.TimeServer()()
				r.Wall, r.Synced = time.Date(2026, 11, 27, 5, 0, 0, 0, time.UTC), synced
				return r
			}}
			r, err := daemon.NewRemnant(gatetest.NewSite(t).Config(t, more), out, "test", store.ErrDamaged, new(log).logger())
			must(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			<-r.Ready()
			waits := func() bool {
				return slices.ContainsFunc(conditionsOf(r.Status().Health, health.Door), func(c health.Condition) bool { return strings.Contains(c.Reason, "schedule") })
			}
			if !synced {
				time.Sleep(time.Second)
				if line.Active() || !waits() {
					t.Errorf("open: %v, waits: %v", line.Active(), waits())
				}
			} else {
				gatetest.Eventually(t, "the schedule opens the door", func() bool { return line.Active() && !waits() })
			}
			cancel()
			must(t, <-done)
		})
	}
}
