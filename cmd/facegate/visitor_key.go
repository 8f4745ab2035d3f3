package main

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/visitor"
	"facegate/store/durable"
)

// errOfficeKey says that a file holds no private key of an office, or cannot be had.
var errOfficeKey = errors.New("the key of the office cannot be used")

// maxOfficeKey bounds, in bytes, what is read as a key.
const maxOfficeKey = 4 << 10

// publicKey is what the name of the file of the public key ends with, beside that of the private one.
const publicKey = ".pub"

type officeKeyCommand struct {
	New    officeNewCommand    `cmd:"" help:"Make the private key of an office, with which passes are issued, and the public one for the gates."`
	Add    officeAddCommand    `cmd:"" help:"Register an office at this gate by its public key: its passes open the door. One office can be registered at several gates."`
	List   officeListCommand   `cmd:"" help:"List the offices that are registered at this gate."`
	Remove officeRemoveCommand `cmd:"" help:"Remove an office from this gate: none of its passes opens the door any more."`
}

type officeNewCommand struct {
	File string `arg:"" help:"File for the private key; it must not exist. The public one is written beside it, with .pub added."`
	jsonFlag
}

func (c *officeNewCommand) Run(t terminal) error {
	public, err := newKeyPair(t, c.File)
	if err != nil {
		return hint.Wrap(fmt.Errorf("%w: %w", errOfficeKey, err), "name a new file, in a folder that can be written to")
	}
	id := visitor.KeyOf(public)
	v := map[string]string{"key": c.File, "public": c.File + publicKey, "id": hex.EncodeToString(id[:])}
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintf(w, "private key: %s; whoever has it can let visitors in: it stays in the office\n", c.File)
		show.Fprintf(w, "public key: %s; register it at each gate: facegate pass key add NAME %s\n", c.File+publicKey, c.File+publicKey)
	})
}

// keepBoth writes the two halves of a key, or neither.
func keepBoth(d durable.Disk, path string, private, public []byte) error {
	one, err := durable.Create(d, path, int64(len(private)))
	if err != nil {
		return err
	}
	other, err := durable.Create(d, path+publicKey, int64(len(public)))
	if err != nil {
		return errors.Join(err, one.Discard())
	}
	if err := errors.Join(one.Keep(private), other.Keep(public)); err != nil {
		return errors.Join(err, one.Discard(), other.Discard())
	}
	return nil
}

// readOfficeKey reads the private key of an office, which is to be its owner's alone.
func readOfficeKey(path string) (ed25519.PrivateKey, error) {
	data, err := file.ReadSecret(path, maxOfficeKey)
	defer clear(data)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("%w: %w", errOfficeKey, err), "%s", cmp.Or(hint.Of(err), "name the file that facegate pass key new has made"))
	}
	wrong := hint.Wrap(fmt.Errorf("%w: %s is no private key of an office", errOfficeKey, path), "name the file that facegate pass key new has made, "+
		"without %s", publicKey)
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, wrong
	}
	defer clear(block.Bytes)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := parsed.(ed25519.PrivateKey); ok && err == nil {
		return key, nil
	}
	return nil, wrong
}

type officeAddCommand struct {
	Name string `arg:"" type:"office" help:"What the office is called at this gate."`
	File string `arg:"" help:"File with its public key, which facegate pass key new has made; - for standard input."`
	gateFlags
	jsonFlag
}

func (c *officeAddCommand) Run(ctx context.Context, t terminal) error {
	public, err := readPublicKey(t, c.File, maxOfficeKey)
	if err != nil {
		return err
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	o, err := r.AddOffice(ctx, people.OfficeRequest{Name: c.Name, Key: public})
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, o, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s is registered (key %s): visitors' passes that it issues for this gate open the door\n", o.Name, o.ID)
	})
}

// readPublicKey returns what a file, or standard input, has of a public key: most bytes of it at most.
func readPublicKey(t terminal, name string, most int64) (string, error) {
	data, err := readInput(t, name, most)
	if err != nil {
		return "", hint.Wrap(fmt.Errorf("read the public key: %w", err), "%s", cmp.Or(hint.Of(err), "name the file that ends with "+publicKey))
	}
	return string(data), nil
}

// readInput returns what a file, or standard input, has: most bytes of that at most.
func readInput(t terminal, name string, most int64) ([]byte, error) {
	if name == standard {
		return io.ReadAll(io.LimitReader(t.in, most))
	}
	return file.Read(name, most)
}

type officeListCommand struct {
	gateFlags
	jsonFlag
}

func (c *officeListCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	v, err := r.Visits(ctx)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, v.Offices, func(w *tabwriter.Writer) {
		for _, o := range v.Offices {
			show.Fprintf(w, "%s\tsince %s\tkey %s\n", o.Name, o.Since.Format(time.DateOnly), o.ID)
		}
	})
}

type officeRemoveCommand struct {
	Name string `arg:"" type:"office" help:"What the office is called at this gate."`
	yesFlag
	gateFlags
	jsonFlag
}

func (c *officeRemoveCommand) Run(ctx context.Context, t terminal) error {
	if err := c.confirm(ctx, t, question{"this ends every visitor's pass of an office at this gate", []string{c.Name}, "y"}); err != nil {
		return err
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	o, err := r.RemoveOffice(ctx, c.Name)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, o, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s is removed: none of its passes opens this gate. Make a new key before it is registered again\n", o.Name)
	})
}
