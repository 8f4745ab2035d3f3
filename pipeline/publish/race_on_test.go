//go:build race

package publish

const raceless = false
