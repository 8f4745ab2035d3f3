package store

import (
	"testing"

	"facegate/pipeline/template"
)

func TestRegister(t *testing.T) {
	ann, bob := template.PersonID{1}, template.PersonID{2}
	r := newRegister()
	r.put(Person{ID: ann, Label: "Ann"})
	r.put(Person{ID: bob, Label: "Bob"})
	before := r.clone()
	r.put(Person{ID: ann, Label: "Anna"}) // another label in the place of the former one
	r.remove(bob)
	r.remove(bob)
	for label, want := range map[string]template.PersonID{"Ann": {}, "Anna": ann, "Bob": {}} {
		if p, ok := r.labelled(label); p.ID != want || ok != (want != template.PersonID{}) {
			t.Errorf("%s is %x, %v", label, p.ID, ok)
		}
	}
	if !r.has(ann) || r.has(bob) || len(r.byID) != 1 || len(r.byLabel) != 1 {
		t.Errorf("the register is %v", r)
	}
	if p, ok := before.labelled("Ann"); !ok || p.ID != ann || !before.has(bob) {
		t.Error("a clone changed with the register that it is of")
	}
}
