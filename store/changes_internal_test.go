package store

import (
	"errors"
	"fmt"
	"testing"

	"facegate/store/audit"
)

// intents are what each kind of intent looks like in a store of three people, one of whom was renewed into a second epoch.
var intents = map[string]struct {
	decide          func(s *Store, p Person) (*intent, error)
	people, records int // when it is done
}{
	eraseIntent: {func(s *Store, p Person) (*intent, error) {
		return s.intend([]Person{p}, audit.Requested, 1000)
	}, 2, 2},
	epochIntent: {func(s *Store, _ Person) (*intent, error) {
		entries, err := s.number(testNow(), audit.Entry{Kind: audit.EpochEnded, Count: 2})
		i := &intent{Kind: epochIntent, Number: s.state.Number + 1, Entries: entries}
		return i, errors.Join(err, s.generations(i))
	}, 3, 1},
	lockdownIntent: {func(s *Store, _ Person) (*intent, error) {
		entries, err := s.number(testNow(), audit.Entry{Kind: audit.LockedDown, Count: 3})
		i := &intent{Kind: lockdownIntent, Number: s.state.Number + 1, Entries: entries}
		return i, errors.Join(err, s.generations(i))
	}, 3, 0},
}

// Each kind of intent is carried out when it is cut off after any of its steps, and when a step was done that was done before.
func TestEveryStepOfEveryKind(t *testing.T) {
	for kind, tt := range intents {
		steps, ok := stepsOf(kind)
		if !ok || len(steps) < 4 {
			t.Fatalf("%s has %d steps", kind, len(steps))
		}
		for done := range len(steps) {
			for _, twice := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %d steps done, twice: %v", kind, done, twice), func(t *testing.T) {
					s := cutOff(t, func(s *Store, p Person) error {
						must(t, s.Epochs().Begin(1000))
						_, renewed, err := s.Epochs().Renew(p.ID, [32]byte{}, made(s, 0, testEnrolment(9).Code))
						if !renewed || err != nil {
							t.Fatalf("renewed %v, %v", renewed, err)
						}
						i, err := tt.decide(s, p)
						must(t, errors.Join(err, save(s, i)))
						for _, do := range steps[:done] {
							must(t, do(s, i))
							if twice {
								must(t, do(s, i))
							}
						}
						return nil
					})
					mustBe(t, s, tt.people, tt.records)
				})
			}
		}
	}
}

// What was decided by a version that knows more kinds is not taken for something else, nor forgotten.
func TestUnknownKindIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	_, err := s.Enrol(current(s, testEnrolment(0)))
	must(t, err)
	i, err := s.intend([]Person{personOf(t, s, "person 0")}, audit.Requested, 1000)
	must(t, err)
	i.Kind = "another"
	must(t, errors.Join(save(s, i), s.Close()))
	for range 2 {
		if s, err := testOpen(t, dir); !errors.Is(err, ErrDamaged) {
			t.Errorf("opened: %v", err)
			must(t, s.Close())
		}
	}
}

// personOf returns the person with a label.
func personOf(t *testing.T, s *Store, label string) Person {
	t.Helper()
	p, err := s.Person(label)
	must(t, err)
	return p
}
