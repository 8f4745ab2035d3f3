package evdev

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"facegate/device/keypad"
	"facegate/device/reader"
)

// A told is what a typist has told.
type told struct {
	value string
	err   error
}

// A script is events and the times between them.
type script struct {
	typist typist
	now    time.Time
	told   []told
}

func newScript(pad bool) *script {
	s := &script{now: time.Now()}
	if pad {
		s.typist.pad = new(keypad.Pad)
	}
	s.typist.emit = func(value []byte, _ time.Time, err error) { s.told = append(s.told, told{string(value), err}) }
	return s
}

func (s *script) event(kind, code uint16, value int32) {
	s.typist.see(event{kind: kind, code: code, value: value, at: s.now})
}

// types has a text typed, a key every 20 ms.
func (s *script) types(text string) *script {
	for _, c := range []byte(text) {
		code, shift, _ := keyOf(c)
		if shift {
			s.event(evKey, keyLeftShift, down)
		}
		s.event(evKey, code, down)
		s.event(evSyn, synReport, 0)
		s.event(evKey, code, up)
		if shift {
			s.event(evKey, keyLeftShift, up)
		}
		s.wait(20 * time.Millisecond)
	}
	return s
}

// key presses a key that types nothing.
func (s *script) key(code uint16) *script {
	s.event(evKey, code, down)
	s.event(evKey, code, up)
	return s
}

func (s *script) wait(d time.Duration) *script {
	s.now = s.now.Add(d)
	if due := s.typist.due(); !due.IsZero() && !s.now.Before(due) {
		s.typist.lapse(s.now)
	}
	return s
}

// drop has the kernel lose events.
func (s *script) drop() *script {
	s.event(evSyn, synDropped, 0)
	s.event(evKey, key1, down) // belongs to what was lost
	s.event(evSyn, synReport, 0)
	return s
}

func (s *script) check(t *testing.T, want ...told) {
	t.Helper()
	same := cmp.Comparer(func(a, b told) bool { return a.value == b.value && errors.Is(a.err, b.err) })
	if diff := cmp.Diff(want, s.told, same); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, g := range s.told {
		if g.err != nil && !errors.Is(g.err, reader.ErrUnread) {
			t.Errorf("%v is no reader.ErrUnread", g.err)
		}
	}
}

func TestCards(t *testing.T) {
	long := make([]byte, maxLen+1)
	for i := range long {
		long[i] = '7'
	}
	for _, test := range []struct {
		name string
		do   func(*script)
		want []told
	}{
		{"digits", func(s *script) { s.types("0012345678\n") }, []told{{value: "0012345678"}}},
		{"letters", func(s *script) { s.types("04A2b3;:?\n") }, []told{{value: "04A2b3;:?"}}},
		{"two", func(s *script) { s.types("1\n2\n") }, []told{{value: "1"}, {value: "2"}}},
		{"enter by itself", func(s *script) { s.types("\n\n").wait(time.Second) }, nil},
		{"no enter", func(s *script) { s.types("1234").wait(time.Second).types("\n") }, []told{{err: ErrBroke}}},
		{"a gap", func(s *script) { s.types("12").wait(300 * time.Millisecond).types("34\n") }, []told{{err: ErrBroke}, {value: "34"}}},
		{"no gap yet", func(s *script) { s.types("12").wait(280 * time.Millisecond).types("34\n") }, []told{{value: "1234"}}},
		{"the longest", func(s *script) { s.types(string(long[1:]) + "\n") }, []told{{value: string(long[1:])}}},
		{"too long", func(s *script) { s.types(string(long) + "\n5\n") }, []told{{err: ErrLong}, {value: "5"}}},
		{"a key that types nothing", func(s *script) { s.types("12").key(59).types("34\n") }, []told{{err: ErrNoChar}}},
		{"locks", func(s *script) { s.types("12").key(keyNumLock).key(keyCapsLock).types("34\n") }, []told{{value: "1234"}}},
		{"lost keys", func(s *script) { s.types("12").drop().types("34\n56\n") }, []told{{err: ErrDropped}, {value: "56"}}},
		{"a key is held", func(s *script) {
			s.types("12")
			s.event(evKey, 4, 2)
			s.event(evKey, 4, 2)
			s.types("\n")
		}, []told{{value: "12"}}},
		{"shift is lost", func(s *script) {
			s.event(evKey, keyRightShift, down)
			s.drop().types("\n12\n")
		}, []told{{err: ErrDropped}, {value: "12"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(false)
			test.do(s)
			s.check(t, test.want...)
		})
	}
}

func TestKeypads(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(*script)
		want []told
	}{
		{"slowly", func(s *script) { s.types("12").wait(5 * time.Second).types("34\n") }, []told{{value: "1234"}}},
		{"number and PIN", func(s *script) { s.types("12*567890#") }, []told{{value: "12*567890"}}},
		{"left standing", func(s *script) { s.types("12").wait(11 * time.Second).types("34\n") }, []told{{value: "34"}}},
		{"cleared", func(s *script) { s.types("12").key(keyBackspace).types("34\n") }, []told{{value: "34"}}},
		{"letters are no keys", func(s *script) { s.types("1a2b\n") }, []told{{value: "12"}}},
		{"lost keys", func(s *script) { s.types("12").drop().types("34\n56\n") }, []told{{err: ErrDropped}, {value: "56"}}},
		{"lost keys, and cleared", func(s *script) { s.types("12").drop().types("3").key(keyEsc).types("56\n") }, []told{{value: "56"}}},
		{"lost keys, and left", func(s *script) { s.types("12").drop().wait(11 * time.Second).types("56\n") }, []told{{value: "56"}}},
		{"of a keypad", func(s *script) { s.key(79).key(80).key(82).key(keyKPEnter) }, []told{{value: "120"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScript(true)
			test.do(s)
			s.check(t, test.want...)
		})
	}
}

// TestClears holds that no number stays behind in the memory of the typist.
func TestClears(t *testing.T) {
	s := newScript(false)
	s.types("4711815\n")
	for _, b := range s.typist.line[:cap(s.typist.line)] {
		if b != 0 {
			t.Fatalf("there is %q", s.typist.line[:cap(s.typist.line)])
		}
	}
}
