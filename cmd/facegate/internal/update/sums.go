package update

import (
	"encoding/hex"
	"fmt"
	"strings"

	"facegate/configs/hint"
)

// listed returns the hash that the list has of a file, in hexadecimal. The list is as sha256sum writes it: 64 digits, a space, a
// space or an asterisk, and a name without a folder. A list with any other line, or with a name twice, is refused.
func listed(sums []byte, name string) (string, error) {
	found := make(map[string]string)
	for line := range strings.Lines(string(sums)) {
		sum, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 || len(rest) < 2 || rest[0] != ' ' && rest[0] != '*' ||
			strings.Contains(rest, "/") || found[rest[1:]] != "" {
			return "", hint.Wrap(fmt.Errorf("%w: %q is no line of %s", ErrSums, strings.TrimSpace(line), Sums), "tell whoever released it")
		}
		found[rest[1:]] = strings.ToLower(sum)
	}
	if found[name] == "" {
		return "", hint.Wrap(fmt.Errorf("%w: %s has no %s", ErrUnlisted, Sums, name),
			"take the package and %s from the same release, and leave its name as it is", Sums)
	}
	return found[name], nil
}
