package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

// A file that was never tried may end the process that opens it. So it is opened in one of its own, for which this command is.
type modelsTryCommand struct {
	Name string `arg:"" help:"Name of the network."`
}

// maxNetwork bounds what is read as a network, in bytes.
const maxNetwork = 256 << 20

func (c *modelsTryCommand) Run(t terminal) error {
	m, err := models.Load()
	if err != nil {
		return err
	}
	all := m.Models()
	i := slices.IndexFunc(all, func(m models.Model) bool { return m.Name == c.Name })
	if i < 0 {
		return hint.Wrap(fmt.Errorf("network %q: %w", c.Name, models.ErrUnknown), "facegate models list names them")
	}
	data, err := io.ReadAll(io.LimitReader(t.in, maxNetwork))
	if err != nil {
		return err
	}
	return vision.Prove(vision.Model{Name: c.Name, Kind: all[i].Kind, Data: data, Answer: all[i].Answer})
}

// tryNetwork returns the trial of files that were never tried.
func tryNetwork(ctx context.Context) models.Trial {
	return func(m models.Model, data []byte) error {
		_, err := child(ctx, data, "models", "try", m.Name)
		return err
	}
}

var errChild = errors.New("the network ends the process that opens it")

// child runs this program with some arguments in a process of its own, which may die of what it is given. It returns what that
// writes to standard output.
func child(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	var out, err bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = "/", bytes.NewReader(input), &out, &err
	failed := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if exited := new(exec.ExitError); errors.As(failed, &exited) && !exited.Exited() {
		return nil, fmt.Errorf("%w: %v", errChild, failed)
	}
	if failed != nil {
		// OpenCV speaks for itself before.
		_, said, _ := strings.Cut("\n"+err.String(), "\nfacegate: ")
		first, _, _ := strings.Cut(said, "\n")
		return nil, fmt.Errorf("%s", show.Foreign(first))
	}
	return out.Bytes(), nil
}
