package match

import (
	"testing"

	"facegate/pipeline/template"
)

// A cleared index finds nobody, holds nothing, and can be used again.
func TestClear(t *testing.T) {
	var x Index
	x.Clear()
	for i := range 100 {
		r := template.Record{ID: template.RecordID{byte(i)}, Person: template.PersonID{byte(i)}, Lane: uint8(i % template.Lanes)}
		r.Code[0] = ^uint64(0)
		x.Add(r)
	}
	var codes [][]template.Code
	for _, l := range x.lanes {
		codes = append(codes, l.codes[:cap(l.codes)])
	}
	if !x.Has(template.PersonID{7}) || x.Has(template.PersonID{200}) {
		t.Error("it does not know whom it has")
	}
	x.Clear()
	persons, records := x.Len()
	if persons+records != 0 || x.Lanes() != 0 || x.Has(template.PersonID{7}) || x.Remove(template.RecordID{7}) {
		t.Errorf("%d persons and %d records are left", persons, records)
	}
	for _, c := range codes {
		for i := range c {
			if c[i] != (template.Code{}) {
				t.Fatal("a Code is left in memory")
			}
		}
	}
	x.Add(template.Record{ID: template.RecordID{1}})
	if _, records := x.Len(); records != 1 {
		t.Errorf("%d records after one was added", records)
	}
}
