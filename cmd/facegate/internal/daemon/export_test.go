package daemon

import "time"

// LookEvery has the disk looked at in other times than usual.
func (r *Remnant) LookEvery(t time.Duration) { r.every = t }

// MadeByUnit returns the folders that systemd makes when it starts the service.
func MadeByUnit() []string { return madeByUnit() }

// StartLimit is how long a fresh process may take.
const StartLimit = startLimit
