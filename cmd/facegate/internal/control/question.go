package control

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/pipeline/template"
	"facegate/store/audit"
)

// A question is one that is asked with a Q, and answered with an A. Both cross the socket as JSON.
type question[Q, A any] struct {
	pattern string // method and path, of http.ServeMux
	right   right  // whose it is
	answer  func(ctx context.Context, h Host, by audit.Actor, q Q) (A, error)
}

// none is a question that says nothing but what it is, or the answer to an order.
type none struct{}

// ofRecords is a question that the records answer.
func ofRecords[Q, A any](pattern string, whose right, answer func(Q, context.Context, people.Records) (A, error)) question[Q, A] {
	return question[Q, A]{pattern, whose, func(ctx context.Context, h Host, by audit.Actor, q Q) (a A, err error) {
		r, err := h.Records(by)
		if err != nil {
			return a, err
		}
		return answer(q, ctx, r)
	}}
}

// bare is the answer of records to a question that says nothing more.
func bare[A any](answer func(people.Records, context.Context) (A, error)) func(none, context.Context, people.Records) (A, error) {
	return func(_ none, ctx context.Context, r people.Records) (A, error) { return answer(r, ctx) }
}

// order is what records do of which there is nothing to say.
func order(do func(people.Records, context.Context) error) func(none, context.Context, people.Records) (none, error) {
	return func(_ none, ctx context.Context, r people.Records) (none, error) { return none{}, do(r, ctx) }
}

// ofGate is a question that a running gate answers.
func ofGate[A any](pattern string, whose right, answer func(Running, context.Context) (A, error)) question[none, A] {
	return question[none, A]{pattern, whose, func(ctx context.Context, h Host, by audit.Actor, _ none) (A, error) {
		return answer(h.Running(by), ctx)
	}}
}

// ofGateAbout is a question that a running gate answers, and that says more.
func ofGateAbout[Q, A any](pattern string, whose right, answer func(Q, context.Context, Running) (A, error)) question[Q, A] {
	return question[Q, A]{pattern, whose, func(ctx context.Context, h Host, by audit.Actor, q Q) (A, error) {
		return answer(q, ctx, h.Running(by))
	}}
}

// ofHost is a question about the process that answers.
func ofHost[A any](pattern string, whose right, answer func(Host) A) question[none, A] {
	return question[none, A]{pattern, whose, func(_ context.Context, h Host, _ audit.Actor, _ none) (A, error) {
		return answer(h), nil
	}}
}

// route is how the server answers q.
func (q question[Q, A]) route(s *Server) route {
	return route{q.pattern, q.right, s.answer(func(r *http.Request) (any, error) {
		var in Q
		if _, empty := any(in).(none); !empty {
			if err := decode(r, &in); err != nil {
				return nil, err
			}
		}
		return q.answer(r.Context(), s.host, actor(r), in)
	})}
}

// routes returns those of every question of the table.
func (t table) routes(s *Server) (all []route) {
	for _, q := range reflect.ValueOf(t).Fields() {
		all = append(all, q.Interface().(interface{ route(*Server) route }).route(s))
	}
	return all
}

// ask puts a question to the gate.
func ask[Q, A any](ctx context.Context, c *Client, q question[Q, A], in Q) (out A, err error) {
	method, path, _ := strings.Cut(q.pattern, " ")
	err = c.call(ctx, method, path, in, &out)
	return out, err
}

// A place is a tree of the audit log. Its text is its size, a colon, and the root in hexadecimal.
type place tlog.Tree

// MarshalText implements encoding.TextMarshaler.
func (p place) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d:%x", p.N, p.Hash[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *place) UnmarshalText(text []byte) error {
	size, root, _ := strings.Cut(string(text), ":")
	n, err := strconv.ParseInt(size, 10, 64)
	b, notHex := hex.DecodeString(root)
	if err != nil || notHex != nil || len(b) != tlog.HashSize {
		return hint.Wrap(fmt.Errorf("%q is no place in an audit log", text), adviceVersion)
	}
	*p = place{N: n, Hash: tlog.Hash(b)}
	return nil
}

// A token is that of a pass. Its text is the letters of the pass.
type token template.Token

// MarshalText implements encoding.TextMarshaler.
func (t token) MarshalText() ([]byte, error) { return []byte(template.Token(t).Text()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *token) UnmarshalText(text []byte) error {
	parsed, err := template.ParseToken(string(text))
	if err != nil {
		return hint.Wrap(err, "give the %d letters of the pass and nothing else", template.TokenTextSize)
	}
	*t = token(parsed)
	return nil
}

// A secret is an answer that is overwritten once it has been sent.
type secret interface{ clear() }
