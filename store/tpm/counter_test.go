package tpm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"facegate/configs/hint"
	"facegate/store/anchor"
	"facegate/store/anchor/anchortest"
	"facegate/store/tpm"
	"facegate/store/tpm/tpmtest"
)

// TestCounter holds a counter to what a store relies on. The board is restarted each time that the counter is opened.
func TestCounter(t *testing.T) {
	anchortest.Run(t, func(t *testing.T) func() anchor.Place {
		c := tpmtest.New(t)
		path := create(t, c.Chip)
		return func() anchor.Place {
			c.Restart(t)
			return c.Key(path).Counter()
		}
	})
}

// TestCountersAreApart counts for two gates of one TPM in turn.
func TestCountersAreApart(t *testing.T) {
	c := tpmtest.New(t)
	one, two := c.Key(create(t, c.Chip)).Counter(), c.Key(create(t, c.Chip)).Counter()
	for n := range uint64(4) {
		must(t, one.Remember(anchor.Memory{Count: n + 1}))
		must(t, two.Remember(anchor.Memory{Count: 2*n + 5}))
	}
	mustCount(t, one, 4)
	mustCount(t, two, 11)
	must(t, one.Forget())
	mustCount(t, two, 11)
}

// TestCounterIsNeverLess refuses to count back, and stays where it is.
func TestCounterIsNeverLess(t *testing.T) {
	c := tpmtest.New(t)
	counter := c.Key(create(t, c.Chip)).Counter()
	must(t, counter.Remember(anchor.Memory{Count: 7}))
	if err := counter.Remember(anchor.Memory{Count: 6}); err == nil || hint.Of(err) == "" {
		t.Errorf("counted back: %v", err)
	}
	mustCount(t, counter, 7)
}

// TestRemovedCounter removes the counter, as the owner of a TPM may, and puts another in its place, without its password and with it.
// It is told in each case, or has counted on. Once something is remembered there is a counter again.
func TestRemovedCounter(t *testing.T) {
	for name, put := range map[string]func(t *testing.T, to transport.TPM, at tpm2.TPMHandle, password []byte){
		"removed": func(*testing.T, transport.TPM, tpm2.TPMHandle, []byte) {},
		"made anew by somebody else": func(t *testing.T, to transport.TPM, at tpm2.TPMHandle, _ []byte) {
			begin(t, to, at, []byte("another"))
		},
		"made anew with the password, and never counted": func(t *testing.T, to transport.TPM, at tpm2.TPMHandle, password []byte) {
			define(t, to, at, password)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := tpmtest.New(t)
			key := c.Key(create(t, c.Chip))
			counter := key.Counter()
			must(t, counter.Remember(anchor.Memory{Count: 9}))
			replace(t, c, key, put)
			_, err := counter.Last()
			if !errors.Is(err, anchor.ErrDamaged) || !strings.Contains(hint.Of(err), "facegate backup restore") {
				t.Errorf("%v, to do: %s", err, hint.Of(err))
			}
			must(t, counter.Remember(anchor.Memory{Count: 10}))
			c.Restart(t)
			mustCount(t, counter, 10)
			must(t, counter.Remember(anchor.Memory{Count: 11}))
			mustCount(t, counter, 11)
		})
	}
}

// TestCounterIsNotTurnedBack removes the counter and makes it anew with its password, as whoever has board and disk may. It goes on
// from where it was: an older copy of the disk is told by that.
func TestCounterIsNotTurnedBack(t *testing.T) {
	c := tpmtest.New(t)
	key := c.Key(create(t, c.Chip))
	must(t, key.Counter().Remember(anchor.Memory{Count: 9}))
	for range 2 {
		replace(t, c, key, begin)
		c.Restart(t)
		if m, err := key.Counter().Last(); err != nil || m.Count <= 9 {
			t.Errorf("the counter is turned back to %d, %v", m.Count, err)
		}
	}
}

// TestCounterWithoutItsKey has nothing to remember, nor to forget, and takes nothing.
func TestCounterWithoutItsKey(t *testing.T) {
	c := tpmtest.New(t)
	path := create(t, c.Chip)
	must(t, c.Key(path).Counter().Remember(anchor.Memory{Count: 3}))
	must(t, c.Key(path).Forget())
	for path, advice := range map[string]string{path: "make a new key", path + ".not": "restore the file"} {
		counter := c.Key(path).Counter()
		if _, err := counter.Last(); !errors.Is(err, anchor.ErrNone) {
			t.Errorf("%v, want none", err)
		}
		must(t, counter.Forget())
		if err := counter.Remember(anchor.Memory{Count: 4}); !strings.Contains(hint.Of(err), advice) {
			t.Errorf("%v, to do: %s", err, hint.Of(err))
		}
	}
}

// replace removes the counter of a key, and has put put another in its place.
func replace(t *testing.T, c *tpmtest.TPM, key *tpm.Key, put func(*testing.T, transport.TPM, tpm2.TPMHandle, []byte)) {
	t.Helper()
	at, password, err := key.Secrets()
	must(t, err)
	to, err := linuxudstpm.Open(string(c.Chip))
	must(t, err)
	defer to.Close()
	public, err := tpm2.NVReadPublic{NVIndex: at}.Execute(to)
	must(t, err)
	_, err = tpm2.NVUndefineSpace{
		AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)},
		NVIndex:    tpm2.NamedHandle{Handle: at, Name: public.NVName},
	}.Execute(to)
	must(t, err)
	put(t, to, at, password)
}

// define makes a counter as the key's is.
func define(t *testing.T, to transport.TPM, at tpm2.TPMHandle, password []byte) {
	t.Helper()
	_, err := tpm2.NVDefineSpace{
		AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)}, Auth: tpm2.TPM2BAuth{Buffer: password},
		PublicInfo: tpm2.New2B(tpm2.TPMSNVPublic{
			NVIndex: at, NameAlg: tpm2.TPMAlgSHA256, DataSize: 8,
			Attributes: tpm2.TPMANV{AuthRead: true, AuthWrite: true, NoDA: true, NT: tpm2.TPMNTCounter},
		}),
	}.Execute(to)
	must(t, err)
}

// begin is define, and counts for the first time.
func begin(t *testing.T, to transport.TPM, at tpm2.TPMHandle, password []byte) {
	t.Helper()
	define(t, to, at, password)
	public, err := tpm2.NVReadPublic{NVIndex: at}.Execute(to)
	must(t, err)
	_, err = tpm2.NVIncrement{
		AuthHandle: tpm2.AuthHandle{Handle: at, Name: public.NVName, Auth: tpm2.PasswordAuth(password)},
		NVIndex:    tpm2.NamedHandle{Handle: at, Name: public.NVName},
	}.Execute(to)
	must(t, err)
}

// mustCount checks what a counter says.
func mustCount(t testing.TB, c *tpm.Counter, want uint64) {
	t.Helper()
	if m, err := c.Last(); err != nil || m.Count != want || m.Sealed != nil {
		t.Errorf("count %d, %v, want %d", m.Count, err, want)
	}
}
