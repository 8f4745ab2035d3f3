package law

import "time"

// WhenAlike is what is done about a face that the gate cannot tell from somebody else's by itself.
type WhenAlike string

// The ways of dealing with it.
const (
	AutoAlike    WhenAlike = "auto"          // the profile's own
	RefuseAlike  WhenAlike = "refuse"        // the face is not enrolled, and opens nothing
	SecondFactor WhenAlike = "second-factor" // the face is enrolled, and opens with a pass, card or PIN alone
	WarnAlike    WhenAlike = "warn"          // the face is enrolled as any other, and whoever enrols it is warned
)

const (
	// FaceAloneFrom is the age in years below which a face alone opens no door, in any profile. Of two children of 6 to 9 years
	// 2.8 % of pairs match at a threshold that lets 0.002 % of pairs of adults match; of 10 to 13 years 1.0 %.
	FaceAloneFrom = 14

	// Majority is the age in years below which the strictest threshold applies. Of pairs of 14 to 17 years 0.17 % match.
	Majority = 18

	// YoungDays is how many days a template of somebody under Majority is kept at the most: the face and the age both change.
	YoungDays = 365
)

// alike settles what is asked of faces that are alike. Where a pass is shown with every face it is the second factor already, and
// nobody is compared with anybody else. Where everybody is compared, what is safe without a second factor is to refuse: a face
// that may be another's opens nothing then, and there is another way in at every door.
func (p *Profile) alike(t Terms) {
	p.Passes, p.WhenAlike = t.Pass || p.Mode == OneToOne, t.WhenAlike
	p.YoungMax = min(p.RetentionMax, YoungDays*24*time.Hour)
	switch {
	case p.WhenAlike != AutoAlike && p.WhenAlike != "":
	case p.Mode == OneToOne || t.Second:
		p.WhenAlike = SecondFactor
	default:
		p.WhenAlike = RefuseAlike
	}
}
