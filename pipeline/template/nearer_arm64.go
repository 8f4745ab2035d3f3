package template

// nearer counts the bits of 16 bytes at once, which every arm64 processor can.
//
//go:noescape
func nearer(probe *Code, codes []Code, limit int) int
