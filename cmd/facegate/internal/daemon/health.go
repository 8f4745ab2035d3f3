package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/health"
	"facegate/cmd/facegate/internal/memory"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/device"
	"facegate/gpio"
	"facegate/gpio/door"
	"facegate/pipeline/attempt"
	"facegate/pipeline/publish"
	"facegate/store"
)

// health says how the gate is. Each part has one function, which says of a status, complete but for its health, what is not
// well; a new reason belongs into the function of its part.
func (d *Daemon) health(s *status.Status) health.Report {
	var conditions [][]health.Condition
	for _, part := range []func(*status.Status) []health.Condition{
		d.profileHealth, d.watchdogHealth, d.lesserHealth, d.sightHealth, cameraHealth, d.codesHealth, doorHealth, d.wiringHealth, d.planHealth, recordHealth, facesHealth, d.promptHealth, d.kioskHealth, d.readersHealth,
		d.peopleHealth, brokerHealth, witnessHealth, d.diskHealth, d.memoryHealth, d.logHealth, d.packageHealth, clockHealth, lawHealth, d.metricsHealth,
	} {
		conditions = append(conditions, part(s))
	}
	return health.Assess(slices.Concat(conditions...)...)
}

const (
	labInUse    = "profile lab has a real camera or relay: it keeps to no law, and nobody but people who do not exist may be enrolled"
	adviceInUse = "set profile to cn, eu or us-il before anybody is enrolled"
)

// watchesUnderLab reports whether a gate watches real people under the profile for those who do not exist.
func watchesUnderLab(c *configs.Config) bool {
	return c.Jurisdiction == law.Lab && (c.Camera.Source == configs.V4L2 || c.Door.Driver == configs.Cdev)
}

func (d *Daemon) profileHealth(*status.Status) []health.Condition {
	return profileHealth(d.config)
}

func profileHealth(c *configs.Config) []health.Condition {
	return health.When(watchesUnderLab(c), health.LabInUse, health.Profile, health.Degraded, labInUse, adviceInUse)
}

func cameraHealth(s *status.Status) []health.Condition {
	c := s.Camera
	switch c.State {
	case device.Starting:
		return health.When(true, health.CameraStarting, health.Camera, health.Degraded, "no frame from the camera yet", cmp.Or(c.Hint, "wait a few seconds"))
	case device.Lost:
		return health.When(true, health.CameraLost, health.Camera, health.Down, cmp.Or(c.Error, "the camera is lost"), c.Hint)
	case device.Ended:
		return health.When(true, health.RecordingEnded, health.Camera, health.Down, "the recording has ended", "start the gate again")
	}
	return health.When(c.Error != "", health.FramesUnusable, health.Frames, health.Degraded, c.Error, c.Hint)
}

// doorHealth says whether the door can be driven and read, and what is alarming there. That it is held open by somebody, or by
// its schedule, is nothing of the sort.
func doorHealth(s *status.Status) (all []health.Condition) {
	d := s.Door
	all = health.When(d.State == gpio.Fault, health.LockFault, health.Door, health.Down, d.Err, d.Hint)
	for _, a := range d.Alarms {
		if name, reason, todo := alarming(door.What(a)); reason != "" {
			all = append(all, health.Condition{Name: name, Part: health.Door, State: health.Degraded, Reason: reason, Todo: todo})
		}
	}
	for _, l := range d.Lines {
		all = append(all, health.When(l.Err != "" && l.Role != door.Relay.String(), health.LineFault, health.Door, health.Degraded,
			fmt.Sprintf("the line door.%s is in fault: %s", l.Role, l.Err), l.Hint)...)
	}
	return all
}

// alarming says what an alarm of the door means and what to do about it, "" for what is none yet.
func alarming(w door.What) (name health.Name, reason, todo string) {
	const mistaken = "; if nobody did, see how the contact is wired: facegate door test"
	switch w {
	case door.Forced:
		return health.DoorForced, "the door was opened, and nobody was let in or out", "see who is there, and shut the door: that ends the alarm" + mistaken
	case door.Held:
		return health.DoorHeld, "the door stands open for too long", "shut it" + mistaken
	case door.Tamper:
		return health.HousingOpen, "the housing is open", "see who opened it, and shut it"
	case door.FireOn:
		return health.FireAlarm, "the fire alarm keeps the door unlocked", "it ends with the alarm; if there is none, see how door.fire is wired: facegate door test"
	}
	return "", "", ""
}

// wiringHealth says what may become of whoever is inside.
func (d *Daemon) wiringHealth(*status.Status) []health.Condition {
	reason, todo := d.config.Door.ShutsIn()
	return health.When(reason != "", health.DoorShutsIn, health.Door, health.Degraded, reason, todo)
}

func facesHealth(s *status.Status) []health.Condition {
	l := s.Lockout
	return slices.Concat(
		health.When(l.LockedDown, health.TemplatesDestroyed, health.Faces, health.Down, "every template was destroyed by somebody's order",
			"facegate destroy-templates --end lets people be captured again"),
		health.When(s.FacesOff != nil && s.Older == nil, health.FacesOff, health.Faces, health.Down, facesOffReason(s.FacesOff),
			"facegate faces on, once the reason is gone; the other ways in work"),
		olderHealth(s.Older),
		closedHealth(l.Means),
	)
}

// olderHealth says of records that are an older copy, which was put back, what is missing and how it comes back.
func olderHealth(o *status.Older) []health.Condition {
	if o == nil {
		return nil
	}
	lost := fmt.Sprintf("destructions %d to %d were carried out again", o.From+1, o.To)
	switch {
	case o.Unknown:
		lost = fmt.Sprintf("nobody but those who hold receipts can tell what was destroyed after number %d", o.From)
	case o.To == o.From:
		lost = "what was revoked since is revoked again"
	}
	return health.When(true, health.OlderCopy, health.Faces, health.Down,
		fmt.Sprintf("an older copy of the records was put back, which was found on %s: %s, whoever was enrolled since is missing, "+
			"and no face is looked at", o.Since.Format(time.DateTime), lost), store.AdviceOlder+"; the other ways in work")
}

// promptHealth says that nobody can do what everybody is asked for.
func (d *Daemon) promptHealth(*status.Status) []health.Condition {
	untold := d.config.Liveness.Active == configs.ActiveAlways && !d.tells()
	return health.When(untold, health.PromptUnseen, health.Faces, health.Down,
		"everybody has to turn the head as asked, and nothing shows where: faces open nothing",
		"set prompt.led_left and prompt.led_right, have a screen follow (kiosk.listen, or facegate camera prompt), or set liveness.active to doubt")
}

// closedHealth says of each means for whom it opens nothing.
func closedHealth(means []status.Closed) (all []health.Condition) {
	for _, c := range means {
		part := health.Entry
		flood, soon := "nobody gets in by "+c.Means+", because too many that are nobody's are being shown", "it opens the door again in %d s, unless more are shown"
		if c.Means == attempt.Face.String() {
			part = health.Faces
			flood, soon = "no face is looked at, because many prints or screens are being shown", "faces go on in %d s, unless more are shown"
		}
		all = append(all, slices.Concat(
			health.When(c.WaitS > 0, health.MeansFlooded, part, health.Down, flood, "see who stands there; "+fmt.Sprintf(soon, c.WaitS)),
			health.When(c.Off > 0, health.MeansOff, part, health.Degraded,
				fmt.Sprintf("the %s of %d people opens nothing, because somebody tried too often to be taken for them", c.Means, c.Off),
				"find out who tries, then: facegate lockout reset; facegate person show LABEL says whose it is"),
			health.When(c.Slowed > 0, health.MeansSlowed, part, health.Degraded,
				fmt.Sprintf("the %s of %d people opens nothing for now, because somebody tries to be taken for them", c.Means, c.Slowed),
				"see who stands there; it ends by itself"),
		)...)
	}
	return all
}

// recordHealth says whether what happens at the door can be written down.
func recordHealth(s *status.Status) []health.Condition {
	return health.When(s.Record.Full, health.RecordFull, health.Entry, health.Down,
		fmt.Sprintf("nobody is let in, because %d passages wait to be written down", s.Record.Waiting),
		"the disk does not answer: see dmesg, and mend or replace it; it ends by itself once the disk answers; a key opens the door")
}

// unanswered says that the records do not answer, so that what is in them is told as it was.
func unanswered() []health.Condition {
	return health.When(true, health.RecordsSilent, health.Disk, health.Degraded, "the records do not answer, and what is told of them is as it last was",
		"the disk hangs, or something large is being written: if this lasts, see dmesg, and mend or replace the disk")
}

func facesOffReason(off *status.FacesOff) string {
	if off == nil {
		return ""
	}
	why := "faces were turned off on " + off.Since.Format(time.DateTime)
	if off.Reason != "" {
		why += ": " + off.Reason
	}
	return why
}

func (d *Daemon) peopleHealth(s *status.Status) []health.Condition {
	idle, err := d.register.Idle()
	if err != nil {
		return health.When(true, health.PeopleUnread, health.People, health.Down, err.Error(), "")
	}
	again := s.People.ConsentAgain
	idle -= again
	if !s.Clock.Right {
		idle -= min(idle, s.Clock.Erasures) // of whom the clock is to be told
	}
	return slices.Concat(
		health.When(again > 0, health.ConsentOutdated, health.People, health.Degraded,
			fmt.Sprintf("%d people consented under another profile than %s, and do not match", again, s.Profile), adviceConsent),
		d.owedHealth(),
		d.groupsHealth(),
		health.When(idle > 0, health.PeopleIdle, health.People, health.Degraded, fmt.Sprintf("%d people on the list cannot match", idle), adviceIdle),
	)
}

// groupsHealth says which groups of the rules nobody is in: the rules may name them wrongly. Of a gate with nobody on its list that is
// nothing to say.
func (d *Daemon) groupsHealth() []health.Condition {
	empty := d.register.Nobody(rulebook.Groups(d.config))
	return health.When(len(empty) > 0 && d.store.Members().Len() > 0, health.GroupEmpty, health.People, health.Degraded,
		"rules open the door to groups that nobody is in: "+strings.Join(empty, ", "),
		"put people into them (facegate person group LABEL GROUP), or correct rules in the configuration; facegate people says who is in which")
}

// owedHealth says what was to be destroyed and could not be yet.
func (d *Daemon) owedHealth() []health.Condition {
	o := d.store.Retention().Owed()
	reason := fmt.Sprintf("%d erasures are owed", o.People)
	switch {
	case o.People == 1:
		reason = "1 erasure is owed"
	case o.People == 0 && o.Epoch:
		reason = "the end of an epoch is owed"
	case o.People == 0:
		reason = "that every template was destroyed is not in the records yet"
	}
	if !o.Since.IsZero() {
		reason += ", the first since " + o.Since.Format(time.RFC3339)
	}
	reason += ": the disk could not be written to"
	todo := fmt.Sprintf("make room on the disk with %s, or mend it: it is then done by itself, and receipts are kept: facegate receipt fetch DIR",
		d.config.StateDir)
	if !o.Lasting {
		reason += ", and takes no mark of it either"
		todo += "; do not restart facegate before"
	}
	return health.When(o.Any(), health.ErasureOwed, health.People, health.Degraded, reason, todo)
}

const adviceConsent = "facegate people says who: have them read the present notice and consent to it, then facegate enroll LABEL --again"

const adviceIdle = "their enrolment has expired, or their template was destroyed or made with another embedder or match.mode: " +
	"facegate enroll LABEL --again captures them"

func brokerHealth(s *status.Status) []health.Condition {
	m := s.MQTT
	return slices.Concat(
		health.When(!m.Connected || m.Err != "", health.BrokerTrouble, health.Broker, health.Degraded, cmp.Or(m.Err, "not connected to the broker yet"),
			cmp.Or(m.Hint, "wait a few seconds")),
		otherBrokersHealth(m),
		health.When(m.Dropped > 0, health.EventsLost, health.Broker, health.Degraded, fmt.Sprintf("%d events were given up", m.Dropped),
			"the broker was away for too long: mend the connection, and restart facegate once you have read this"),
	)
}

// otherBrokersHealth says of the brokers that a gate is not at what was wrong with them when they were tried last: one after the other, the
// gate has nowhere to go.
func otherBrokersHealth(m publish.Status) (all []health.Condition) {
	for _, o := range m.Others {
		all = append(all, health.When(o.Err != "", health.BrokerTrouble, health.Broker, health.Degraded,
			"another broker would not serve: "+o.Err, o.Hint)...)
	}
	return all
}

// Foresee says of a gate that does not run what its health would be, as far as configuration and disk tell.
func Foresee(c *configs.Config) []health.Condition {
	return append(profileHealth(c), roomHealth(c)...)
}

// diskHealth holds what is free against what an erasure needs: it writes the databases anew before it destroys the old ones.
func (d *Daemon) diskHealth(*status.Status) (c []health.Condition) {
	for _, m := range d.store.Log().Mended() {
		c = append(c, health.When(true, health.FileMended, health.Disk, health.Degraded, m.File+" was damaged and has been restored from its copy",
			"check the disk, and replace it if this comes again")...)
	}
	return append(c, roomHealth(d.config)...)
}

// roomHealth says of the folders of records whether they can be written to. One that is not there yet is made when the gate starts.
func roomHealth(c *configs.Config) (all []health.Condition) {
	for i, dir := range []string{c.StateDir, c.KeysDir, c.AnchorDir} {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || i > 0 && sameDisk(c.StateDir, dir) {
			continue
		}
		all = append(all, folderHealth(dir)...)
	}
	return all
}

func folderHealth(dir string) []health.Condition {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return health.When(true, health.DiskUnread, health.Disk, health.Degraded, fmt.Sprintf("%s: %v", dir, err), "check the disk")
	}
	return room(dir, disk, sizeOf(dir))
}

// sameDisk reports whether two folders share a file system. What cannot be told does.
func sameDisk(a, b string) bool {
	var one, other unix.Stat_t
	return unix.Stat(a, &one) != nil || unix.Stat(b, &other) != nil || one.Dev == other.Dev
}

// roomFor is what must be free besides what an erasure needs, in bytes: consents, events and the audit log grow.
const roomFor = 1 << 20

// room says whether a folder that holds size bytes can be written to on disk.
func room(dir string, disk unix.Statfs_t, size uint64) []health.Condition {
	free := disk.Bavail * uint64(disk.Bsize)
	return slices.Concat(
		health.When(disk.Flags&unix.ST_RDONLY != 0, health.DiskReadOnly, health.Disk, health.Degraded, dir+" is on a disk that cannot be written to",
			"see dmesg for why, and mount it for writing; until then nobody can be enrolled, erasures wait, and what is counted opens nothing"),
		health.When(disk.Flags&unix.ST_RDONLY == 0 && free < size+roomFor, health.DiskFull, health.Disk, health.Degraded,
			fmt.Sprintf("%s has %d KiB free, and an erasure needs %d", dir, free>>10, (size+roomFor)>>10), "make room on the disk"),
		health.When(disk.Files > 0 && disk.Ffree == 0, health.DiskNoFiles, health.Disk, health.Degraded, dir+" is on a disk that takes no more files",
			"remove files that nobody needs"),
	)
}

// sizeOf returns how many bytes the files in dir have. One that goes meanwhile does not count.
func sizeOf(dir string) (size uint64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			size += uint64(info.Size())
		}
		return nil
	})
	return size
}

// memoryHealth looks at swap each time: somebody may switch it on.
func (d *Daemon) memoryHealth(*status.Status) []health.Condition {
	if d.outside.Unlocked == nil {
		return nil
	}
	return swapHealth(os.DirFS("/"), d.outside.Unlocked)
}

// swapHealth says of a gate whose memory is not locked, for the reason unlocked, whether it can get to a disk.
func swapHealth(root fs.FS, unlocked error) []health.Condition {
	swappable, err := memory.Swappable(root)
	if err != nil {
		return health.When(true, health.SwapUnknown, health.Memory, health.Degraded,
			fmt.Sprintf("nobody knows whether frames and keys can get to a disk by way of swap: %v", err), hint.Of(unlocked))
	}
	return health.When(swappable, health.Swappable, health.Memory, health.Degraded,
		fmt.Sprintf("frames and keys can get to a disk by way of swap: %v, and swap is on", unlocked),
		"switch swap off (swapoff -a, and its line in /etc/fstab), or "+hint.Of(unlocked))
}

func (d *Daemon) logHealth(*status.Status) []health.Condition {
	if d.outside.LogLost == nil {
		return nil
	}
	n := d.outside.LogLost()
	return health.When(n > 0, health.LogLost, health.Log, health.Degraded, fmt.Sprintf("%d lines of the log could not be written", n),
		"see that what reads the log runs (systemctl status systemd-journald), and restart facegate")
}

// packageHealth says that an update was taken back: whoever installed it saw it installed.
func (d *Daemon) packageHealth(*status.Status) []health.Condition {
	if d.outside.Refused == nil {
		return nil
	}
	version := d.outside.Refused()
	return health.When(version != "", health.UpdateTakenBack, health.Package, health.Degraded,
		fmt.Sprintf("version %s did not come up, and the former package was brought back", version),
		"journalctl -u facegate-update -u facegate says why; an update that comes up ends this")
}

func clockHealth(s *status.Status) []health.Condition {
	c, reason := s.Clock, s.Clock.Reason
	if c.Erasures > 0 {
		reason += fmt.Sprintf("; erasures that wait for it: %d", c.Erasures)
	}
	if c.Provisional > 0 {
		reason += fmt.Sprintf("; people whose dates wait for it: %d", c.Provisional)
	}
	return health.When(!c.Right, health.ClockWrong, health.Clock, health.Degraded, reason, c.Todo)
}

func lawHealth(s *status.Status) []health.Condition {
	return health.When(s.Assessment.Due, health.AssessmentDue, health.Law, health.Degraded, uncovered, s.Assessment.Advice)
}
