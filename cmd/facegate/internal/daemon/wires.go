package daemon

import (
	"errors"
	"fmt"
	"strings"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/gpio/cdev"
)

// resolve returns which line a wire is.
func resolve(chips []cdev.Chip, w configs.Wire) (cdev.Place, error) {
	return cdev.Resolve(chips, cdev.Config{Chip: w.Chip, Line: w.Line})
}

// clashes refuses each wire that is the line of one before it. The file shows that of names alone; that GPIO17 and line 17 of
// a chip are the same only the machine shows.
func clashes(chips []cdev.Chip, wires []configs.Wire) error {
	var errs []error
	for i, w := range wires {
		at, err := resolve(chips, w)
		if err != nil {
			continue // whoever opens it says so
		}
		for _, other := range wires[:i] {
			if before, err := resolve(chips, other); err == nil && at.Is(before) {
				errs = append(errs, configs.About(w.Key, hint.Wrap(fmt.Errorf("%v is that of %s", at, other.Key),
					"Give each of them a line of its own; facegate door lines shows which there are.")))
			}
		}
	}
	return errors.Join(errs...)
}

// distinct refuses wires of which two are the same line of this machine.
func distinct(c *configs.Config) error {
	if c.Door.Driver != configs.Cdev {
		return nil // a board opens no file twice
	}
	chips, _ := cdev.Chips() // those that can be read
	return clashes(chips, c.Wires())
}

// wires checks the lines of the door and of the prompt, on those chips that could be read.
func (k *checker) wires(chips []cdev.Chip, unread error) {
	if k.config.Door.Driver != configs.Cdev {
		return
	}
	wires := k.config.Wires()
	for _, w := range wires {
		at, err := resolve(chips, w)
		switch {
		case errors.Is(err, cdev.ErrNotFound) && unread != nil: // it may be on a chip that could not be read
			k.refuse(configs.About(w.Key, unread))
		case errors.Is(err, cdev.ErrNoChip):
			k.note(Note{Key: w.Key, Says: w.Line + " cannot be checked, because this machine has no GPIO chip"})
		case w.Chip != "" && errors.Is(err, cdev.ErrNoSuchChip):
			k.refuse(configs.About(w.Key[:strings.LastIndex(w.Key, ".")]+".chip", err))
		case err != nil:
			k.refuse(configs.About(w.Key, err))
		default:
			k.refuse(configs.About(w.Key, at.Free()))
		}
	}
	k.refuse(clashes(chips, wires))
}
