package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"facegate/cmd/facegate/internal/status"
	"facegate/configs/show"
)

type cameraAimCommand struct {
	For time.Duration `default:"2m" placeholder:"TIME" help:"End it sooner than after two minutes."`
	gateFlags
	jsonFlag
}

func (c *cameraAimCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.running(ctx)
	if err != nil {
		return err
	}
	display := c.display(t)
	return forTime(ctx, c.For, func(ctx context.Context) error {
		return g.Aim(ctx, func(v status.View) { display(v, time.Now()) })
	})
}

// forTime has something shown for a time, whose end is no error, nor is that of ctx.
func forTime(ctx context.Context, limit time.Duration, follow func(context.Context) error) error {
	short, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := follow(short)
	if short.Err() != nil { // it was seen for as long as was asked
		return nil
	}
	return err
}

// display returns what shows each view: as JSON, as a drawing that rewrites itself, or line by line.
func (c *cameraAimCommand) display(t terminal) func(v status.View, now time.Time) {
	var last status.View
	var shown time.Time
	lines := 0
	return func(v status.View, now time.Time) {
		says := v.Sees != last.Sees || v.Advice != last.Advice
		switch {
		case v == last:
			return
		case c.JSON:
			json.NewEncoder(t.out).Encode(v)
		case t.draws && now.Sub(shown) >= redraw:
			lines = rewrite(raw(t.out), drawing(v), lines)
		case !t.draws && (says || now.Sub(shown) >= time.Second):
			show.Fprintln(t.out, aimLine(v))
		default:
			return // the next one will be shown
		}
		last, shown = v, now
	}
}

// redraw is the shortest time between two drawings: nobody reads faster.
const redraw = 100 * time.Millisecond

// aimLine says a view in one line.
func aimLine(v status.View) string {
	line := v.Sees
	if v.Advice != "" {
		line += " - " + v.Advice
	}
	figures := []string{fmt.Sprintf("%.1f frames/s", v.Figures.Rate)}
	if f := v.Figures.Face; f != (status.Sight{}) {
		figures = append(figures, fmt.Sprintf("face %d px", f.Width), fmt.Sprintf("light %d", f.Light),
			fmt.Sprintf("sharpness %d", f.Sharpness), framing(f))
	}
	return line + " (" + strings.Join(figures, ", ") + ")"
}

// rewrite draws lines over as many that were drawn before, and returns how many there are now. The terminal cuts a line that is too
// long for it, rather than break it: otherwise nobody knows how many lines there are.
func rewrite(w io.Writer, lines []string, before int) int {
	const noWrap, wrap, up, clear = "\x1b[?7l", "\x1b[?7h", "\x1b[%dA", "\x1b[K"
	var b strings.Builder
	b.WriteString(noWrap)
	if before > 0 {
		b.WriteString(fmt.Sprintf(up, before))
	}
	for _, line := range lines {
		b.WriteString("\r" + string(show.Whole(line)) + clear + "\n")
	}
	b.WriteString(wrap)
	io.WriteString(w, b.String())
	return len(lines)
}

// The drawing of a view, in characters that every terminal has.
const (
	barWidth   = 40
	textWidth  = 76
	adviceRows = 2
)

// drawing draws a view. It has as many lines each time.
func drawing(v status.View) []string {
	f := v.Figures.Face
	lines := []string{
		row("rate", bar(v.Figures.Rate, 0, 1.25*float64(v.Figures.RateWanted), float64(v.Figures.RateWanted)),
			"%.1f of %d frames a second", v.Figures.Rate, v.Figures.RateWanted),
	}
	if f == (status.Sight{}) {
		for _, name := range []string{"face", "light", "sharpness", "framing"} {
			lines = append(lines, row(name, strings.Repeat(" ", barWidth), "no face"))
		}
	} else {
		lines = append(lines,
			row("face", bar(float64(f.Width), 0, 4*float64(f.MinWidth), float64(f.MinWidth)), "%d px wide, at least %d", f.Width, f.MinWidth),
			row("light", bar(float64(f.Light), 0, 255, float64(f.MinLight), float64(f.MaxLight)), "%d, from %d to %d", f.Light, f.MinLight, f.MaxLight),
			row("sharpness", bar(math.Log1p(float64(f.Sharpness)), 0, math.Log1p(1000), math.Log1p(float64(f.MinSharpness))),
				"%d, at least %d", f.Sharpness, f.MinSharpness),
			row("framing", dot(f.Right), "%s", framing(f)),
		)
	}
	lines = append(lines, v.Sees)
	return append(lines, paragraph(v.Advice)...)
}

// paragraph breaks advice into adviceRows lines, of which the last has what is left.
func paragraph(advice string) []string {
	lines := make([]string, adviceRows)
	i := 0
	for _, word := range strings.Fields(advice) {
		if i < adviceRows-1 && len(lines[i])+1+len(word) > textWidth {
			i++
		}
		if lines[i] == "" {
			lines[i] = " "
		}
		lines[i] += " " + word
	}
	return lines
}

func row(name, bar, format string, args ...any) string {
	return fmt.Sprintf("%-9s [%s] %s", name, bar, fmt.Sprintf(format, args...))
}

// bar fills a bar from low up to v, of which high is the end, and marks the limits.
func bar(v, low, high float64, limits ...float64) string {
	cells := []byte(strings.Repeat("#", cell(v, low, high)) + strings.Repeat("-", barWidth-cell(v, low, high)))
	for _, l := range limits {
		cells[min(cell(l, low, high), barWidth-1)] = '|'
	}
	return string(cells)
}

// cell returns how many cells of a bar v takes.
func cell(v, low, high float64) int {
	if !(high > low) {
		return 0
	}
	return int(min(max((v-low)/(high-low), 0), 1)*barWidth + 0.5)
}

// dot marks where between the left and the right edge of the zone the face is, and the middle.
func dot(right float64) string {
	cells := []byte(strings.Repeat("-", barWidth))
	cells[barWidth/2] = '|'
	cells[min(cell(right, -1, 1), barWidth-1)] = 'O'
	return string(cells)
}

// framing says where the face is, in hundredths of the way from the middle of the zone to its edge.
func framing(f status.Sight) string {
	side := func(v float64, less, more string) string {
		if v < 0 {
			return fmt.Sprintf("%.0f %% %s", -100*v, less)
		}
		return fmt.Sprintf("%.0f %% %s", 100*v, more)
	}
	return side(f.Right, "left", "right") + ", " + side(f.Down, "up", "down")
}
