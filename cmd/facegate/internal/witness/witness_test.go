package witness_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/witness"
	"facegate/cmd/facegate/internal/witness/logtest"
	"facegate/configs/file"
	"facegate/configs/hint"
)

// TestGrows shows a log that grows to a witness, which is closed and opened between.
func TestGrows(t *testing.T) {
	log := logtest.Numbered(t, 1, "entry", 40)
	path := create(t, log)
	old := int64(0)
	for _, n := range []int64{0, 1, 1, 2, 7, 8, 31, 40} {
		w := open(t, path)
		signed, err := w.AddCheckpoint(log.Request(t, old, n))
		if err != nil {
			t.Fatalf("size %d after %d: %v", n, old, err)
		}
		if tree := logtest.Cosigned(t, log, w.Verifier(), signed); tree != log.Tree(t, n) {
			t.Errorf("size %d: the tree %+v was cosigned", n, tree)
		}
		must(t, w.Close())
		old = n
	}
	all, gone, err := open(t, path).Logs()
	if err != nil || len(all) != 1 || len(gone) != 0 || all[0].Size != 40 || time.Since(all[0].Cosigned) > time.Hour || all[0].Fork != nil {
		t.Errorf("%+v, %+v, %v", all, gone, err)
	}
}

// TestAnswersAgain asks the same again and again, as a broker does that retains a request.
func TestAnswersAgain(t *testing.T) {
	log := logtest.Numbered(t, 1, "entry", 9)
	w := open(t, create(t, log))
	first, ok, err := w.Answer(log.Request(t, 0, 5))
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	for range 3 {
		again, ok, err := w.Answer(log.Request(t, 0, 5))
		if !ok || !errors.Is(err, witness.ErrConflict) || !bytes.Equal(again, first) {
			t.Errorf("%v, %v:\n%s", ok, err, again)
		}
	}
	fresh, ok, err := w.Answer(log.Request(t, 5, 5))
	if !ok || err != nil || logtest.Cosigned(t, log, w.Verifier(), fresh).N != 5 {
		t.Errorf("%v, %v:\n%s", ok, err, fresh)
	}
}

// TestKnowsNothing asks a witness that knows nothing of a log to go on.
func TestKnowsNothing(t *testing.T) {
	log, other := logtest.Numbered(t, 1, "entry", 9), logtest.Numbered(t, 2, "entry", 9)
	w := open(t, create(t, log))
	if answer, ok, err := w.Answer(log.Request(t, 5, 9)); !ok || len(answer) > 0 || !errors.Is(err, witness.ErrConflict) {
		t.Errorf("%q, %v, %v", answer, ok, err)
	}
	for name, request := range map[string][]byte{
		"another log": other.Request(t, 0, 9), "nothing": nil, "another signature": logtest.Body(0, nil, bytes.Replace(log.Checkpoint(t, 9), []byte("\n9\n"), []byte("\n8\n"), 1)),
	} {
		if answer, ok, err := w.Answer(request); ok || len(answer) > 0 || err == nil {
			t.Errorf("%s: %q, %v, %v", name, answer, ok, err)
		}
	}
}

// TestForgets lets a log begin anew.
func TestForgets(t *testing.T) {
	log, anew := logtest.Numbered(t, 1, "entry", 9), logtest.Numbered(t, 1, "anew", 9)
	path := create(t, log)
	w := open(t, path)
	_, err := w.AddCheckpoint(log.Request(t, 0, 7))
	must(t, err)
	if _, err := w.AddCheckpoint(anew.Request(t, 7, 7)); !errors.Is(err, witness.ErrFork) {
		t.Errorf("another tree of the same size: %v", err)
	}
	if _, err := w.Forget("elsewhere", time.Now()); !errors.Is(err, witness.ErrUnknownLog) {
		t.Errorf("another log: %v", err)
	}
	was, err := w.Forget(log.Origin(), time.Unix(1_800_000_000, 0))
	if err != nil || was.Size != 7 || !bytes.Contains(was.Fork, []byte("\n7\n")) {
		t.Errorf("%+v, %v", was, err)
	}
	_, err = w.AddCheckpoint(anew.Request(t, 0, 5))
	must(t, err)
	must(t, w.Close())
	w = open(t, path)
	all, gone, err := w.Logs()
	if err != nil || len(all) != 1 || all[0].Size != 5 || all[0].Fork != nil {
		t.Errorf("%+v, %v", all, err)
	}
	if len(gone) != 1 || gone[0].Size != 7 || !gone[0].At.Equal(time.Unix(1_800_000_000, 0)) || gone[0].Fork == nil {
		t.Errorf("forgotten: %+v", gone)
	}
}

// TestFork keeps the first proof of a fork, which others can verify.
func TestFork(t *testing.T) {
	log, other := logtest.Numbered(t, 1, "entry", 9), logtest.Numbered(t, 1, "other", 9)
	w := open(t, create(t, log))
	_, err := w.AddCheckpoint(log.Request(t, 0, 5))
	must(t, err)
	for _, request := range [][]byte{other.Request(t, 5, 5), other.Request(t, 0, 5), logtest.Numbered(t, 1, "third", 5).Request(t, 5, 5)} {
		_, err = w.AddCheckpoint(request)
		if refused := (*witness.Refusal)(nil); !errors.As(err, &refused) || !errors.Is(err, witness.ErrFork) || refused.Size != 5 {
			t.Errorf("another tree of the same size: %v", err)
		}
	}
	all, _, err := w.Logs()
	must(t, err)
	if fork := all[0].Fork; !bytes.Equal(fork, other.Checkpoint(t, 5)) {
		t.Errorf("the fork is:\n%s", fork)
	}
	_, err = w.AddCheckpoint(log.Request(t, 5, 9))
	must(t, err)
}

func TestAdd(t *testing.T) {
	log, other := logtest.New(t, 1), logtest.New(t, 2)
	w := open(t, create(t))
	must(t, w.Add(log.Key(t)))
	must(t, w.Add(hex.EncodeToString(log.Device.Public().(ed25519.PublicKey)), other.Key(t)))
	_, err := w.AddCheckpoint(log.Request(t, 0, 0))
	must(t, err)
	must(t, w.Add(log.Key(t)))
	if all, _, err := w.Logs(); err != nil || len(all) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
	key := other.Key(t)
	for name, vkey := range map[string]string{
		"nothing": "", "half a key": key[:len(key)-4], "of a witness": w.Verifier().String(), "another form": strings.TrimRight(key, "=") + "\n",
	} {
		if err := w.Add(logtest.New(t, 3).Key(t), vkey); !errors.Is(err, witness.ErrKey) || hint.Of(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, _, _ := w.Logs(); len(all) != 2 {
		t.Errorf("%d logs after one that was refused", len(all))
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w")
	for _, name := range []string{"", "a name", "a+b", strings.Repeat("n", 200)} {
		if err := witness.Create(path, name, rand.Reader); !errors.Is(err, witness.ErrName) || hint.Of(err) == "" {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := witness.Create(path, "n", bytes.NewReader(nil)); err == nil {
		t.Error("a key that nobody has drawn")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
	must(t, witness.Create(path, "n", rand.Reader))
	before, err := os.ReadFile(path)
	must(t, err)
	if err := witness.Create(path, "n", rand.Reader); !errors.Is(err, fs.ErrExist) || hint.Of(err) == "" {
		t.Errorf("a second one: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the first has changed, %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	path := create(t)
	whole, err := os.ReadFile(path)
	must(t, err)
	for _, c := range []struct {
		name    string
		content []byte
		mode    os.FileMode
		want    error
	}{
		{"nothing in it", nil, 0o600, witness.ErrFile},
		{"another file", []byte("hello\n"), 0o600, witness.ErrFile},
		{"half of it", whole[:len(whole)/3], 0o600, witness.ErrFile},
		{"another database", bytes.ReplaceAll(whole, []byte("witness"), []byte("nothing")), 0o600, witness.ErrFile},
		{"others may read it", whole, 0o640, file.ErrExposed},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w")
			must(t, os.WriteFile(path, c.content, c.mode))
			if w, err := witness.Open(path); !errors.Is(err, c.want) || hint.Of(err) == "" {
				t.Errorf("%v, %v", w, err)
			}
			if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, c.content) {
				t.Errorf("the file has changed, %v", err)
			}
		})
	}
	if _, err := witness.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) || hint.Of(err) == "" {
		t.Errorf("no file: %v", err)
	}
	w := open(t, path)
	if _, err := witness.Open(path); !errors.Is(err, witness.ErrInUse) || hint.Of(err) == "" {
		t.Errorf("a file that is open: %v", err)
	}
	must(t, w.Close())
	open(t, path)
}

// TestOlderCopy puts an older copy of the file back. What was cosigned since is forgotten, and a log can go on from what is known, or from
// another past: that is why nobody is to do so.
func TestOlderCopy(t *testing.T) {
	log := logtest.Numbered(t, 1, "entry", 9)
	path := create(t, log)
	w := open(t, path)
	_, err := w.AddCheckpoint(log.Request(t, 0, 3))
	must(t, err)
	must(t, w.Close())
	older, err := os.ReadFile(path)
	must(t, err)
	w = open(t, path)
	_, err = w.AddCheckpoint(log.Request(t, 3, 7))
	must(t, err)
	must(t, w.Close())
	must(t, os.WriteFile(path, older, 0o600))
	w = open(t, path)
	answer, ok, err := w.Answer(log.Request(t, 7, 9))
	if !ok || !errors.Is(err, witness.ErrConflict) || logtest.Cosigned(t, log, w.Verifier(), answer).N != 3 {
		t.Errorf("%v, %v:\n%s", ok, err, answer)
	}
	if _, err := w.AddCheckpoint(log.Request(t, 3, 9)); err != nil {
		t.Errorf("a log that has seen how far the witness goes: %v", err)
	}
}
