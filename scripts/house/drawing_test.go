package house_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw docs/architecture.svg anew")

// TestDrawing holds docs/architecture.svg against the source: it is drawn from the imports, and from docs/architecture.yaml.
func TestDrawing(t *testing.T) {
	a := readArchitecture(t)
	got := draw(t, a, listPackages(t))
	path := filepath.Join(root, "docs", "architecture.svg")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the drawing is not that of the source: go test ./scripts/house -run TestDrawing -update")
	}
}

// Sizes of the drawing, in pixels.
const (
	boxWidth, boxHeight = 120, 34
	gapX, gapY          = 12, 26
	margin, bandHead    = 14, 24
	legendHeight        = 32
	perFloor            = 11 // rooms beside each other, at the most
)

// A box is the place of a room in the drawing.
type box struct{ x, y int }

// A drawing is under way.
type drawing struct {
	bytes.Buffer
	boxes   map[string]box
	imports map[string][]string
}

// draw returns the drawing: a band for each place, in it the rooms on their floors, and the ways through them.
func draw(t *testing.T, a architecture, packages []listed) []byte {
	d := &drawing{boxes: map[string]box{}, imports: importsOf(packages)}
	var bands bytes.Buffer
	width := d.width(a)
	y := legendHeight
	for _, row := range a.Rows {
		layouts := d.layOutRow(a, row, width)
		x, height := margin, 0
		for _, l := range layouts {
			height = max(height, l.height())
		}
		for _, l := range layouts {
			l.draw(&bands, d, x, y, height)
			x += l.width + margin
		}
		y += height + margin
	}
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif" `+
		`font-size="11" fill="#222">`+"\n", width, y)
	fmt.Fprintln(d, `<title>The rooms of facegate, and the ways through them</title>`)
	fmt.Fprintln(d, `<rect width="100%" height="100%" fill="#fff"/>`)
	d.legend(a)
	d.Write(bands.Bytes())
	d.arrows(a)
	for i, w := range a.Ways {
		d.way(t, i-len(a.Ways)/2, w)
	}
	d.names(a)
	fmt.Fprintln(d, `</svg>`)
	return d.Bytes()
}

// importsOf returns what each room imports of the module. Rooms of tests are none.
func importsOf(packages []listed) map[string][]string {
	imports := map[string][]string{}
	for _, p := range packages {
		if len(p.GoFiles)+len(p.CgoFiles) == 0 || forTests(p.ImportPath) || within(p.ImportPath, "facegate/scripts") {
			continue
		}
		room := roomName(p.ImportPath)
		imports[room] = []string{}
		for _, i := range p.Imports {
			if within(i, "facegate") {
				imports[room] = append(imports[room], roomName(i))
			}
		}
	}
	return imports
}

// roomsOf returns the rooms of a band.
func (d *drawing) roomsOf(a architecture, b band) []string {
	var rooms []string
	for _, room := range slices.Sorted(maps.Keys(d.imports)) {
		if a.bandOf(room) == b.Name {
			rooms = append(rooms, room)
		}
	}
	return rooms
}

// A layout is the floors of one band, the highest first. Who imports another room of the band stands higher.
type layout struct {
	band   band
	floors [][]string
	width  int
}

// layOutRow lays out bands beside each other, which together are as wide as the drawing.
func (d *drawing) layOutRow(a architecture, row []band, width int) []layout {
	var layouts []layout
	spare := width - margin
	for _, b := range row {
		l := d.layOut(b, d.roomsOf(a, b))
		layouts = append(layouts, l)
		spare -= l.width + margin
	}
	for i := range layouts {
		layouts[i].width += spare / len(layouts)
	}
	return layouts
}

// width returns the width of the widest row.
func (d *drawing) width(a architecture) int {
	widest := 0
	for _, row := range a.Rows {
		w := margin
		for _, b := range row {
			w += d.layOut(b, d.roomsOf(a, b)).width + margin
		}
		widest = max(widest, w)
	}
	return widest
}

func (d *drawing) layOut(b band, rooms []string) layout {
	byFloor := map[int][]string{}
	for _, room := range rooms {
		f := floor(room, rooms, d.imports)
		byFloor[f] = append(byFloor[f], room)
	}
	l, most := layout{band: b}, 1
	for _, f := range slices.Backward(slices.Sorted(maps.Keys(byFloor))) {
		slices.SortStableFunc(byFloor[f], func(x, y string) int { return cmp.Compare(b.place(x), b.place(y)) })
		for rooms := range slices.Chunk(byFloor[f], perFloor) {
			l.floors = append(l.floors, rooms)
			most = max(most, len(rooms))
		}
	}
	l.width = max(most*boxWidth+(most+1)*gapX, 7*(len(b.Name)+len(b.Says)))
	return l
}

func (l layout) height() int { return bandHead + len(l.floors)*(boxHeight+gapY) }

// draw draws the band, whose upper left corner is at x, y, and remembers where its rooms are.
func (l layout) draw(w *bytes.Buffer, d *drawing, x, y, height int) {
	fmt.Fprintf(w, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s" rx="8"/>`+"\n", x, y, l.width, height, l.band.Fill)
	fmt.Fprintf(w, `<text x="%d" y="%d"><tspan font-weight="bold">%s</tspan> <tspan fill="#666">%s</tspan></text>`+"\n",
		x+10, y+16, html.EscapeString(l.band.Name), html.EscapeString(l.band.Says))
	for i, rooms := range l.floors {
		left := x + (l.width-len(rooms)*boxWidth-(len(rooms)-1)*gapX)/2
		for j, room := range rooms {
			d.boxes[room] = box{left + j*(boxWidth+gapX), y + bandHead + i*(boxHeight+gapY)}
		}
	}
}

// floor is how many rooms of the band stand below a room, one upon the other.
func floor(room string, band []string, imports map[string][]string) int {
	n := 0
	for _, i := range imports[room] {
		if i != room && slices.Contains(band, i) {
			n = max(n, 1+floor(i, band, imports))
		}
	}
	return n
}

// legend names the ways.
func (d *drawing) legend(a architecture) {
	x := margin + 10
	for _, w := range a.Ways {
		fmt.Fprintf(d, `<path d="M%d 15h26" stroke="%s" stroke-width="3"/><text x="%d" y="19">%s</text>`+"\n",
			x, w.Colour, x+32, html.EscapeString(w.Name))
		x += 60 + 6*len(w.Name)
	}
}

// arrows draws who imports whom in one band, but for what follows from other arrows. Those between bands all point down,
// and would hide the ways.
func (d *drawing) arrows(a architecture) {
	for _, from := range slices.Sorted(maps.Keys(d.imports)) {
		for _, to := range slices.Sorted(slices.Values(d.imports[from])) {
			if a.bandOf(from) != a.bandOf(to) || implied(from, to, d.imports) {
				continue
			}
			f, t := d.boxes[from], d.boxes[to]
			fmt.Fprintf(d, `<path d="M%d %dL%d %d" stroke="#aaa" stroke-width="0.8"/>`+"\n",
				f.x+boxWidth/2, f.y+boxHeight, t.x+boxWidth/2, t.y)
		}
	}
}

// implied reports whether a room is reached by way of another one too.
func implied(from, to string, imports map[string][]string) bool {
	return slices.ContainsFunc(imports[from], func(i string) bool { return i != to && reaches(i, to, imports) })
}

func reaches(from, to string, imports map[string][]string) bool {
	return slices.ContainsFunc(imports[from], func(i string) bool { return i == to || reaches(i, to, imports) })
}

// way draws one way through the rooms, a little aside of the others.
func (d *drawing) way(t *testing.T, n int, w way) {
	var path strings.Builder
	for i, s := range w.Steps {
		b, ok := d.boxes[s]
		if !ok {
			t.Errorf("the way of %s goes through %s, which is no room", w.Name, s)
		}
		x, y := b.x+boxWidth/2+12*n, b.y+boxHeight/2+7*n
		if i == 0 {
			fmt.Fprintf(&path, "M%d %d", x, y)
		} else {
			fmt.Fprintf(&path, "L%d %d", x, y)
		}
	}
	fmt.Fprintf(d, `<path d="%s" stroke="%s" stroke-width="3" stroke-linejoin="round" fill="none" opacity="0.75"/>`+"\n", path.String(), w.Colour)
}

// names draws the rooms, over the lines, with the steps of the ways in them.
func (d *drawing) names(a architecture) {
	for _, room := range slices.Sorted(maps.Keys(d.boxes)) {
		b := d.boxes[room]
		fmt.Fprintf(d, `<rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="#fff" stroke="#777" opacity="0.92"/>`+"\n", b.x, b.y, boxWidth, boxHeight)
		fmt.Fprintf(d, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", b.x+boxWidth/2, b.y+15, html.EscapeString(a.short(room)))
		x := b.x + 6
		for _, w := range a.Ways {
			for i, s := range w.Steps {
				if s == room {
					fmt.Fprintf(d, `<text x="%d" y="%d" fill="%s" font-weight="bold" font-size="10">%d</text>`+"\n", x, b.y+29, w.Colour, i+1)
					x += 16
				}
			}
		}
	}
}
