// Package pass draws the QR code (ISO/IEC 18004) of a token, or of the text of another pass, as a picture to print and as text for
// a terminal, and reads it back from a picture or from the letters that it says.
//
// The code of a token holds template.Token.Text and nothing else: no name, no number, no address. Whoever photographs it has the
// token, so what this package returns is shown or written where the operator says, and kept nowhere.
package pass

import (
	"fmt"
	"io"
	"strings"

	"rsc.io/qr"

	"facegate/pipeline/template"
)

// quiet is the light margin that a reader needs, in modules.
const quiet = 4

// PNG returns the code as a PNG picture, 8 pixels a module. It returns template.ErrToken if t has been cleared.
func PNG(t template.Token) ([]byte, error) {
	text, err := textOf(t)
	if err != nil {
		return nil, err
	}
	return Draw(text)
}

// Draw is PNG of the text of another pass.
func Draw(text string) ([]byte, error) {
	code, err := encode(text)
	if err != nil {
		return nil, err
	}
	return code.PNG(), nil
}

// Margin returns how wide the white margin of the picture that Draw makes of a text is, as a share of the picture.
func Margin(text string) float64 {
	code, err := encode(text)
	if err != nil {
		return 0
	}
	return quiet / float64(code.Size+2*quiet)
}

// WriteTerminal writes the code to a terminal, two modules to a character cell. It sets light on dark itself, because
// a code with its colours exchanged is one that many readers do not see. It returns template.ErrToken if t has been
// cleared.
func WriteTerminal(w io.Writer, t template.Token) error {
	text, err := textOf(t)
	if err != nil {
		return err
	}
	return DrawTerminal(w, text)
}

// DrawTerminal is WriteTerminal of the text of another pass.
func DrawTerminal(w io.Writer, text string) error {
	code, err := encode(text)
	if err != nil {
		return err
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("\x1b[97;40m") // bright white on black
		for x := -quiet; x < code.Size+quiet; x++ {
			b.WriteString(cell(code.Black(x, y), code.Black(x, y+1)))
		}
		b.WriteString("\x1b[0m\n")
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// cell draws two modules, one above the other, light ones in the foreground.
func cell(upperDark, lowerDark bool) string {
	switch {
	case upperDark && lowerDark:
		return " "
	case upperDark:
		return "▄"
	case lowerDark:
		return "▀"
	}
	return "█"
}

func textOf(t template.Token) (string, error) {
	text := t.Text()
	if text == "" {
		return "", fmt.Errorf("pass: %w", template.ErrToken)
	}
	return text, nil
}

// encode draws a text at level M, which mends 15 % of the code: more would need smaller modules on the same paper.
func encode(text string) (*qr.Code, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("pass: %w", err)
	}
	return code, nil
}
