package camera

import (
	"math"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/device"
	"facegate/pipeline"
)

// sightOf holds what is measured of a face against the limits.
func sightOf(s pipeline.Sight, against pipeline.Settings) status.Sight {
	if !s.Seen() {
		return status.Sight{}
	}
	zone, limits, centre := against.Zone.Region, against.Quality, s.Box.Center()
	return status.Sight{
		Width: int(s.Box.Width()), MinWidth: int(math.Ceil(float64(against.Zone.MinFace))),
		Light: int(s.Measure.Brightness), MinLight: int(limits.MinBrightness), MaxLight: int(limits.MaxBrightness),
		Sharpness: int(s.Measure.Sharpness), MinSharpness: int(limits.MinSharpness),
		Right: offset(centre.X/float32(s.Width), zone.Left, zone.Right), Down: offset(centre.Y/float32(s.Height), zone.Top, zone.Bottom),
	}
}

// offset returns where v lies between from and to, which are -1 and 1.
func offset(v, from, to float32) float64 {
	half := (to - from) / 2
	if half <= 0 {
		return 0
	}
	return round(float64((v-from)/half-1), 100)
}

func round(v, parts float64) float64 { return math.Round(v*parts) / parts }

// A pace tells how many frames a second a camera sends, those among them that were dropped. It goes by the last second or two.
type pace struct{ from, since mark }

type mark struct {
	seq uint64
	at  time.Time
}

// next takes a frame, and returns the rate; 0 before there is one.
func (p *pace) next(f device.Frame) float64 {
	now := mark{f.Seq, f.Time}
	switch {
	case p.from.at.IsZero() || now.seq < p.from.seq:
		p.from, p.since = now, now
	case now.at.Sub(p.since.at) >= time.Second:
		p.from, p.since = p.since, now
	}
	lasts := now.at.Sub(p.from.at).Seconds()
	if lasts <= 0 {
		return 0
	}
	return float64(now.seq-p.from.seq) / lasts
}
