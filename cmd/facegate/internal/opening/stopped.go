package opening

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/audit"
	"facegate/store/clock"
)

// ErrOwner refuses records that belong to another user than the one of this process.
var ErrOwner = errors.New("the records belong to another user")

// An UnopenedError says that the store of a stopped gate does not open: it is damaged, or its key is not there. It belongs to
// this user, and no other process has it open.
type UnopenedError struct{ Err error }

func (u *UnopenedError) Error() string { return u.Err.Error() }

// Unwrap returns why.
func (u *UnopenedError) Unwrap() error { return u.Err }

// Place returns where the store of a gate is.
func Place(c *configs.Config) store.Place {
	return store.Place{Dir: c.StateDir, KeyDir: c.KeysDir, AnchorDir: c.AnchorDir, Anchors: anchors(Keys(c))}
}

// Stopped opens the store of a gate that is not running, as its own user alone: the service could not read files that another
// one has written. keep is nil unless the store is to be wiped; see StoreToWipe.
func Stopped(c *configs.Config, source clock.Source, log *slog.Logger, keep func(certificate []byte) error) (*store.Store, error) {
	if _, err := os.Stat(c.StateDir); err != nil {
		err = hint.Wrap(fmt.Errorf("open the records: %w", err), "correct state_dir, or start the gate once to make it")
		return nil, &UnopenedError{err}
	}
	if err := CheckOwner(c); err != nil {
		return nil, err
	}
	s, err := StoreToWipe(c, source, log, keep)
	if errors.Is(err, store.ErrInUse) {
		return nil, hint.Wrap(err, "the gate is running, and nothing answers at %s: restart it if its configuration has changed since, or "+
			"name its socket with --socket; if it is another command that uses the records, wait for its end", c.Control.Socket)
	}
	if err != nil {
		return nil, &UnopenedError{err}
	}
	return s, nil
}

// CheckOwner refuses folders of records, where they are there, that belong to another user.
func CheckOwner(c *configs.Config) error {
	for _, dir := range []string{c.StateDir, c.KeysDir, c.AnchorDir} {
		info, err := os.Stat(dir)
		if err != nil {
			continue // as the store will find
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
			return hint.Wrap(fmt.Errorf("%w: %s", ErrOwner, dir), "run the command as that user: sudo -u %s facegate ...",
				people.UserName(audit.Actor(owner)))
		}
	}
	return nil
}
