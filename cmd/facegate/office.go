package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/localweb"
	"facegate/cmd/facegate/internal/office"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store/audit"
)

// An officeCommand serves a page to whoever runs it, and asks the gate as that user.
type officeCommand struct {
	Listen string        `default:"127.0.0.1:8687" placeholder:"ADDRESS" help:"Address of this machine at which the page is (${default}). Port 0 takes any that is free."`
	Idle   time.Duration `default:"15m" placeholder:"DURATION" help:"After how long without use the page is locked (${default})."`
	gateFlags
}

// errConfigless says that a page tells what the configuration says.
var errConfigless = errors.New("the page tells what the configuration says, and only a socket is named")

// Validate says what the command cannot do.
func (c *officeCommand) Validate() error {
	if c.Idle < time.Minute || c.Idle > 8*time.Hour {
		return errors.New("--idle is from 1m to 8h")
	}
	return nil
}

func (c *officeCommand) Run(ctx context.Context, t terminal) error {
	g, err := c.target(defaultConfig)
	if err != nil {
		return err
	}
	if g.config == nil {
		return hint.Wrap(errConfigless, "name the configuration of this gate: --config FILE")
	}
	if _, err := g.client(ctx); err != nil && !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	l, err := c.listen(ctx)
	if err != nil {
		return err
	}
	o, err := office.New(office.Parts{
		Gate: control.NewClient(g.socket), Told: g.config.Particulars(), Clerk: clerk(), Machine: t.root(), Listener: l, Idle: c.Idle,
		Link: func(url string) { tellLink(t.out, url) }, Log: newLog(t.err, slog.LevelWarn),
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return o.Run(ctx)
}

// listen opens the address of the page, which is one of this machine.
func (c *officeCommand) listen(ctx context.Context) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("the page of the office %w: %w", localweb.ErrListen, err),
			"see who else listens there (ss -lptn), or take another port: --listen 127.0.0.1:0")
	}
	if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		err := fmt.Errorf("the page of the office %w: %v", localweb.ErrReachable, l.Addr())
		return nil, hint.Wrap(errors.Join(err, l.Close()), "let --listen be 127.0.0.1:8687, and reach it over ssh: ssh -L 8687:127.0.0.1:8687 GATE")
	}
	return l, nil
}

// tellLink prints a link that opens the page.
func tellLink(w io.Writer, url string) {
	show.Fprintf(w, "the page is locked; this opens it, once: %s\n", url)
}

// clerk returns who sees a consent unless somebody else is named, "" where the user who runs the command is nobody's name.
func clerk() string {
	if os.Geteuid() == 0 {
		return sudoer()
	}
	return people.UserName(audit.Actor(os.Geteuid()))
}
