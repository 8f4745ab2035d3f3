package pipeline

// Remembered returns of how many tracks p remembers anything.
func (p *Pipeline) Remembered() int { return len(p.subjects) }

// Gathered returns how many frames p holds for a new template.
func (p *Pipeline) Gathered() int { return p.renewal.sample.Taken() }

// Faces returns how many faces p holds because they are asked to turn, or have turned as asked.
func (p *Pipeline) Faces() (n int) {
	if p.question != nil {
		n++
	}
	for _, s := range p.subjects {
		if s.proof != nil {
			n++
		}
	}
	return n
}
