package web_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"facegate/configs/hint"
	"facegate/pipeline/models/web"
)

var content = bytes.Repeat([]byte("weights "), 4096)

// serve starts a server of public files, and one without TLS that must never be asked.
func serve(t *testing.T) (*httptest.Server, web.Client) {
	t.Helper()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the file was asked for without TLS") }))
	t.Cleanup(plain.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { w.Write(content) })
	mux.HandleFunc("/packed", func(w http.ResponseWriter, r *http.Request) {
		if e := r.Header.Get("Accept-Encoding"); e != "" && e != "identity" {
			t.Errorf("the client would take %q", e)
		}
		w.Write(content)
	})
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, r *http.Request) { // of no stated length
		for part := content; len(part) > 0; part = part[1024:] {
			w.Write(part[:1024])
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(content); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write(content[:len(content)/2])
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/short", func(w http.ResponseWriter, r *http.Request) {
		w.Write(content[:100])
		w.(http.Flusher).Flush()
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, r *http.Request) { w.Write(append(content, 'x')) })
	mux.HandleFunc("/hang", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/stall", func(w http.ResponseWriter, r *http.Request) {
		w.Write(content[:100])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/moved/again", http.StatusFound) })
	mux.HandleFunc("/moved/again", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/file", http.StatusMovedPermanently)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL+"/file", http.StatusFound) })
	mux.HandleFunc("/error", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) })
	mux.HandleFunc("/longer", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "99999999")
		w.Write(content)
	})
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return server, web.Client{Authorities: pool, Patience: 2 * time.Second}
}

func TestGet(t *testing.T) {
	server, client := serve(t)
	for _, path := range []string{"/file", "/packed", "/chunks", "/moved"} {
		got, err := client.Get(t.Context(), server.URL+path, int64(len(content)))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
}

func TestGetRefuses(t *testing.T) {
	server, client := serve(t)
	for _, test := range []struct {
		path string
		want error
		says string
	}{
		{"/long", web.ErrSize, "more than the 32768 bytes"},
		{"/longer", web.ErrSize, "99999999 bytes instead of 32768"},
		{"/endless", web.ErrSize, "more than the 32768 bytes"},
		{"/cut", web.ErrSize, "cut off after 16384 of 32768"},
		{"/short", web.ErrSize, "cut off after 100 of"},
		{"/error", web.ErrAnswer, "503"},
		{"/nowhere", web.ErrAnswer, "404"},
		{"/loop", web.ErrAnswer, "redirects"},
		{"/plain", web.ErrInsecure, "leads elsewhere"},
		{"/hang", web.ErrReach, "timeout"},
		{"/stall", web.ErrReach, "timeout"},
	} {
		t.Run(test.path[1:], func(t *testing.T) {
			t.Parallel()
			got, err := client.Get(t.Context(), server.URL+test.path, int64(len(content)))
			if got != nil || !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%d bytes, %v; want %v with %q", len(got), err, test.want, test.says)
			}
		})
	}
}

func TestGetWithoutTrust(t *testing.T) {
	server, client := serve(t)
	size := int64(len(content))
	_, err := web.Client{}.Get(t.Context(), server.URL+"/file", size)
	if !errors.Is(err, web.ErrReach) || !strings.Contains(hint.Of(err), "ca-certificates") {
		t.Errorf("an authority that nobody knows: %v, hint %q", err, hint.Of(err))
	}
	for _, address := range []string{strings.Replace(server.URL, "https", "http", 1), "ftp://x/y", "file:///etc/passwd", "://", ""} {
		if _, err := client.Get(t.Context(), address, size); !errors.Is(err, web.ErrInsecure) {
			t.Errorf("%q: %v", address, err)
		}
	}
	server.Close()
	if _, err := client.Get(t.Context(), server.URL+"/file", size); !errors.Is(err, web.ErrReach) || hint.Of(err) == "" {
		t.Errorf("a server that is gone: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Get(ctx, server.URL+"/file", size); !errors.Is(err, context.Canceled) {
		t.Errorf("a command that was ended: %v", err)
	}
}
