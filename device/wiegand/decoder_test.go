package wiegand_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"facegate/device/reader"
	"facegate/device/wiegand"
)

// TestFormats holds each format to cards whose bits were worked out apart from this program: 26 bits are the card 118/1603 of the
// Proxmark's manual, Corporate 1000 was packed with the masks B6DB6DB6 and 6DB6DB6C that its users publish.
func TestFormats(t *testing.T) {
	for _, test := range []struct {
		bits   int
		number uint64
		sent   string
	}{
		{26, 118<<16 | 1603, "10111011000000110010000110"},
		{34, 0xDEADBEEF, "1110111101010110110111110111011110"},
		{35, 222<<20 | 12345, "01000011011110000000110000001110010"},
		{35, 4095<<20 | 1, "11111111111111000000000000000000010"},
		{35, 1<<20 | 3, "10000000000001000000000000000000111"},
		{37, 0x2C0FFEE12, "0010110000001111111111101110000100101"},
	} {
		if got := text(format(t, test.bits).Bits(test.number)); got != test.sent {
			t.Errorf("%d bits: %#x is sent as %s, want %s", test.bits, test.number, got, test.sent)
		}
	}
}

func text(bits []int) (s string) {
	for _, b := range bits {
		s += string(rune('0' + b))
	}
	return s
}

// A told is what a decoder has told.
type told struct {
	card string
	key  string
	err  error
}

// A script is edges and rests, in milliseconds.
type script struct {
	decoder *wiegand.Decoder
	now     time.Duration
	seq     uint32
	told    []told
}

func newScript(f wiegand.Format, keys, twice bool) *script {
	s := &script{}
	s.decoder = wiegand.NewDecoder(f, keys, twice, func(r wiegand.Read, err error) {
		key := ""
		if r.Key != 0 {
			key = string(r.Key)
		}
		s.told = append(s.told, told{string(r.Card), key, err})
	})
	s.decoder.Begin(0)
	return s
}

func (s *script) wait(d time.Duration) *script {
	s.now += d
	return s
}

// fall has an edge after d.
func (s *script) fall(line int, d time.Duration) *script {
	s.now += d
	s.seq++
	s.decoder.Edge(wiegand.Edge{Line: line, At: s.now, Seq: s.seq})
	return s
}

// send has bits sent, the first at once.
func (s *script) send(bits []int, space time.Duration) *script {
	for i, line := range bits {
		if i == 0 {
			s.fall(line, 0)
		} else {
			s.fall(line, space)
		}
	}
	return s
}

// rest has nothing happen for d, looked at every 10 ms.
func (s *script) rest(d time.Duration) *script {
	for ends := s.now + d; s.now < ends; {
		s.now += 10 * time.Millisecond
		s.decoder.Rest(s.now, false)
	}
	return s
}

const ms = time.Millisecond

// TestFaults shows a card with each thing wrong that makes it none.
func TestFaults(t *testing.T) {
	f := format(t, 26)
	bits := f.Bits(118<<16 | 1603)
	good := told{card: string(valueOf(f, 26, 118<<16|1603))}
	wrong := slices.Clone(bits)
	wrong[7] = 1 - wrong[7]
	for _, test := range []struct {
		name string
		do   func(*script)
		want []told
	}{
		{"nothing", func(s *script) { s.wait(25*ms).send(bits, ms).rest(60 * ms) }, []told{good}},
		{"the slowest", func(s *script) { s.wait(25*ms).send(bits, 20*ms).rest(60 * ms) }, []told{good}},
		{"the fastest", func(s *script) { s.wait(25*ms).send(bits, ms/5).rest(60 * ms) }, []told{good}},
		{"too slow", func(s *script) { s.wait(25*ms).send(bits, 25*ms).rest(60 * ms) }, []told{{err: wiegand.ErrUneven}}},
		{"no silence before", func(s *script) { s.wait(24*ms).send(bits, ms).rest(60 * ms) }, []told{{err: wiegand.ErrEarly}}},
		{"silence yet to come", func(s *script) { s.wait(25*ms).send(bits, ms).rest(40 * ms) }, nil},
		{"two in 49 ms", func(s *script) {
			s.wait(25*ms).send(bits, ms).wait(49*ms).send(bits, ms).rest(60 * ms)
		}, []told{{err: wiegand.ErrCount}}},
		{"two in 50 ms", func(s *script) {
			s.wait(25*ms).send(bits, ms).wait(50*ms).send(bits, ms).rest(60 * ms)
		}, []told{good, good}},
		{"a bit less", func(s *script) { s.wait(25*ms).send(bits[1:], ms).rest(60 * ms) }, []told{{err: wiegand.ErrCount}}},
		{"a bit more", func(s *script) { s.wait(25*ms).send(append(bits, 1), ms).rest(60 * ms) }, []told{{err: wiegand.ErrCount}}},
		{"34 bits", func(s *script) { s.wait(25*ms).send(format(t, 34).Bits(1), ms).rest(60 * ms) }, []told{{err: wiegand.ErrCount}}},
		{"parity", func(s *script) { s.wait(25*ms).send(wrong, ms).rest(60 * ms) }, []told{{err: wiegand.ErrParity}}},
		{"a wide space", func(s *script) {
			s.wait(25*ms).send(bits[:13], ms).wait(ms).wait(ms/4).send(bits[13:], ms).rest(60 * ms)
		}, []told{{err: wiegand.ErrUneven}}},
		{"a narrow space at the start", func(s *script) {
			s.wait(25*ms).send(bits[:1], ms).wait(ms/2).send(bits[1:], ms).rest(60 * ms)
		}, []told{{err: wiegand.ErrUneven}}},
		{"ringing in place of a bit", func(s *script) {
			s.wait(25*ms).send(bits[:24], ms).fall(1, 99*time.Microsecond).fall(0, ms).rest(60 * ms)
		}, []told{{err: wiegand.ErrClose}}},
		{"one bit lost by the kernel, and a ghost", func(s *script) {
			s.wait(25*ms).send(bits[:13], ms)
			s.seq++
			s.wait(ms).send(bits[13:], ms).rest(60 * ms)
		}, []told{{err: wiegand.ErrLost}}},
		{"both lines low", func(s *script) {
			s.wait(25*ms).send(bits[:13], ms)
			s.decoder.Rest(s.now, true)
			s.wait(ms).send(bits[13:], ms).rest(60 * ms)
		}, []told{{err: wiegand.ErrBothLow}}},
		{"both lines low just before", func(s *script) {
			s.decoder.Rest(100*ms, true)
			s.wait(120*ms).send(bits, ms).rest(60 * ms)
		}, []told{{err: wiegand.ErrEarly}}},
		{"noise for a minute", func(s *script) {
			for s.wait(20 * ms); s.seq < 6000; {
				s.fall(0, 10*ms)
			}
			s.rest(60*ms).wait(25*ms).send(bits, ms).rest(60 * ms)
		}, []told{{err: wiegand.ErrCount}, good}},
		{"three ghosts, of which nobody is told", func(s *script) {
			s.fall(0, 30*ms).fall(1, 300*ms).fall(1, ms).rest(60 * ms)
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(f, false, false)
			test.do(s)
			check(t, s.told, test.want)
		})
	}
}

func check(t *testing.T, got, want []told) {
	t.Helper()
	same := cmp.Comparer(func(a, b told) bool { return a.card == b.card && a.key == b.key && errors.Is(a.err, b.err) })
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, g := range got {
		if g.err != nil && !errors.Is(g.err, reader.ErrUnread) {
			t.Errorf("%v is no reader.ErrUnread", g.err)
		}
	}
}

// TestTwice has cards count that are read twice within a second.
func TestTwice(t *testing.T) {
	f := format(t, 26)
	one, two := f.Bits(1), f.Bits(2)
	good := told{card: string(valueOf(f, 26, 1))}
	for _, test := range []struct {
		name string
		do   func(*script)
		want []told
	}{
		{"twice", func(s *script) { s.send(one, ms).wait(200*ms).send(one, ms).rest(2000 * ms) }, []told{good}},
		{"once", func(s *script) { s.send(one, ms).rest(2000 * ms) }, []told{{err: wiegand.ErrOnce}}},
		{"late", func(s *script) {
			s.send(one, ms).wait(1100*ms).send(one, ms).wait(100*ms).send(one, ms).rest(2000 * ms)
		}, []told{{err: wiegand.ErrOnce}, good}},
		{"another one", func(s *script) { s.send(one, ms).wait(200*ms).send(two, ms).rest(2000 * ms) }, []told{{err: wiegand.ErrDiffers}}},
		{"four times", func(s *script) {
			for range 4 {
				s.send(one, ms).wait(200 * ms)
			}
			s.rest(2000 * ms)
		}, []told{good, good}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(f, false, true)
			test.do(s.wait(30 * ms))
			check(t, s.told, test.want)
		})
	}
}

// TestKeys has keys of four bits, beside cards and without.
func TestKeys(t *testing.T) {
	for _, f := range []wiegand.Format{{}, format(t, 26)} {
		s := newScript(f, true, true)
		want := []told{}
		for n, key := range "0123456789*#" {
			s.rest(60*ms).send([]int{n >> 3, n >> 2 & 1, n >> 1 & 1, n & 1}, ms)
			want = append(want, told{key: string(key)})
		}
		s.rest(60*ms).send([]int{1, 1, 0, 0}, ms)
		s.rest(60*ms).send([]int{1, 1, 0, 0, 1}, ms)
		s.rest(60*ms).send([]int{1, 1}, ms).send([]int{0, 0}, 2*ms).rest(60 * ms)
		want = append(want, told{err: wiegand.ErrKey}, told{err: wiegand.ErrCount}, told{err: wiegand.ErrClose})
		check(t, s.told, want)
	}
}

// TestAnyCard holds that every card of every format is read as itself, and with one bit changed as none.
func TestAnyCard(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom(wiegand.Formats()).Draw(rt, "bits")
		f := format(t, n)
		number := rapid.Uint64().Draw(rt, "number") & (1<<f.Data() - 1)
		space := time.Duration(rapid.Int64Range(int64(200*time.Microsecond), int64(20*ms)).Draw(rt, "space"))
		bits := f.Bits(number)
		s := newScript(f, false, false)
		s.wait(30*ms).send(bits, space).rest(60 * ms)
		check(t, s.told, []told{{card: string(valueOf(f, n, number))}})
		i := rapid.IntRange(0, n-1).Draw(rt, "changed")
		bits[i] = 1 - bits[i]
		s.told = nil
		s.send(bits, space).rest(60 * ms)
		check(t, s.told, []told{{err: wiegand.ErrParity}})
	})
}

// FuzzDecoder feeds anything, and demands that it neither panics nor holds ever more.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 255, 128}, true)
	f.Fuzz(func(t *testing.T, data []byte, keys bool) {
		form, _ := wiegand.FormatOf(26)
		s := newScript(form, keys, keys)
		for _, b := range data {
			switch b & 3 {
			case 0, 1:
				s.fall(int(b&1), time.Duration(int8(b))*50*time.Microsecond)
			case 2:
				s.rest(time.Duration(b) * ms)
			case 3:
				s.seq += uint32(b)
				s.decoder.Rest(s.now, b > 100)
			}
		}
	})
}
