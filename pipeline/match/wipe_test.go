package match

import (
	"testing"

	"facegate/pipeline/template"
)

// A Code that has left the index is nowhere in the memory that the index holds or has given back.
func TestRemovedCodesAreZeroed(t *testing.T) {
	var code template.Code
	for i := range code {
		code[i] = ^uint64(0)
	}
	var x Index
	var given [][]template.Code // every array that the lane ever had
	for i := range 100 {
		x.Add(template.Record{ID: template.RecordID{byte(i)}, Person: template.PersonID{byte(i / 2)}, Code: code})
		given = append(given, x.lanes[0].codes[:cap(x.lanes[0].codes)])
	}
	for i := range 50 {
		if i%2 == 0 {
			x.RemovePerson(template.PersonID{byte(i)})
		} else {
			x.Remove(template.RecordID{byte(2 * i)})
			x.Remove(template.RecordID{byte(2*i + 1)})
		}
	}
	for _, codes := range given {
		for i := range codes {
			if codes[i] != (template.Code{}) {
				t.Fatalf("slot %d of an array of %d still holds a Code", i, len(codes))
			}
		}
	}
}
