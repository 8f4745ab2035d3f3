package letter

import (
	"io"
	"time"

	"facegate/configs/notice"
	"facegate/store/receipt"
)

// A receiptPage is what the texts of a receipt are filled from.
type receiptPage struct {
	receipt.Receipt
	At      time.Time
	Checked bool
}

// Receipt writes what r says. Whether its signature has been checked is for the caller to say.
func Receipt(w io.Writer, lang notice.Language, zone *time.Location, r receipt.Receipt, checked bool) error {
	at, err := time.Parse(time.RFC3339, r.Time)
	if err != nil {
		return err
	}
	return write(w, "receipt", lang, zone, receiptPage{r, at, checked})
}
