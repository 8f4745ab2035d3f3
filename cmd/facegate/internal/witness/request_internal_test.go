package witness

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// FuzzRequest has a request of any bytes read. One that is read says the same when it is written again, and is opened without a panic.
func FuzzRequest(f *testing.F) {
	hash := tlog.RecordHash(nil).String()
	f.Add([]byte("old 0\n\nlog\n0\n" + hash + "\n\n— log AAAAAAAA\n"))
	f.Add([]byte("old 5\n" + strings.Repeat(hash+"\n", 63) + "\nlog\n9\n" + hash + "\nmore\n\n— log AAAAAAAA\n"))
	f.Add([]byte("old 9223372036854775807\n\n\n"))
	f.Add([]byte("old 05\r\n\n\n"))
	_, vkey, err := note.GenerateKey(bytes.NewReader(make([]byte, 64)), "log")
	if err != nil {
		f.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parse(body)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		var again bytes.Buffer
		fmt.Fprintf(&again, "old %d\n", r.old)
		for _, h := range r.proof {
			fmt.Fprintln(&again, h)
		}
		again.WriteByte('\n')
		again.Write(r.signed)
		if !bytes.Equal(again.Bytes(), body) {
			t.Errorf("%q was read as %q", body, &again)
		}
		if _, _, err := r.open(v); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrSignature) {
			t.Errorf("opened under a key that has signed nothing: %v", err)
		}
	})
}
