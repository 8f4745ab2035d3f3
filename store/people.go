package store

import (
	"encoding/binary"
	"errors"
	"io"
	"time"
	"unicode"
	"unicode/utf8"

	"facegate/pipeline/template"
)

const (
	// MaxLabel is the greatest length of a person's label in bytes.
	MaxLabel = 64

	// MaxConsentRef is the greatest length of a consent reference in bytes.
	MaxConsentRef = 128
)

// A Person is what is held of somebody enrolled, apart from the Code.
type Person struct {
	ID         template.PersonID
	Record     template.RecordID // the one record of the person in faces.db
	Lane       uint8             // that the record is in
	Label      string            // by which the site knows the person
	ConsentRef string            // where the site keeps the consent
	Enrolled   time.Time         // the day, at midnight UTC; the hour is nobody's concern
	Expires    time.Time         // when the record stops to match and is due for erasure

	consentID [16]byte // of the record's header, which is readable and therefore must not hold the reference
}

// A personRow is a Person in people.db. Its length is fixed, so that sealed rows do not tell long names from short.
type personRow struct {
	Record     [16]byte
	ConsentID  [16]byte
	Lane       uint8
	Enrolled   int64 // Unix time in seconds
	Expires    int64
	LabelLen   uint8
	Label      [MaxLabel]byte
	ConsentLen uint8
	ConsentRef [MaxConsentRef]byte
}

func sealPerson(key [32]byte, rand io.Reader, p Person) ([]byte, error) {
	row := personRow{
		Record: p.Record, ConsentID: p.consentID, Lane: p.Lane,
		Enrolled: p.Enrolled.Unix(), Expires: p.Expires.Unix(),
		LabelLen: uint8(len(p.Label)), ConsentLen: uint8(len(p.ConsentRef)),
	}
	copy(row.Label[:], p.Label)
	copy(row.ConsentRef[:], p.ConsentRef)
	plain, err := binary.Append(nil, binary.BigEndian, row)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return sealValue(key, rand, personLabel(p.ID), plain)
}

func openPerson(key [32]byte, id template.PersonID, sealed []byte) (Person, error) {
	plain, err := openValue(key, personLabel(id), sealed)
	if err != nil {
		return Person{}, err
	}
	defer clear(plain)
	var row personRow
	if n, err := binary.Decode(plain, binary.BigEndian, &row); err != nil || n != len(plain) ||
		row.LabelLen > MaxLabel || row.ConsentLen > MaxConsentRef {
		return Person{}, errors.New("a person is not in the form of this version")
	}
	return Person{
		ID: id, Record: row.Record, Lane: row.Lane, consentID: row.ConsentID,
		Label:      string(row.Label[:row.LabelLen]),
		ConsentRef: string(row.ConsentRef[:row.ConsentLen]),
		Enrolled:   time.Unix(row.Enrolled, 0).UTC(),
		Expires:    time.Unix(row.Expires, 0).UTC(),
	}, nil
}

// resealPerson is the resealer of people.db.
func resealPerson(from, to [32]byte, rand io.Reader, id [16]byte, row []byte) ([]byte, error) {
	p, err := openPerson(from, id, row)
	if err != nil {
		return nil, err
	}
	return sealPerson(to, rand, p)
}

// resealRecord is the resealer of faces.db.
func resealRecord(from, to [32]byte, rand io.Reader, id [16]byte, row []byte) ([]byte, error) {
	h, code, err := template.Open(from, row)
	if err != nil {
		return nil, err
	}
	if h.RecordID != id {
		return nil, template.ErrSealed
	}
	return template.Seal(to, rand, h, code)
}

func personLabel(id template.PersonID) string { return "facegate people row " + string(id[:]) }

// validLabel reports whether label can be shown on one line of a terminal and is no longer than MaxLabel.
func validLabel(label string) bool {
	if label == "" || len(label) > MaxLabel || !utf8.ValidString(label) {
		return false
	}
	for _, r := range label {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
