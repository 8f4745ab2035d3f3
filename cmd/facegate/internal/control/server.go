package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"facegate/configs/hint"
)

// maxRequest bounds the body of a request in bytes.
const maxRequest = 4 << 10

// A Server is the task that answers on the socket.
type Server struct {
	gate     Gate
	path     string
	group    string
	timeout  time.Duration
	log      *slog.Logger
	listener net.Listener
	ready    chan struct{}
}

// NewServer opens the socket at path with mode 0660, owned by group where that is not empty, and returns the task that
// answers there for gate. An enrolment is given up after timeout. A socket that a dead daemon left behind is replaced.
func NewServer(gate Gate, path, group string, timeout time.Duration, log *slog.Logger) (*Server, error) {
	s := &Server{gate: gate, path: path, group: group, timeout: timeout, log: log, ready: make(chan struct{})}
	if err := s.listen(); err != nil {
		return nil, hint.Wrap(fmt.Errorf("control: open %s: %w", path, err),
			"check control.socket and control.group, and that no other facegate is running")
	}
	return s, nil
}

func (s *Server) listen() error {
	if conn, err := net.Dial("unix", s.path); err == nil {
		conn.Close()
		return errors.New("another daemon answers there")
	}
	if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Nobody may connect between bind and chmod.
	old := unix.Umask(0o177)
	l, err := net.Listen("unix", s.path)
	unix.Umask(old)
	if err != nil {
		return err
	}
	if err := s.share(); err != nil {
		l.Close()
		return err
	}
	s.listener = l
	return nil
}

func (s *Server) share() error {
	if s.group != "" {
		g, err := user.LookupGroup(s.group)
		if err != nil {
			return err
		}
		gid, err := strconv.Atoi(g.Gid)
		if err != nil {
			return err
		}
		if err := os.Chown(s.path, -1, gid); err != nil {
			return err
		}
	}
	return os.Chmod(s.path, 0o660)
}

func (s *Server) String() string { return "control socket " + s.path }

// Ready is closed when the socket answers.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run answers until ctx is cancelled, which also ends what is under way, and returns nil.
func (s *Server) Run(ctx context.Context) error {
	srv := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	close(s.ready)
	if err := srv.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control: %w", err)
	}
	return nil
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.answer(func(*http.Request) (any, error) { return s.gate.Status(), nil }))
	mux.HandleFunc("GET /people", s.answer(func(*http.Request) (any, error) { return s.gate.People() }))
	mux.HandleFunc("POST /door/test", s.answer(func(*http.Request) (any, error) { return s.gate.TestDoor() }))
	mux.HandleFunc("POST /erase", s.answer(s.erase))
	mux.HandleFunc("POST /enrol", s.enrol)
	return s.known(mux)
}

// known lets only peers through whose identity the kernel vouches for, and notes who asked for what. The mode of the
// socket has already kept out everybody who is not root, the daemon's own user or of its group.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, ok := r.Context().Value(peerKey{}).(*unix.Ucred)
		if !ok {
			fail(w, fmt.Errorf("%w: the kernel does not say who asks", ErrRefused))
			return
		}
		level := slog.LevelInfo
		if r.Method == http.MethodGet {
			level = slog.LevelDebug
		}
		s.log.Log(r.Context(), level, "control request", "path", r.URL.Path, "uid", peer.Uid, "pid", peer.Pid)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		if err != nil {
			fail(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
}

func (s *Server) erase(r *http.Request) (any, error) {
	var req struct {
		Label string `json:"label"`
	}
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	return struct{}{}, s.gate.Erase(req.Label)
}

// An update is one line of the answer to an enrolment: progress lines, then one with the person or the error.
type update struct {
	Progress *Progress `json:"progress,omitempty"`
	Person   *Person   `json:"person,omitempty"`
	Failure  *failure  `json:"failure,omitempty"`
}

func (s *Server) enrol(w http.ResponseWriter, r *http.Request) {
	var req EnrolRequest
	if err := decode(r, &req); err != nil {
		fail(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	lines := json.NewEncoder(w)
	send := func(u update) {
		lines.Encode(u)
		http.NewResponseController(w).Flush()
	}
	person, err := s.gate.Enrol(ctx, req, func(p Progress) { send(update{Progress: &p}) })
	if err != nil {
		send(update{Failure: failureOf(err)})
		return
	}
	send(update{Person: &person})
}

// A failure is an error on the socket.
type failure struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

func failureOf(err error) *failure { return &failure{err.Error(), hint.Of(err)} }

func (f *failure) err() error {
	err := fmt.Errorf("%w: %s", ErrRefused, f.Error)
	if f.Hint == "" {
		return err
	}
	return hint.Wrap(err, "%s", f.Hint)
}

func fail(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	json.NewEncoder(w).Encode(failureOf(err))
}

func decode(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}

type peerKey struct{}

// withPeer asks the kernel who is at the other end (SO_PEERCRED, unix(7)).
func withPeer(ctx context.Context, c net.Conn) context.Context {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return ctx
	}
	var cred *unix.Ucred
	raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil || cred == nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, cred)
}
