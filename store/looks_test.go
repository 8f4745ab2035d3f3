package store_test

import (
	"errors"
	"strings"
	"testing"

	"facegate/configs/hint"
	"facegate/configs/text"
	"facegate/store"
	"facegate/store/storetest"
)

// TestTextInOneForm checks that the store takes no text in a form that others do not find.
func TestTextInOneForm(t *testing.T) {
	s := storetest.Open(t, t.TempDir())
	mustEnrol(t, s, 0)
	for _, tt := range []struct {
		name, given string
		want        error
	}{
		{"decomposed", "Mu\u0308ller", text.ErrForm},
		{"space at the end", "Ada ", text.ErrForm},
		{"two spaces", "Ada  L", text.ErrForm},
		{"no-break space", "Ada\u00a0L", text.ErrForm},
		{"space alone", " ", text.ErrForm},
		{"not UTF-8", "M\xfcller", text.ErrEncoding},
		{"lost character", "M\ufffdller", text.ErrEncoding},
		{"direction of writing", "a\u202eb", text.ErrCharacter},
		{"joiner alone", "\u200c", text.ErrCharacter},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for field, edit := range map[string]func(*store.Enrolment){
				"label":     func(e *store.Enrolment) { e.Label = tt.given },
				"witness":   func(e *store.Enrolment) { e.Consent.Witness = tt.given },
				"guardian":  func(e *store.Enrolment) { e.Consent.Guardian = tt.given },
				"reference": func(e *store.Enrolment) { e.Consent.Reference = tt.given },
				"method":    func(e *store.Enrolment) { e.Consent.Method = tt.given },
			} {
				e := enrolment(1)
				edit(&e)
				if _, err := s.Enrol(e); !errors.Is(err, tt.want) || hint.Of(err) == "" {
					t.Errorf("%s: %v, want %v", field, err, tt.want)
				}
			}
			if err := s.Faces().TurnOff(tt.given, 1000); !errors.Is(err, tt.want) || s.Faces().Off() != nil {
				t.Errorf("reason: %v, want %v", err, tt.want)
			}
			if _, err := s.Members().Relabel(labelOf(0), tt.given, 1000); !errors.Is(err, tt.want) || !errors.Is(err, store.ErrLabel) {
				t.Errorf("relabel: %v, want %v", err, tt.want)
			}
		})
	}
}

func TestLookalikes(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, dir)
	enrol := func(n int, label string) error {
		e := enrolment(n)
		e.Label = label
		_, err := s.Enrol(e)
		return err
	}
	check := func(when string) {
		t.Helper()
		for _, label := range []string{"12-3 O1", "12-3 o1", "12‐3 01", "１２-３ ０１"} {
			if err := enrol(9, label); !errors.Is(err, store.ErrAlike) || !strings.Contains(err.Error(), "12-3 01 is enrolled") || hint.Of(err) == "" {
				t.Errorf("%s: %s is refused with %v", when, label, err)
			}
			if _, err := s.Members().Show(label); !errors.Is(err, store.ErrUnknown) || !strings.Contains(hint.Of(err), "did you mean 12-3 01?") {
				t.Errorf("%s: %s shows %v, %s", when, label, err, hint.Of(err))
			}
		}
	}
	for n, label := range []string{"12-3 01", "12-3 02", "Ada"} {
		if err := enrol(n, label); err != nil {
			t.Fatal(err)
		}
	}
	check("enrolled")
	if _, err := s.Members().Relabel("12-3 02", "12-3 O1", 1000); !errors.Is(err, store.ErrAlike) {
		t.Errorf("relabelled: %v", err)
	}
	if _, err := s.Members().Relabel("Ada", "ADA", 1000); err != nil {
		t.Errorf("nobody may correct their own label: %v", err)
	}
	if err := enrol(9, "Ada"); !errors.Is(err, store.ErrAlike) {
		t.Errorf("like a corrected label: %v", err)
	}
	s.Close()
	s = storetest.Open(t, dir)
	check("opened again")
	mustErase(t, s, "12-3 01")
	if err := enrol(9, "12-3 O1"); err != nil {
		t.Errorf("like the label of somebody erased: %v", err)
	}
}
