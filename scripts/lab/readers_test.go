package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
	"facegate/device/evdev"
	"facegate/device/reader"
	"facegate/device/wiegand"
	"facegate/gpio/cdev"
)

// Requests of uinput (linux/uinput.h), and what of an input device is a key.
const (
	createDevice  = 'U'<<8 | 1
	destroyDevice = 'U'<<8 | 2
	setEvent      = 1<<30 | 4<<16 | 'U'<<8 | 100
	setKey        = 1<<30 | 4<<16 | 'U'<<8 | 101

	eventKey = 1
	enterKey = 28
)

// A keyboard is an input device that the test types on.
type keyboard struct {
	t    *testing.T
	file *os.File
	name string
}

// newKeyboard plugs a keyboard in, and returns it with its node.
func newKeyboard(t *testing.T, name string) (k *keyboard, node string) {
	t.Helper()
	f, err := os.OpenFile("/dev/uinput", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	k = &keyboard{t, f, name}
	k.request(setEvent, eventKey)
	for key := 1; key < 100; key++ {
		k.request(setKey, key)
	}
	var device struct { // struct uinput_user_dev
		Name    [80]byte
		ID      [4]uint16
		Effects uint32
		Axes    [4 * 64]int32
	}
	copy(device.Name[:], name)
	device.ID = [4]uint16{3, 0x1234, 0x5678, 1} // USB
	k.write(device)
	k.request(createDevice, 0)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		names, _ := filepath.Glob("/sys/class/input/event*/device/name") // the pattern is fine
		i := slices.IndexFunc(names, func(path string) bool {
			text, err := os.ReadFile(path)
			return err == nil && strings.TrimSpace(string(text)) == name
		})
		if i >= 0 {
			node = "/dev/input/" + filepath.Base(filepath.Dir(filepath.Dir(names[i])))
			if _, err := os.Stat(node); err == nil {
				return k, node
			}
		}
	}
	t.Fatalf("the kernel has made no node for %s", name)
	return nil, ""
}

func (k *keyboard) request(request uint, value int) {
	k.t.Helper()
	if err := unix.IoctlSetInt(int(k.file.Fd()), request, value); err != nil {
		k.t.Fatalf("request %x of uinput: %v", request, err)
	}
}

func (k *keyboard) write(v any) {
	k.t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.NativeEndian, v); err != nil {
		k.t.Fatal(err)
	}
	if _, err := k.file.Write(b.Bytes()); err != nil {
		k.t.Fatal(err)
	}
}

// types types digits and Enter.
func (k *keyboard) types(digits string) {
	k.t.Helper()
	type event struct { // struct input_event; the kernel stamps it itself
		Time       unix.Timeval
		Kind, Code uint16
		Value      int32
	}
	codes := []uint16{}
	for _, d := range digits {
		codes = append(codes, uint16((d-'0'+9)%10)+2)
	}
	for _, code := range append(codes, enterKey) {
		k.write([]event{{Kind: eventKey, Code: code, Value: 1}, {}, {Kind: eventKey, Code: code}, {}})
	}
}

func (k *keyboard) unplug() {
	k.t.Helper()
	k.request(destroyDevice, 0)
	k.file.Close()
}

// TestUSBReader reads cards of a keyboard that the kernel has, takes it for itself, and finds it again.
func TestUSBReader(t *testing.T) {
	inside(t)
	k, node := newKeyboard(t, "facegate card reader")
	link := filepath.Join(t.TempDir(), "reader-event-kbd") // a lasting name
	if err := os.Symlink(node, link); err != nil {
		t.Fatal(err)
	}
	r := evdev.New(evdev.Config{Name: "desk", Device: link})
	defer r.Close()
	read := func(want string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		go func() {
			time.Sleep(time.Second)
			k.types(want)
		}()
		s, err := r.Read(ctx)
		if err != nil || string(s.Value) != want {
			t.Errorf("read %q, %v, want %q", s.Value, err, want)
		}
	}
	read("0012345678")
	second := evdev.New(evdev.Config{Name: "other", Device: node})
	defer second.Close()
	if _, err := second.Read(t.Context()); !errors.Is(err, unix.EBUSY) || hint.Of(err) == "" {
		t.Errorf("a second reader of the same device: %v", err)
	}
	k.unplug()
	if _, err := r.Read(t.Context()); !errors.Is(err, unix.ENODEV) || r.Fault() == nil {
		t.Errorf("unplugged: %v, Fault %v", err, r.Fault())
	}
	k, node = newKeyboard(t, "facegate card reader")
	if err := errors.Join(os.Remove(link), os.Symlink(node, link)); err != nil {
		t.Fatal(err)
	}
	read("0087654321")
	k.unplug()
}

// TestWiegand reads a card of the edges on two lines of the simulated controller. An emulated board is no clock: a card counts if one
// of many readings comes through, and none may be another card.
func TestWiegand(t *testing.T) {
	inside(t)
	if os.Getenv("board") != "amd64" {
		t.Skip("the lines of other boards are driven by the host, one in a tenth of a second")
	}
	const d0, d1, space = 6, 7, 20 * time.Millisecond
	pins := newSimPins(t, 0)
	f, err := wiegand.FormatOf(26)
	if err != nil {
		t.Fatal(err)
	}
	for _, pin := range []int{d0, d1} {
		pins.drive(t, pin, true)
	}
	r, err := wiegand.New(wiegand.Config{Name: "outside", Format: 26}, func() (wiegand.Lines, error) {
		return cdev.OpenPair(cdev.PairConfig{Chip: "lab", Lines: [2]string{"6", "7"}, Consumer: "facegate:outside"})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			time.Sleep(300 * time.Millisecond)
			next := time.Now()
			for _, bit := range f.Bits(118<<16 | 1603) {
				pins.drive(t, d0+bit, false)
				pins.drive(t, d0+bit, true)
				next = next.Add(space)
				time.Sleep(time.Until(next))
			}
		}
	}()
	for {
		s, err := r.Read(ctx)
		switch {
		case errors.Is(err, reader.ErrUnread):
			t.Log(err)
			continue
		case err != nil:
			t.Fatal(err)
		case !bytes.Equal(s.Value, []byte{26, 118, 1603 >> 8, 1603 & 255}):
			t.Fatalf("read %x", s.Value)
		}
		cancel()
		return
	}
}
