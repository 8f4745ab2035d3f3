package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/net/netutil"

	"facegate/configs/hint"
	"facegate/store/checkpoint"
)

// Limits of what others may take of the machine.
const (
	maxConnections = 256              // a log keeps one while it asks
	slow           = 10 * time.Second // for a request, and for who takes the answer
	idle           = 2 * time.Minute  // a connection without a request
	maxHeader      = 8 << 10          // bytes
)

// cosignature returns the signature line of the witness of a note that it has cosigned: the last one.
func cosignature(cosigned []byte) []byte {
	return cosigned[bytes.LastIndexByte(cosigned[:len(cosigned)-1], '\n')+1:]
}

// cosigned returns when a note was cosigned, zero if that cannot be told.
func cosigned(text []byte) time.Time {
	line := strings.Fields(string(cosignature(text)))
	at, err := checkpoint.CosignedAt(note.Signature{Base64: line[len(line)-1]})
	if err != nil {
		return time.Time{}
	}
	return at
}

// Handler serves add-checkpoint of C2SP at /add-checkpoint. There is no authentication besides the signature of the log.
func (w *Witness) Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, MaxRequest))
		if err != nil {
			http.Error(rw, "the request does not come, or is too long", statusOf(err))
			return
		}
		cosigned, err := w.AddCheckpoint(body)
		tell(log, r.RemoteAddr, body, err)
		reply(rw, cosigned, err)
	})
	return mux
}

// reply answers a request.
func reply(rw http.ResponseWriter, cosigned []byte, err error) {
	refused := (*Refusal)(nil)
	switch status := statusOf(err); {
	case err == nil:
		rw.Write(cosignature(cosigned))
	case status == http.StatusConflict && errors.As(err, &refused):
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(status)
		fmt.Fprintf(rw, "%d\n", refused.Size)
	case status == http.StatusInternalServerError:
		http.Error(rw, "the witness cannot sign now", status)
	default:
		http.Error(rw, err.Error(), status)
	}
}

// statusOf returns the status that C2SP has for what came of a request.
func statusOf(err error) int {
	for _, s := range []struct {
		err    error
		status int
	}{
		{nil, http.StatusOK},
		{ErrMalformed, http.StatusBadRequest},
		{ErrSignature, http.StatusForbidden},
		{ErrUnknownLog, http.StatusNotFound},
		{ErrConflict, http.StatusConflict},
		{ErrFork, http.StatusConflict},
		{ErrProof, http.StatusUnprocessableEntity},
	} {
		if errors.Is(err, s.err) {
			return s.status
		}
	}
	if errors.As(err, new(*http.MaxBytesError)) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusInternalServerError
}

// tell writes into the log what came of a request that a log has signed: whoever sends others is not worth a line of a disk.
func tell(log *slog.Logger, from string, body []byte, err error) {
	refused := (*Refusal)(nil)
	switch r, _ := parse(body); {
	case err == nil:
		log.Info("cosigned", "log", r.origin, "from", from)
	case errors.Is(err, ErrFork):
		log.Error("not cosigned", "log", r.origin, "from", from, "error", err, "hint", adviceFork)
	case errors.As(err, &refused):
		log.Info("not cosigned", "log", r.origin, "from", from, "error", err)
	case statusOf(err) == http.StatusInternalServerError:
		log.Error("not cosigned", "error", err, "hint", hint.Of(err))
	default:
		log.Debug("not cosigned", "from", from, "error", err)
	}
}

const adviceFork = "the log has two histories: facegate witness list shows the proof, docs/witness.md what to do"

// Serve serves Handler on l until ctx is done, or the file could not be written to, which is ErrBroken.
func (w *Witness) Serve(ctx context.Context, l net.Listener, log *slog.Logger) error {
	server := &http.Server{
		Handler: w.Handler(log), BaseContext: func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: slow, ReadTimeout: slow, WriteTimeout: 2 * slow, IdleTimeout: idle, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // what others send wrong
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(netutil.LimitListener(l, maxConnections)) }()
	var why error
	select {
	case err := <-ended:
		return fmt.Errorf("serve the witness: %w", err)
	case <-w.Broken():
		why = ErrBroken
	case <-ctx.Done():
	}
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), slow)
	defer cancel()
	if server.Shutdown(patient) != nil {
		server.Close()
	}
	<-ended
	return why
}
