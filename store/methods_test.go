package store_test

import (
	"reflect"
	"testing"

	"facegate/store"
)

// maxMethods is how many questions and answers a Store may have of its own. What is a duty beside the register of people gets
// a type of its own, such as store.Lockouts.
const maxMethods = 25

func TestStoreStaysSmall(t *testing.T) {
	s := reflect.TypeFor[*store.Store]()
	for m := range s.Methods() {
		t.Log(m.Name)
	}
	if n := s.NumMethod(); n > maxMethods {
		t.Errorf("a Store has %d methods, of at most %d", n, maxMethods)
	}
}
