// Package update says whether a file is a release that may take the place of the installed package: who has signed it, that not
// a byte of it is another one, and that it is for this machine and not older. It installs nothing.
//
// A release is a folder with packages, SHA256SUMS with the hash of each, and SHA256SUMS.sig, which ssh-keygen -Y sign has made.
package update

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	debversion "github.com/knqyf263/go-deb-version"

	"facegate/configs/file"
	"facegate/configs/hint"
)

// Why a file is no release for this machine. The errors carry what to do about it.
var (
	ErrUnsigned  = errors.New("the release is not signed")
	ErrSignature = errors.New("the signature of the release is not right")
	ErrKeys      = errors.New("no key is known by which a release could be checked")
	ErrSums      = errors.New("the list of the release cannot be read")
	ErrUnlisted  = errors.New("the release does not have this file")
	ErrDamaged   = errors.New("the file is not the one of the release")
	ErrPackage   = errors.New("the file is no package of facegate")
	ErrArch      = errors.New("the package is for another processor")
	ErrOlder     = errors.New("the package is older than the installed one")
	ErrFolder    = errors.New("the copy would not be safe from others")
)

// Names of the files beside the packages of a release.
const (
	Sums      = "SHA256SUMS"
	Signature = Sums + ".sig"
)

// Limits of what is read, in bytes. A package has one program.
const (
	maxText    = 64 << 10
	maxControl = 4 << 20 // of what a package says of itself, unpacked
	maxPackage = 256 << 20
)

// A Machine is where the package of a release would be installed.
type Machine struct {
	Keys      []byte // of releases: lines as ssh-keygen -Y verify takes them, "principals type key"
	Arch      string // amd64 or arm64, as Debian and Go call it
	Installed string // version of the installed package, "" if there is none
}

// A Release is a package that was checked.
type Release struct {
	Version   string `json:"version"`
	Arch      string `json:"arch"`
	SHA256    string `json:"sha256"`         // of the file, in hexadecimal
	SignedBy  string `json:"signed_by"`      // fingerprint of the key
	Installed string `json:"installed"`      // what it would replace; "" if nothing
	Copy      string `json:"copy,omitempty"` // path of what was checked, if it is a copy
}

// Check returns what the package at path is, if it may be installed on m. What becomes of the file later nobody knows: CheckCopy is
// for one that others can change, or that is on a stick.
func (m Machine) Check(path string) (Release, error) {
	r, f, err := m.listed(path)
	if err != nil {
		return Release{}, err
	}
	defer f.Close()
	if err := r.read(f, io.Discard); err != nil {
		return Release{}, err
	}
	err = m.fits(&r, f) // before r is returned, which it completes
	return r, err
}

// listed opens the package at path, and returns what the release says of it: its hash, and who has signed that.
func (m Machine) listed(path string) (r Release, f *os.File, err error) {
	sums, signer, err := m.signed(filepath.Dir(path))
	if err != nil {
		return r, nil, err
	}
	r = Release{SignedBy: signer, Installed: m.Installed}
	if r.SHA256, err = listed(sums, filepath.Base(path)); err != nil {
		return r, nil, err
	}
	f, err = file.Open(path, maxPackage)
	return r, f, hint.Wrap(about("open the package", err), "%s", cmp.Or(hint.Of(err), "name the package, a file that you may read"))
}

// about says at what an error came, if there is one.
func about(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// signed returns the list of the release in a folder, and the fingerprint of who has signed it.
func (m Machine) signed(folder string) (sums []byte, signer string, err error) {
	sums, err = read(filepath.Join(folder, Sums))
	if err != nil {
		return nil, "", err
	}
	signature, err := read(filepath.Join(folder, Signature))
	if err != nil {
		return nil, "", err
	}
	signer, err = verify(sums, signature, m.Keys)
	return sums, signer, err
}

// read returns a file that stands beside the packages.
func read(path string) ([]byte, error) {
	text, err := file.Read(path, maxText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.Wrap(fmt.Errorf("%w: there is no %s", ErrUnsigned, path),
			"put %s and %s of the release into the same folder", Sums, Signature)
	}
	return text, hint.Wrap(err, "%s", cmp.Or(hint.Of(err), "name a file of a release that you may read"))
}

// read reads the package to its end, and has to too. It fails if the package is not the one whose hash the release has.
func (r Release) read(f *os.File, to io.Writer) error {
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(h, to), f); err != nil {
		return hint.Wrap(about("read the package", err), "%s", cmp.Or(hint.Of(err), "fetch it again, or read it from another stick"))
	}
	if found := hex.EncodeToString(h.Sum(nil)); found != r.SHA256 {
		return hint.Wrap(fmt.Errorf("%w: its SHA-256 is %s, that of the release %s", ErrDamaged, found, r.SHA256),
			"fetch %s again; if it is the same again, do not install it, and tell whoever released it", filepath.Base(f.Name()))
	}
	return nil
}

// fits notes in r what the package in f says of itself, and returns why it cannot be installed on m, if it cannot.
func (m Machine) fits(r *Release, f io.ReadSeeker) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	about, err := controlOf(f)
	if err != nil {
		return hint.Wrap(err, "name a package of facegate, such as facegate_1.2.0_arm64.deb")
	}
	r.Version, r.Arch = about.version, about.arch
	return m.takes(about)
}

// takes returns why a package cannot be installed on m, if it cannot.
func (m Machine) takes(about control) error {
	if about.name != "facegate" {
		return hint.Wrap(fmt.Errorf("%w but of %q", ErrPackage, about.name), "name a package of facegate, such as facegate_1.2.0_arm64.deb")
	}
	if about.arch != m.Arch {
		return hint.Wrap(fmt.Errorf("%w: it is for %s, and this machine is %s", ErrArch, about.arch, m.Arch),
			"take the package of the release that is for %s", m.Arch)
	}
	version, err := debversion.NewVersion(about.version)
	if err != nil {
		return hint.Wrap(fmt.Errorf("%w: its version is %q", ErrPackage, about.version), "tell whoever released it")
	}
	if m.Installed == "" {
		return nil
	}
	installed, err := debversion.NewVersion(m.Installed)
	if err != nil {
		return fmt.Errorf("the installed package has the version %q: %w", m.Installed, err)
	}
	if version.LessThan(installed) {
		return hint.Wrap(fmt.Errorf("%w: it is %s, and %s is installed", ErrOlder, about.version, m.Installed),
			"an older version may have faults that are known: take a newer release")
	}
	return nil
}
