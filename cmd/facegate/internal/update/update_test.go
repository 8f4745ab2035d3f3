package update_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"facegate/cmd/facegate/internal/update"
	"facegate/configs/hint"
)

const name = "facegate_1.2.0_arm64.deb"

// deb returns a package with a control file.
func deb(t *testing.T, control string) []byte {
	t.Helper()
	var files, out bytes.Buffer
	z := gzip.NewWriter(&files)
	w := tar.NewWriter(z)
	head := &tar.Header{Name: "./control", Mode: 0o644, Size: int64(len(control))}
	if err := errors.Join(w.WriteHeader(head), second(w.Write([]byte(control))), w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	out.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", files.Bytes()}, {"data.tar.gz", []byte("data")}} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data))
		out.Write(m.data)
		if len(m.data)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

func second(_ int, err error) error { return err }

// paragraph is what a package for an arm64 machine says of itself.
func paragraph(version string) string {
	return "Package: facegate\nVersion: " + version + "\nArchitecture: arm64\nDescription: gate\n Version: 9\n"
}

// signer returns the key that is made of a seed.
func signer(t *testing.T, seed byte) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// allowed returns the line of a key.
func allowed(s ssh.Signer) string {
	return "release " + string(ssh.MarshalAuthorizedKey(s.PublicKey()))
}

func sign(t *testing.T, s ssh.Signer, namespace string, text []byte) []byte {
	t.Helper()
	signature, err := sshsig.Sign(bytes.NewReader(text), s, sshsig.HashSHA512, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return sshsig.Armor(signature)
}

func sumsOf(name string, data []byte) []byte {
	return fmt.Appendf(nil, "%x  %s\n%064d  facegate_1.2.0_amd64.deb\n", sha256.Sum256(data), name, 7)
}

// A release is the files of one, before they are written to a folder.
type release map[string][]byte

// newRelease returns a release with one package, signed with a key.
func newRelease(t *testing.T, control string, s ssh.Signer) release {
	t.Helper()
	data := deb(t, control)
	sums := sumsOf(name, data)
	return release{name: data, update.Sums: sums, update.Signature: sign(t, s, update.Namespace, sums)}
}

// write returns the path of the package.
func (r release) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range r {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, name)
}

// TestCheck takes a release as it should be, and refuses one of which anything is another way.
func TestCheck(t *testing.T) {
	ours, other := signer(t, 1), signer(t, 2)
	good := paragraph("1.2.0")
	resigned := func(r release) { r[update.Signature] = sign(t, ours, update.Namespace, r[update.Sums]) }
	for _, tt := range []struct {
		name      string
		control   string
		installed string
		keys      string
		change    func(release)
		want      error
		says      string
	}{
		{name: "newer", control: good, installed: "1.1.9"},
		{name: "the same again", control: good, installed: "1.2.0"},
		{name: "the first", control: good},
		{name: "after a commit", control: paragraph("1.2.0+10.g0a1b2c3"), installed: "1.2.0+9.gffffff0"},
		{name: "the second of two keys", control: good, keys: "# those before\n\n" + allowed(other) + allowed(ours)},

		{name: "older", control: good, installed: "1.10.0", want: update.ErrOlder, says: "it is 1.2.0, and 1.10.0 is installed"},
		{name: "before its release", control: paragraph("1.2.0~rc1"), installed: "1.2.0", want: update.ErrOlder},
		{name: "another processor", control: strings.Replace(good, "arm64", "amd64", 1), want: update.ErrArch, says: "for amd64, and this machine is arm64"},
		{name: "another package", control: strings.Replace(good, "facegate", "telnetd", 1), want: update.ErrPackage, says: `of "telnetd"`},
		{name: "no version", control: strings.Replace(good, "1.2.0", "one", 1), want: update.ErrPackage},

		{name: "a changed byte", control: good, change: func(r release) { r[name][len(r[name])-1] ^= 1 }, want: update.ErrDamaged, says: "SHA-256 is"},
		{name: "cut short", control: good, change: func(r release) { r[name] = r[name][:100] }, want: update.ErrDamaged},
		{name: "a changed byte, and its sum", control: good, change: func(r release) {
			r[name][len(r[name])-1] ^= 1
			r[update.Sums] = sumsOf(name, r[name])
		}, want: update.ErrSignature, says: "SHA256SUMS is not what was signed"},
		{name: "no signature", control: good, change: func(r release) { delete(r, update.Signature) }, want: update.ErrUnsigned, says: "SHA256SUMS.sig"},
		{name: "no sums", control: good, change: func(r release) { delete(r, update.Sums) }, want: update.ErrUnsigned},
		{name: "an empty signature", control: good, change: func(r release) { r[update.Signature] = nil }, want: update.ErrSignature},
		{name: "a signature of something else", control: good, change: func(r release) {
			r[update.Signature] = sign(t, ours, "git", r[update.Sums])
		}, want: update.ErrSignature, says: `made for "git"`},
		{name: "another key", control: good, change: func(r release) {
			r[update.Signature] = sign(t, other, update.Namespace, r[update.Sums])
		}, want: update.ErrSignature, says: ssh.FingerprintSHA256(other.PublicKey())},
		{name: "the signature of another release", control: good, change: func(r release) {
			r[update.Signature] = sign(t, ours, update.Namespace, []byte("other\n"))
		}, want: update.ErrSignature},
		{name: "not in the list", control: good, change: func(r release) {
			r[update.Sums] = sumsOf("facegate_1.3.0_arm64.deb", r[name])
			resigned(r)
		}, want: update.ErrUnlisted, says: "has no " + name},
		{name: "twice in the list", control: good, change: func(r release) {
			r[update.Sums] = append(r[update.Sums], sumsOf(name, nil)...)
			resigned(r)
		}, want: update.ErrSums},
		{name: "a list of something else", control: good, change: func(r release) {
			r[update.Sums] = []byte("hello\n")
			resigned(r)
		}, want: update.ErrSums, says: `"hello"`},
		{name: "no package", control: good, change: func(r release) {
			r[name] = []byte("#!/bin/sh\n")
			r[update.Sums] = sumsOf(name, r[name])
			resigned(r)
		}, want: update.ErrPackage},
		{name: "a part without a size", control: good, change: func(r release) {
			r[name] = fmt.Appendf(nil, "!<arch>\n%-16s%-12d%-6d%-6d%-8s%-10s`\n", "debian-binary", 0, 0, 0, "100644", "-5")
			r[update.Sums] = sumsOf(name, r[name])
			resigned(r)
		}, want: update.ErrPackage},
		{name: "half a package", control: good, change: func(r release) {
			r[name] = r[name][:140]
			r[update.Sums] = sumsOf(name, r[name])
			resigned(r)
		}, want: update.ErrPackage},

		{name: "no keys", control: good, keys: "# none\n", want: update.ErrKeys},
		{name: "no key in the line", control: good, keys: "release ssh-ed25519 AAAA\n", want: update.ErrKeys, says: "name type key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRelease(t, tt.control, ours)
			if tt.change != nil {
				tt.change(r)
			}
			if tt.keys == "" {
				tt.keys = allowed(ours)
			}
			m := update.Machine{Keys: []byte(tt.keys), Arch: "arm64", Installed: tt.installed}
			got, err := m.Check(r.write(t))
			if !errors.Is(err, tt.want) || err != nil && (!strings.Contains(err.Error(), tt.says) || hint.Of(err) == "") {
				t.Fatalf("%v (%s), want %v that says %q and what to do", err, hint.Of(err), tt.want, tt.says)
			}
			if fingerprint := ssh.FingerprintSHA256(ours.PublicKey()); err == nil &&
				(got.SignedBy != fingerprint || got.Arch != "arm64" || got.Installed != tt.installed || !strings.Contains(tt.control, "Version: "+got.Version+"\n")) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestEveryByteOfTheSignature changes each byte of a signature, one at a time. What the armour ignores changes nothing: the
// signature that is left is that of the release.
func TestEveryByteOfTheSignature(t *testing.T) {
	ours := signer(t, 1)
	r := newRelease(t, paragraph("1.2.0"), ours)
	path := r.write(t)
	m := update.Machine{Keys: []byte(allowed(ours)), Arch: "arm64"}
	whole := r[update.Signature]
	refused := 0
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 4
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), update.Signature), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Check(path); errors.Is(err, update.ErrSignature) {
			refused++
		} else if err != nil {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	if accepted := len(whole) - refused; accepted > 8 { // the ends of lines, and bits of padding
		t.Errorf("%d of %d changed signatures are taken", accepted, len(whole))
	}
}

// TestAsSSHSigns checks a release that ssh-keygen has signed, with the same file of keys by which ssh-keygen checks it.
func TestAsSSHSigns(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed (apt-get install openssh-client)")
	}
	path := newRelease(t, paragraph("1.2.0"), signer(t, 1)).write(t)
	dir := filepath.Dir(path)
	in := func(stdin string, args ...string) {
		t.Helper()
		cmd := exec.Command(keygen, args...)
		cmd.Dir = dir
		if stdin != "" {
			text, err := os.Open(filepath.Join(dir, stdin))
			if err != nil {
				t.Fatal(err)
			}
			defer text.Close()
			cmd.Stdin = text
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen %q: %v\n%s", args, err, out)
		}
	}
	in("", "-q", "-t", "ed25519", "-N", "", "-C", "of a test", "-f", "key")
	if err := os.Remove(filepath.Join(dir, update.Signature)); err != nil {
		t.Fatal(err)
	}
	in("", "-q", "-Y", "sign", "-n", update.Namespace, "-f", "key", update.Sums)
	public, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	keys := append([]byte("facegate-release "), public...)
	if err := os.WriteFile(filepath.Join(dir, "release.pub"), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	in(update.Sums, "-Y", "verify", "-f", "release.pub", "-I", "facegate-release", "-n", update.Namespace, "-s", update.Signature)
	m := update.Machine{Keys: keys, Arch: "arm64", Installed: "1.1.0"}
	if r, err := m.Check(path); err != nil || r.Version != "1.2.0" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestRefused reads what the watch over an update writes down.
func TestRefused(t *testing.T) {
	const file = "var/lib/facegate-package/refused"
	for _, tt := range []struct{ text, want string }{{"1.3.0\n", "1.3.0"}, {"", ""}, {strings.Repeat("9", 200), strings.Repeat("9", 100)}} {
		if got := update.Refused(fstest.MapFS{file: {Data: []byte(tt.text)}}); got != tt.want {
			t.Errorf("%q: %q", tt.text, got)
		}
	}
	if got := update.Refused(fstest.MapFS{}); got != "" {
		t.Errorf("without a file: %q", got)
	}
	if script, err := os.ReadFile("../../../../scripts/package/watch-update"); err != nil || !strings.Contains(string(script), `note "$new" refused`) {
		t.Errorf("the script writes it elsewhere: %v", err)
	}
}

func TestInstalled(t *testing.T) {
	const before = "Package: facegate-doc\nStatus: install ok installed\nVersion: 7\n\nPackage: facegate\nStatus: "
	for _, tt := range []struct {
		name, status, want string
	}{
		{"installed", before + "install ok installed\nVersion: 1.2.0\n\nPackage: zlib\n", "1.2.0"},
		{"by half", before + "install ok half-configured\nVersion: 1.2.0\n", "1.2.0"},
		{"removed", before + "deinstall ok config-files\nVersion: 1.2.0\n", ""},
		{"another", "Package: zlib\nStatus: install ok installed\nVersion: 1\n", ""},
	} {
		got, err := update.Installed(fstest.MapFS{"var/lib/dpkg/status": {Data: []byte(tt.status)}})
		if got != tt.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	if got, err := update.Installed(fstest.MapFS{}); got != "" || err != nil {
		t.Errorf("on a machine without dpkg: %q, %v", got, err)
	}
	if _, err := update.Installed(fstest.MapFS{"var/lib/dpkg/status/file": {}}); err == nil {
		t.Error("a folder in its place is passed over")
	}
}

// checked returns the path of a release, and a machine that may have it.
func checked(t *testing.T, change func(release)) (m update.Machine, path string) {
	t.Helper()
	r := newRelease(t, paragraph("1.2.0"), signer(t, 1))
	if change != nil {
		change(r)
	}
	return update.Machine{Keys: []byte(allowed(signer(t, 1))), Arch: "arm64", Installed: "1.1.0"}, r.write(t)
}

// TestWords says, of each kind of file that somebody may bring, what is wrong with it and what to do. DIR is the folder.
func TestWords(t *testing.T) {
	ours, other := signer(t, 1), signer(t, 2)
	again := func(r release) { // a release that lists and signs what is there
		r[update.Sums] = sumsOf(name, r[name])
		r[update.Signature] = sign(t, ours, update.Namespace, r[update.Sums])
	}
	of := func(control string) func(release) {
		return func(r release) { r[name] = deb(t, control); again(r) }
	}
	const ask = "do not install it; fetch the release again, and ask whoever releases facegate by another way than you got it"
	for _, tt := range []struct {
		name       string
		change     func(release)
		prepare    func(path string) error
		says, todo string
	}{
		{
			"another key", func(r release) { r[update.Signature] = sign(t, other, update.Namespace, r[update.Sums]) }, nil,
			"the signature of the release is not right: it was made with the key " + ssh.FingerprintSHA256(other.PublicKey()) + ", which is not one of releases", ask,
		},
		{
			"another processor", of(strings.Replace(paragraph("1.2.0"), "arm64", "amd64", 1)), nil,
			"the package is for another processor: it is for amd64, and this machine is arm64", "take the package of the release that is for arm64",
		},
		{
			"older", of(paragraph("1.0.9")), nil,
			"the package is older than the installed one: it is 1.0.9, and 1.1.0 is installed",
			"an older version may have faults that are known: take a newer release",
		},
		{
			"cut short", func(r release) { r[name] = r[name][:100] }, nil,
			"the file is not the one of the release: its SHA-256 is ", "fetch " + name + " again; if it is the same again, do not install it, and tell whoever released it",
		},
		{
			"no signature", func(r release) { delete(r, update.Signature) }, nil,
			"the release is not signed: there is no DIR/SHA256SUMS.sig", "put SHA256SUMS and SHA256SUMS.sig of the release into the same folder",
		},
		{
			"no package", func(r release) { r[name] = []byte("#!/bin/sh\n"); again(r) }, nil,
			"the file is no package of facegate, nor any other package", "name a package of facegate, such as facegate_1.2.0_arm64.deb",
		},
		{
			"another package", of(strings.Replace(paragraph("1.2.0"), "facegate", "telnetd", 1)), nil,
			`the file is no package of facegate but of "telnetd"`, "name a package of facegate, such as facegate_1.2.0_arm64.deb",
		},
		{
			"a folder", nil, func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
			"open the package: DIR/" + name + " is not a regular file, but a folder: is a directory", "name the file itself",
		},
		{
			"a pipe", nil, func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
			"open the package: DIR/" + name + " is not a regular file, but a pipe", "name the file itself",
		},
		{
			"gone", nil, os.Remove,
			"open the package: stat DIR/" + name + ": no such file or directory", "name the package, a file that you may read",
		},
		{
			"a link to itself", nil, func(path string) error { return errors.Join(os.Remove(path), os.Symlink(path, path)) },
			"open the package: stat DIR/" + name + ": too many levels of symbolic links", "name the package, a file that you may read",
		},
		{
			"a stick that cannot be read", nil, func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/proc/self/mem", path)) },
			"read the package: read DIR/" + name + ": input/output error", "fetch it again, or read it from another stick",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, path := checked(t, tt.change)
			if tt.prepare != nil {
				if err := tt.prepare(path); err != nil {
					t.Fatal(err)
				}
			}
			folder := t.TempDir()
			for how, check := range map[string]func() (update.Release, error){
				"as it is": func() (update.Release, error) { return m.Check(path) },
				"a copy":   func() (update.Release, error) { return m.CheckCopy(path, folder) },
			} {
				_, err := check()
				if err == nil {
					t.Fatalf("%s: it is taken", how)
				}
				if says := strings.ReplaceAll(err.Error(), filepath.Dir(path), "DIR"); !strings.HasPrefix(says, tt.says) || hint.Of(err) != tt.todo {
					t.Errorf("%s: %s (%s)\nwant %s (%s)", how, says, hint.Of(err), tt.says, tt.todo)
				}
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
				t.Errorf("a copy is left: %v, %v", left, err)
			}
		})
	}
}

// TestCopy checks a copy, after which the stick may hold what it likes, and refuses a folder in which others could change it.
func TestCopy(t *testing.T) {
	m, path := checked(t, nil)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	copied := filepath.Join(folder, name)
	for _, stale := range []string{copied, copied + ".tmp"} { // of an attempt before
		if err := os.WriteFile(stale, []byte("stale"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := m.CheckCopy(path, folder)
	if err != nil || r.Copy != copied || r.Version != "1.2.0" || r.SHA256 == "" || r.SignedBy == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := os.WriteFile(path, []byte("another package"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(copied); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("the copy has %d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the copy is %v, %v", info, err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}

	_, path = checked(t, nil)
	for mode, want := range map[os.FileMode]error{0o700: nil, 0o755: nil, 0o777: update.ErrFolder, 0o770: update.ErrFolder, os.ModeSticky | 0o777: update.ErrFolder} {
		folder := t.TempDir()
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := m.CheckCopy(path, folder); !errors.Is(err, want) || want != nil && hint.Of(err) == "" {
			t.Errorf("mode %v: %v, want %v", mode, err, want)
		}
	}
	// Whoever may write to a folder above can put another one in the place of the folder, unless it is sticky. A link leads to none.
	for mode, want := range map[os.FileMode]error{0o755: nil, os.ModeSticky | 0o777: nil, 0o777: update.ErrFolder, 0o770: update.ErrFolder} {
		above, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
		folder := filepath.Join(above, "own")
		if err := errors.Join(os.Mkdir(folder, 0o700), os.Symlink(folder, link), os.Chmod(above, mode)); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{folder, link} {
			if _, err := m.CheckCopy(path, to); !errors.Is(err, want) || want != nil && hint.Of(err) == "" {
				t.Errorf("%s, mode above %v: %v, want %v", to, mode, err, want)
			}
		}
	}
	for _, folder := range []string{path, filepath.Join(path, "none")} {
		if _, err := m.CheckCopy(path, folder); err == nil || hint.Of(err) == "" {
			t.Errorf("a copy in %s: %v", folder, err)
		}
	}
}

// TestStickChanges has the package change under the eyes of the one who checks it: what is copied is what was checked.
func TestStickChanges(t *testing.T) {
	m, path := checked(t, nil)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A file that grows after its length was looked at, as one on a stick of somebody's making can.
	if err := os.WriteFile(path, append(bytes.Clone(whole), "more"...), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if _, err := m.CheckCopy(path, folder); !errors.Is(err, update.ErrDamaged) {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestToken checks a signature of a key that lies on a token, which signs over whether it was touched, and how often it has signed
// (PROTOCOL.u2f of OpenSSH).
func TestToken(t *testing.T) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, ed25519.SeedSize))
	const application = "ssh:"
	public, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, private.Public().(ed25519.PublicKey), application}))
	if err != nil {
		t.Fatal(err)
	}
	data := deb(t, paragraph("1.2.0"))
	sums := sumsOf(name, data)
	for touched, want := range map[byte]error{1: nil, 0: update.ErrSignature} {
		r := release{name: data, update.Sums: sums, update.Signature: tokenSignature(t, private, public, application, sums, touched)}
		m := update.Machine{Keys: []byte("release " + string(ssh.MarshalAuthorizedKey(public))), Arch: "arm64"}
		if _, err := m.Check(r.write(t)); !errors.Is(err, want) {
			t.Errorf("touched %d: %v, want %v", touched, err, want)
		}
	}
}

// tokenSignature signs text as a token does.
func tokenSignature(t *testing.T, private ed25519.PrivateKey, public ssh.PublicKey, application string, text []byte, flags byte) []byte {
	t.Helper()
	sum := sha512.Sum512(text)
	signed := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Namespace, Reserved, Algorithm string
		Hash                           []byte
	}{update.Namespace, "", "sha512", sum[:]})...)
	of, message := sha256.Sum256([]byte(application)), sha256.Sum256(signed)
	blob := slices.Concat(of[:], []byte{flags, 0, 0, 0, 7}, message[:])
	signature := ssh.Marshal(struct {
		Format  string
		Blob    []byte
		Flags   byte
		Counter uint32
	}{ssh.KeyAlgoSKED25519, ed25519.Sign(private, blob), flags, 7})
	all := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Version                        uint32
		Key                            []byte
		Namespace, Reserved, Algorithm string
		Signature                      []byte
	}{1, public.Marshal(), update.Namespace, "", "sha512", signature})...)
	return pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: all})
}
