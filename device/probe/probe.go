// Package probe measures what a source sends, without a picture of it: how fast, in what size and format, how much of it is damaged
// or comes twice, and how bright it is; and says what of that is wrong and what to do.
package probe

import (
	"cmp"
	"hash/maphash"
	"math"
	"sync"
	"time"

	"facegate/configs/hint"
	"facegate/device"
)

// A Report is what a source has sent.
type Report struct {
	Source string  `json:"source"`
	Format string  `json:"format,omitempty"` // of the last frame
	Width  int     `json:"width,omitempty"`  // pixels
	Height int     `json:"height,omitempty"` // pixels
	Frames int     `json:"frames"`           // that can be used
	Rate   float64 `json:"rate"`             // frames a second, from the first to the last
	Gap    float64 `json:"longest_gap_s"`    // between two frames, in seconds

	Refused   int     `json:"refused"`    // frames that cannot be used
	Damaged   int     `json:"damaged"`    // of them, those of which a part is lost
	Identical int     `json:"identical"`  // frames that are the same as the one before
	Grey      float64 `json:"brightness"` // mean grey value, 0 to 255

	Error string `json:"error,omitempty"` // why the source has failed
	Hint  string `json:"todo,omitempty"`  // what to do about that

	why error // of the last frame that cannot be used
}

// A Probe measures. It is safe for concurrent use.
type Probe struct {
	seed maphash.Seed

	mu          sync.Mutex // guards what follows
	report      Report
	first, last time.Time
	picture     uint64 // hash of the last frame
	grey        float64
	greys       int // frames in grey
}

// New returns a Probe of the source that is called name.
func New(name string) *Probe { return &Probe{seed: maphash.MakeSeed(), report: Report{Source: name}} }

// See takes a frame that can be used. It keeps numbers of it.
func (p *Probe) See(f device.Frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &p.report
	picture := maphash.Bytes(p.seed, f.Data)
	if r.Frames == 0 {
		p.first = f.Time
	} else {
		r.Gap = max(r.Gap, f.Time.Sub(p.last).Seconds())
		if picture == p.picture {
			r.Identical++
		}
	}
	p.last, p.picture = f.Time, picture
	r.Frames++
	r.Format, r.Width, r.Height = f.Format.String(), f.Width, f.Height
	if g, ok := grey(f); ok {
		p.grey += g
		p.greys++
	}
}

// Refuse takes note of a frame that cannot be used, and why.
func (p *Probe) Refuse(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.Refused++
	if device.Damaged(why) {
		p.report.Damaged++
	}
	p.report.why = why
}

// Fail takes note of why the source has failed.
func (p *Probe) Fail(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.report.Error, p.report.Hint = why.Error(), hint.Of(why)
}

// Report returns what there is so far.
func (p *Probe) Report() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.report
	if lasted := p.last.Sub(p.first).Seconds(); lasted > 0 {
		r.Rate = round(float64(r.Frames-1) / lasted)
	}
	if p.greys > 0 {
		r.Grey = round(p.grey / float64(p.greys))
	}
	r.Gap = round(r.Gap)
	if r.why != nil && r.Frames == 0 {
		r.Error, r.Hint = cmp.Or(r.Error, r.why.Error()), cmp.Or(r.Hint, hint.Of(r.why))
	}
	return r
}

func round(v float64) float64 { return math.Round(10*v) / 10 }

// grey returns the mean grey value of a frame.
func grey(f device.Frame) (mean float64, ok bool) {
	if f.Format == device.JPEG {
		info, err := device.CheckJPEG(f.Data)
		return info.Grey, err == nil && !info.Progressive && !info.Arithmetic
	}
	sum := 0
	for i := 0; i < len(f.Data); i += 2 {
		sum += int(f.Data[i])
	}
	return float64(2*sum) / float64(max(len(f.Data), 1)), len(f.Data) > 0
}
