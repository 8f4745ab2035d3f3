package calibrate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"facegate/configs/hint"
)

// maxSize bounds what Read takes in; a file with maxDim values needs a tenth of it.
const maxSize = 1 << 20

// Read parses and validates a calibration. Unknown, repeated and trailing content is refused, since a misspelt key
// would otherwise silently weaken the door. Its error wraps ErrInvalid unless r itself failed.
func Read(r io.Reader) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("calibration: %w", err)
	}
	f, err := parse(data)
	return f, hint.Wrap(err, "%s", cmp.Or(hint.Of(err), "write it again with facegate eval recognition"))
}

// Write validates f and writes it as indented JSON.
func Write(w io.Writer, f *File) error {
	if err := f.Validate(); err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f); err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	return nil
}

func parse(data []byte) (*File, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("%w: larger than %d bytes", ErrInvalid, maxSize)
	}
	if err := checkSchema(data); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var f File
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%w: line %d: %w", ErrInvalid, line(data, errorOffset(err, dec)), err)
	}
	end := dec.InputOffset()
	if len(bytes.TrimSpace(data[end:])) > 0 {
		return nil, fmt.Errorf("%w: line %d: more content after the end", ErrInvalid, line(data, end))
	}
	if err := checkKeys(data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return &f, nil
}

// ofPictures is the format whose points were of single pictures, as templates and as probes.
const ofPictures = "facegate-calibration/1"

// checkSchema refuses an earlier format by its name, before anything in it is unknown.
func checkSchema(data []byte) error {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil || head.Schema != ofPictures {
		return nil // whoever reads the rest says what is wrong
	}
	return hint.Wrap(fmt.Errorf("%w: schema is %q: it is of single pictures, and a gate enrols the mean of several", ErrInvalid, ofPictures),
		"measure it again with facegate eval recognition --write-calibration FILE, or leave vision.calibration empty")
}

func errorOffset(err error, dec *json.Decoder) int64 {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return syntax.Offset
	}
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return mismatch.Offset
	}
	return dec.InputOffset()
}

// line returns the line, from 1, of the byte at offset.
func line(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n"))
}

// checkKeys refuses what encoding/json lets pass: a key that is there twice, and one written in other letter case.
// The data must be one well-formed JSON value.
func checkKeys(data []byte) error {
	type object struct {
		keys    map[string]bool // nil for an array
		wantKey bool
	}
	var open []object
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		top := len(open) - 1
		switch {
		case token == json.Delim('{'):
			open = append(open, object{map[string]bool{}, true})
			continue
		case token == json.Delim('['):
			open = append(open, object{})
			continue
		case token == json.Delim('}') || token == json.Delim(']'):
			open = open[:top]
		case top >= 0 && open[top].wantKey:
			key := token.(string)
			if strings.ContainsFunc(key, notKey) || open[top].keys[key] {
				return fmt.Errorf("line %d: key %q is repeated or not in lower case", line(data, dec.InputOffset()), key)
			}
			open[top].keys[key] = true
			open[top].wantKey = false
			continue
		}
		// A value has ended: in an object the next token is a key.
		if top = len(open) - 1; top >= 0 && open[top].keys != nil {
			open[top].wantKey = true
		}
	}
}

// notKey reports whether r is in no key of the format.
func notKey(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }
