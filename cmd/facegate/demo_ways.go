package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/device"
	"facegate/device/reader"
	"facegate/device/reader/sim"
	qr "facegate/pipeline/template/pass"
	"facegate/pipeline/visitor"
)

// otherWays are what the demo's people come in with besides their faces, and where they show it.
type otherWays struct {
	reader *sim.Reader // of cards that prove a key
	cord   *cord
	passes map[string][]byte // pictures of passes, PNG, by whose they are
}

// ninasCard is what nina's card tells its reader.
const ninasCard = "card of nina"

func (w *otherWays) open(camera device.Source) {
	w.reader, w.cord, w.passes = sim.New("desk"), &cord{Source: camera, pulled: make(chan struct{})}, map[string][]byte{}
}

// comeInOtherwise has somebody come in who gives no face.
func (d *demo) comeInOtherwise(ctx context.Context) error {
	if err := errors.Join(d.join(ctx), d.invite(ctx)); err != nil {
		return err
	}
	return d.showAll(ctx, []scene{
		{name: "nina, who gives no face, holds up her pass", clip: heldUp("nina"), passes: 1},
		{name: "nina's card, while the camera is unplugged", act: (*demo).cardWithoutCamera, passes: 1},
		{name: "a visitor holds up a pass for one use", clip: heldUp("visitor"), passes: 1},
		{name: "somebody holds up the same pass again", clip: heldUp("visitor")},
	})
}

// join puts nina on the list, who gives no face, with a pass and a card.
func (d *demo) join(ctx context.Context) error {
	joined, err := d.client.Join(ctx, people.JoinRequest{
		Label: "nina", Reference: "demo form nina", Until: time.Now().AddDate(1, 0, 0), Pass: true,
	})
	if err != nil {
		return err
	}
	defer joined.Pass.Clear()
	if d.ways.passes["nina"], err = qr.PNG(joined.Pass); err != nil {
		return err
	}
	d.account.say("nina gives no face: she has a pass and a card")
	_, err = d.client.AddCard(ctx, people.CardRequest{Label: "nina"}, func(people.CardWait) {
		go d.ways.reader.Show(reader.SecureCard, []byte(ninasCard))
	})
	return err
}

// invite registers an office at the gate, which issues a pass to a visitor for one use.
func (d *demo) invite(ctx context.Context) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if _, err := d.client.AddOffice(ctx, people.OfficeRequest{Name: "front desk", Key: hex.EncodeToString(public)}); err != nil {
		return err
	}
	// Where no time server is heard, as in a container, somebody has to say that the clock is right.
	if _, err := d.client.ConfirmClock(ctx, time.Now()); err != nil {
		return err
	}
	serial, err := visitor.NewSerial(rand.Reader)
	if err != nil {
		return err
	}
	text, err := visitor.Sign(private, visitor.Gate("demo", "front"), visitor.Pass{
		From: time.Now().Truncate(time.Minute), Length: time.Hour, Uses: 1, Serial: serial,
	})
	if err != nil {
		return err
	}
	d.account.say("an office, which need not be at the gate, signs a visitor's pass")
	d.ways.passes["visitor"], err = qr.Draw(text)
	return err
}

// heldUp is the clip of somebody who holds a pass to the camera.
func heldUp(whose string) func(*demo) ([][]byte, error) {
	return func(d *demo) ([][]byte, error) {
		pass, has := d.ways.passes[whose]
		if !has { // because they could not be enrolled, which the demo has said
			return hold([][]byte{d.corridor}, time.Second), nil
		}
		picture, err := holdUp(d.corridor, pass)
		if err != nil {
			return nil, err
		}
		return hold([][]byte{d.corridor, picture, d.corridor}, 1500*time.Millisecond), nil
	}
}

// holdUp returns a JPEG picture of a place with a code, a PNG picture, held to its middle on a sheet of paper.
func holdUp(place, code []byte) ([]byte, error) {
	scenery, err := jpeg.Decode(bytes.NewReader(place))
	if err != nil {
		return nil, err
	}
	held, err := png.Decode(bytes.NewReader(code))
	if err != nil {
		return nil, err
	}
	picture := image.NewRGBA(scenery.Bounds())
	draw.Draw(picture, picture.Bounds(), scenery, scenery.Bounds().Min, draw.Src)
	sheet := held.Bounds().Sub(held.Bounds().Min).Add(picture.Bounds().Size().Sub(held.Bounds().Size()).Div(2))
	draw.Draw(picture, sheet.Inset(-20), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(picture, sheet, held, held.Bounds().Min, draw.Src)
	var out bytes.Buffer
	err = jpeg.Encode(&out, picture, &jpeg.Options{Quality: 85})
	return out.Bytes(), err
}

// cardWithoutCamera has nina show her card while there is no camera.
func (d *demo) cardWithoutCamera(ctx context.Context) error {
	defer d.ways.cord.pull()()
	d.ways.reader.Show(reader.SecureCard, []byte(ninasCard))
	return ctx.Err()
}

// errPulled says that the demo's camera is unplugged.
var errPulled = hint.Wrap(errors.New("the camera is unplugged"), "the demo plugs it in again")

// A cord is the cable of a camera, which can be pulled.
type cord struct {
	device.Source

	mu     sync.Mutex
	pulled chan struct{} // is closed while the cord is out
}

// pull takes the camera away until back is called.
func (c *cord) pull() (back func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.pulled)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.pulled = make(chan struct{})
	}
}

// Stream implements device.Source.
func (c *cord) Stream(ctx context.Context, emit func(device.Frame)) error {
	c.mu.Lock()
	pulled := c.pulled
	c.mu.Unlock()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-pulled:
			stop(errPulled)
		case <-ctx.Done():
		}
	}()
	err := c.Source.Stream(ctx, emit)
	if errors.Is(context.Cause(ctx), errPulled) {
		return errPulled
	}
	return err
}
