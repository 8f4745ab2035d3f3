package main

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/crypto/ssh"

	"facegate/cmd/facegate/internal/people"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/pipeline/order"
	"facegate/store"
	"facegate/store/tpm"
)

// errOperatorKey says that a file holds no key of an operator, or cannot be had.
var errOperatorKey = errors.New("the key of the operator cannot be used")

// maxOperatorKey bounds, in bytes, what is read as a key.
const maxOperatorKey = 16 << 10

type keyCommand struct {
	Create keyCreateCommand      `cmd:"" help:"Create the device key that all templates of this gate depend on. It opens nothing from afar."`
	New    operatorNewCommand    `cmd:"" help:"Make the key pair of an operator, who gives orders to open a door from afar. A key of ssh-keygen -t ed25519 does as well."`
	Add    operatorAddCommand    `cmd:"" help:"Register an operator's public key at this gate: orders that it has signed open the door from afar, from now on. Without one the gate listens to nobody."`
	List   operatorListCommand   `cmd:"" help:"List the operators whose keys are registered at this gate, and what whoever gives an order has to know of it."`
	Remove operatorRemoveCommand `cmd:"" help:"Remove an operator's key from this gate: no order that it has signed opens the door any more."`
}

type keyCreateCommand struct {
	File string `arg:"" optional:"" default:"/etc/facegate/device.key" help:"File to create (${default}); it must not exist."`
	TPM  string `name:"tpm" placeholder:"DEVICE" help:"Seal the key to this TPM 2.0, such as /dev/tpmrm0, so that it opens on this board alone. The configuration has to name the same one (tpm:)."`
	jsonFlag
}

func (c *keyCreateCommand) Run(t terminal) error {
	if c.TPM != "" {
		return c.seal(t)
	}
	if err := store.CreateKeyFile(t.newFiles(), c.File, rand.Reader); err != nil {
		return err
	}
	return c.print(t, map[string]string{"created": c.File}, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s created. Without it nobody who is enrolled can be recognised: give it to the service's user, keep no copy on this disk.\n", c.File)
	})
}

// seal creates a key that is sealed to a TPM.
func (c *keyCreateCommand) seal(t terminal) error {
	if err := tpm.Chip(c.TPM).CreateKey(t.newFiles(), c.File, rand.Reader); err != nil {
		return err
	}
	return c.print(t, map[string]string{"created": c.File, "tpm": c.TPM}, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s created. It opens with the TPM of this board alone, and without it nobody who is enrolled can be recognised: give it to "+
			"the service's user, and write tpm: %s into the configuration.\n", c.File, c.TPM)
	})
}

// keyStore returns the word for where a device key is kept; see store.KeySource.
func keyStore(class string) string {
	if class == "tpm" {
		return "TPM"
	}
	return class
}

type operatorNewCommand struct {
	File string `arg:"" help:"File for the private key; it must not exist. The public one is written beside it, with .pub added."`
	jsonFlag
}

func (c *operatorNewCommand) Run(t terminal) error {
	public, err := newKeyPair(t, c.File)
	if err != nil {
		return hint.Wrap(fmt.Errorf("%w: %w", errOperatorKey, err), "name a new file, in a folder that can be written to")
	}
	v := map[string]string{"key": c.File, "public": c.File + publicKey, "id": order.KeyOf(public).String()}
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintf(w, "private key: %s; whoever has it can open every door where it is registered: it stays with the operator\n", c.File)
		show.Fprintf(w, "public key: %s; register it at each gate: facegate key add NAME %s\n", c.File+publicKey, c.File+publicKey)
	})
}

// newKeyPair writes a new private key, and the public one beside it.
func newKeyPair(t terminal, path string) (ed25519.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	defer clear(private)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(secret)
	return public, keepBoth(t.newFiles(), path, secret, []byte(hex.EncodeToString(public)+"\n"))
}

type operatorAddCommand struct {
	Name string `arg:"" type:"operator" help:"What the key is called at this gate. Nobody at the other end is told."`
	File string `arg:"" help:"File with the public key, as facegate key new or ssh-keygen -t ed25519 writes it; - for standard input."`
	gateFlags
	jsonFlag
}

func (c *operatorAddCommand) Run(ctx context.Context, t terminal) error {
	public, err := c.public(t)
	if err != nil {
		return err
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	o, err := r.AddOperator(ctx, people.OperatorRequest{Name: c.Name, Key: public})
	var all people.Operators
	if err == nil {
		all, err = r.Operators(ctx)
	}
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, o, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s is registered (key %s): orders that it has signed open this gate\n", o.Name, o.ID)
		show.Fprintf(w, "to give one: facegate open --remote --gate %s --device %s --key FILE --broker URL\n", all.Gate, all.Device)
	})
}

// public returns the public key in hexadecimal.
func (c *operatorAddCommand) public(t terminal) (string, error) {
	text, err := readPublicKey(t, c.File, maxOperatorKey)
	if err != nil {
		return "", err
	}
	return operatorPublic(text)
}

// operatorPublic returns a public key in hexadecimal, that is given so or in a line of OpenSSH.
func operatorPublic(text string) (string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "-----BEGIN") {
		return "", hint.Wrap(fmt.Errorf("%w: it is a private key, which stays with the operator", errOperatorKey),
			"name the file that ends with %s; if others have seen this one, make another key", publicKey)
	}
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return text, nil // 64 digits, or the gate says what is wrong
	}
	if holder, ok := key.(ssh.CryptoPublicKey); ok && len(rest) == 0 {
		if public, ok := holder.CryptoPublicKey().(ed25519.PublicKey); ok && key.Type() == ssh.KeyAlgoED25519 {
			return hex.EncodeToString(public), nil
		}
	}
	return "", hint.Wrap(fmt.Errorf("%w: it is no single public key of kind ssh-ed25519", errOperatorKey), "make one with: ssh-keygen -t ed25519, or facegate key new FILE")
}

// readOperatorKey reads the private key of an operator, which is to be its owner's alone.
func readOperatorKey(path string) (ed25519.PrivateKey, error) {
	data, err := file.ReadSecret(path, maxOperatorKey)
	defer clear(data)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("%w: %w", errOperatorKey, err), "%s", cmp.Or(hint.Of(err), "name the file that facegate key new or ssh-keygen has made"))
	}
	parsed, err := ssh.ParseRawPrivateKey(data)
	switch key := parsed.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *ed25519.PrivateKey:
		return *key, nil
	}
	if errors.As(err, new(*ssh.PassphraseMissingError)) {
		return nil, hint.Wrap(fmt.Errorf("%w: %s has a passphrase", errOperatorKey, path),
			"take it off with ssh-keygen -p -N '' -f %s, or make a key for this alone: facegate key new FILE", path)
	}
	return nil, hint.Wrap(fmt.Errorf("%w: %s is no private key of Ed25519", errOperatorKey, path),
		"name the file that facegate key new or ssh-keygen -t ed25519 has made, without %s", publicKey)
}

type operatorListCommand struct {
	gateFlags
	jsonFlag
}

func (c *operatorListCommand) Run(ctx context.Context, t terminal) error {
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	all, err := r.Operators(ctx)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, all, func(w *tabwriter.Writer) {
		show.Fprintf(w, "gate\t%s, device %s\n", all.Gate, all.Device)
		for _, o := range all.Operators {
			show.Fprintf(w, "operator\t%s, since %s, key %s\n", o.Name, o.Since.Format(time.DateOnly), o.ID)
		}
		if len(all.Operators) == 0 {
			show.Fprintln(w, "operators\tnone: no order opens this gate from afar, and it listens to none (facegate key add NAME FILE)")
		}
	})
}

type operatorRemoveCommand struct {
	Name string `arg:"" type:"operator" help:"What the key is called at this gate."`
	yesFlag
	gateFlags
	jsonFlag
}

func (c *operatorRemoveCommand) Run(ctx context.Context, t terminal) error {
	if err := c.confirm(ctx, t, question{"this ends every order by an operator's key at this gate", []string{c.Name}, "y"}); err != nil {
		return err
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return err
	}
	o, err := r.RemoveOperator(ctx, c.Name)
	if err = done(err); err != nil {
		return err
	}
	return c.print(t, o, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s is removed: no order that it has signed opens this gate. Make a new key if others may have this one\n", o.Name)
	})
}
