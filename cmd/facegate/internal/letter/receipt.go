package letter

import (
	"io"
	"strings"
	"time"

	"facegate/configs/notice"
	"facegate/store/receipt"
	"facegate/store/receipt/proof"
)

// A Paper is a receipt, and what is known of it.
type Paper struct {
	receipt.Receipt
	Checked bool         // the signature is that of the device
	Proof   *proof.Proof // that the audit log holds it; nil if there is none
}

// A receiptPage is what the texts of a receipt are filled from.
type receiptPage struct {
	Paper
	At    time.Time
	Codes int // that are printed beside the text
}

// Receipt writes what p says, and by whom it was witnessed.
func Receipt(w io.Writer, lang notice.Language, zone *time.Location, p Paper) error {
	at, err := time.Parse(time.RFC3339, p.Time)
	if err != nil {
		return err
	}
	return write(w, "receipt", lang, zone, receiptPage{p, at, 0})
}

// Sheet returns what a sheet of paper says beside so many codes that hold the receipt and its proof: a title, and lines, of which empty
// ones stand between paragraphs.
func Sheet(lang notice.Language, zone *time.Location, p Paper, codes int) (title string, lines []string, err error) {
	at, err := time.Parse(time.RFC3339, p.Time)
	if err != nil {
		return "", nil, err
	}
	var b strings.Builder
	if err := write(&b, "sheet", lang, zone, receiptPage{p, at, codes}); err != nil {
		return "", nil, err
	}
	title, rest, _ := strings.Cut(b.String(), "\n")
	return title, strings.Split(strings.Trim(rest, "\n"), "\n"), nil
}
