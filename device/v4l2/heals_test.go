package v4l2

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"facegate/device"
	"facegate/device/sourcetest"
	"facegate/device/v4l2/nodes"
)

// A plug is where a camera in memory is plugged in: its node is a file, and so is the link of its lasting name.
type plug struct {
	t          *testing.T
	node, link string
	slow       bool // the node may not be used when it is made, as before udev has set its group

	// stay is that of the camera: false once it is unplugged, and then for good. The next one is another to the kernel.
	stay atomic.Pointer[atomic.Bool]
}

func newPlug(t *testing.T, slow bool) *plug {
	dev := t.TempDir()
	p := &plug{t: t, node: filepath.Join(dev, "video0"), link: filepath.Join(dev, "v4l/by-id/usb-Maker_Camera-video-index0"), slow: slow}
	p.in()
	return p
}

func (p *plug) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// in plugs the camera in.
func (p *plug) in() {
	stay := new(atomic.Bool)
	stay.Store(true)
	p.stay.Store(stay)
	if p.slow {
		p.must(os.WriteFile(p.node, nil, 0o200))
		time.Sleep(5 * time.Millisecond)
		p.must(os.Chmod(p.node, 0o600))
	} else {
		p.must(os.WriteFile(p.node, nil, 0o600))
	}
	p.must(os.MkdirAll(filepath.Dir(p.link), 0o700))
	p.must(os.Symlink("../../video0", p.link))
}

// out unplugs it. With the last link udev removes the folder.
func (p *plug) out() {
	p.must(os.Remove(p.node))
	p.must(os.RemoveAll(filepath.Dir(filepath.Dir(p.link))))
	p.stay.Load().Store(false)
}

// source returns the camera whose device is called path.
func (p *plug) source(path string) *source {
	s := newSource(Config{Device: path, Format: YUYV, Width: 32, Height: 16, FrozenAfter: time.Second})
	s.open = p.open
	s.identify = func(path string) (nodes.Identity, error) {
		_, err := os.Stat(path)
		return nodes.Identity{Card: "Camera"}, err
	}
	s.paths = nodes.Machine{Dev: filepath.Dir(p.node)}.Paths
	s.format = func(string) (pixFormat, error) {
		return pixFormat{width: 32, height: 16, pixels: pixYUYV, bytesPerLine: 64}, nil
	}
	return s
}

func (p *plug) open(path string) (camera, error) {
	node, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if info, err := node.Stat(); err != nil || info.Mode().Perm() != 0o600 { // root may open anything
		node.Close()
		return nil, unix.EACCES
	}
	return &streaming{driver: newDriver(32, 16, pixYUYV), node: node, stay: p.stay.Load()}, nil
}

// A streaming camera sends another picture each time, until it is unplugged.
type streaming struct {
	*driver
	node  *os.File
	stay  *atomic.Bool
	count byte
}

func (s *streaming) WaitForFrame(uint32) error {
	time.Sleep(time.Millisecond)
	return nil
}

func (s *streaming) GetFrame() ([]byte, uint32, error) {
	if !s.stay.Load() {
		return nil, 0, unix.ENODEV
	}
	s.count++
	data := make([]byte, 2*32*16)
	data[0] = s.count
	return data, 0, nil
}

func (s *streaming) ReleaseFrame(uint32) error { return nil }

func (s *streaming) Close() error { return s.node.Close() }

// TestHeals unplugs a camera and plugs it in again, a hundred times. Nothing but the return itself leads to an attempt in time.
// With FACEGATE_SLOW it does so for long besides, which takes twelve minutes; TestCaptureReturns does without a file system.
func TestHeals(t *testing.T) {
	type test struct {
		name    string
		lasting bool
		slow    bool
		away    time.Duration
		times   int
	}
	tests := []test{
		{"by its node", false, false, 5 * time.Millisecond, 30},
		{"by its lasting name", true, false, 5 * time.Millisecond, 100},
		{"by its node, which may not be used at once", false, true, 5 * time.Millisecond, 30},
	}
	if os.Getenv("FACEGATE_SLOW") != "" {
		tests = append(tests, test{"for long", true, false, 7 * time.Second, 100})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlug(t, tt.slow)
			path := p.node
			if tt.lasting {
				path = p.link
			}
			sourcetest.Heals(t, p.source(path), sourcetest.Loss{
				Unplug: p.out, Plug: p.in, Away: tt.away, Times: tt.times, Within: time.Second,
			})
		})
	}
}

// TestContract runs the contract of every source on a camera in memory.
func TestContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) device.Source {
		p := newPlug(t, false)
		return p.source(p.link)
	})
}
