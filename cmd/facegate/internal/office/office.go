// Package office serves a page to a clerk, by which people read the notice, consent, are captured and get their pass, and by which
// they withdraw, are erased and are told what is held of them. It runs as the clerk's own user and asks the gate over its socket, so
// that the gate itself says what this user may do.
//
// The page can be reached from this machine alone, and by whoever had the link that was printed alone. Nothing is kept: no file, no
// name in a log or an address of a page, and what is about to be handed over is forgotten when it is, or when the page is locked.
package office

import (
	"context"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"facegate/cmd/facegate/internal/localweb"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/status"
	"facegate/configs/notice"
	token "facegate/pipeline/template"
	"facegate/store/audit"
)

// A Gate is what the page asks of a gate: some questions of people.Records and control.Running.
type Gate interface {
	Status(ctx context.Context) (status.Status, error)
	Device(ctx context.Context) (people.Device, error)
	People(ctx context.Context) ([]people.Person, error)
	Show(ctx context.Context, label string) (people.File, error)
	Form(ctx context.Context, r people.FormRequest) (people.Form, error)
	Join(ctx context.Context, r people.JoinRequest) (people.Joined, error)
	Enrol(ctx context.Context, r people.EnrolRequest, progress func(people.Progress)) (people.Enrolled, error)
	IssuePass(ctx context.Context, label string) (token.Token, error)
	Erase(ctx context.Context, who people.Who, why audit.Reason) (people.Erasure, error)
	Fetched(ctx context.Context, id string) error
}

// Parts are what an Office works with.
type Parts struct {
	Gate     Gate
	Told     notice.Particulars // what people are told before they consent
	Clerk    string             // who sees a consent unless the form says otherwise; "" for nobody
	Machine  fs.FS              // from its root, where the fonts of a page to print are
	Listener net.Listener       // of this machine alone; Run closes it
	Idle     time.Duration      // after which a page that nobody uses is locked
	Link     func(url string)   // is told each link that opens the page, once
	Log      *slog.Logger
}

// An Office is the task. Its methods may be called from several goroutines.
type Office struct {
	parts   Parts
	notices []notice.Text
	told    map[notice.Language]template.HTML // the notices
	views   views
	mux     *http.ServeMux
	site    *localweb.Site

	mu      sync.Mutex // guards what follows
	key     string     // of the link that opens the page; "" when it was used
	session *session   // nil while the page is locked
}

// New returns an Office that does not answer yet. A gate without a notice is notice.ErrNone: nobody may be asked for consent.
func New(p Parts) (*Office, error) {
	notices, err := p.Told.Texts()
	if err != nil {
		return nil, err
	}
	views, err := readViews(p.Told.Statement)
	if err != nil {
		return nil, err
	}
	told := make(map[notice.Language]template.HTML)
	for _, n := range notices {
		if told[n.Language], err = n.Body(); err != nil {
			return nil, err
		}
	}
	o := &Office{parts: p, notices: notices, told: told, views: views}
	o.mux = o.routes()
	o.site = localweb.New(localweb.Parts{
		What: "the page of the office", Key: "--listen", Usual: "127.0.0.1:8687",
		Network: p.Listener.Addr().Network(), Address: p.Listener.Addr().String(), Handler: o, Log: p.Log,
		Listen: once(p.Listener),
	})
	return o, nil
}

// once returns l to the first who listens, and another listener at its place to who has to listen again.
func once(l net.Listener) func(ctx context.Context, network, address string) (net.Listener, error) {
	first := make(chan net.Listener, 1)
	first <- l
	return func(ctx context.Context, network, address string) (net.Listener, error) {
		select {
		case l := <-first:
			return l, nil
		default:
			return new(net.ListenConfig).Listen(ctx, network, address)
		}
	}
}

// Run serves the page until ctx is cancelled, and then forgets all that it knew.
func (o *Office) Run(ctx context.Context) error {
	o.lock(nil)
	defer o.forget()
	return o.site.Run(ctx)
}

// lock forgets the session, if it is this one or nil for any, and tells the link that opens the page again.
func (o *Office) lock(s *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s != nil && o.session != s {
		return
	}
	if o.session != nil {
		o.session.end()
	}
	o.session, o.key = nil, secret()
	o.parts.Link(fmt.Sprintf("http://%s/in/%s", o.parts.Listener.Addr(), o.key))
}

// forget is lock without another link.
func (o *Office) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.session != nil {
		o.session.end()
	}
	o.session, o.key = nil, ""
}
