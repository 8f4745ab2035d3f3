package template

import "golang.org/x/sys/cpu"

func nearer(probe *Code, codes []Code, limit int) int {
	if cpu.X86.HasAVX2 {
		return nearerAVX2(probe, codes, limit)
	}
	return nearerByWords(probe, codes, limit)
}

// nearerAVX2 looks up the bits of each half of a byte in a table, 32 bytes at once (Muła, Kurz, Lemire, "Faster Population Counts
// Using AVX2 Instructions", The Computer Journal 61(1), 2018).
//
//go:noescape
func nearerAVX2(probe *Code, codes []Code, limit int) int
