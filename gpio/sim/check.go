package sim

// Check says whether the board can have a line of the name. It takes none, and the line may be in use. Its error is that of Open.
func (b Board) Check(name string) error { return b.check(name) }
