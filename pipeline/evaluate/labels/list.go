// Package labels reads what people say of evaluation pictures besides the names of the folders: which names are one person,
// which picture shows somebody else, and who belongs to which group. It also finds names that look like errors, for people
// to look at. Nothing of it ever reaches a gate.
package labels

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"facegate/configs/hint"
	"facegate/configs/text"
)

// ErrList is wrapped by the errors of a list that breaks its format, or names who is not there.
var ErrList = errors.New("list is invalid")

// A row is one line of a list.
type row struct {
	line   int
	fields []string
}

// errorf says what is wrong with the row.
func (r row) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: line %d: %w", ErrList, r.line, fmt.Errorf(format, args...))
}

// read returns the rows of a CSV list (RFC 4180) in UTF-8, each with as many fields as head. A first line that is head is left
// out, and so are lines that begin with a # and empty ones. A field that is empty is refused.
func read(r io.Reader, head ...string) ([]row, error) {
	buffered := bufio.NewReader(r)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\ufeff" { // as spreadsheets write it
		buffered.Discard(len(mark))
	}
	lines := csv.NewReader(buffered)
	lines.FieldsPerRecord, lines.Comment = -1, '#'
	var rows []row
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
			return nil, fmt.Errorf("%w: line %d: %w", ErrList, parse.Line, parse.Err)
		}
		if err != nil {
			return nil, err
		}
		line, _ := lines.FieldPos(0)
		x := row{line, fields}
		if len(rows) == 0 && slices.Equal(fields, head) {
			continue
		}
		if err := x.check(head); err != nil {
			return nil, err
		}
		rows = append(rows, x)
	}
}

// check refuses a row that is not laid out as head says.
func (r row) check(head []string) error {
	if len(r.fields) != len(head) {
		return r.errorf("%d fields, want %d: %v", len(r.fields), len(head), head)
	}
	for i, f := range r.fields {
		if f == "" {
			return r.errorf("the %s is missing", head[i])
		}
		if !utf8.ValidString(f) {
			return r.errorf("the %s is not in UTF-8", head[i])
		}
	}
	return nil
}

// clean returns a field that is text of the list itself, and not the name of a folder.
func (r row) clean(i int, name string) (string, error) {
	line := text.Line{Name: name, Max: 200}
	clean, err := line.Clean(r.fields[i])
	if err != nil {
		return "", hint.Wrap(r.errorf("%w", err), "%s", hint.Of(err))
	}
	if clean == "" {
		return "", r.errorf("%s is missing", name)
	}
	return clean, nil
}
