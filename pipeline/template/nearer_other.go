//go:build !amd64 && !arm64

package template

func nearer(probe *Code, codes []Code, limit int) int { return nearerByWords(probe, codes, limit) }
