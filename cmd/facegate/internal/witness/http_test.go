package witness_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"facegate/cmd/facegate/internal/witness"
	"facegate/cmd/facegate/internal/witness/logtest"
)

// post has w answer a request over HTTP.
func post(w *witness.Witness, request []byte) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/add-checkpoint", bytes.NewReader(request)))
	return answer
}

// TestAddCheckpoint has a table of what C2SP's tlog-witness asks of a witness that has cosigned five entries of a log of nine.
func TestAddCheckpoint(t *testing.T) {
	log, fork, stranger := logtest.Numbered(t, 1, "entry", 9), logtest.Numbered(t, 1, "other", 9), logtest.Numbered(t, 2, "entry", 9)
	hash := tlog.RecordHash([]byte("no part of it"))
	request := func(old, n int64) string { return string(log.Request(t, old, n)) }
	proof := log.Proof(t, 5, 9)
	for _, c := range []struct {
		name, request string
		status        int
		body          string // of an answer that the protocol says; "" for another
	}{
		{"it goes on", request(5, 9), 200, ""},
		{"the same again", request(5, 5), 200, ""},
		{"with signatures of others", request(5, 9) + "— somebody.example/else AAAAAAAA\n", 200, ""},

		{"no old size", strings.TrimPrefix(request(5, 9), "old 5\n"), 400, ""},
		{"two spaces", strings.Replace(request(5, 9), "old 5", "old  5", 1), 400, ""},
		{"leading zero", strings.Replace(request(5, 9), "old 5", "old 05", 1), 400, ""},
		{"a sign", strings.Replace(request(5, 9), "old 5", "old +5", 1), 400, ""},
		{"negative", strings.Replace(request(5, 9), "old 5", "old -5", 1), 400, ""},
		{"no number", strings.Replace(request(5, 9), "old 5", "old five", 1), 400, ""},
		{"a number too large", strings.Replace(request(5, 9), "old 5", "old 9223372036854775808", 1), 400, ""},
		{"carriage returns", strings.ReplaceAll(request(5, 9), "\n", "\r\n"), 400, ""},
		{"a carriage return in a hash", strings.Replace(request(5, 9), "=\n", "=\r\n", 1), 400, ""},
		{"no empty line", strings.Replace(request(5, 9), "\n\n", "\n", 1), 400, ""},
		{"a proof of 64 hashes", string(logtest.Body(5, append(tlog.TreeProof{}, repeated(hash, 64)...), log.Checkpoint(t, 9))), 400, ""},
		{"a proof that is none", strings.Replace(request(5, 9), "\n", "\nhello\n", 1), 400, ""},
		{"no checkpoint", "old 5\n\n", 400, ""},
		{"no signature", "old 5\n\n" + log.Origin() + "\n9\n" + hash.String() + "\n", 400, ""},
		{"a checkpoint of two lines", "old 5\n\n" + sign(t, log, log.Origin()+"\n9\n"), 400, ""},
		{"a size with a zero in front", "old 5\n\n" + sign(t, log, log.Origin()+"\n09\n"+hash.String()+"\n"), 400, ""},
		{"old is larger", request(9, 5), 400, ""},
		{"nothing", "", 400, ""},
		{"too much", request(5, 9) + strings.Repeat("x", witness.MaxRequest), 413, ""},

		{"signed by another", strings.Replace(string(stranger.Request(t, 5, 9)), "\n\n"+stranger.Origin(), "\n\n"+log.Origin(), 1), 403, ""},
		{"another size than was signed", strings.Replace(request(5, 9), "\n9\n", "\n8\n", 1), 403, ""},

		{"another log", string(stranger.Request(t, 0, 9)), 404, ""},
		{"another log, not signed either", strings.Replace(string(stranger.Request(t, 0, 9)), "\n9\n", "\n8\n", 1), 404, ""},

		{"from the beginning", request(0, 9), 409, "5\n"},
		{"an older size", request(4, 9), 409, "5\n"},
		{"a newer size", request(6, 9), 409, "5\n"},
		{"smaller than before", request(0, 4), 409, "5\n"},
		{"another tree of the same size", string(fork.Request(t, 5, 5)), 409, "5\n"},
		{"likewise, from elsewhere", string(fork.Request(t, 3, 5)), 409, "5\n"},
		{"a bad proof of another size", string(logtest.Body(4, nil, log.Checkpoint(t, 9))), 409, "5\n"},

		{"another history", string(fork.Request(t, 5, 9)), 422, ""},
		{"no proof", string(logtest.Body(5, nil, log.Checkpoint(t, 9))), 422, ""},
		{"half a proof", string(logtest.Body(5, proof[1:], log.Checkpoint(t, 9))), 422, ""},
		{"more than a proof", string(logtest.Body(5, append(proof[:len(proof):len(proof)], hash), log.Checkpoint(t, 9))), 422, ""},
		{"the longest proof", string(logtest.Body(5, append(tlog.TreeProof{}, repeated(hash, 63)...), log.Checkpoint(t, 9))), 422, ""},
		{"a proof of what is the same", string(logtest.Body(5, tlog.TreeProof{hash}, log.Checkpoint(t, 5))), 422, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := open(t, create(t, log))
			_, err := w.AddCheckpoint(log.Request(t, 0, 5))
			must(t, err)
			answer := post(w, []byte(c.request))
			if answer.Code != c.status || c.body != "" && answer.Body.String() != c.body {
				t.Fatalf("%d %q, want %d %q", answer.Code, answer.Body, c.status, c.body)
			}
			if is := answer.Header().Get("Content-Type") == "text/x.tlog.size"; is != (c.status == 409) {
				t.Errorf("Content-Type: %s", answer.Header().Get("Content-Type"))
			}
			all, _, err := w.Logs()
			must(t, err)
			if c.status != 200 {
				if all[0].Size != 5 {
					t.Errorf("refused, and at size %d now", all[0].Size)
				}
				return
			}
			_, signed, _ := strings.Cut(c.request, "\n\n")
			both := signatureOnly(t, log, signed) + answer.Body.String()
			if tree := logtest.Cosigned(t, log, w.Verifier(), []byte(both)); tree.N != all[0].Size || strings.Count(answer.Body.String(), "\n") != 1 {
				t.Errorf("%+v, and at size %d; answered %q", tree, all[0].Size, answer.Body)
			}
		})
	}
}

// TestFirstCheckpoint has what is asked of a witness that has cosigned nothing yet.
func TestFirstCheckpoint(t *testing.T) {
	log := logtest.Numbered(t, 1, "entry", 9)
	hash := tlog.RecordHash(nil)
	empty := "old 0\n\n" + sign(t, log, log.Origin()+"\n0\n"+hash.String()+"\n")
	for _, c := range []struct {
		name    string
		request []byte
		status  int
	}{
		{"anything", log.Request(t, 0, 9), 200},
		{"nothing yet", log.Request(t, 0, 0), 200},
		{"an empty tree that is none", []byte(empty), 409},
		{"a proof from nothing", logtest.Body(0, tlog.TreeProof{hash}, log.Checkpoint(t, 9)), 422},
		{"something before", log.Request(t, 3, 9), 409},
	} {
		if answer := post(open(t, create(t, log)), c.request); answer.Code != c.status || c.status == 409 && answer.Body.String() != "0\n" {
			t.Errorf("%s: %d %q, want %d", c.name, answer.Code, answer.Body, c.status)
		}
	}
}

func repeated(h tlog.Hash, n int) (all []tlog.Hash) {
	for range n {
		all = append(all, h)
	}
	return all
}

// sign returns a text as a note of the device, whatever it says.
func sign(tb testing.TB, log *logtest.Log, text string) string {
	tb.Helper()
	secret := fmt.Sprintf("PRIVATE+KEY+%s+%s", log.Key(tb)[:len(log.Origin())+9], base64.StdEncoding.EncodeToString(append([]byte{1}, log.Device.Seed()...)))
	s, err := note.NewSigner(secret)
	must(tb, err)
	signed, err := note.Sign(&note.Note{Text: text}, s)
	must(tb, err)
	return string(signed)
}

// signatureOnly returns a note with the signature of the device alone.
func signatureOnly(tb testing.TB, log *logtest.Log, signed string) string {
	tb.Helper()
	v, err := note.NewVerifier(log.Key(tb))
	must(tb, err)
	n, err := note.Open([]byte(signed), note.VerifierList(v))
	must(tb, err)
	n.UnverifiedSigs = nil
	alone, err := note.Sign(n)
	must(tb, err)
	return string(alone)
}

// TestServe serves a witness at an address, and ends.
func TestServe(t *testing.T) {
	log := logtest.Numbered(t, 1, "entry", 9)
	w := open(t, create(t, log))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Serve(ctx, l, slog.New(slog.DiscardHandler)) }()
	at := "http://" + l.Addr().String()
	for path, want := range map[string]int{"/add-checkpoint": 200, "/": 404, "/add-checkpoint/more": 404} {
		r, err := http.Post(at+path, "text/plain", bytes.NewReader(log.Request(t, 0, 9)))
		must(t, err)
		if text, err := io.ReadAll(r.Body); r.StatusCode != want || err != nil {
			t.Errorf("%s: %d %s, want %d", path, r.StatusCode, text, want)
		}
		r.Body.Close()
	}
	if r, err := http.Get(at + "/add-checkpoint"); err != nil || r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("%+v, %v", r, err)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	must(t, <-ended)
}
