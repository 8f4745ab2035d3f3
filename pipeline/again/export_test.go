package again

// Len returns how many marks there are.
func (m *Memory) Len() int { return len(m.marks) }
