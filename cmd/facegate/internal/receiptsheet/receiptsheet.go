// Package receiptsheet draws the receipt of an erasure on one page: in words, and as codes that say the receipt and its proof, so that
// the paper can be checked as the file can.
//
// The codes say the file as plain text, in its parts: what is scanned from the left to the right into one file is the file. Each is
// small enough that a phone reads it from paper.
package receiptsheet

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"facegate/cmd/facegate/internal/letter"
	"facegate/cmd/facegate/internal/typeset"
	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/pipeline/template/pass"
	"facegate/store/receipt"
)

// ErrLong says that a receipt is too long for a code.
var ErrLong = errors.New("the receipt is too long to be printed as a code")

// A Sheet is what is printed.
type Sheet struct {
	File     []byte // of the receipt, which the codes say
	Paper    letter.Paper
	Language notice.Language
	Zone     *time.Location // in which times are told
	Made     time.Time
}

// The layout of a sheet.
const (
	side   = 79.0 // of a code without its margin, in millimetres: two stand side by side
	normal = 9.0  // points
	large  = 18.0 // points
	most   = 2331 // bytes that a code of the largest version holds at level M: its modules are 0.45 mm wide then
)

// Write writes the sheet as a PDF to w. It refuses with ErrLong what fits into no code, such as the receipt of twenty people, and with
// typeset.ErrFont a text that none of the fonts can show.
func Write(w io.Writer, s Sheet, fonts typeset.Fonts) error {
	codes, err := s.codes()
	if err != nil {
		return err
	}
	title, lines, err := letter.Sheet(s.Language, s.Zone, s.Paper, len(codes))
	if err != nil {
		return err
	}
	head := typeset.Head{Language: s.Language, Title: title, Made: s.Made}
	return typeset.Write(w, fonts, head, func(d *typeset.Document) error {
		d.Page()
		if err := d.Write(title, large); err != nil {
			return err
		}
		for _, line := range lines {
			if err := write(d, line); err != nil {
				return err
			}
		}
		d.Row(codes...)
		return nil
	})
}

// write writes one line of the letter.
func write(d *typeset.Document, line string) error {
	if line == "" {
		d.Gap(normal / 2)
		return nil
	}
	return d.Write(strings.TrimSpace(line), normal)
}

// codes returns those of the parts of the file, in order.
func (s Sheet) codes() (all []typeset.Picture, err error) {
	line, proof := receipt.Split(s.File)
	words := wordsOf(s.Language)
	parts := []struct{ text, says string }{{string(line), words.receipt}, {string(proof), words.proof}}
	for _, part := range parts {
		if part.text == "" {
			continue
		}
		if len(part.text) > most {
			return nil, hint.Wrap(fmt.Errorf("%w: %d bytes of %d", ErrLong, len(part.text), most),
				"hand over the file; its words are printed by facegate receipt show FILE")
		}
		picture, err := pass.Draw(part.text)
		if err != nil {
			return nil, err
		}
		all = append(all, typeset.Picture{PNG: picture, Margin: pass.Margin(part.text), Side: side, Says: part.says})
	}
	return all, nil
}

// sheetWords say what a code is, to those who do not see it.
type sheetWords struct{ receipt, proof string }

func wordsOf(lang notice.Language) sheetWords {
	if lang == notice.Chinese {
		return sheetWords{"删除凭证的二维码，内容为设备签名的文本。", "证明的二维码，内容为证明审计日志包含该凭证的文本。"}
	}
	return sheetWords{"The code of the receipt, which says the text that the device has signed.", "The code of the proof, which says that the audit log holds the receipt."}
}
