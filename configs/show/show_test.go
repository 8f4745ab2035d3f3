package show_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"facegate/configs/show"
)

// hostile is text that does something to a terminal, a log or a reader, with what is shown of it.
var hostile = []struct{ name, text, shown string }{
	{"colour", "\x1b[31mred", `\x1b[31mred`},
	{"C1 control", "a\u009b2Jb", `a\u009b2Jb`},
	{"title", "\x1b]0;root\a", `\x1b]0;root\a`},
	{"line", "usb\nfacegate: all is well", `usb\nfacegate: all is well`},
	{"carriage return", "usb\rdoor open", `usb\rdoor open`},
	{"column", "usb\tdoor", `usb\tdoor`},
	{"backspace and delete", "a\b\x7fb", `a\b\x7fb`},
	{"right to left", "cam\u202egpj", `cam\u202egpj`},
	{"isolate", "a\u2066b\u2069", `a\u2066b\u2069`},
	{"line separator", "a\u2028b\u2029c\u0085d", `a\u2028b\u2029c\u0085d`},
	{"zero width", "a\u200bb\ufeffc\u2060d", `a\u200bb\ufeffc\u2060d`},
	{"tag", "a\U000e0041", `a\U000e0041`},
	{"filler", "a\u3164b\u115fc", `a\u3164b\u115fc`},
	{"not UTF-8", "M\xfcller", `M\xfcller`},
	{"NUL", "a\x00b", `a\x00b`},
	{"wide space", "a\u3000b\u00a0c", `a\u3000b\u00a0c`},
	{"joiner where there is none", "a\u200db", `a\u200db`},
	{"private use", "a\ue000", `a\ue000`},
	{"plain", "门 İşık — “a” → 1/2 👍", "门 İşık — “a” → 1/2 👍"},
	{"joiner in a name", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"},
}

func TestValues(t *testing.T) {
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			show.Fprintf(&b, "%s|%v|%v|%v|%10d|%v\n", tt.text, errors.New(tt.text), []string{tt.text},
				fmt.Errorf("open: %w", &fs.PathError{Op: "open", Path: tt.text, Err: fs.ErrExist}), 7, time.Second)
			want := fmt.Sprintf("%s|%[1]s|[%[1]s]|open: open %[1]s: file already exists|         7|1s\n", tt.shown)
			if b.String() != want {
				t.Errorf("shown as\n%q, want\n%q", b.String(), want)
			}
			b.Reset()
			show.Fprintln(&b, tt.text)
			if b.String() != tt.shown+"\n" {
				t.Errorf("the line is %q", b.String())
			}
		})
	}
}

// TestOnce checks that a text that went through twice is shown as one that went through once.
func TestOnce(t *testing.T) {
	for _, tt := range hostile {
		if twice := show.Sprintf("%s", show.Sprintf("%s", tt.text)); string(twice) != tt.shown {
			t.Errorf("%s: shown as %q", tt.name, twice)
		}
	}
}

func TestForeignIsCut(t *testing.T) {
	for _, long := range []string{strings.Repeat("x", 201), strings.Repeat("门", 100), strings.Repeat("\x1b", 60), strings.Repeat("é", 4000)} {
		shown := string(show.Foreign(long))
		if len(shown) > 200 || len(shown) < 190 || !strings.HasSuffix(shown, "…") || !utf8.ValidString(shown) {
			t.Errorf("%.8q... is shown as %q, %d bytes", long, shown, len(shown))
		}
		if err := show.Error(fmt.Errorf("%s: %w", long, fs.ErrExist)); len(err.Error()) > 200 || !errors.Is(err, fs.ErrExist) {
			t.Errorf("the error says %q", err)
		}
	}
	if whole := strings.Repeat("x", 200); string(show.Foreign(whole)) != whole {
		t.Error("200 bytes are cut")
	}
	if show.Error(nil) != nil {
		t.Error("no error is one")
	}
}

// TestWriter checks that nothing gets past the last writer, in whatever pieces it comes, and that lines stay lines.
func TestWriter(t *testing.T) {
	for _, tt := range hostile {
		for size := 1; size <= len(tt.text); size++ {
			var b bytes.Buffer
			w := show.NewWriter(&b)
			for rest := tt.text; rest != ""; {
				n := min(size, len(rest))
				if written, err := w.Write([]byte(rest[:n])); written != n || err != nil {
					t.Fatalf("wrote %d of %d, %v", written, n, err)
				}
				rest = rest[n:]
			}
			want := strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(tt.shown)
			if strings.ContainsRune(tt.text, '\u200c') && size < len(tt.text) {
				continue // it takes the letters on both sides to tell
			}
			if b.String() != want {
				t.Errorf("%s, %d bytes at a time: %q, want %q", tt.name, size, b.String(), want)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	for _, tt := range hostile {
		var b bytes.Buffer
		if err := show.JSON(&b, map[string]string{"text": tt.text}); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: %q", tt.name, b.String())
		}
		var back map[string]string
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || back["text"] != strings.ToValidUTF8(tt.text, "\ufffd") {
			t.Errorf("%s: read back as %q, %v", tt.name, back, err)
		}
	}
}

func FuzzWriter(f *testing.F) {
	for _, tt := range hostile {
		f.Add([]byte(tt.text), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, at int) {
		var b bytes.Buffer
		w := show.NewWriter(&b)
		at = max(0, min(at, len(text)))
		w.Write(text[:at])
		w.Write(text[at:])
		w.Write([]byte("\n"))
		for _, r := range b.String() {
			if !unicode.IsPrint(r) && r != '\n' && r != '\t' && r != '\u200c' && r != '\u200d' {
				t.Fatalf("%q became %q", text, b.String())
			}
		}
	})
}
