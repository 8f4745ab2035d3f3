package lab

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"

	"facegate/pipeline/qrcode"
	qr "facegate/pipeline/template/pass"
)

// aside is longer than a code has to be taken away until it counts again.
const aside = 2500 * time.Millisecond

// shown is what people hold to the camera.
type shown struct {
	residents [2][]byte // passes of two people on the list who give no face
	visitor   []byte    // the pass of somebody whom an office lets in once
}

// The files of passes and of the office.
const residentsPass, visitorsPass, officeKey = "/tmp/%s.png", "/tmp/visitor.png", "/tmp/office.key"

// passes has a resident and a visitor come in with passes that are held to the camera. The visitor's opens once. What is forged or
// damaged opens nothing.
func (g *gate) passes(t *testing.T) {
	resident, visitor := g.joins(t, "nina"), g.invited(t)
	g.held.residents = [2][]byte{holdUp(t, resident), holdUp(t, g.joins(t, "omar"))}
	g.held.visitor = holdUp(t, visitor)
	s := follow(t)
	g.refuses(s, "a visitor's pass with another letter in it", holdUp(t, forge(t, visitor)))
	g.letsIn("a resident's pass", g.held.residents[0])
	g.letsIn("a visitor's pass", g.held.visitor)
	g.opensNothing("a resident's pass with another letter in it, and a visitor's that is torn", holdUp(t, forge(t, resident)),
		torn(holdUp(t, visitor)))
	time.Sleep(aside)
	g.refuses(s, "the visitor's pass, again", g.held.visitor)
	g.usedUp(t)
}

// withoutFaces has them come again after the third crash, from which on the gate is without faces. After three more it would leave the
// camera alone as well.
func (g *gate) withoutFaces(t *testing.T) {
	g.press(t)
	g.kill(t)
	s := follow(t)
	g.letsIn("a resident's pass, at a gate without faces", g.held.residents[1])
	g.refuses(s, "the visitor's pass, after the gate was killed", g.held.visitor)
	g.usedUp(t)
}

// usedUp checks that the gate says why the visitor is not let in.
func (g *gate) usedUp(t *testing.T) {
	t.Helper()
	if said := facegate(t, "pass", "show", visitorsPass); !strings.Contains(said, "it was used as often as it may be") {
		t.Errorf("of a visitor's pass that was used the gate says:\n%s", said)
	}
}

// joins puts somebody on the list who gives no face, and returns the picture of their pass.
func (g *gate) joins(t *testing.T, label string) []byte {
	t.Helper()
	file := fmt.Sprintf(residentsPass, label)
	until := time.Now().AddDate(1, 0, 0).Format(time.DateOnly)
	facegate(t, "person", "add", label, "--reference", "form 2", "--until", until, "--pass", file)
	return read(t, file)
}

// invited registers an office that issues a pass for once, and returns its picture.
func (g *gate) invited(t *testing.T) []byte {
	t.Helper()
	facegate(t, "clock", "confirm", "--yes") // no time server is there to say that the clock is right
	facegate(t, "pass", "key", "new", officeKey)
	facegate(t, "pass", "key", "add", "front desk", officeKey+".pub")
	facegate(t, "pass", "issue", "--key", officeKey, "--gate", "lab/"+os.Getenv("board"), "--for", "2h", "--png", visitorsPass)
	return read(t, visitorsPass)
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// forge returns the picture of a pass with another letter in its middle, and with all that makes it a good code.
func forge(t *testing.T, pass []byte) []byte {
	t.Helper()
	said, err := qr.Text(pass)
	if err != nil {
		t.Fatal(err)
	}
	letters, middle := []byte(said), len(said)/2
	if letters[middle]++; letters[middle] > 'Z' || letters[middle] < 'A' {
		letters[middle] = 'A'
	}
	forged, err := qr.Draw(string(letters))
	if err != nil {
		t.Fatal(err)
	}
	return forged
}

// The code of a pass on paper is 8 cm wide. So wide it is in the picture, in pixels, when the paper is held 22 cm before the camera.
const codeWidth = 205

// holdUp returns the empty place with a pass that is held to the camera.
func holdUp(t *testing.T, pass []byte) []byte {
	t.Helper()
	return holdBefore(t, canvas(t, recorded(nobody)), pass)
}

// holdBefore returns a picture of a place with a pass before it: a picture of 8 pixels a module, with a margin of 4 modules.
func holdBefore(t *testing.T, place *image.RGBA, pass []byte) []byte {
	t.Helper()
	code, err := png.Decode(bytes.NewReader(pass))
	if err != nil {
		t.Fatal(err)
	}
	modules := code.Bounds().Dx() / 8
	module := codeWidth / (modules - 8)
	corner := image.Pt((stageWidth-modules*module)/2, (stageHeight-modules*module)/2)
	for y := range modules * module {
		for x := range modules * module {
			place.Set(corner.X+x, corner.Y+y, code.At(x/module*8, y/module*8))
		}
	}
	return yuyv(place)
}

// TestHeldUp looks at what is held up as the gate does: a pass is read, a forged one says something else, and a torn one nothing.
func TestHeldUp(t *testing.T) {
	for _, text := range []string{strings.Repeat("ABZ27", 7)[:32], "Q" + strings.Repeat("KJZ27", 28)[:137]} {
		pass, err := qr.Draw(text)
		if err != nil {
			t.Fatal(err)
		}
		empty := image.Rect(0, 0, stageWidth, stageHeight)
		good := look(holdBefore(t, image.NewRGBA(empty), pass))
		forged := look(holdBefore(t, image.NewRGBA(empty), forge(t, pass)))
		if good != text || forged == text || len(forged) != len(text) {
			t.Errorf("of %q there is read %q, and of a forged one %q", text, good, forged)
		}
		if said := look(torn(holdBefore(t, image.NewRGBA(empty), pass))); said != "" {
			t.Errorf("of a torn pass there is read %q", said)
		}
	}
}

// look returns what the code in a picture says, as YUYV, after as many looks as take turns at the gate.
func look(picture []byte) string {
	grey := image.NewGray(image.Rect(0, 0, stageWidth, stageHeight))
	for i := range grey.Pix {
		grey.Pix[i] = picture[2*i]
	}
	r := qrcode.NewReader()
	for n := range 4 {
		for _, way := range r.Load(grey, n) {
			if text, err := r.Read(way); err == nil {
				return string(text)
			}
		}
	}
	return ""
}

// torn returns a picture in which the upper right quarter of what is held up is missing.
func torn(picture []byte) []byte {
	for y := range stageHeight / 2 {
		right := picture[y*2*stageWidth+stageWidth : (y+1)*2*stageWidth]
		for i := range right {
			right[i] = 128
		}
	}
	return picture
}

// letsIn holds up a pass until the relay pulls in, and checks that it gives one pulse.
func (g *gate) letsIn(what string, picture []byte) {
	g.t.Helper()
	before := g.changes()
	takeAway := g.slides(time.Second, picture)
	defer takeAway()
	g.await("the relay has pulled in for "+what, patience, func() bool { return g.changes() > before })
	takeAway()
	g.await("the relay has let go", patience, func() bool { return g.changes() > before+1 })
	fmt.Printf("lab: gate: %s opens\n", what)
	g.onePulse(g.t, before)
}

// refuses holds up a pass until the screen says that there are other ways in, and checks that the relay has not moved.
func (g *gate) refuses(s *screenText, what string, picture []byte) {
	g.t.Helper()
	before, said := g.changes(), s.count("try-card")
	takeAway := g.slides(time.Second, picture)
	defer takeAway()
	g.await("the screen says of "+what+" that there are other ways in", patience, func() bool { return s.count("try-card") > said })
	if n := g.changes() - before; n != 0 {
		g.t.Errorf("for %s the relay has moved %d times", what, n)
	}
	fmt.Printf("lab: gate: %s opens nothing\n", what)
}

// opensNothing holds up things in turn, for as long as the gate takes for several looks, and checks that the relay has not moved.
func (g *gate) opensNothing(what string, pictures ...[]byte) {
	g.t.Helper()
	before := g.changes()
	takeAway := g.slides(500*time.Millisecond, pictures...)
	defer takeAway()
	time.Sleep(2 * time.Second)
	if n := g.changes() - before; n != 0 {
		g.t.Errorf("for %s the relay has moved %d times", what, n)
	}
	fmt.Printf("lab: gate: %s opens nothing\n", what)
}
