package lab

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The size of what is shown to a gate. The signal has it as well, so that the driver scales nothing.
const stageWidth, stageHeight = 640, 480

// stageBuffers is how many pictures the driver has in stock. With none it shows noise, with many what is new comes late.
const stageBuffers = 4

// A stage is what is before the camera of a gate: one picture at a time, by way of the video output that the capture card is
// wired to.
type stage struct {
	t      *testing.T
	screen *screen
	done   chan struct{}
	wg     sync.WaitGroup

	mu      sync.Mutex // guards picture
	picture []byte
}

// newStage shows a picture. It is closed by the caller.
func newStage(t *testing.T, picture []byte) *stage {
	t.Helper()
	for _, path := range []string{looped, output} {
		signal(t, path)
	}
	control(t, looped, textMode, 2)
	loop(t)
	s := &stage{t: t, done: make(chan struct{}), picture: picture}
	lively(t, false)
	var err error
	if s.screen, err = openScreen(output, stageWidth, stageHeight, stageBuffers); err != nil {
		t.Fatal(err)
	}
	s.wg.Go(s.run)
	return s
}

// run ends when the output is gone as well: the whole card is unplugged.
func (s *stage) run() {
	var drawn [stageBuffers][]byte
	noise := byte(0)
	s.screen.run(s.done, func(i int, memory []byte) {
		s.mu.Lock()
		picture := s.picture
		s.mu.Unlock()
		if len(drawn[i]) == 0 || &drawn[i][0] != &picture[0] {
			copy(memory, picture)
			drawn[i] = picture
		}
		noise++
		memory[0], memory[2] = 16+noise%8, 16+noise/8%8 // no two pictures of a camera are the same
	})
}

// lively says whether there is something to see. Then 12 of 60 frames a second are left: with fewer a face is lost in between now and
// then. Otherwise it is 3 of 60: an empty place has the host compute for seconds as well, with each frame.
func lively(t *testing.T, is bool) {
	t.Helper()
	lost := int32(95)
	if is {
		lost = 80
	}
	control(t, looped, percentLost, lost)
}

func (s *stage) show(picture []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.picture = picture
}

func (s *stage) close() {
	close(s.done)
	s.wg.Wait()
	s.screen.close()
}

// signal sets the signal at the node at path.
func signal(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	signal := vga()
	if err := call(fd, setTimings, unsafe.Pointer(&signal)); err != nil {
		t.Fatalf("the signal of %s: %v", path, err)
	}
}

// picture reads a JPEG file as YUYV of the size of the stage.
func picture(t *testing.T, path string) []byte {
	t.Helper()
	return yuyv(canvas(t, path))
}

// canvas reads a JPEG file as a picture of the size of the stage, in the middle of which a smaller one is put.
func canvas(t *testing.T, path string) *image.RGBA {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	whole := image.NewRGBA(image.Rect(0, 0, stageWidth, stageHeight))
	draw.Draw(whole, whole.Bounds(), image.NewUniform(color.Gray{128}), image.Point{}, draw.Src)
	size := decoded.Bounds().Size()
	corner := image.Pt((stageWidth-size.X)/2, (stageHeight-size.Y)/2)
	draw.Draw(whole, image.Rectangle{Min: corner, Max: corner.Add(size)}, decoded, decoded.Bounds().Min, draw.Src)
	return whole
}

// yuyv converts a picture to what a camera sends (BT.601, luma from 16 to 235).
func yuyv(m *image.RGBA) []byte {
	out := make([]byte, 0, 2*stageWidth*stageHeight)
	for i := 0; i < len(m.Pix); i += 8 {
		p := m.Pix[i : i+8]
		y0, u0, v0 := studio(p[0], p[1], p[2])
		y1, u1, v1 := studio(p[4], p[5], p[6])
		out = append(out, y0, byte((u0+u1)/2), y1, byte((v0+v1)/2))
	}
	return out
}

func studio(r, g, b byte) (luma byte, u, v int) {
	x, y, z := int(r), int(g), int(b)
	return byte(16 + (66*x+129*y+25*z+128)>>8), 128 + (-38*x-74*y+112*z+128)>>8, 128 + (112*x-94*y-18*z+128)>>8
}
