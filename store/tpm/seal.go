package tpm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// halfSize is the length of each half of a key, in bytes.
const halfSize = 32

// A parent is the storage key of the TPM's owner, by the template of the TCG: the TPM makes the same one each time.
type parent struct {
	handle tpm2.TPMHandle
	name   tpm2.TPM2BName
	public tpm2.TPMTPublic
	whole  []byte // public as the TPM writes it
}

// newParent makes the storage key, which is to be flushed.
func newParent(t transport.TPM) (p parent, err error) {
	made, err := tpm2.CreatePrimary{PrimaryHandle: owner(), InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(t)
	if err != nil {
		return p, fmt.Errorf("make the storage key: %w", err)
	}
	public, err := made.OutPublic.Contents()
	if err != nil {
		flush(t, made.ObjectHandle)
		return p, err
	}
	return parent{made.ObjectHandle, made.Name, *public, made.OutPublic.Bytes()}, nil
}

// owner returns the hierarchy of the owner of the machine, who has no password.
func owner() tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)}
}

// into returns a session for what goes into the TPM, outOf one for what comes out of it; auth is the password of what it is for. Whoever
// listens on the bus between processor and TPM learns nothing: the key of a session comes from a secret that only the storage key
// decrypts.
func (p parent) into(auth []byte) tpm2.Session {
	return p.session(tpm2.Auth(auth), tpm2.AESEncryption(128, tpm2.EncryptIn))
}

func (p parent) outOf(auth []byte) tpm2.Session {
	return p.session(tpm2.Auth(auth), tpm2.AESEncryption(128, tpm2.EncryptOut))
}

func (p parent) session(o ...tpm2.AuthOption) tpm2.Session {
	return tpm2.HMAC(tpm2.TPMAlgSHA256, 16, append(o, tpm2.Salted(p.handle, p.public))...)
}

// seal seals i.
func (p parent) seal(t transport.TPM, i *inside) (public, private []byte, err error) {
	made, err := tpm2.Create{
		ParentHandle: tpm2.AuthHandle{Handle: p.handle, Name: p.name, Auth: p.into(nil)},
		InSensitive: tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{
			Data: tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: i.half[:]}),
		}},
		InPublic: tpm2.New2B(tpm2.TPMTPublic{
			Type: tpm2.TPMAlgKeyedHash, NameAlg: tpm2.TPMAlgSHA256,
			// Without NoDA wrong passwords of other programs would lock the gate out.
			ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, UserWithAuth: true, NoDA: true},
		}),
	}.Execute(t)
	if err != nil {
		return nil, nil, fmt.Errorf("seal the key: %w", err)
	}
	return made.OutPublic.Bytes(), made.OutPrivate.Buffer, nil
}

// unseal returns what was sealed in s. The storage key has to be the recorded one: something between processor and TPM that puts its
// own in the place would otherwise read along.
func (s sealed) unseal(t transport.TPM) (*inside, parent, error) {
	p, err := newParent(t)
	if err != nil {
		return nil, p, err
	}
	i, err := s.unsealUnder(t, p)
	if err != nil {
		flush(t, p.handle)
	}
	return i, p, err
}

func (s sealed) unsealUnder(t transport.TPM, p parent) (*inside, error) {
	if !bytes.Equal(p.whole, s.Parent) {
		return nil, ErrElsewhere
	}
	loaded, err := tpm2.Load{
		ParentHandle: tpm2.AuthHandle{Handle: p.handle, Name: p.name, Auth: tpm2.PasswordAuth(nil)},
		InPrivate:    tpm2.TPM2BPrivate{Buffer: s.Private}, InPublic: tpm2.BytesAs2B[tpm2.TPMTPublic](s.Public),
	}.Execute(t)
	if errors.Is(err, tpm2.TPMRCIntegrity) {
		return nil, fmt.Errorf("%w: %w", ErrElsewhere, err)
	}
	if err != nil {
		return nil, fmt.Errorf("load the sealed key: %w", err)
	}
	defer flush(t, loaded.ObjectHandle)
	open, err := tpm2.Unseal{
		ItemHandle: tpm2.AuthHandle{Handle: loaded.ObjectHandle, Name: loaded.Name, Auth: p.outOf(nil)},
	}.Execute(t)
	if err != nil {
		return nil, fmt.Errorf("unseal the key: %w", err)
	}
	data := open.OutData.Buffer
	defer clear(data)
	if len(data) != halfSize {
		return nil, fmt.Errorf("what was sealed is %d bytes long and no key", len(data))
	}
	return &inside{index: s.Index, half: [halfSize]byte(data)}, nil
}

// create makes a key: its counter, the half that stays in the TPM, and the one that is sealed. It leaves nothing in the TPM if it fails.
func create(t transport.TPM, rand io.Reader) (s sealed, err error) {
	i, other, err := draw(rand)
	if err != nil {
		return s, err
	}
	defer clear(other)
	defer i.clear()
	p, err := newParent(t)
	if err != nil {
		return s, err
	}
	defer flush(t, p.handle)
	if err := i.define(t, p, other); err != nil {
		return s, err
	}
	s = sealed{Parent: p.whole, Index: i.index}
	if s.Public, s.Private, err = p.seal(t, i); err != nil {
		err = errors.Join(err, undefine(t, i.index), undefine(t, s.kept()))
	}
	return s, err
}

// draw returns a new half of a key, and the other one. The indices are drawn too, from those that the TCG leaves to the owner of a
// machine: several gates fit.
func draw(rand io.Reader) (i *inside, other []byte, err error) {
	var drawn [2*halfSize + 4]byte
	defer clear(drawn[:])
	if _, err := io.ReadFull(rand, drawn[:]); err != nil {
		return nil, nil, err
	}
	const first, even = 0x01800000, 0x003ffffe
	i = &inside{index: tpm2.TPMHandle(first | binary.BigEndian.Uint32(drawn[2*halfSize:])&even), half: [halfSize]byte(drawn[:])}
	return i, bytes.Clone(drawn[halfSize : 2*halfSize]), nil
}
