package update

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// A control is what a package says of itself.
type control struct{ name, version, arch, status string }

// arHead begins an ar archive, and arMember is how long what stands before each of its files is (deb(5)).
const (
	arHead   = "!<arch>\n"
	arMember = 60
)

// controlOf returns what the package in r says of itself. Its first two files are debian-binary and control.tar.gz.
func controlOf(r io.Reader) (control, error) {
	in := bufio.NewReader(r)
	head := make([]byte, len(arHead))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != arHead {
		return control{}, fmt.Errorf("%w, nor any other package", ErrPackage)
	}
	for range 2 {
		name, size, err := nextMember(in)
		if err != nil {
			return control{}, err
		}
		if name == "control.tar.gz" {
			return unpackControl(io.LimitReader(in, size))
		}
		if _, err := io.CopyN(io.Discard, in, size+size%2); err != nil {
			return control{}, fmt.Errorf("%w: it ends too early", ErrPackage)
		}
	}
	return control{}, fmt.Errorf("%w: it has no control.tar.gz", ErrPackage)
}

// nextMember reads what stands before a file of an archive.
func nextMember(in io.Reader) (name string, size int64, err error) {
	head := make([]byte, arMember)
	if _, err := io.ReadFull(in, head); err != nil {
		return "", 0, fmt.Errorf("%w: it ends too early", ErrPackage)
	}
	size, err = strconv.ParseInt(strings.TrimSpace(string(head[48:58])), 10, 64)
	if err != nil || size < 0 || size > maxPackage {
		return "", 0, fmt.Errorf("%w: a part of it has no size", ErrPackage)
	}
	return strings.TrimSuffix(strings.TrimSpace(string(head[:16])), "/"), size, nil
}

// unpackControl returns what the file control of a control.tar.gz says.
func unpackControl(r io.Reader) (control, error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return control{}, fmt.Errorf("%w: its control.tar.gz cannot be read", ErrPackage)
	}
	for files := tar.NewReader(io.LimitReader(unzipped, maxControl)); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return control{}, fmt.Errorf("%w: it has no control file", ErrPackage)
		}
		if err != nil {
			return control{}, fmt.Errorf("%w: its control.tar.gz cannot be read", ErrPackage)
		}
		if path.Clean(head.Name) != "control" {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(files, maxText))
		if err != nil {
			return control{}, fmt.Errorf("%w: its control file cannot be read", ErrPackage)
		}
		return parseControl(string(text)), nil
	}
}

// parseControl returns what the first paragraph of text says.
func parseControl(text string) (c control) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "":
			return c
		case "Package":
			c.name = value
		case "Version":
			c.version = value
		case "Architecture":
			c.arch = value
		case "Status":
			c.status = value
		}
	}
	return c
}
