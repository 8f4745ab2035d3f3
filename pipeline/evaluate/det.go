package evaluate

import (
	"bufio"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"facegate/pipeline/evaluate/sheet"
)

// The plot, in SVG user units. Both axes have the same scale, so that equal variances give a slope of -1.
const (
	detUnit   = 130.0 // one standard deviation
	detLeft   = 84.0
	detTop    = 64.0
	detMargin = 36.0 // to the right
	detBottom = 96.0

	detLeast     = 1e-6 // lowest FMR, at the left
	detLeastFNMR = 1e-4 // lowest FNMR, at the bottom
	detMost      = 0.4  // highest of both
	detMaxCurves = 6
)

// detColours is the palette of Okabe and Ito, which people with any colour vision can tell apart.
func detColours() [detMaxCurves]string {
	return [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"}
}

// WriteDET draws the detection error trade-off (Martin et al. 1997) of up to six performances as an SVG picture: FNMR
// over FMR, both on normal-deviate axes, on which normally distributed scores give straight lines. A curve is solid
// where at least MinErrors errors, in the unit of the performance, stand behind both rates, and thin and dashed where fewer do.
func WriteDET(w io.Writer, title string, performances ...*Performance) error {
	if len(performances) > detMaxCurves {
		return fmt.Errorf("%d curves on one plot: at most %d can be told apart", len(performances), detMaxCurves)
	}
	for _, p := range performances {
		if p.Genuine.Count() == 0 || p.Impostor.Count() == 0 {
			return fmt.Errorf("%s has no comparisons to draw: %w", p.Name, ErrTooFew)
		}
	}
	d := det{w: bufio.NewWriter(w)}
	d.frame(title)
	for i, p := range performances {
		d.curve(curveOf(p.Genuine, p.Impostor), MinErrors*max(1, p.Unit), detColours()[i])
	}
	d.legend(performances)
	d.print("</svg>\n")
	return errors.Join(d.err, d.w.Flush())
}

// A det writes the plot; after its first error it writes no more.
type det struct {
	w   *bufio.Writer
	err error
}

func (d *det) print(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, args...)
	}
}

// probit is the inverse of the standard normal distribution function.
func probit(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

func detX(fmr float64) float64  { return detLeft + detUnit*(probit(fmr)-probit(detLeast)) }
func detY(fnmr float64) float64 { return detTop + detUnit*(probit(detMost)-probit(fnmr)) }

func (d *det) frame(title string) {
	left, right, top, bottom := detX(detLeast), detX(detMost), detY(detMost), detY(detLeastFNMR)
	width, height := right+detMargin, bottom+detBottom
	d.print(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" `+
		`font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222">`+"\n", width, height, width, height)
	d.print("<title>%s</title>\n", html.EscapeString(title))
	d.print(`<rect width="100%%" height="100%%" fill="#fff"/>` + "\n")
	d.print(`<clipPath id="plot"><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f"/></clipPath>`+"\n",
		left, top, right-left, bottom-top)
	d.print(`<text x="%.1f" y="34" font-size="18" font-weight="bold">%s</text>`+"\n", left, html.EscapeString(title))

	for _, rate := range []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.02, 0.05, 0.1, 0.2, 0.4} {
		label := fmt.Sprintf("%g", 100*rate)
		if rate == detLeast {
			label = "0.0001" // %g would change to an exponent
		}
		x := detX(rate)
		d.line(x, top, x, bottom, "#ddd", "none")
		d.print(`<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", x, bottom+20, label)
		if rate >= detLeastFNMR {
			y := detY(rate)
			d.line(left, y, right, y, "#ddd", "none")
			d.print(`<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", left-8, y+4.5, label)
		}
	}
	d.line(detX(detLeastFNMR), bottom, right, top, "#999", "2 4") // equal error rates
	d.print(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="none" stroke="#444"/>`+"\n",
		left, top, right-left, bottom-top)
	d.print(`<text x="%.1f" y="%.1f" text-anchor="middle">False match rate (%%)</text>`+"\n", (left+right)/2, bottom+46)
	d.print(`<text transform="translate(24 %.1f) rotate(-90)" text-anchor="middle">False non-match rate (%%)</text>`+"\n",
		(top+bottom)/2)
	d.print(`<text x="%.1f" y="%.1f" font-size="11" fill="#666">Normal-deviate axes. Dashed: fewer than %d errors `+
		`behind the rate. Dotted: equal error rates.</text>`+"\n", left, bottom+76, MinErrors)
}

func (d *det) line(x1, y1, x2, y2 float64, colour, dashes string) {
	d.print(`<path d="M%.1f %.1fL%.1f %.1f" stroke="%s" stroke-dasharray="%s"/>`+"\n", x1, y1, x2, y2, colour, dashes)
}

func (d *det) curve(c curve, enough int64, colour string) {
	var all, sure []step
	for _, s := range c {
		rejected := c[0].genuine - s.genuine
		if s.impostor == 0 || rejected == 0 {
			continue
		}
		all = append(all, s)
		if s.impostor >= enough && rejected >= enough {
			sure = append(sure, s)
		}
	}
	d.path(c[0], all, colour, `stroke-width="1" stroke-dasharray="4 3"`)
	d.path(c[0], sure, colour, `stroke-width="2.5" stroke-linejoin="round"`)
}

// path draws the steps, of which it leaves out those too close to the one before to be seen.
func (d *det) path(total step, steps []step, colour, style string) {
	var points strings.Builder
	var lastX, lastY float64
	for i, s := range steps {
		x := detX(ratio(s.impostor, total.impostor))
		y := detY(ratio(total.genuine-s.genuine, total.genuine))
		if i == 0 {
			fmt.Fprintf(&points, "M%.1f %.1f", x, y)
		} else if math.Hypot(x-lastX, y-lastY) < 1 && i < len(steps)-1 {
			continue
		} else {
			fmt.Fprintf(&points, "L%.1f %.1f", x, y)
		}
		lastX, lastY = x, y
	}
	if len(steps) > 1 {
		d.print(`<path d="%s" clip-path="url(#plot)" fill="none" stroke="%s" %s/>`+"\n", &points, colour, style)
	}
}

func (d *det) legend(performances []*Performance) {
	x, y := detX(detMost)-332, detTop+12
	d.print(`<rect x="%.1f" y="%.1f" width="320" height="%d" rx="4" fill="#fff" stroke="#bbb"/>`+"\n",
		x, y, 14+22*len(performances))
	for i, p := range performances {
		y := y + 18 + 22*float64(i)
		eer, _ := p.EER()
		d.print(`<path d="M%.1f %.1fh28" stroke="%s" stroke-width="2.5"/>`+"\n", x+12, y, detColours()[i])
		d.print(`<text x="%.1f" y="%.1f">%s (EER %s)</text>`+"\n", x+50, y+4.5, html.EscapeString(p.Name), sheet.Percent(eer))
	}
}
