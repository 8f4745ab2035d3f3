//go:build !race

package publish

// raceless says that memory is what it is in a gate. The race detector has its own beside it.
const raceless = true
