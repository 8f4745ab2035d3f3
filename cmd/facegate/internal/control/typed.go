package control

import (
	"facegate/configs/text"
	"facegate/store"
)

// A typed request holds what people typed. clean brings it into its one form, or says what of it cannot be kept.
type typed interface{ clean() error }

// A typing is one text of a typed request.
type typing struct {
	line text.Line
	text *string
}

func cleanAll(all ...typing) error {
	for _, t := range all {
		clean, err := t.line.Clean(*t.text)
		if err != nil {
			return err
		}
		*t.text = clean
	}
	return nil
}

func (r *EnrolRequest) clean() error {
	return cleanAll(typing{store.LabelLine, &r.Label}, typing{store.ReferenceLine, &r.Consent},
		typing{store.GuardianLine, &r.Guardian}, typing{store.WitnessLine, &r.Witness})
}

func (r *facesOffRequest) clean() error { return cleanAll(typing{store.ReasonLine, &r.Reason}) }

func (r *eraseRequest) clean() error { return cleanAll(typing{store.LabelLine, &r.Label}) }

func (r *personRequest) clean() error { return cleanAll(typing{store.LabelLine, &r.Label}) }

func (r *relabelRequest) clean() error {
	return cleanAll(typing{store.LabelLine, &r.Label}, typing{store.LabelLine, &r.To})
}
