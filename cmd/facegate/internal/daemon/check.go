package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/rulebook"
	"facegate/configs"
	"facegate/device/v4l2/nodes"
	"facegate/gpio/cdev"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
	"facegate/store"
	"facegate/store/audit"
)

// A Host is the machine on which a configuration is checked.
type Host struct {
	Root       fs.FS                       // of its file system
	Chips      func() ([]cdev.Chip, error) // of its GPIO
	Credential bool                        // the unit brings the device key along, and the key file is not read
}

// Check says, for the user who runs it, what New would refuse of c on this machine: all of it, joined, each with the key that
// it is about. It makes, changes and locks nothing, and the gate may be running. The notes are what it could not look at, or
// what need not be there yet.
//
// On a machine that has nothing of this gate yet, what is at the places of the reference is not looked for: the file may be
// checked where it is written.
func Check(c *configs.Config, on Host) (notes []Note, err error) {
	k := &checker{config: c, usual: configs.Defaults(), machine: on.Root, credential: on.Credential}
	if k.fresh = k.missing(c.KeyFile) && k.missing(c.StateDir) && k.missing(c.Vision.ModelsDir); k.fresh {
		k.note(Note{Says: "there is nothing of this gate on this machine yet; what its key, networks and groups are like shows only there"})
	}
	_, err = rulebook.Of(c)
	k.refuse(err)
	k.networks()
	k.records()
	k.wires(on.Chips())
	k.door()
	k.camera()
	k.readers()
	k.broker()
	k.socket()
	return k.notes, errors.Join(k.errs...)
}

// A Note is what Check could not look at, or what need not be there yet.
type Note struct {
	Key   string // of the configuration, a dotted path; "" for none
	Says  string
	Todo  string // "" where there is nothing to do
	Lacks bool   // the gate starts, and lacks something until it is done
}

func (n Note) String() string {
	text := n.Says
	if n.Key != "" {
		text = n.Key + ": " + text
	}
	if n.Todo != "" {
		text += "; " + n.Todo
	}
	return text
}

// A checker collects what Check finds.
type checker struct {
	config     *configs.Config
	usual      *configs.Config // the reference
	machine    fs.FS           // its root
	credential bool
	fresh      bool // the machine has nothing of this gate
	notes      []Note
	errs       []error
}

func (k *checker) note(n Note) { k.notes = append(k.notes, n) }

func (k *checker) refuse(err error) {
	if err != nil {
		k.errs = append(k.errs, err)
	}
}

// counts reports whether what is configured has to be there, of which the reference has usual.
func (k *checker) counts(configured, usual string) bool { return !k.fresh || configured != usual }

func (k *checker) missing(path string) bool {
	_, err := fs.Lstat(k.machine, strings.TrimPrefix(filepath.Clean(path), "/"))
	return errors.Is(err, fs.ErrNotExist)
}

func (k *checker) networks() {
	c := k.config
	bundle, err := chooseBundle(c.Vision)
	if err != nil {
		k.refuse(err)
		return
	}
	if k.counts(c.Vision.ModelsDir, k.usual.Vision.ModelsDir) {
		k.refuse(checkNetworks(c.Vision, bundle))
		k.strangers(bundle)
	}
	k.refuse(checkWeaker(c, bundle))
	if lacks, err := cost(bundle); err == nil && lacks != "" {
		k.note(Note{Key: "vision.liveness", Says: lacks, Todo: fmt.Sprintf("facegate models import FROM --dir %s brings them", c.Vision.ModelsDir)})
	}
	_, err = livenessThresholds(c, bundle)
	k.refuse(err)
	_, err = loadCalibration(c, bundle)
	k.refuse(err)
}

// strangers notes the networks that were not measured for this project.
func (k *checker) strangers(b models.Bundle) {
	if a := b.Embedder.Adopted; a != nil {
		k.note(Note{Key: "vision.embedder", Says: fmt.Sprintf("%s was adopted here on %s: %s", b.Embedder.Name, a.Day, a.Measured)})
	}
	for _, r := range models.Dir(k.config.Vision.ModelsDir).Verify(b.Models(), vision.OpenCV()) {
		if r.Status == models.OK && r.File.OpenCV == "" {
			k.note(Note{Key: "vision.models_dir", Says: fmt.Sprintf("%s is a file of %s that was never tried; the gate starts only if it gives the same numbers",
				r.File.File, r.Model.Name)})
		}
	}
}

// checkNetworks is readNetworks without keeping them in memory.
func checkNetworks(v configs.Vision, b models.Bundle) error {
	for _, r := range models.Dir(v.ModelsDir).Verify(b.Models(), vision.OpenCV()) {
		if r.Status != models.OK {
			_, err := readNetworks(v, b)
			return err
		}
	}
	return nil
}

// madeByUnit are the folders that systemd makes when it starts the service.
func madeByUnit() []string {
	return []string{"/var/lib/facegate", "/var/lib/facegate-keys", "/run/facegate"}
}

// toBeMade reports whether systemd makes the folder when it starts the service.
func (k *checker) toBeMade(key, dir string) bool {
	made := k.missing(dir) && slices.Contains(madeByUnit(), filepath.Clean(dir))
	if made {
		k.note(Note{Key: key, Says: dir + " is not there yet; systemd makes it when it starts the service"})
	}
	return made
}

func (k *checker) records() {
	c := k.config
	whole := true
	for _, folder := range []struct{ key, path, usual string }{
		{"state_dir", c.StateDir, k.usual.StateDir},
		{"keys_dir", c.KeysDir, k.usual.KeysDir},
		{"anchor_dir", c.AnchorDir, k.usual.AnchorDir},
	} {
		if k.counts(folder.path, folder.usual) && !k.toBeMade(folder.key, folder.path) {
			err := configs.About(folder.key, store.CheckFolder(folder.path))
			k.refuse(err)
			whole = whole && err == nil
		}
	}
	keys := opening.Keys(c)
	if k.credential && keys.Class() == "file" {
		k.note(Note{Key: "key_file", Says: "the unit brings the device key along as a credential; this command cannot see it"})
		return
	}
	if !k.counts(c.KeyFile, k.usual.KeyFile) {
		return
	}
	if _, err := keys.DeviceKey(); err != nil {
		k.refuse(configs.About("key_file", opening.ExplainKey(err, c, keys)))
	} else if whole {
		k.refuse(configs.About("state_dir", store.CheckKeyrings(c.StateDir, c.KeysDir, keys)))
	}
}

func (k *checker) camera() {
	c := k.config.Camera
	if c.Source == configs.Replay {
		if c.Path == "-" {
			return
		}
		_, err := openSource(c, nil, slog.New(slog.DiscardHandler))
		k.refuse(err)
		return
	}
	if note, ok := usable("camera.device", c.Device, unix.R_OK|unix.W_OK, "video", "facegate camera list"); !ok {
		k.note(note)
		return
	}
	switch n := nodes.This().Describe(c.Device); {
	case !n.Usable():
		k.note(Note{"camera.device", fmt.Sprintf("%s cannot be used: %s", n.Path, n.Problem), n.ToDo, true})
	case n.Note() != "":
		k.note(Note{Key: "camera.device", Says: n.Note(), Todo: "set camera.device to that"})
	}
}

// usable says why this user cannot use a device, which is usually for a group, and where all are listed.
func usable(key, path string, mode uint32, group, list string) (why Note, ok bool) {
	switch err := unix.Access(path, mode); {
	case errors.Is(err, unix.ENOENT):
		return Note{key, path + " is not there; the gate starts and waits for it", "plug it in, or name another one: " + list, true}, false
	case err != nil:
		return Note{key, fmt.Sprintf("this user may not use %s (%v)", path, err), letIn(path, group), true}, false
	}
	return Note{}, true
}

// letIn says how the user of this process is let use a device, which is usually for a group. Nobody is made a member of the group root.
func letIn(path, usual string) string {
	var s unix.Stat_t
	if unix.Stat(path, &s) != nil || s.Gid == 0 || s.Mode&0o060 != 0o060 {
		return fmt.Sprintf("make the device one of the group %s, as the rules of udev do: udevadm trigger, or chgrp %[1]s %s && chmod g+rw %[2]s", usual, path)
	}
	group := strconv.Itoa(int(s.Gid))
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return fmt.Sprintf("make the service's user a member of the group %s: usermod -aG %[1]s %s && systemctl restart facegate",
		group, people.UserName(audit.Actor(os.Geteuid())))
}

// readers says which readers on USB this user cannot read. The gate starts without them.
func (k *checker) readers() {
	for i, r := range k.config.Readers {
		if r.Device == "" {
			continue
		}
		if note, ok := usable(fmt.Sprintf("readers[%d].device", i+1), r.Device, unix.R_OK, "input", "ls -l /dev/input/by-id"); !ok {
			k.note(note)
		}
	}
}

func (k *checker) broker() {
	cfg, err := publishing(k.config)
	k.refuse(errors.Join(err, checkPapers(cfg)))
	for _, b := range k.config.MQTT.Brokers {
		if !b.OnBoard() {
			k.note(Note{Key: "mqtt.broker", Says: b.Host + " is another machine; the service reaches it only where IPAddressAllow= of the unit names it"})
		}
	}
	if k.config.MQTT.HomeAssistant.Orders() {
		k.note(Note{Key: "mqtt.home_assistant.unsigned_orders", Says: configs.UnsignedWords})
	}
}

func (k *checker) socket() {
	c := k.config.Control
	if dir := filepath.Dir(c.Socket); k.counts(c.Socket, k.usual.Control.Socket) && !k.toBeMade("control.socket", dir) {
		k.control(control.CheckSocket(c.Socket))
	}
	if c.Group != "" && k.counts(c.Group, k.usual.Control.Group) {
		k.control(control.CheckGroup(c.Group))
	}
	k.control(control.CheckGroups(groups(c)))
}

func (k *checker) control(err error) {
	if err != nil {
		k.refuse(aboutControl(err))
	}
}
