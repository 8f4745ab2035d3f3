package letter

import (
	"io"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/law"
	"facegate/configs/notice"
	"facegate/configs/show"
)

// An accessPage is what the texts of an answer are filled from.
type accessPage struct {
	people.File
	Now     time.Time
	Notice  notice.Statement
	Words   notice.Words
	Ways    string
	Profile law.Profile
	Law     law.Jurisdiction
}

// Access writes to a person what a gate holds of them at now, why, until when, and what they can ask for. A gate whose notice
// is not in this language has no words for it: notice.ErrNone. In a language of the operator's the letter is in English, and what the
// operator says of the door in that language.
func Access(w io.Writer, lang notice.Language, zone *time.Location, now time.Time, f people.File, told notice.Particulars) error {
	if _, err := told.Text(lang); err != nil {
		return err
	}
	for _, text := range []*string{
		&f.Label, &f.Consent, &f.Agreed.NoticeVersion, &f.Agreed.Method, &f.Agreed.Witness, &f.Agreed.Guardian,
	} {
		*text = string(show.Whole(*text)) // a line break would begin a line of the letter
	}
	return write(w, "access", lang, zone, accessPage{
		File: f, Now: now, Notice: told.Statement, Words: told.Statement.Words(lang), Ways: notice.Ways(told.Statement.Says(lang), told.Ways),
		Profile: told.Profile, Law: told.Profile.Jurisdiction,
	})
}
