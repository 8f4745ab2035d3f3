package update

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"facegate/configs/hint"
)

// Namespace is what signatures of releases are made for (ssh-keygen -Y sign -n). A signature that the same key has made for
// something else, such as a commit, is none of a release.
const Namespace = "facegate-release"

// verify returns the fingerprint of the key that has signed text, if it is one of keys.
func verify(text, signature, keys []byte) (string, error) {
	known, err := parseKeys(keys)
	if err != nil {
		return "", err
	}
	s, err := sshsig.Unarmor(signature)
	if err != nil {
		return "", refused("%s is not one of ssh-keygen -Y sign", Signature)
	}
	if s.Namespace != Namespace {
		return "", refused("it was made for %q, and not for %q", s.Namespace, Namespace)
	}
	for _, key := range known {
		if !bytes.Equal(key.Marshal(), s.PublicKey.Marshal()) {
			continue
		}
		if err := sshsig.Verify(bytes.NewReader(text), s, key, s.HashAlgorithm, Namespace); err != nil {
			return "", refused("%s is not what was signed", Sums)
		}
		return ssh.FingerprintSHA256(key), nil
	}
	return "", refused("it was made with the key %s, which is not one of releases", ssh.FingerprintSHA256(s.PublicKey))
}

func refused(format string, args ...any) error {
	return hint.Wrap(fmt.Errorf("%w: "+format, append([]any{ErrSignature}, args...)...),
		"do not install it; fetch the release again, and ask whoever releases facegate by another way than you got it")
}

// parseKeys returns the keys of lines "principals type key", or ErrKeys if there is none. Whoever is named as a principal is not
// looked at: the file has the keys of releases, and nothing else.
func parseKeys(lines []byte) (keys []ssh.PublicKey, err error) {
	for line := range strings.Lines(string(lines)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		_, rest, _ := strings.Cut(line, " ")
		key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
		if err != nil || len(options) > 0 {
			return nil, noKeys(fmt.Errorf("%w: %q is not \"name type key\"", ErrKeys, line))
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, noKeys(ErrKeys)
	}
	return keys, nil
}

func noKeys(err error) error {
	return hint.Wrap(err, "name the file with the keys by --key; get it from whoever releases facegate, by another way than the package")
}
