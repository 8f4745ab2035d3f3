package control

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
	"unicode/utf8"

	"facegate/configs/hint"
	"facegate/configs/text"
	"facegate/store/audit"
)

const (
	maxRequest  = 64 << 10        // bytes of the body of a request: a receipt of 300 people
	maxHeader   = 8 << 10         // bytes of its header
	requestTime = 5 * time.Second // for a request to arrive whole, and for a connection between two of them
	answerTime  = 5 * time.Second // for the other end to take an answer
	goodbye     = time.Second     // for the last answers when the server stops

	// handoverTime is for a process to hand over to a fresh one: for the enrolment that may be under way, and for the start.
	handoverTime = 2 * time.Minute
)

// endsHeader names in an answer the process that has answered, if it is going to hand over to a fresh one.
const endsHeader = "Facegate-Process-Ends"

// A Server is the task that answers on the socket.
type Server struct {
	host      Host
	path      string
	timeout   time.Duration
	log       *slog.Logger
	authority *authority
	listener  *net.UnixListener
	ready     chan struct{}
}

// NewServer opens the socket at path with mode 0660, owned by group where that is not empty, and returns the task that
// answers there for host, to whom has the right by one of the groups. An enrolment is given up after timeout. A socket that
// a dead daemon left behind is replaced; one at which another daemon answers is ErrInUse. Run closes the socket.
func NewServer(host Host, path, group string, groups Groups, timeout time.Duration, log *slog.Logger) (*Server, error) {
	authority, err := newAuthority(groups, os.Geteuid())
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	listener, err := listen(path, group)
	if err != nil {
		return nil, fmt.Errorf("control: open %s: %w", path, err)
	}
	return newServer(host, path, listener, authority, timeout, log), nil
}

// AdoptServer is NewServer at a socket that is open already, and was handed over by the process before this one. It closes
// the file.
func AdoptServer(host Host, socket *os.File, path string, groups Groups, timeout time.Duration, log *slog.Logger) (*Server, error) {
	authority, err := newAuthority(groups, os.Geteuid())
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	listener, err := adopt(socket)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("control: take over %s: %w", path, err), "start the gate anew: systemctl restart facegate")
	}
	return newServer(host, path, listener, authority, timeout, log), nil
}

func newServer(host Host, path string, l *net.UnixListener, a *authority, timeout time.Duration, log *slog.Logger) *Server {
	return &Server{
		host: host, path: path, timeout: timeout, log: log, authority: a, listener: l, ready: make(chan struct{}),
	}
}

// HandOver returns the socket for AdoptServer in another process. Run leaves it open: who connects meanwhile waits.
func (s *Server) HandOver() (*os.File, error) {
	s.listener.SetUnlinkOnClose(false)
	return s.listener.File()
}

func (s *Server) String() string { return "control socket " + s.path }

// Ready is closed when the socket answers.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run answers until ctx is cancelled. That ends what is under way, and the requests concerned are told so. No request
// is in the hands of the Host any more when Run returns.
func (s *Server) Run(ctx context.Context) error {
	var here guests
	srv := &http.Server{
		Handler:        s.handler(),
		MaxHeaderBytes: maxHeader,
		ReadTimeout:    requestTime,
		IdleTimeout:    requestTime,
		BaseContext:    func(net.Listener) context.Context { return ctx },
		ConnContext:    func(ctx context.Context, c net.Conn) context.Context { return here.enter(withPeer(ctx, c), c) },
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				here.leave(c)
			}
		},
	}
	stopped := make(chan struct{})
	stay := context.AfterFunc(ctx, func() {
		defer close(stopped)
		shutDown(srv)
	})
	close(s.ready)
	err := srv.Serve(s.listener)
	if stay() { // nobody told it to stop: the listener has failed
		srv.Close()
		here.wait()
		return fmt.Errorf("control: %w", err)
	}
	<-stopped
	here.wait()
	return nil
}

// shutDown waits for the answers that are under way, but not for ever: the other end may not be reading.
func shutDown(srv *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		srv.Close()
	}
}

// A route is a request that the server answers.
type route struct {
	pattern string // of http.ServeMux
	right   right  // whose it is
	serve   http.HandlerFunc
}

func (s *Server) routes() []route { return append(newTable().routes(s), s.streams()...) }

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range s.routes() {
		mux.HandleFunc(r.pattern, s.permitted(r))
	}
	return s.known(mux)
}

// permitted lets through who has the right.
func (s *Server) permitted(to route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		order, err := orderOf(to, r)
		if err == nil {
			err = s.authority.permit(order, to.right, peerOfRequest(r), time.Now())
		}
		if err != nil {
			fail(w, err)
			return
		}
		to.serve(w, r)
	}
}

// orderOf tells an order that waits for a second person from others: it is the same of the same route with the same words.
func orderOf(to route, r *http.Request) (string, error) {
	if !to.right.waits() {
		return to.pattern, nil
	}
	body, err := io.ReadAll(r.Body) // receive has it in memory
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return fmt.Sprintf("%s %x", to.pattern, sha256.Sum256(body)), nil
}

// known lets only peers through whose identity the kernel vouches for, and notes who asked for what. The mode of the
// socket has already kept out everybody who is not root, the daemon's own user or of its group.
func (s *Server) known(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := r.Context().Value(peerKey{}).(peer)
		if !ok {
			fail(w, errors.New("the kernel does not say who asks"))
			return
		}
		level := slog.LevelInfo
		if r.Method == http.MethodGet {
			level = slog.LevelDebug
		}
		s.log.Log(r.Context(), level, "control request", "path", r.URL.Path, "uid", p.uid, "pid", p.pid)
		if err := receive(w, r); err != nil {
			fail(w, err)
			return
		}
		defer r.Context().Value(guestKey{}).(*guest).serve()()
		next.ServeHTTP(w, r)
	})
}

// receive reads the body of a request before anybody looks at it. An answer may then take as long as it takes.
func receive(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		return hint.Wrap(fmt.Errorf("the request is longer than %d bytes", tooLong.Limit), "shorten what was typed")
	}
	if err != nil {
		return hint.Wrap(fmt.Errorf("read the request: %w", err), adviceVersion)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// begin prepares an answer in JSON. The other end has to take it in time.
func begin(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime)) // or the connection is closed already
}

// peerOfRequest is who asks; known has seen to it that it is known.
func peerOfRequest(r *http.Request) peer { return r.Context().Value(peerKey{}).(peer) }

func (s *Server) answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		if err != nil {
			fail(w, err)
			return
		}
		if s, ok := v.(secret); ok {
			defer s.clear()
		}
		begin(w)
		if ends := s.ends(); ends != "" && r.Method != http.MethodGet {
			w.Header().Set(endsHeader, ends)
		}
		json.NewEncoder(w).Encode(v)
	}
}

// ends returns the name of this process if it is going to hand over to a fresh one.
func (s *Server) ends() string {
	name, ends := s.host.Process()
	if !ends {
		return ""
	}
	return name
}

// actor is who asks, as the kernel says.
func actor(r *http.Request) audit.Actor { return audit.Actor(peerOfRequest(r).uid) }

// A typed question holds what people typed. Clean brings it into its one form, or says what of it cannot be kept.
type typed interface{ Clean() error }

// decode reads the body of a request: one JSON object in UTF-8 with no unknown keys, and nothing after it. What people typed
// comes clean out of it.
func decode(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	if err == nil && !utf8.Valid(body) { // the decoder would put replacement characters there
		return hint.Wrap(fmt.Errorf("read the request: %w", text.ErrEncoding), adviceVersion)
	}
	if err == nil {
		err = decodeObject(body, v)
	}
	if err != nil {
		return hint.Wrap(fmt.Errorf("read the request: %w", err), "%s", cmp.Or(hint.Of(err), adviceVersion))
	}
	if t, ok := v.(typed); ok {
		return t.Clean()
	}
	return nil
}

// adviceVersion helps where the two ends of the socket do not speak the same language.
const adviceVersion = "use the facegate command of the same version as the running gate"
