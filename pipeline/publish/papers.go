package publish

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"facegate/configs/address"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
)

// papers are what a gate shows to a broker, and by what it knows one.
type papers struct {
	password string
	anchors  []*x509.Certificate // of which one must have signed the broker's; nil for those of the system
	own      *tls.Certificate    // of this gate, nil for none
}

// papers reads the files that a connection to a broker needs. An error is a Fault.
func (cfg Config) papers(a address.Address) (p papers, err error) {
	if p.password, err = cfg.password(); err != nil || !a.TLS {
		return p, err
	}
	if p.anchors, err = cfg.anchors(); err != nil {
		return p, err
	}
	p.own, err = cfg.own()
	return p, err
}

// CheckPassword says why the password file cannot be used, with a hint.
func (cfg Config) CheckPassword() error {
	_, err := cfg.password()
	return advised(err)
}

// CheckCA says why the CA file cannot be used, with a hint.
func (cfg Config) CheckCA() error {
	_, err := cfg.anchors()
	return advised(err)
}

// CheckCertificate says why the certificate of this gate cannot be used, or its key, with a hint. By what date it is judged is for the
// broker to say.
func (cfg Config) CheckCertificate() error {
	_, err := cfg.own()
	return advised(err)
}

// advised gives err, which may be nil, the hint of the Fault that it is.
func advised(err error) error {
	if f := new(Fault); errors.As(err, &f) {
		return hint.Wrap(f, "%s", f.Hint)
	}
	return err
}

// The largest files, in bytes. Debian's own of every authority has 220 KB, and MQTT has no longer password.
const (
	maxCertificates = 4 << 20
	maxSecret       = 64 << 10
)

// password reads the password, "" for none.
func (cfg Config) password() (string, error) {
	if cfg.PasswordFile == "" {
		return "", nil
	}
	b, err := file.ReadSecret(cfg.PasswordFile, maxSecret)
	if err != nil {
		return "", unusable("password-file", "the password file", err, "Correct mqtt.password_file, or let the service's user read it.")
	}
	defer clear(b)
	return strings.TrimRight(string(b), "\r\n"), nil
}

var errNoCertificates = errors.New("there is no certificate in it")

// anchors reads the certificates of which one must have signed the broker's, nil for those of the system.
func (cfg Config) anchors() ([]*x509.Certificate, error) {
	if cfg.CAFile == "" {
		return nil, nil
	}
	text, err := file.ReadShared(cfg.CAFile, maxCertificates)
	if err != nil {
		return nil, unusable("ca-file", "the CA file", err, "Check that the file is there and that the service's user may read it.")
	}
	all := certificates(text)
	if len(all) == 0 {
		return nil, unusable("ca-file", "the CA file", errNoCertificates, fmt.Sprintf(advicePEM, cfg.CAFile))
	}
	return all, nil
}

const advicePEM = "%s must hold certificates in PEM form (-----BEGIN CERTIFICATE-----)."

// own reads the certificate of this gate and its key, nil for none.
func (cfg Config) own() (*tls.Certificate, error) {
	if cfg.CertFile == "" {
		return nil, nil
	}
	const what = "the certificate of this gate"
	chain, err := file.ReadShared(cfg.CertFile, maxCertificates)
	if err != nil {
		return nil, unusable("cert-file", what, err, "Correct mqtt.cert_file, or let the service's user read it.")
	}
	if len(certificates(chain)) == 0 {
		return nil, unusable("cert-file", what, errNoCertificates, fmt.Sprintf(advicePEM, cfg.CertFile))
	}
	key, err := file.ReadSecret(cfg.KeyFile, maxSecret)
	if err != nil {
		return nil, unusable("key-file", "the key of this gate's certificate", err, "Correct mqtt.key_file, or let the service's user read it.")
	}
	defer clear(key)
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, cfg.unpaired(key, err)
	}
	return &pair, nil
}

// unpaired explains why a certificate and what should be its key are none.
func (cfg Config) unpaired(key []byte, err error) error {
	const what = "the key of this gate's certificate"
	block, _ := pem.Decode(key)
	switch {
	case strings.Contains(err.Error(), "does not match"):
		return &Fault{
			Kind: "key-mismatch", says: "the key in mqtt.key_file is not that of the certificate in mqtt.cert_file", err: refusal(err),
			Hint: "Put a certificate there and the key that it was made for; in mqtt.cert_file it comes before those of authorities. " +
				"Both files are read again at the next attempt.",
		}
	case block != nil && (block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != ""):
		return unusable("key-file", what, errors.New("it needs a passphrase, which nobody could type"),
			fmt.Sprintf("Take the passphrase off: openssl pkey -in %s -out NEW, with NEW for the service's user alone (chmod 0600).", cfg.KeyFile))
	case !bytes.Contains(key, []byte("PRIVATE KEY-----")):
		err = errors.New("there is no private key in it")
	}
	return unusable("key-file", what, err, cfg.KeyFile+" must hold a private key in PEM form (-----BEGIN PRIVATE KEY-----).")
}

// unusable returns the Fault of a file that cannot be used. Advice that err carries counts first.
func unusable(kind, what string, err error, advice string) error {
	return &Fault{
		Kind: kind, says: string(show.Whole(what + " cannot be used: " + bare(err))),
		Hint: string(show.Whole(cmp.Or(hint.Of(err), advice))), err: refusal(err),
	}
}

func refusal(err error) error { return fmt.Errorf("%w: %w", ErrConfig, err) }

// certificates returns those of a PEM file, but for what cannot be read.
func certificates(text []byte) (all []*x509.Certificate) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return all
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			all = append(all, c)
		}
	}
}
