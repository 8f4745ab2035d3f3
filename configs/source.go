package configs

import (
	"errors"
	"strings"

	"facegate/configs/hint"
)

// A Source is the file that a Config was read from. It tells where in it a key stands.
type Source struct{ doc *document }

// About says that err is about the value of key, a dotted path: what it names is not there, or does not fit. It returns nil
// if err is nil.
func About(key string, err error) error {
	if err == nil {
		return nil
	}
	return &about{key, err}
}

type about struct {
	key string
	err error
}

// KeyOf returns the key that err is about, a dotted path, "" for none.
func KeyOf(err error) string {
	if a := new(about); errors.As(err, &a) {
		return a.key
	}
	return ""
}

func (a *about) Error() string { return a.key + ": " + a.err.Error() }
func (a *about) Unwrap() error { return a.err }

// Place turns each error of About in err, which may be joined of several, into an *Error with the place of its key.
func (s *Source) Place(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		if each := joined.Unwrap(); errors.Join(each...).Error() == err.Error() {
			placed := make([]error, len(each))
			for i, e := range each {
				placed[i] = s.Place(e)
			}
			return errors.Join(placed...)
		}
	}
	a := new(about)
	if !errors.As(err, &a) {
		return err
	}
	e := s.doc.fresh(s.doc.nearest(a.key), a.key, "", "%s", strings.ReplaceAll(a.err.Error(), "\n", "; "))
	e.cause = a.err
	if hint.Of(err) == "" {
		return hint.Wrap(e, "correct %s in %s", a.key, s.doc.name)
	}
	return hint.Wrap(e, "%s", hint.Of(err))
}
