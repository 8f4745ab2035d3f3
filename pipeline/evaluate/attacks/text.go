package attacks

import (
	"fmt"
	"io"

	"facegate/pipeline/evaluate/sheet"
)

// Write writes reports for people to read.
func Write(w io.Writer, reports ...*Report) error {
	var t sheet.Table
	for i, r := range reports {
		if i > 0 {
			t.Row()
		}
		t.Row(fmt.Sprintf("%s, %s: live from %.3f, refused below %.3f", r.Networks, frames(r.Window), r.Accept, r.Refuse))
		t.Row("camera", "shown", "subjects", "windows", "wrong", "95 % by subjects", "by the other cameras' thresholds")
		for _, c := range r.Cameras {
			c.write(&t)
		}
		if r.Unseen != nil {
			r.Unseen.write(&t, "all, each by the others", nil)
		}
		for _, c := range r.Cameras {
			c.writeFixed(&t)
		}
	}
	return t.Write(w)
}

func frames(window int) string {
	if window == 1 {
		return "single frames"
	}
	return fmt.Sprintf("mean of %d frames", window)
}

func (c CameraReport) write(t *sheet.Table) { c.Judged.write(t, c.Camera, c.HeldOut) }

// write writes a line each of live faces, groups of them, and kinds of attack; held has the same lines, or is nil.
func (j Judged) write(t *sheet.Table, camera string, held *Judged) {
	row := func(shown string, r Rate, other func(*Judged) Rate) {
		cells := []string{
			camera, shown, fmt.Sprint(r.Subjects), fmt.Sprint(r.Windows), sheet.Percent(r.Value),
			sheet.Percent(r.Low) + "–" + sheet.Percent(r.High),
		}
		if held != nil {
			cells = append(cells, fmt.Sprintf("%s (live from %.3f)", sheet.Percent(other(held).Value), held.Accept))
		}
		t.Row(cells...)
		camera = ""
	}
	row("live", j.BPCER, func(h *Judged) Rate { return h.BPCER })
	row("  refused", j.Refused, func(h *Judged) Rate { return h.Refused })
	for i, g := range j.Groups {
		row("  "+g.Group, g.BPCER, func(h *Judged) Rate { return h.Groups[i].BPCER })
	}
	for i, a := range j.Attacks {
		row(a.Kind, a.APCER, func(h *Judged) Rate { return h.Attacks[i].APCER })
	}
}

// writeFixed says what attacks reach at fixed costs of a camera's own.
func (c CameraReport) writeFixed(t *sheet.Table) {
	for _, f := range c.Fixed {
		for _, a := range f.Attacks {
			t.Row(c.Camera, a.Kind, fmt.Sprint(a.APCER.Subjects), fmt.Sprint(a.APCER.Windows), sheet.Percent(a.APCER.Value),
				sheet.Percent(a.APCER.Low)+"–"+sheet.Percent(a.APCER.High),
				fmt.Sprintf("at BPCER %s there (live from %.3f)", sheet.Percent(f.AtBPCER), f.Accept))
		}
	}
}
