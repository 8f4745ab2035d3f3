package metrics_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/metrics"
	"facegate/configs/law"
)

// serve returns a server of a gate that is well, or that does not say how it is.
func serve(err error) *metrics.Server {
	return metrics.NewServer(metrics.Parts{
		Address: "127.0.0.1:0", Register: register(law.EU), Log: slog.New(slog.DiscardHandler),
		Look: func(context.Context) (metrics.Moment, error) { return well(), err },
	})
}

func get(s *metrics.Server, edit func(*http.Request)) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Host = "127.0.0.1:9686"
	edit(r)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func TestServer(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		edit func(*http.Request)
		want int
	}{
		{"as Prometheus asks", nil, func(r *http.Request) { r.Header.Set("Accept", "application/openmetrics-text") }, http.StatusOK},
		{"through a tunnel", nil, func(r *http.Request) { r.Host = "localhost:4711" }, http.StatusOK},
		{"another path", nil, func(r *http.Request) { r.URL.Path = "/" }, http.StatusNotFound},
		{"another method", nil, func(r *http.Request) { r.Method = http.MethodPost }, http.StatusMethodNotAllowed},
		{"a name that was pointed here", nil, func(r *http.Request) { r.Host = "evil.example.org:9686" }, http.StatusMisdirectedRequest},
		{"a parameter", nil, func(r *http.Request) { r.URL.RawQuery = "name[]=up" }, http.StatusBadRequest},
		{"a gate that says nothing", errors.New("secret"), func(*http.Request) {}, http.StatusServiceUnavailable},
	} {
		r := get(serve(tt.err), tt.edit)
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != tt.want || strings.Contains(string(body), "secret") || strings.Contains(string(body), "facegate_info") != (tt.want == http.StatusOK) {
			t.Errorf("%s: %s\n%s", tt.name, r.Status, body)
		}
		if kind := r.Header.Get("Content-Type"); r.Header.Get("Cache-Control") != "no-store" ||
			tt.want == http.StatusOK && kind != "text/plain; version=0.0.4; charset=utf-8" {
			t.Errorf("%s: %v", tt.name, r.Header)
		}
	}
}

// TestRun serves where it is told, until it is ended.
func TestRun(t *testing.T) {
	s := serve(nil)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	for ; s.Addr() == nil; time.Sleep(time.Millisecond) {
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
	}
	r, err := http.Get("http://" + s.Addr().String() + "/metrics")
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", r, err)
	}
	r.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil || s.Addr() != nil {
		t.Errorf("it ended with %v, at %v", err, s.Addr())
	}
}
