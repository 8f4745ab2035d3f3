package template

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// The schemes, as a Header names them.
const (
	SchemeS1 = 1 // 1:N: keys of the device
	SchemeS2 = 2 // 1:1: keys of the device and a Token together
)

// The sizes of a sealed record and its parts, in bytes. Every record has the same length, so that it tells nothing.
const (
	headerSize = 1 + 1 + 4 + 16 + 32 + 16 + 16 + 8
	saltSize   = 16
	nonceSize  = chacha20poly1305.NonceSizeX
	codeSize   = Bits / 8
	RecordSize = headerSize + saltSize + nonceSize + codeSize + chacha20poly1305.Overhead
)

// ErrSealed refuses a record that was changed, was sealed under another key, or is no record at all. Which of them
// cannot be told.
var ErrSealed = errors.New("the sealed record does not open: it was changed or has another key")

// A Made is a Code with what it was made with. It is what a store is handed to keep, and can be held against what is current
// there: nobody else has to keep the two in step.
type Made struct {
	Scheme uint8  // SchemeS1 or SchemeS2
	Epoch  uint32 // whose rotations it was made with; 0 in SchemeS2, which has none
	Lane   uint8  // of the epoch, below Lanes; likewise
	Code   Code
}

// A Header says what a sealed Code is good for. It is stored in the clear and bound to the Code: a change of any field,
// like one of the Code itself, makes the record refuse to open.
type Header struct {
	Scheme    uint8 // SchemeS1 or SchemeS2
	Lane      uint8 // 0 in SchemeS2, which has none
	Epoch     uint32
	RecordID  RecordID
	ModelID   [32]byte // SHA-256 of the embedding model's file
	DeviceID  [16]byte
	ConsentID [16]byte
	Expiry    int64 // Unix time in seconds
}

// append adds the canonical encoding of h, headerSize bytes in big-endian order, to b.
func (h *Header) append(b []byte) []byte {
	b = append(b, h.Scheme, h.Lane)
	b = binary.BigEndian.AppendUint32(b, h.Epoch)
	b = append(b, h.RecordID[:]...)
	b = append(b, h.ModelID[:]...)
	b = append(b, h.DeviceID[:]...)
	b = append(b, h.ConsentID[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(h.Expiry))
}

// decode reads the canonical encoding from the headerSize bytes b.
func (h *Header) decode(b []byte) {
	h.Scheme, h.Lane, h.Epoch = b[0], b[1], binary.BigEndian.Uint32(b[2:])
	b = b[6:]
	b = b[copy(h.RecordID[:], b):]
	b = b[copy(h.ModelID[:], b):]
	b = b[copy(h.DeviceID[:], b):]
	b = b[copy(h.ConsentID[:], b):]
	h.Expiry = int64(binary.BigEndian.Uint64(b))
}

// valid reports whether h is of the scheme.
func (h *Header) valid(scheme uint8) bool {
	return h.Scheme == scheme && (h.Lane == 0 || scheme == SchemeS1 && h.Lane < Lanes)
}

// Seal encrypts c under a key of its own, derived from storeKey and a random salt, with h as associated data. The record
// is header ‖ salt ‖ nonce ‖ ciphertext, RecordSize bytes.
func Seal(storeKey [32]byte, rand io.Reader, h Header, c Code) ([]byte, error) {
	return seal(SchemeS1, storeKey, rand, h, c)
}

func seal(scheme uint8, secret [32]byte, rand io.Reader, h Header, c Code) ([]byte, error) {
	if !h.valid(scheme) {
		return nil, fmt.Errorf("template: cannot seal scheme %d, lane %d", h.Scheme, h.Lane)
	}
	record := h.append(make([]byte, 0, RecordSize))[:headerSize+saltSize+nonceSize]
	if _, err := io.ReadFull(rand, record[headerSize:]); err != nil {
		return nil, fmt.Errorf("template: no randomness: %w", err)
	}
	key, err := recordKey(secret, record)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	var plain [codeSize]byte
	defer clear(plain[:])
	for i, w := range c {
		binary.LittleEndian.PutUint64(plain[i*8:], w)
	}
	return aead.Seal(record, record[headerSize+saltSize:], plain[:], record[:headerSize]), nil
}

// ReadHeader returns what a record says of itself. Only Open and OpenToken tell whether that is true.
func ReadHeader(record []byte) (h Header, err error) {
	if len(record) != RecordSize {
		return Header{}, ErrSealed
	}
	h.decode(record)
	return h, nil
}

// Open returns what Seal sealed under the same storeKey, or ErrSealed.
func Open(storeKey [32]byte, record []byte) (Header, Code, error) {
	return open(SchemeS1, storeKey, record)
}

func open(scheme uint8, secret [32]byte, record []byte) (Header, Code, error) {
	if len(record) != RecordSize {
		return Header{}, Code{}, ErrSealed
	}
	key, err := recordKey(secret, record)
	if err != nil {
		return Header{}, Code{}, err
	}
	defer clear(key)
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return Header{}, Code{}, fmt.Errorf("template: %w", err)
	}
	header, sealed := record[:headerSize], record[headerSize+saltSize:]
	var plain [codeSize]byte
	defer clear(plain[:])
	if _, err := aead.Open(plain[:0], sealed[:nonceSize], sealed[nonceSize:], header); err != nil {
		return Header{}, Code{}, ErrSealed
	}
	var h Header
	if h.decode(header); !h.valid(scheme) {
		return Header{}, Code{}, ErrSealed
	}
	var c Code
	for i := range c {
		c[i] = binary.LittleEndian.Uint64(plain[i*8:])
	}
	return h, c, nil
}

// recordKey derives the key of one record from its salt.
func recordKey(secret [32]byte, record []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret[:], record[headerSize:headerSize+saltSize], "facegate rec 1", 32)
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return key, nil
}
