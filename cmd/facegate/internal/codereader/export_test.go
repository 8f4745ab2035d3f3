package codereader

// IsPass reports whether a text has the form of a pass.
func IsPass(text []byte) bool { return isPass(text) }
