package tpm

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"facegate/configs/hint"
	"facegate/store/anchor"
)

// A Counter is an anchor.Place that holds the count of changes alone. No copy of a disk turns it back, and neither does whoever has
// the TPM: a counter goes on from the highest count that the TPM has ever had, even one that was removed and is made anew.
//
// Counts of a Counter begin where those of the TPM were when the key was made. What that was is kept beside the key's half.
type Counter struct{ key *Key }

// Counter returns the counter that was made with the key.
func (k *Key) Counter() *Counter { return &Counter{k} }

// Class implements anchor.Place.
func (*Counter) Class() string { return "tpm" }

// Last implements anchor.Place. Without the key there is nothing.
func (c *Counter) Last() (m anchor.Memory, err error) {
	err = c.use(func(t transport.TPM, counter, kept index) error {
		value, first, err := numbers(t, counter, kept)
		m.Count = value - first
		return err
	})
	if err == nil && m.Count == 0 || keyless(err) {
		err = anchor.ErrNone
	}
	return m, err
}

// Remember implements anchor.Place. A counter that somebody has removed is made anew.
func (c *Counter) Remember(m anchor.Memory) error {
	return c.use(func(t transport.TPM, counter, kept index) error {
		value, first, err := numbers(t, counter, kept)
		if errors.Is(err, anchor.ErrDamaged) {
			return c.renew(t, counter, kept, m.Count)
		}
		switch last := value - first; {
		case err != nil || last == m.Count:
			return err
		case last > m.Count:
			return hint.Wrap(fmt.Errorf("the TPM has counted to %d, and is to remember %d", last, m.Count),
				"the records are older than what the TPM knows: restart the gate, which says what to do")
		case last+1 < m.Count: // a power cut after this leaves it one short
			if err := keep(t, kept, value+1-m.Count); err != nil {
				return err
			}
		}
		return counter.count(t, true)
	})
}

// Forget implements anchor.Place: counts begin anew. The counter goes with the key.
func (c *Counter) Forget() error {
	err := c.use(func(t transport.TPM, counter, kept index) error {
		value, _, err := numbers(t, counter, kept)
		if errors.Is(err, anchor.ErrDamaged) {
			return c.renew(t, counter, kept, 0)
		}
		if err != nil {
			return err
		}
		return keep(t, kept, value)
	})
	if keyless(err) {
		return nil
	}
	return err
}

// keyless reports whether err says that the key is gone, and the counter with it.
func keyless(err error) bool { return errors.Is(err, errNoFile) || errors.Is(err, errWiped) }

// errRemoved means that the counter is not there. Last hands it on as damage.
var errRemoved = hint.Wrap(fmt.Errorf("%w: the TPM's counter is gone, or another is in its place: somebody has removed it", anchor.ErrDamaged),
	"find out who has administered the TPM, then have the records restored: facegate backup restore makes the counter anew")

// numbers returns what the counter says, and what it said when nothing had been counted.
func numbers(t transport.TPM, counter, kept index) (value, first uint64, err error) {
	value, err = counter.number(t, 0)
	if missing(err) || errors.Is(err, tpm2.TPMRCAuthFail) || errors.Is(err, tpm2.TPMRCBadAuth) || errors.Is(err, tpm2.TPMRCNVUninitialized) {
		return 0, 0, errRemoved
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read the counter: %w", err)
	}
	first, err = kept.number(t, halfSize)
	if missing(err) {
		return 0, 0, errWiped
	}
	return value, first, err
}

// keep writes down what the counter is to have said when nothing had been counted.
func keep(t transport.TPM, kept index, first uint64) error {
	return kept.write(t, shown, true, halfSize, binary.BigEndian.AppendUint64(nil, first))
}

// renew makes a counter in the place of one that was removed, and has it say count.
func (c *Counter) renew(t transport.TPM, counter, kept index, count uint64) error {
	if err := undefine(t, counter.public.NVIndex); err != nil {
		return err
	}
	p, err := newParent(t)
	if err != nil {
		return err
	}
	defer flush(t, p.handle)
	value, err := counter.begin(t, p.into)
	if err != nil {
		return err
	}
	return keep(t, kept, value-count)
}

// use calls f with the indices of the key.
func (c *Counter) use(f func(t transport.TPM, counter, kept index) error) error {
	return c.key.chip.use(func(t transport.TPM) error {
		counter, kept, err := c.key.indices(t)
		if err != nil {
			return err
		}
		return f(t, counter, kept)
	})
}
