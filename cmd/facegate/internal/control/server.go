package control

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/hint"
	"facegate/configs/text"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

const (
	maxRequest  = 4 << 10         // bytes of the body of a request
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
	gate      Gate
	path      string
	timeout   time.Duration
	log       *slog.Logger
	authority *authority
	listener  *net.UnixListener
	ready     chan struct{}
	why       error // see Restrict
}

// NewServer opens the socket at path with mode 0660, owned by group where that is not empty, and returns the task that
// answers there for gate, to whom has the right by one of the groups. An enrolment is given up after timeout. A socket that
// a dead daemon left behind is replaced; one at which another daemon answers is ErrInUse. Run closes the socket.
func NewServer(gate Gate, path, group string, groups Groups, timeout time.Duration, log *slog.Logger) (*Server, error) {
	authority, err := newAuthority(groups, os.Geteuid())
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	listener, err := listen(path, group)
	if err != nil {
		return nil, fmt.Errorf("control: open %s: %w", path, err)
	}
	return newServer(gate, path, listener, authority, timeout, log), nil
}

// AdoptServer is NewServer at a socket that is open already, and was handed over by the process before this one. It closes
// the file.
func AdoptServer(gate Gate, socket *os.File, path string, groups Groups, timeout time.Duration, log *slog.Logger) (*Server, error) {
	authority, err := newAuthority(groups, os.Geteuid())
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	listener, err := adopt(socket)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("control: take over %s: %w", path, err), "start the gate anew: systemctl restart facegate")
	}
	return newServer(gate, path, listener, authority, timeout, log), nil
}

func newServer(gate Gate, path string, l *net.UnixListener, a *authority, timeout time.Duration, log *slog.Logger) *Server {
	return &Server{
		gate: gate, path: path, timeout: timeout, log: log, authority: a, listener: l, ready: make(chan struct{}),
	}
}

// Restrict refuses with why all that is asked but for the status and a test of the door. It is called before Run.
func (s *Server) Restrict(why error) { s.why = why }

// restricted reports whether a route is refused.
func (s *Server) restricted(to route) bool {
	left := []string{"GET /process", "GET /status", "POST /door/test"}
	return s.why != nil && !slices.Contains(left, to.pattern)
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
// is in the hands of the Gate any more when Run returns.
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

func (s *Server) routes() []route {
	g := s.gate
	return []route{
		{"GET /process", everybodys, s.answer(func(*http.Request) (any, error) { return process{s.name()}, nil })},
		{"GET /status", everybodys, s.answer(func(*http.Request) (any, error) { return g.Status(), nil })},
		{"GET /device", everybodys, s.answer(func(*http.Request) (any, error) { return g.Device(), nil })},
		{"GET /audit", eithers, s.answer(s.audit)},

		{"GET /people", offices, s.answer(func(*http.Request) (any, error) { return g.People() })},
		{"GET /receipts", offices, s.answer(func(*http.Request) (any, error) { return g.Receipts() })},
		{"POST /receipts/fetched", offices, s.answer(s.fetched)},
		{"POST /erase", offices, s.answer(s.erase)},
		{"POST /person", offices, s.answer(s.person)},
		{"POST /relabel", offices, s.answer(s.relabel)},
		{"POST /pass", offices, s.answer(s.pass)},
		{"POST /enrol", offices, s.enrol},

		{"GET /clock", everybodys, s.answer(func(*http.Request) (any, error) { return g.Clock(), nil })},
		{"POST /clock/confirm", technicians, s.answer(s.confirmClock)},
		{"POST /door/test", technicians, s.answer(func(r *http.Request) (any, error) { return g.TestDoor(r.Context(), actor(r)) })},
		{"POST /camera/aim", technicians, s.aim},
		{"POST /backup", eithers, s.answer(func(r *http.Request) (any, error) { return g.Backup(actor(r)) })},
		{"POST /faces/off", eithers, s.answer(s.facesOff)},
		{"POST /faces/on", technicians, s.answer(order(g.TurnFacesOn))},
		{"POST /lockout/reset", technicians, s.answer(order(g.Unlock))},
		{"GET /epoch", eithers, s.answer(func(*http.Request) (any, error) { return g.Epoch(), nil })},
		{"POST /epoch/begin", technicians, s.answer(func(r *http.Request) (any, error) { return g.BeginEpoch(actor(r)) })},

		{"POST /epoch/end", bothsTogether, s.answer(func(r *http.Request) (any, error) { return g.EndEpoch(actor(r)) })},
		{"POST /templates/destroy", bothsTogether, s.answer(func(r *http.Request) (any, error) { return g.Lockdown(actor(r)) })},
		{"POST /templates/destroy/end", eithers, s.answer(order(g.Reopen))},
	}
}

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
		if err := s.authority.permit(to.pattern, to.right, peerOfRequest(r), time.Now()); err != nil {
			fail(w, err)
			return
		}
		if s.restricted(to) {
			fail(w, s.why)
			return
		}
		to.serve(w, r)
	}
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
		begin(w)
		if ends := s.ends(); ends != "" && r.Method != http.MethodGet {
			w.Header().Set(endsHeader, ends)
		}
		json.NewEncoder(w).Encode(v)
	}
}

// audit checks the audit log against the places that the query names.
func (s *Server) audit(r *http.Request) (any, error) {
	var seen []audit.Head
	for _, text := range r.URL.Query()[seenKey] {
		h, err := parseHead(text)
		if err != nil {
			return nil, err
		}
		seen = append(seen, h)
	}
	return s.gate.Verify(seen)
}

// seenKey is the key in a query of a place in the audit log that was seen before: its number, a colon, and the link.
const seenKey = "seen"

func headText(h audit.Head) string { return fmt.Sprintf("%d:%x", h.Seq, h.Link) }

func parseHead(text string) (h audit.Head, err error) {
	seq, link, _ := strings.Cut(text, ":")
	h.Seq, err = strconv.ParseUint(seq, 10, 64)
	b, hexErr := hex.DecodeString(link)
	if err = errors.Join(err, hexErr); err != nil || len(b) != len(h.Link) {
		return audit.Head{}, hint.Wrap(fmt.Errorf("%q is no place in an audit log", text), adviceVersion)
	}
	copy(h.Link[:], b)
	return h, nil
}

// A process is one process of the gate.
type process struct {
	Name string `json:"name"`
}

func (s *Server) name() string {
	name, _ := s.gate.Process()
	return name
}

// ends returns the name of this process if it is going to hand over to a fresh one.
func (s *Server) ends() string {
	name, ends := s.gate.Process()
	if !ends {
		return ""
	}
	return name
}

func (s *Server) erase(r *http.Request) (any, error) {
	var req eraseRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	if req.Pass == "" {
		return s.gate.Erase(req.Label, req.Withdrawn, actor(r))
	}
	t, err := template.ParseToken(req.Pass)
	if err != nil {
		return nil, hint.Wrap(err, "give the %d letters of the pass and nothing else", template.TokenTextSize)
	}
	defer t.Clear()
	return s.gate.EraseByPass(t, req.Withdrawn, actor(r))
}

// An eraseRequest names a person, or has the token of their pass.
type eraseRequest struct {
	Label     string `json:"label,omitempty"`
	Pass      string `json:"pass,omitempty"`
	Withdrawn bool   `json:"withdrawn,omitempty"`
}

func (s *Server) pass(r *http.Request) (any, error) {
	var req personRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	t, err := s.gate.IssuePass(req.Label, actor(r))
	if err != nil {
		return nil, err
	}
	defer t.Clear()
	return passAnswer{t.Text()}, nil
}

type passAnswer struct {
	Pass string `json:"pass"`
}

func (s *Server) fetched(r *http.Request) (any, error) {
	var req fetchedRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	return struct{}{}, s.gate.Fetched(req.ID)
}

type fetchedRequest struct {
	ID string `json:"id"`
}

func (s *Server) person(r *http.Request) (any, error) {
	var req personRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	return s.gate.Show(req.Label)
}

type personRequest struct {
	Label string `json:"label"`
}

func (s *Server) relabel(r *http.Request) (any, error) {
	var req relabelRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	return s.gate.Relabel(req.Label, req.To, actor(r))
}

type relabelRequest struct {
	Label string `json:"label"`
	To    string `json:"to"`
}

func (s *Server) facesOff(r *http.Request) (any, error) {
	var req facesOffRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	return struct{}{}, s.gate.TurnFacesOff(req.Reason, actor(r))
}

type facesOffRequest struct {
	Reason string `json:"reason,omitempty"`
}

func (s *Server) confirmClock(r *http.Request) (any, error) {
	var req clockRequest
	if err := decode(r, &req); err != nil {
		return nil, err
	}
	return s.gate.ConfirmClock(req.Seen, actor(r))
}

type clockRequest struct {
	Seen time.Time `json:"seen"`
}

// order answers a request that says nothing but what to do.
func order(do func(audit.Actor) error) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) { return struct{}{}, do(actor(r)) }
}

// actor is who asks, as the kernel says.
func actor(r *http.Request) audit.Actor { return audit.Actor(peerOfRequest(r).uid) }

// An update is one line of an answer that takes its time. That to an enrolment has progress lines, then one with the person
// or the error.
type update struct {
	Progress *people.Progress `json:"progress,omitempty"`
	Person   *people.Person   `json:"person,omitempty"`
	Pass     string           `json:"pass,omitempty"`   // beside Person: the token
	Former   string           `json:"former,omitempty"` // beside Person: see Enrolled
	View     *status.View     `json:"view,omitempty"`   // of an aiming, whose answer is of these
	Failure  *failure         `json:"failure,omitempty"`
	Ends     string           `json:"ends,omitempty"` // beside Person: see endsHeader
}

func (s *Server) enrol(w http.ResponseWriter, r *http.Request) {
	var req people.EnrolRequest
	if err := decode(r, &req); err != nil {
		fail(w, err)
		return
	}
	req.By = actor(r)
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	// Nobody is let in by face during an enrolment, so a client that has stopped reading must not make it longer.
	send, err := stream(w, s.timeout+goodbye)
	if err != nil {
		fail(w, err)
		return
	}
	enrolled, err := s.gate.Enrol(ctx, req, func(p people.Progress) { send(update{Progress: &p}) })
	if err != nil {
		send(update{Failure: failureOf(err)})
		return
	}
	defer enrolled.Pass.Clear()
	send(update{Person: &enrolled.Person, Pass: enrolled.Pass.Text(), Former: enrolled.Former, Ends: s.ends()})
}

// stream returns what sends one line of an answer that is over after limit.
func stream(w http.ResponseWriter, limit time.Duration) (send func(update), err error) {
	out := http.NewResponseController(w)
	if err := out.SetWriteDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	lines := json.NewEncoder(w)
	return func(u update) {
		lines.Encode(u)
		out.Flush()
	}, nil
}

// AimTime is how long one aiming lasts at the longest.
const AimTime = 2 * time.Minute

func (s *Server) aim(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), AimTime)
	defer cancel()
	send, err := stream(w, AimTime+goodbye)
	if err != nil {
		fail(w, err)
		return
	}
	if err := s.gate.Aim(ctx, func(v status.View) { send(update{View: &v}) }, actor(r)); err != nil {
		send(update{Failure: failureOf(err)})
	}
}

// A failure is an error on the socket.
type failure struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

func failureOf(err error) *failure { return &failure{err.Error(), hint.Of(err)} }

// err returns f as an error of that kind, which the text may begin with already.
func (f *failure) err(kind error) error {
	err := fmt.Errorf("%w: %s", kind, strings.TrimPrefix(f.Error, kind.Error()+": "))
	if f.Hint == "" {
		return err
	}
	return hint.Wrap(err, "%s", f.Hint)
}

func fail(w http.ResponseWriter, err error) {
	begin(w)
	w.WriteHeader(statusOf(err))
	json.NewEncoder(w).Encode(failureOf(err))
}

// statusOf returns the status that a client knows the error by.
func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, ErrPending):
		return http.StatusConflict
	case errors.Is(err, people.ErrOwed):
		return http.StatusInsufficientStorage
	}
	return http.StatusUnprocessableEntity
}

// kindOf returns the error that statusOf made a status of.
func kindOf(st int) error {
	switch st {
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusConflict:
		return ErrPending
	case http.StatusInsufficientStorage:
		return people.ErrOwed
	}
	return ErrRefused
}

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
		return hint.Wrap(fmt.Errorf("read the request: %w", err), adviceVersion)
	}
	if t, ok := v.(typed); ok {
		return t.Clean()
	}
	return nil
}

// adviceVersion helps where the two ends of the socket do not speak the same language.
const adviceVersion = "use the facegate command of the same version as the running gate"
