// Package opening opens the records of a gate as its configuration says. Whoever works with them afterwards is handed values,
// and knows nothing of a file.
package opening

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"facegate/configs"
	"facegate/configs/hint"
	"facegate/store"
	"facegate/store/anchor"
	"facegate/store/audit"
	"facegate/store/clock"
	"facegate/store/tpm"
)

// KeyCredential is the name of the systemd credential that takes the place of the key file where there is one.
const KeyCredential = "facegate-device-key"

// Keys returns where the device key of a gate comes from.
func Keys(c *configs.Config) store.KeySource {
	if c.TPM != "" {
		return tpm.Chip(c.TPM).Key(c.KeyFile)
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		return store.SystemdCredential(dir, KeyCredential)
	}
	return store.KeyFile(c.KeyFile)
}

// anchors returns the places, besides a folder, that remember how much was erased: the counter of the TPM that has the key.
func anchors(keys store.KeySource) []anchor.Place {
	if key, ok := keys.(*tpm.Key); ok {
		return []anchor.Place{key.Counter()}
	}
	return nil
}

// Options returns how the store of a gate is opened: its notices, terms and limits are those of the configuration.
func Options(c *configs.Config, keys store.KeySource, source clock.Source, log *slog.Logger) (store.Options, error) {
	notices, err := c.Particulars().Texts()
	if err != nil {
		return store.Options{}, err
	}
	p := c.Profile()
	o := store.Options{
		Dir: c.StateDir, KeyDir: c.KeysDir, AnchorDir: c.AnchorDir, Keys: keys, Anchors: anchors(keys), Clock: source, Rand: rand.Reader, Log: log,
		Retention: store.RetentionPolicy{Idle: p.IdleMax, Access: p.AccessLogRetention, Records: p.RecordRetention},
		Profile:   string(p.Jurisdiction), FilingAt: p.FilingAt, MinPIN: c.PINs.MinDigits,
	}
	for _, n := range notices {
		o.Notices, o.Languages = append(o.Notices, n.SHA256), append(o.Languages, string(n.Language))
	}
	return o, nil
}

// Store opens the store of a gate.
func Store(c *configs.Config, source clock.Source, log *slog.Logger) (*store.Store, error) {
	return StoreToWipe(c, source, log, nil)
}

// StoreToWipe opens the store of a gate that is to be wiped. If it was being wiped already, keep is handed the certificate, and
// the error is a store.WipedError.
func StoreToWipe(c *configs.Config, source clock.Source, log *slog.Logger, keep func(certificate []byte) error) (*store.Store, error) {
	keys := Keys(c)
	o, err := Options(c, keys, source, log)
	if err != nil {
		return nil, err
	}
	o.Wiped = keep
	s, err := store.Open(o)
	if errors.Is(err, store.ErrKey) {
		return nil, ExplainKey(err, c, keys)
	}
	if wiped := new(store.WipedError); errors.As(err, &wiped) {
		return nil, hint.Wrap(err, "keep this certificate, it is kept nowhere else: %s\n"+
			"keep the key that verifies it too: %x; then destroy the device key, or the gate begins anew with it",
			bytes.TrimSpace(wiped.Certificate), wiped.PublicKey)
	}
	return s, err
}

// ExplainKey adds to err, for want of the device key, what to do where there is none.
func ExplainKey(err error, c *configs.Config, keys store.KeySource) error {
	if keys.Class() == "file" && tpm.Sealed(c.KeyFile) {
		return hint.Wrap(err, "the key in %s is sealed to a TPM: name it in tpm:, usually /dev/tpmrm0", c.KeyFile)
	}
	if _, lost := os.Lstat(c.KeyFile); !errors.Is(lost, fs.ErrNotExist) || keys.Class() == "credential" {
		return err
	}
	create := "facegate key create " + c.KeyFile
	if c.TPM != "" {
		create += " --tpm " + c.TPM
	}
	advice := "the gate has records, which no other key opens: restore its own to " + c.KeyFile
	if !Holds(c) {
		advice = "the gate holds nobody, because it is new or was wiped: make a key with " + create
	}
	return hint.Wrap(err, "%s; where the unit has it as a credential: "+
		"systemd-run --pipe --uid=facegate -p LoadCredentialEncrypted=%s:FILE facegate ...", advice, KeyCredential)
}

// Holds reports whether there are records of a gate, or keys of them. Where that cannot be told there may be.
func Holds(c *configs.Config) bool {
	for dir, kind := range map[string]string{c.StateDir: ".db", c.KeysDir: ".key"} {
		files, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) ||
			slices.ContainsFunc(files, func(f os.DirEntry) bool { return filepath.Ext(f.Name()) == kind }) {
			return true
		}
	}
	return false
}

// Restore brings the people of a backup back into the store of a gate that is not running, but for those erased since.
func Restore(c *configs.Config, source clock.Source, backup []byte, proof store.Proof, by audit.Actor, log *slog.Logger) (store.Restored, error) {
	o, err := Options(c, Keys(c), source, log)
	if err != nil {
		return store.Restored{}, err
	}
	return store.Restore(o, backup, proof, by)
}
