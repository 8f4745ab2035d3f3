package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
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
	Name   string `arg:"" help:"Name of the network."`
	Models string `help:"Folder of models, with networks that were adopted."`
	Answer bool   `help:"Print what it answers, as JSON, instead."`
}

// maxNetwork bounds what is read as a network, in bytes.
const maxNetwork = 256 << 20

func (c *modelsTryCommand) Run(t terminal) error {
	m, err := loadModels(c.Models)
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
	network := vision.Model{Name: c.Name, Kind: all[i].Kind, Data: data, Answer: all[i].Answer, Feed: all[i].Feed}
	if !c.Answer {
		return vision.Prove(network)
	}
	answer, err := vision.Answer(network)
	if err != nil {
		return err
	}
	return show.JSON(t.out, answer)
}

// loadModels returns the manifest with what was adopted into a folder.
func loadModels(dir string) (*models.Manifest, error) {
	m, err := models.Load()
	if err != nil {
		return nil, err
	}
	return m.With(models.Dir(dir))
}

// tryNetwork returns the trial of files that were never tried.
func tryNetwork(ctx context.Context) models.Trial {
	return func(m models.Model, data []byte) error {
		_, err := child(ctx, data, nil, "models", "try", m.Name)
		return err
	}
}

var errChild = errors.New("the network ends the process that opens it")

// child runs this program with some arguments in a process of its own, which may die of what it is given. It returns what that
// writes to standard output; what it writes to standard error goes to progress, too, unless that is nil.
func child(ctx context.Context, input []byte, progress io.Writer, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	var out, err bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = "/", bytes.NewReader(input), &out, &err
	if progress != nil {
		cmd.Stderr = io.MultiWriter(&err, raw(progress))
	}
	failed := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if exited := new(exec.ExitError); errors.As(failed, &exited) && !exited.Exited() {
		return nil, fmt.Errorf("%w: %v", errChild, failed)
	}
	if failed != nil {
		return nil, told(err.String())
	}
	return out.Bytes(), nil
}

// told returns the error that a child has told, in words or as JSON. OpenCV and bars of progress speak before.
func told(text string) error {
	var failure struct{ Error, Todo string }
	for line := range strings.Lines(text) {
		if said, ok := strings.CutPrefix(line, "facegate: "); ok && failure.Error == "" {
			failure.Error = strings.TrimSpace(said)
		}
		if i := strings.LastIndex(line, `{"error":`); i >= 0 && json.Unmarshal([]byte(line[i:]), &failure) != nil {
			failure.Error = strings.TrimSpace(line[i:])
		}
	}
	err := fmt.Errorf("%s", show.Foreign(cmp.Or(failure.Error, "it said nothing")))
	if failure.Todo == "" {
		return err
	}
	return hint.Wrap(err, "%s", show.Foreign(failure.Todo))
}
