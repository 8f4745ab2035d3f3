package wiegand_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"facegate/device/reader"
	"facegate/device/reader/readertest"
	"facegate/device/wiegand"
	"facegate/gpio/sim"
)

// space is the distance of pulses in tests.
const space = time.Millisecond

// format returns a format that there is.
func format(t testing.TB, n int) wiegand.Format {
	t.Helper()
	f, err := wiegand.FormatOf(n)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// valueOf is what a card has to be read as.
func valueOf(f wiegand.Format, bits int, number uint64) []byte {
	value := []byte{byte(bits)}
	for shift := (f.Data() - 1) / 8 * 8; shift >= 0; shift -= 8 {
		value = append(value, byte(number>>shift))
	}
	return value
}

// A wire is lines, and how their clock is and how they fall.
type wire struct {
	now  func() time.Duration
	fall func(line int, at time.Duration)
}

// send has bits sent, and waits until they and the silence after them are over.
func (w wire) send(bits []int) {
	at := w.now() + 30*time.Millisecond
	for _, line := range bits {
		w.fall(line, at)
		at += space
	}
	time.Sleep(at - w.now() + 60*time.Millisecond)
}

// TestContract holds the reader to the contract on lines in memory and in a folder, with cards and with keys.
func TestContract(t *testing.T) {
	places := map[string]func(t *testing.T) (wire, func() (wiegand.Lines, error)){
		"memory": inMemory,
		"folder": inFolder,
	}
	for place, lines := range places {
		t.Run(place+", cards", func(t *testing.T) {
			t.Parallel()
			readertest.Run(t, func(t *testing.T) readertest.Bench {
				w, open := lines(t)
				f := format(t, 34)
				return readertest.Bench{
					Source: newReader(t, wiegand.Config{Name: "outside", Format: 34}, open), Name: "outside", Kind: reader.Card,
					Show: func(_ *testing.T, n int) []byte {
						number := 0xA1B2C3D4 + uint64(n)
						w.send(f.Bits(number))
						return valueOf(f, 34, number)
					},
					Spoil: func(*testing.T) { w.send(f.Bits(7)[1:]) },
				}
			})
		})
		t.Run(place+", keys", func(t *testing.T) {
			t.Parallel()
			readertest.Run(t, func(t *testing.T) readertest.Bench {
				w, open := lines(t)
				return readertest.Bench{
					Source: newReader(t, wiegand.Config{Name: "pad", Keys: true}, open), Name: "pad", Kind: reader.Keys,
					Show: func(_ *testing.T, n int) []byte {
						typed := []byte{'1', byte('0' + n), '*', '8'}
						w.types(string(typed) + "#")
						return typed
					},
					Spoil: func(*testing.T) {
						w.types("12")
						w.send([]int{0, 0, 1, 1, 1})
						w.types("4#")
					},
				}
			})
		})
	}
}

// types has keys pressed.
func (w wire) types(keys string) {
	for _, k := range keys {
		key := slices.Index([]rune("0123456789*#"), k)
		w.send([]int{key >> 3 & 1, key >> 2 & 1, key >> 1 & 1, key & 1})
	}
}

func newReader(t *testing.T, cfg wiegand.Config, open func() (wiegand.Lines, error)) *wiegand.Reader {
	t.Helper()
	r, err := wiegand.New(cfg, open)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func inMemory(*testing.T) (wire, func() (wiegand.Lines, error)) {
	p := sim.NewPair()
	return wire{p.Now, p.Fall}, func() (wiegand.Lines, error) { return p, nil }
}

func inFolder(t *testing.T) (wire, func() (wiegand.Lines, error)) {
	b, lines := sim.Board(t.TempDir()), [2]string{"D0", "D1"}
	fall := func(line int, at time.Duration) {
		if err := b.Fall(lines, []sim.PinFall{{At: at, Line: line}}); err != nil {
			t.Error(err)
		}
	}
	return wire{sim.Monotonic, fall}, func() (wiegand.Lines, error) { return b.OpenPair(lines, "") }
}

// TestKinds holds that a card says whether another one can be made to tell the same.
func TestKinds(t *testing.T) {
	for secure, want := range map[bool]reader.Kind{false: reader.Card, true: reader.SecureCard} {
		w, open := inMemory(t)
		r := newReader(t, wiegand.Config{Name: "in", Format: 26, Secure: secure}, open)
		go func() {
			time.Sleep(100 * time.Millisecond)
			w.send(format(t, 26).Bits(5))
		}()
		if s, err := r.Read(t.Context()); err != nil || s.Kind != want {
			t.Errorf("secure = %v: %v, %v", secure, s.Kind, err)
		}
	}
	if _, err := wiegand.New(wiegand.Config{Format: 27}, nil); !errors.Is(err, wiegand.ErrFormat) {
		t.Errorf("27 bits: %v", err)
	}
}

// TestStuck has a line that stays low, as where the reader has no power, and comes back.
func TestStuck(t *testing.T) {
	p := sim.NewPair()
	r := newReader(t, wiegand.Config{Name: "in", Format: 26}, func() (wiegand.Lines, error) { return p, nil })
	p.Hold([2]bool{false, true})
	if _, err := r.Read(t.Context()); !errors.Is(err, wiegand.ErrStuck) || !errors.Is(r.Fault(), wiegand.ErrStuck) {
		t.Fatalf("Read = %v, Fault = %v", err, r.Fault())
	}
	p.Hold([2]bool{})
	go func() {
		time.Sleep(100 * time.Millisecond)
		wire{p.Now, p.Fall}.send(format(t, 26).Bits(5))
	}()
	if s, err := r.Read(t.Context()); err != nil || r.Fault() != nil {
		t.Errorf("%v, %v, Fault = %v", s.Kind, err, r.Fault())
	}
}

// TestGone has the chip of the lines go away and come back.
func TestGone(t *testing.T) {
	missing := errors.New("the chip is gone")
	var p *sim.Pair
	w := wire{func() time.Duration { return p.Now() }, func(line int, at time.Duration) { p.Fall(line, at) }}
	opened := 0
	r := newReader(t, wiegand.Config{Name: "in", Format: 26}, func() (wiegand.Lines, error) {
		if opened++; opened == 2 {
			return nil, missing
		}
		p = sim.NewPair()
		if opened == 1 {
			p.Fail(missing)
		}
		return p, nil
	})
	if _, err := r.Read(t.Context()); !errors.Is(err, missing) || !errors.Is(r.Fault(), missing) {
		t.Fatalf("Read = %v, Fault = %v", err, r.Fault())
	}
	if _, err := r.Read(t.Context()); !errors.Is(err, missing) {
		t.Fatalf("another reason: Read = %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := r.Read(t.Context())
		done <- err
	}()
	time.Sleep(1500 * time.Millisecond)
	if err := r.Fault(); err != nil {
		t.Errorf("it is back, and Fault = %v", err)
	}
	w.send(format(t, 26).Bits(5))
	if err := <-done; err != nil {
		t.Error(err)
	}
}
