package people

import (
	"context"

	"facegate/pipeline/template"
)

// A Doorkeeper counts what fails against people while the gate runs, as package entry does. Its calls do not wait for a disk.
type Doorkeeper interface {
	// Forget drops what counts against people who are gone.
	Forget(people ...template.PersonID)

	// ResetLockout lets every means work again for everybody.
	ResetLockout()
}

// ResetLockout implements Records.
func (b bound) ResetLockout(context.Context) error {
	if err := b.store.Lockouts().Reset(b.by); err != nil {
		return err
	}
	if door := b.terms.Door; door != nil {
		door.ResetLockout()
	}
	return nil
}
