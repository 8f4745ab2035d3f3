package publish

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"facegate/configs/address"
	"facegate/configs/hint"
	"facegate/pipeline/publish/homeassistant"
)

// ErrConfig is wrapped by every error about a Config.
var ErrConfig = errors.New("the MQTT settings are not usable")

// A Config says which brokers to publish to, and as whom. The files are read for each connection anew.
type Config struct {
	Brokers      []address.Address // one of them at a time; the next is tried when it fails
	ClientID     string            // must be the same at every start and differ from every other client's
	Username     string            // may be empty
	PasswordFile string            // holds the password; nobody but its owner may touch it; may be empty
	CAFile       string            // PEM certificates that sign the broker's, and no others may; empty for those of the system
	CertFile     string            // PEM certificates that this gate shows where it is asked to, its own first; may be empty
	KeyFile      string            // PEM key of the first of them, which nobody but its owner may touch; empty without CertFile
	Plaintext    bool              // without TLS there may be other machines on the way
	Site         string            // first level of the topics after "facegate"
	Gate         string            // second level
	Prefix       string            // first levels of the topics of Home Assistant
	Discovery    bool              // Home Assistant is to learn of the gate; see Publisher.Introduce
	Witnesses    []string          // ids of the keys of those who cosign how far the audit log has come, 8 hexadecimal digits each
}

// Check says what New would refuse. It reads no file.
func (cfg Config) Check() error {
	if err := cfg.checkLink(); err != nil {
		return err
	}
	return levels(cfg.Site, cfg.Gate)
}

// levels says what is no site, and no gate.
func levels(site, gate string) error {
	switch {
	case !validLevel(site):
		return badConfig("the site", "A site is one level of a topic: not empty, without +, # and /.")
	case !validLevel(gate):
		return badConfig("the gate", "A gate is one level of a topic: not empty, without +, # and /.")
	}
	return nil
}

// checkLink is Check of what says how to connect.
func (cfg Config) checkLink() error {
	secure := slices.ContainsFunc(cfg.Brokers, func(a address.Address) bool { return a.TLS })
	switch {
	case len(cfg.Brokers) == 0, slices.ContainsFunc(cfg.Brokers, func(a address.Address) bool { return a.Host == "" || a.Port == 0 }):
		return badConfig("the broker's address", "Write it as tcp://host:1883, or ssl://host:8883 for TLS.")
	case !cfg.Plaintext && slices.ContainsFunc(cfg.Brokers, func(a address.Address) bool { return !a.TLS && !a.OnBoard() }):
		return badConfig("the broker's address", "tcp:// to another machine can be read and changed on the way: use ssl://, or "+
			"write mqtt.plaintext: true.")
	case !validText(cfg.ClientID):
		return badConfig("the client id", "Give this gate an id that no other client of the broker has.")
	case !secure && cfg.CAFile != "":
		return badConfig("the CA file", "A CA file needs an ssl:// address; over tcp:// nothing is encrypted.")
	case !secure && cfg.CertFile != "":
		return badConfig("the certificate of this gate", "It needs an ssl:// address; over tcp:// nothing is encrypted.")
	case (cfg.CertFile == "") != (cfg.KeyFile == ""):
		return badConfig("the certificate of this gate", "Name the file of the certificate and that of its key, or neither.")
	}
	return nil
}

// inTurn returns the brokers in the order in which this gate tries them. The order comes of the client id: the gates of a site spread over
// the brokers, and those of a broker that dies over the others. It is the same at every start, and when a broker is added.
func (cfg Config) inTurn() []address.Address {
	rank := func(a address.Address) []byte {
		sum := sha256.Sum256([]byte(cfg.ClientID + "\n" + a.String()))
		return sum[:]
	}
	return slices.SortedFunc(slices.Values(cfg.Brokers), func(a, b address.Address) int { return bytes.Compare(rank(a), rank(b)) })
}

// topic returns the topic of this gate that is called name.
func (cfg Config) topic(name string) string {
	switch name {
	case discovery:
		return homeassistant.Gate{Site: cfg.Site, Gate: cfg.Gate}.Topic(cfg.Prefix)
	case birth:
		return homeassistant.StatusTopic(cfg.Prefix)
	}
	return strings.Join([]string{"facegate", cfg.Site, cfg.Gate, name}, "/")
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
