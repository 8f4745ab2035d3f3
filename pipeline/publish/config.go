package publish

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"facegate/configs/file"
	"facegate/configs/hint"
)

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("the MQTT settings are not usable")

// A Config says which broker to publish to, and as whom.
type Config struct {
	Broker   string // "tcp://host:port", or "ssl://host:port" for TLS 1.2 or later
	ClientID string // must be the same at every start and differ from every other client's
	Username string // may be empty
	Password string // may be empty
	CAFile   string // PEM certificates that sign the broker's; empty for those of the system; only for ssl://
	Site     string // first level of the topics after "facegate"
	Gate     string // second level
}

// Check says what New would refuse.
func (cfg Config) Check() error {
	_, err := cfg.endpoint()
	return err
}

// endpoint is where and how to connect, as read from a Config.
type endpoint struct {
	addr string // "host:port"
	host string
	tls  *tls.Config // nil for plain TCP
}

// endpoint checks cfg and reads what it refers to.
func (cfg Config) endpoint() (endpoint, error) {
	u, err := url.Parse(cfg.Broker)
	switch {
	case err != nil || u.Hostname() == "" || u.Port() == "" || u.Path != "" || u.RawQuery != "" ||
		u.Scheme != "tcp" && u.Scheme != "ssl":
		return endpoint{}, badConfig("the broker's address", "Write it as tcp://host:1883, or ssl://host:8883 for TLS.")
	case u.User != nil:
		return endpoint{}, badConfig("the broker's address",
			"Give the user name and the password in settings of their own; an address is shown in logs.")
	case !validText(cfg.ClientID):
		return endpoint{}, badConfig("the client id", "Give this gate an id that no other client of the broker has.")
	case !validLevel(cfg.Site):
		return endpoint{}, badConfig("the site", "A site is one level of a topic: not empty, without +, # and /.")
	case !validLevel(cfg.Gate):
		return endpoint{}, badConfig("the gate", "A gate is one level of a topic: not empty, without +, # and /.")
	case u.Scheme == "tcp" && cfg.CAFile != "":
		return endpoint{}, badConfig("the CA file", "A CA file needs an ssl:// address; over tcp:// nothing is encrypted.")
	case u.Scheme == "tcp":
		return endpoint{addr: u.Host, host: u.Hostname()}, nil
	}
	roots, err := loadRoots(cfg.CAFile)
	if err != nil {
		return endpoint{}, err
	}
	return endpoint{u.Host, u.Hostname(), &tls.Config{RootCAs: roots, ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}}, nil
}

// topic returns the topic of this gate that is called name.
func (cfg Config) topic(name string) string {
	return strings.Join([]string{"facegate", cfg.Site, cfg.Gate, name}, "/")
}

// maxCAFile bounds a file of certificates, in bytes: Debian's own, of every authority, has 220 KB.
const maxCAFile = 4 << 20

// loadRoots reads PEM certificates. It returns nil, which means those of the system, if name is empty.
func loadRoots(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	pem, err := file.ReadShared(name, maxCAFile)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("publish: %w: the CA file: %w", ErrConfig, err), "%s",
			cmp.Or(hint.Of(err), "Check that the file is there and that the service's user may read it."))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, badConfig("the CA file", "%s must hold certificates in PEM form (-----BEGIN CERTIFICATE-----).", name)
	}
	return roots, nil
}

// validText reports whether s can be an MQTT string with a meaning (MQTT 3.1.1, section 1.5.3).
func validText(s string) bool {
	return s != "" && len(s) <= 128 && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// validLevel reports whether s can be one level of a topic to publish to (MQTT 3.1.1, section 4.7).
func validLevel(s string) bool { return validText(s) && !strings.ContainsAny(s, "+#/") }

func badConfig(what, advice string, args ...any) error {
	return hint.Wrap(fmt.Errorf("publish: %w: %s", ErrConfig, what), advice, args...)
}
