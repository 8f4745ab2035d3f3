package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/pipeline/models"
)

// TestTryNetwork opens files in processes of their own: the right network, another one, and what is none.
func TestTryNetwork(t *testing.T) {
	t.Setenv(asProgram, "1")
	b := gatetest.Bundle(t)
	read := func(m models.Model) []byte {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(gatetest.Models(t), m.Files[0].File))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	network := read(b.Embedder)
	for _, test := range []struct {
		name string
		data []byte
		says string // "" if it is the embedder
	}{
		{"itself", network, ""},
		{"a liveness network", read(b.Liveness[0]), "the network does not work"},
		{"cut short", network[:len(network)/2], "the network does not work"},
		{"no network", []byte("<html>404</html>"), "the network does not work"},
		{"nothing", nil, "the network does not work"},
	} {
		err := tryNetwork(t.Context())(b.Embedder, test.data)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	unknown := b.Embedder
	unknown.Name = "unknown"
	if err := tryNetwork(t.Context())(unknown, network); err == nil || !strings.Contains(err.Error(), "not in the manifest") {
		t.Errorf("an unknown name: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tryNetwork(ctx)(b.Embedder, network); !errors.Is(err, context.Canceled) {
		t.Errorf("a command that was ended: %v", err)
	}
}
