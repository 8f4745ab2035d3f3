package template

// Nearer returns the index of the first of codes whose Distance from probe is below limit, and len(codes) if there is none. A
// scan over all records spends its time here. Where the processor counts the bits of many bytes at once, it takes little
// longer than to read the codes.
func Nearer(probe *Code, codes []Code, limit int) int { return nearer(probe, codes, limit) }

// nearerByWords is Nearer for every processor.
func nearerByWords(probe *Code, codes []Code, limit int) int {
	for i := range codes {
		if Distance(probe, &codes[i]) < limit {
			return i
		}
	}
	return len(codes)
}
