// Package typesettest reads in tests what package typeset has written, and has a font for them.
package typesettest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/image/font/gofont/goregular"
)

// Chinese returns a font that has a glyph for every letter of text that is not Latin, and for no other, as Debian's has: those of Go
// Regular, which look like others. What the letters look like is not what these tests are about.
func Chinese(tb testing.TB, text string) []byte {
	tb.Helper()
	runes := []rune(text)
	slices.Sort(runes)
	runes = slices.Compact(runes)
	runes = slices.DeleteFunc(runes, func(r rune) bool { return r < 0x2000 || r > 0xfff0 })
	return withTable(tb, goregular.TTF, "cmap", cmap(runes))
}

// cmap returns a table that gives each rune a glyph (OpenType, cmap, format 4), a segment each.
func cmap(runes []rune) []byte {
	segments := len(runes) + 1
	var ends, starts, deltas, offsets []uint16
	for i, r := range runes {
		glyph := uint16(3 + i%200)
		ends, starts = append(ends, uint16(r)), append(starts, uint16(r))
		deltas, offsets = append(deltas, glyph-uint16(r)), append(offsets, 0)
	}
	ends, starts, deltas, offsets = append(ends, 0xffff), append(starts, 0xffff), append(deltas, 1), append(offsets, 0)
	power := 1
	for power*2 <= segments {
		power *= 2
	}
	log := uint16(0)
	for 1<<(log+1) <= power {
		log++
	}
	sub := []uint16{4, uint16(16 + 8*segments), 0, uint16(2 * segments), uint16(2 * power), log, uint16(2*segments - 2*power)}
	sub = slices.Concat(sub, ends, []uint16{0}, starts, deltas, offsets)
	head := []uint16{0, 1, 3, 1, 0, 12} // version, one table: platform 3, encoding 1, at 12
	var b bytes.Buffer
	binary.Write(&b, binary.BigEndian, slices.Concat(head, sub))
	return b.Bytes()
}

// withTable returns a font with another table in the place of its own.
func withTable(tb testing.TB, font []byte, name string, table []byte) []byte {
	tb.Helper()
	out := slices.Clone(font)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	n := int(binary.BigEndian.Uint16(font[4:]))
	for i := range n {
		entry := out[12+16*i : 28+16*i]
		if string(entry[:4]) == name {
			binary.BigEndian.PutUint32(entry[8:], uint32(len(out)))
			binary.BigEndian.PutUint32(entry[12:], uint32(len(table)))
			return append(out, table...)
		}
	}
	tb.Fatalf("the font has no table %s", name)
	return nil
}

// Streams returns the streams of a PDF, as they are before they are packed.
func Streams(pdf []byte) (all []string) {
	for _, part := range bytes.Split(pdf, []byte("stream\n"))[1:] {
		r, err := zlib.NewReader(bytes.NewReader(part))
		if err != nil {
			continue
		}
		if content, err := io.ReadAll(r); err == nil {
			all = append(all, string(content))
		}
	}
	return all
}

// A Line is one that is printed, as a program reads it: its text, and the language that the page gives it, or "picture".
type Line struct{ Lang, Text string }

// Read returns what the pages of a PDF say, in order.
func Read(tb testing.TB, pdf []byte) (lines []Line) {
	tb.Helper()
	mark := regexp.MustCompile(`(?s)/Span <<(/Lang \((\w+)\)|/Alt <FEFF([0-9A-F]+)>)>> BDC\n(.*?)EMC\n`)
	text := regexp.MustCompile(`(?s)Td \((.*?)\) ?Tj`)
	for _, s := range Streams(pdf) {
		for _, m := range mark.FindAllStringSubmatch(s, -1) {
			if m[3] != "" {
				raw, err := hex.DecodeString(m[3])
				if err != nil {
					tb.Fatal(err)
				}
				lines = append(lines, Line{"picture", utf16Text(raw)})
				continue
			}
			line := Line{Lang: m[2]}
			for _, t := range text.FindAllStringSubmatch(m[4], -1) {
				unescaped := strings.NewReplacer(`\\`, `\`, `\(`, `(`, `\)`, `)`, `\r`, "\r").Replace(t[1])
				line.Text += utf16Text([]byte(unescaped))
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func utf16Text(raw []byte) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}

// Pictures returns the pictures of a PDF as PNG, the smaller before the larger.
func Pictures(tb testing.TB, pdf []byte) (all [][]byte) {
	tb.Helper()
	object := regexp.MustCompile(`(?s)/Subtype /Image\n/Width (\d+)\n/Height (\d+)\n/ColorSpace /DeviceGray\n/BitsPerComponent (\d)\n.*?/Length (\d+)>>\nstream\n`)
	for _, m := range object.FindAllSubmatchIndex(pdf, -1) {
		number := func(i int) uint32 {
			n, err := strconv.ParseUint(string(pdf[m[2*i]:m[2*i+1]]), 10, 31)
			if err != nil {
				tb.Fatal(err)
			}
			return uint32(n)
		}
		head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, number(1)), number(2))
		head = append(head, byte(number(3)), 0, 0, 0, 0) // grey
		picture := []byte("\x89PNG\r\n\x1a\n")
		picture = append(picture, chunk("IHDR", head)...)
		picture = append(picture, chunk("IDAT", pdf[m[1]:m[1]+int(number(4))])...)
		all = append(all, append(picture, chunk("IEND", nil)...))
	}
	return all
}

// chunk returns a part of a PNG.
func chunk(name string, data []byte) []byte {
	c := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), name...)
	c = append(c, data...)
	return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
}
