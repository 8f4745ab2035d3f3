package people

import (
	"errors"
	"fmt"

	"facegate/configs/hint"
	"facegate/configs/notice"
	"facegate/configs/text"
	"facegate/pipeline/visitor"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/checkpoint"
)

// ErrOwed means that something could not be destroyed yet, and is going to be. Its text is that of store.ErrOwing.
var ErrOwed = errors.New("the erasure is owed, and whoever it concerns does not match any more")

// Kinds are the errors by which those who ask tell answers apart. Each has another text, by which it crosses the socket.
func Kinds() []error {
	return []error{
		ErrOwed, ErrReceiptID, ErrOneToOne, ErrFacesOff, ErrFull, ErrTwice, ErrAlike, ErrNoPass, ErrFace, ErrChild, ErrWitness, ErrGuardian, ErrSomebodyElse, ErrNoCard, ErrNoReader, ErrGroup, ErrNoWitness,
		notice.ErrNone,
		text.ErrEncoding, text.ErrCharacter, text.ErrLong, text.ErrForm,
		store.ErrLabel, store.ErrExists, store.ErrAlike, store.ErrUnknown, store.ErrOwed,
		store.ErrNoConsent, store.ErrGuardian, store.ErrStale, store.ErrExpiry, store.ErrReference, store.ErrNoFormer, store.ErrNoFace,
		store.ErrKeyless, store.ErrGroups, store.ErrCard, store.ErrWeakPIN, store.ErrNoPIN,
		store.ErrPass, store.ErrBound, store.ErrLockdown, store.ErrOlder, store.ErrEpoch, store.ErrNoEpoch, store.ErrClock, store.ErrDates,
		store.ErrOffice, store.ErrOfficeKey, store.ErrOfficeName, store.ErrRevokedFull, store.ErrOperatorKey, store.ErrOperatorName, visitor.ErrText, visitor.ErrNumber,
		audit.ErrRemoved, audit.ErrReordered, audit.ErrEdited, audit.ErrTruncated, audit.ErrOlder,
		audit.ErrAnother, audit.ErrOrder, store.ErrRolledBack, store.ErrCosignature, checkpoint.ErrForm, checkpoint.ErrSignature, checkpoint.ErrWitness,
	}
}

// owed returns err as ErrOwed, if it is of something that could not be destroyed yet.
func owed(err error) error {
	var o *store.OwedError
	if !errors.As(err, &o) {
		return err
	}
	return hint.Wrap(fmt.Errorf("%w: %w", ErrOwed, o.Err), "%s", hint.Of(err))
}
