package admit

// Halves returns how many attempts wait for another means.
func (a *Admitter) Halves() int { return len(a.halves) }
