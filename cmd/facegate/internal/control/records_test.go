package control_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/people/recordstest"
	"facegate/configs/hint"
	"facegate/store/audit"
)

// TestRecords checks that records answer by way of the socket as they do in process. Who asks is who runs the test.
func TestRecords(t *testing.T) {
	recordstest.Run(t, func(t *testing.T) recordstest.Subject {
		g := newTwin(t)
		client := control.NewClient(serve(t, g, timeout).socket)
		return recordstest.Subject{House: g.House, Records: client, By: audit.Actor(os.Getuid())}
	})
}

// TestSameRefusals has one house refuse the same questions in process and over the socket.
func TestSameRefusals(t *testing.T) {
	g := newTwin(t)
	here, there := g.Register.As(audit.Actor(os.Getuid())), control.NewClient(serve(t, g, timeout).socket)
	for name, ask := range recordstest.Refusals() {
		a, b := ask(t.Context(), here), ask(t.Context(), there)
		if hint.Of(a) != hint.Of(b) || !strings.HasSuffix(b.Error(), a.Error()) {
			t.Errorf("%s: in process %v, hint %q; over the socket %v, hint %q", name, a, hint.Of(a), b, hint.Of(b))
		}
		for _, kind := range people.Kinds() {
			if errors.Is(a, kind) != errors.Is(b, kind) {
				t.Errorf("%s: that it is %q differs", name, kind)
			}
		}
		if !errors.Is(b, control.ErrRefused) {
			t.Errorf("%s: the client does not say that the gate refuses: %v", name, b)
		}
	}
}
