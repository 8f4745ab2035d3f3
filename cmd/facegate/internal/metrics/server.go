package metrics

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"facegate/cmd/facegate/internal/localweb"
)

// path is where the metrics are.
const path = "/metrics"

// Parts are what a Server works with.
type Parts struct {
	Address  string // of this machine alone, with a port
	Register *Register
	Look     func(ctx context.Context) (Moment, error) // says how the gate is; it keeps neither camera nor door waiting
	Log      *slog.Logger
}

// A Server is the task that serves the metrics of a gate. Its methods may be called from several goroutines.
type Server struct {
	site  *localweb.Site
	parts Parts
}

// NewServer returns a Server that does not listen yet.
func NewServer(p Parts) *Server {
	s := &Server{parts: p}
	s.site = localweb.New(localweb.Parts{
		What: "what monitoring reads", Key: "metrics.listen", Usual: "127.0.0.1:9686",
		Network: "tcp", Address: p.Address, Handler: s, Log: p.Log,
	})
	return s
}

func (s *Server) String() string { return "metrics" }

// Ready is closed when Run has begun. No gate waits for its monitoring.
func (s *Server) Ready() <-chan struct{} { return s.site.Ready() }

// Run serves until ctx is cancelled. Where it cannot listen it tries again.
func (s *Server) Run(ctx context.Context) error { return s.site.Run(ctx) }

// Addr returns where the Server listens, nil if it does not.
func (s *Server) Addr() net.Addr { return s.site.Addr() }

// Err says why nothing is served, with a hint; nil if it is.
func (s *Server) Err() error { return s.site.Err() }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if localweb.Refuse(w, r, "tcp") {
		return
	}
	if r.URL.Path != path {
		http.Error(w, "the metrics are at "+path, http.StatusNotFound)
		return
	}
	m, err := s.parts.Look(r.Context())
	if err != nil {
		http.Error(w, "the gate does not say how it is", http.StatusServiceUnavailable)
		return
	}
	h.Set("Content-Type", contentType)
	w.Write(s.parts.Register.Text(m, time.Now()))
}
