package tpm

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// An index is a place in the memory of a TPM that only its own password opens. The owner of the TPM may remove it, and not read it.
type index struct {
	public tpm2.TPMSNVPublic
	auth   []byte
}

// counter returns the index that only counts on. What is made anew goes on from the highest count that the TPM has ever had.
func (i *inside) counter() index { return newIndex(i.index, tpm2.TPMNTCounter, 8, i.auth()) }

// kept returns the index of what else the TPM keeps: its half of the key, and what the counter said when nothing had been counted.
func (i *inside) kept() index { return newIndex(i.index+1, tpm2.TPMNTOrdinary, halfSize+8, i.auth()) }

func newIndex(handle tpm2.TPMHandle, kind tpm2.TPMNT, size uint16, auth []byte) index {
	return index{tpm2.TPMSNVPublic{
		NVIndex: handle, NameAlg: tpm2.TPMAlgSHA256, DataSize: size,
		Attributes: tpm2.TPMANV{AuthRead: true, AuthWrite: true, NoDA: true, NT: kind},
	}, auth}
}

// named returns the handle and the name of x, which says what it is, and whether it was ever written.
func (x index) named(written bool) (tpm2.NamedHandle, error) {
	x.public.Attributes.Written = written
	name, err := tpm2.NVName(&x.public)
	if err != nil {
		return tpm2.NamedHandle{}, err
	}
	return tpm2.NamedHandle{Handle: x.public.NVIndex, Name: *name}, nil
}

// by returns n with the means to use it.
func by(n tpm2.NamedHandle, s tpm2.Session) tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: n.Handle, Name: n.Name, Auth: s}
}

// define makes x in a session that hides its password.
func (x index) define(t transport.TPM, session func([]byte) tpm2.Session) error {
	_, err := tpm2.NVDefineSpace{
		AuthHandle: owner(), Auth: tpm2.TPM2BAuth{Buffer: x.auth}, PublicInfo: tpm2.New2B(x.public),
	}.Execute(t, session(nil))
	return err
}

// shown returns a session that shows that it is the TPM which answers, and hides nothing. auth is the password.
func shown(auth []byte) tpm2.Session { return tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Auth(auth)) }

// count counts x on by one. written is whether it was counted before.
func (x index) count(t transport.TPM, written bool) error {
	n, err := x.named(written)
	if err != nil {
		return err
	}
	_, err = tpm2.NVIncrement{AuthHandle: by(n, shown(x.auth)), NVIndex: n}.Execute(t)
	return err
}

// read returns size bytes of x in a session of its password.
func (x index) read(t transport.TPM, session func([]byte) tpm2.Session, offset, size uint16) ([]byte, error) {
	n, err := x.named(true)
	if err != nil {
		return nil, err
	}
	got, err := tpm2.NVRead{AuthHandle: by(n, session(x.auth)), NVIndex: n, Offset: offset, Size: size}.Execute(t)
	if err != nil {
		return nil, err
	}
	if len(got.Data.Buffer) != int(size) {
		return nil, fmt.Errorf("%d bytes of index %#x", len(got.Data.Buffer), x.public.NVIndex)
	}
	return got.Data.Buffer, nil
}

// write writes data to x in a session of its password. written is whether somebody did so before.
func (x index) write(t transport.TPM, session func([]byte) tpm2.Session, written bool, offset uint16, data []byte) error {
	n, err := x.named(written)
	if err != nil {
		return err
	}
	_, err = tpm2.NVWrite{
		AuthHandle: by(n, session(x.auth)), NVIndex: n, Offset: offset, Data: tpm2.TPM2BMaxNVBuffer{Buffer: data},
	}.Execute(t)
	return err
}

// number returns the number at an offset of x.
func (x index) number(t transport.TPM, offset uint16) (uint64, error) {
	data, err := x.read(t, shown, offset, 8)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(data), nil
}

// begin makes a counter, and returns what it says.
func (x index) begin(t transport.TPM, session func([]byte) tpm2.Session) (uint64, error) {
	if err := x.define(t, session); err != nil {
		return 0, fmt.Errorf("make the counter: %w", err)
	}
	if err := x.count(t, false); err != nil {
		return 0, errors.Join(fmt.Errorf("count for the first time: %w", err), undefine(t, x.public.NVIndex))
	}
	return x.number(t, 0)
}

// define makes the indices of a key, and writes what is kept. It leaves nothing in the TPM if it fails.
func (i *inside) define(t transport.TPM, p parent, other []byte) error {
	first, err := i.counter().begin(t, p.into)
	if err != nil {
		return err
	}
	data := binary.BigEndian.AppendUint64(append(make([]byte, 0, halfSize+8), other...), first)
	defer clear(data)
	kept := i.kept()
	if err = kept.define(t, p.into); err == nil {
		err = kept.write(t, p.into, false, 0, data)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep the half of the key: %w", err), undefine(t, kept.public.NVIndex), undefine(t, i.index))
	}
	return nil
}

// undefine removes an index. One that is not there is removed.
func undefine(t transport.TPM, handle tpm2.TPMHandle) error {
	public, err := tpm2.NVReadPublic{NVIndex: handle}.Execute(t)
	if err == nil {
		_, err = tpm2.NVUndefineSpace{AuthHandle: owner(), NVIndex: tpm2.NamedHandle{Handle: handle, Name: public.NVName}}.Execute(t)
	}
	if missing(err) {
		return nil
	}
	return err
}

// missing reports whether err says that there is no such index.
func missing(err error) bool { return errors.Is(err, tpm2.TPMRCHandle) }
