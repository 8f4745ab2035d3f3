package main

import (
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/show"
	"facegate/store/receipt"
)

// writeForm says what is held under the number of a form.
func writeForm(w *tabwriter.Writer, f people.Form) {
	row := func(name, format string, args ...any) {
		show.Fprintf(w, "%s\t%s\n", name, show.Sprintf(format, args...))
	}
	row("form", "%s", f.Number)
	for _, p := range f.People {
		row("on the list", "%s, enrolled %s, until %s; all that is held: facegate person show LABEL", p.Label, p.Enrolled.Format(time.DateOnly), expiryOf(p))
	}
	for _, e := range f.Ended {
		row("consent that is over", "%s, to notice %s, given %s, ended %s: %s", e.Method, e.NoticeVersion, e.Given.Format(time.DateOnly), e.Ended.Format(time.DateOnly), e.Why)
		row("", "age: %s, witness: %s; without a name, a face or a template", e.Age, e.Witness)
		until := "as long as the law asks, from the day on which the clock is known to be right"
		if !e.Kept.IsZero() {
			until = "until " + e.Kept.Format(time.DateOnly)
		}
		row("", "this record is kept %s, so that the consent can be shown", until)
	}
	for _, text := range f.Receipts {
		if r, err := receipt.Read([]byte(text)); err == nil {
			row("receipt", "number %d of %s, %s; nobody has fetched it: facegate receipt fetch DIR", r.Number, r.Time, r.Reason)
		}
	}
	if len(f.People) == 0 && len(f.Ended) == 0 && len(f.Receipts) == 0 {
		row("", "nothing is held under this number: nobody on the list has it, no consent by it is on record, and no receipt about it waits")
		row("", "a receipt that somebody has says itself what it is about: facegate receipt verify FILE --key PUB --form NUMBER")
	}
}
