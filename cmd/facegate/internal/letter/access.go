package letter

import (
	"io"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/show"
)

// An accessPage is what the texts of an answer are filled from.
type accessPage struct {
	people.File
	Now     time.Time
	Notice  configs.Notice
	Words   configs.Words
	Ways    string
	Profile configs.Profile
	Law     configs.Jurisdiction
}

// Access writes to a person what the gate of c holds of them at now, why, until when, and what they can ask for. A gate whose
// notice is not in this language has no words for it: configs.ErrNotice.
func Access(w io.Writer, lang configs.Language, zone *time.Location, now time.Time, f people.File, c *configs.Config) error {
	if _, err := c.NoticeText(lang); err != nil {
		return err
	}
	for _, text := range []*string{
		&f.Label, &f.Consent, &f.Agreed.NoticeVersion, &f.Agreed.Method, &f.Agreed.Witness, &f.Agreed.Guardian,
	} {
		*text = string(show.Whole(*text)) // a line break would begin a line of the letter
	}
	page := accessPage{
		File: f, Now: now, Notice: c.Notice, Words: c.Notice.EN, Ways: c.WaysIn(lang),
		Profile: c.Profile(), Law: c.Jurisdiction,
	}
	if lang == configs.Chinese {
		page.Words = c.Notice.ZH
	}
	return write(w, "access", lang, zone, page)
}
