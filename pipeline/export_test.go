package pipeline

// Remembered returns of how many tracks p remembers anything.
func (p *Pipeline) Remembered() int { return len(p.subjects) }
