package control

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
)

// A failure is an error on the socket.
type failure struct {
	Error string   `json:"error"`
	Hint  string   `json:"hint,omitempty"`
	Kinds []string `json:"kinds,omitempty"` // texts of those of kinds that it is
}

// kinds are the errors that are the same at both ends of the socket.
func kinds() []error { return append(people.Kinds(), ErrForbidden, ErrPending) }

func failureOf(err error) *failure {
	f := &failure{Error: err.Error(), Hint: hint.Of(err)}
	for _, kind := range kinds() {
		if errors.Is(err, kind) {
			f.Kinds = append(f.Kinds, kind.Error())
		}
	}
	return f
}

// err returns f as an error of those kinds, and of ErrRefused.
func (f *failure) err() error {
	r := &refusal{text: f.Error, kinds: []error{ErrRefused}}
	for _, kind := range kinds() {
		if slices.Contains(f.Kinds, kind.Error()) {
			r.kinds = append(r.kinds, kind)
		}
	}
	if f.Hint == "" {
		return r
	}
	return hint.Wrap(r, "%s", f.Hint)
}

// A refusal is what a gate has answered instead of what it was asked for.
type refusal struct {
	text  string
	kinds []error
}

// Error says that the gate refuses, unless the text says so in better words.
func (r *refusal) Error() string {
	for _, better := range []error{ErrRefused, ErrForbidden, ErrPending, people.ErrOwed} {
		if strings.HasPrefix(r.text, better.Error()) {
			return r.text
		}
	}
	return ErrRefused.Error() + ": " + r.text
}

// Is reports whether r is of a kind.
func (r *refusal) Is(kind error) bool { return slices.Contains(r.kinds, kind) }

func fail(w http.ResponseWriter, err error) {
	begin(w)
	w.WriteHeader(http.StatusUnprocessableEntity)
	json.NewEncoder(w).Encode(failureOf(err))
}
