package pipeline

// Remembered returns of how many tracks p remembers anything.
func (p *Pipeline) Remembered() int { return len(p.subjects) }

// Gathered returns how many frames p holds for a new template.
func (p *Pipeline) Gathered() int { return p.renewal.sample.Taken() }
