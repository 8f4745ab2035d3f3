package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"facegate/cmd/facegate/internal/delivery"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/template"
	qr "facegate/pipeline/template/pass"
	"facegate/store/durable"
)

// A sheet is what a pass is drawn on. It is there before the pass is, because a pass that is not drawn is lost.
type sheet struct {
	path string        // of the file, or standard
	file *durable.File // nil for standard
	out  io.Writer     // if file is nil
}

// newSheet makes the file at path, which flag gives and which must not exist. For standard, and for no path where the
// output is a terminal, the sheet is the output, unless that is to be JSON.
func newSheet(flag, path string, json bool, t terminal) (*sheet, error) {
	if path != "" && path != standard {
		file, err := durable.Create(t.newFiles(), path, delivery.Room)
		if err != nil {
			return nil, hint.Wrap(fmt.Errorf("make the file for the pass: %w", err), "name a new file, in a folder that can be written to")
		}
		return &sheet{path: path, file: file}, nil
	}
	if path == "" && !shows(t.out) || json {
		return nil, hint.Wrap(errShow, "name a new PNG file for it with %s FILE", flag)
	}
	return &sheet{path: standard, out: t.out}, nil
}

// onScreen returns the output as a sheet, which shows a pass that nobody has asked for.
func onScreen(t terminal) *sheet { return &sheet{path: standard, out: t.out} }

// draw draws the pass with the token t, to the disk where it is a file. It forgets the token, and a file that it could not
// write.
func (s *sheet) draw(t template.Token) error {
	defer t.Clear()
	if s.file == nil {
		return qr.WriteTerminal(raw(s.out), t)
	}
	picture, err := qr.PNG(t)
	defer clear(picture)
	if err == nil {
		err = s.file.Keep(picture)
	}
	if err != nil {
		return errors.Join(err, s.discard())
	}
	return nil
}

// discard removes the file of a pass that is not issued.
func (s *sheet) discard() error {
	if s == nil {
		return nil
	}
	return s.file.Discard()
}

// drawn tells where the pass is, and that it is nowhere else.
func (s *sheet) drawn(w io.Writer) {
	where := "above"
	if s.file != nil {
		where = "in " + s.path
	}
	show.Fprintf(w, "pass: %s, and nowhere else; give it to the person and keep no copy\n", where)
}

// readPass reads the token of a pass from a file or, for standard, from standard input: a picture of its QR code, or the
// letters that it says. They do not come as an argument, because every process can read those of all others.
func readPass(path string, t terminal) (template.Token, error) {
	in := t.in
	if path != standard {
		f, err := file.Open(path, maxPassFile)
		if err != nil {
			return template.Token{}, hint.Wrap(fmt.Errorf("read the pass: %w", err), "%s",
				cmp.Or(hint.Of(err), "name the picture or the file with the letters of the pass, or - for standard input"))
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxPassFile))
	defer clear(data)
	if err != nil {
		return template.Token{}, fmt.Errorf("read the pass: %w", err)
	}
	token, err := qr.Read(data)
	switch {
	case errors.Is(err, qr.ErrPicture):
		err = hint.Wrap(err, "take a sharp picture with nothing but the code and its white margin, or type the letters that it says")
	case err != nil:
		err = hint.Wrap(err, "give the picture of the pass, or the %d letters that its QR code says and nothing else: their last ones tell "+
			"whether one is wrong", template.TokenTextSize)
	}
	if err != nil {
		return template.Token{}, hint.Wrap(fmt.Errorf("read the pass: %w", err), "%s", hint.Of(err))
	}
	return token, nil
}
