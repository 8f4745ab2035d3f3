package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/witness"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/configs/text"
)

type witnessCommand struct {
	Create witnessCreateCommand `cmd:"" help:"Make the one file of a witness, with a new key, and print the verifier key that gates and people are told."`
	Key    witnessKeyCommand    `cmd:"" help:"Print the verifier key of a witness."`
	Add    witnessAddCommand    `cmd:"" help:"Follow logs: those of gates, or others."`
	List   witnessListCommand   `cmd:"" help:"List the logs that are followed, how far each has come, and what was forgotten."`
	Serve  witnessServeCommand  `cmd:"" help:"Answer logs that ask for signatures, over HTTP or by way of a broker, until Ctrl-C."`
	Sign   witnessSignCommand   `cmd:"" help:"Answer the request of a gate without a network, from a file, and print the answer."`
	Forget witnessForgetCommand `cmd:"" help:"Let a log begin anew, after damage. That its past was forgotten is kept for good."`
}

// witnessFile names the file of a witness.
type witnessFile struct {
	File string `arg:"" help:"File of the witness."`
}

// with opens the file for f.
func (f witnessFile) with(use func(*witness.Witness) error) error {
	w, err := witness.Open(f.File)
	if err != nil {
		return err
	}
	return errors.Join(use(w), w.Close())
}

// A witnessKey is by what a witness is known.
type witnessKey struct {
	Name string `json:"name"`
	Key  string `json:"key"` // verifier key (C2SP)
	ID   string `json:"id"`  // of it, which topics end in
}

// keyOf returns by what w is known.
func keyOf(w *witness.Witness) witnessKey {
	v := w.Verifier()
	return witnessKey{v.Name(), v.String(), w.KeyID()}
}

type witnessCreateCommand struct {
	witnessFile
	Name string `required:"" placeholder:"NAME" help:"What everybody sees it called, without spaces: like residents.example/witness."`
	jsonFlag
}

func (c *witnessCreateCommand) Run(t terminal) error {
	if err := witness.Create(c.File, c.Name, rand.Reader); err != nil {
		return err
	}
	return c.with(func(w *witness.Witness) error {
		k := keyOf(w)
		return c.print(t, k, func(tw *tabwriter.Writer) {
			show.Fprintf(t.err, "%s created: keep it, and let nobody else read it. Gates and people are told this key:\n", c.File)
			show.Fprintln(tw, k.Key)
		})
	})
}

type witnessKeyCommand struct {
	witnessFile
	jsonFlag
}

func (c *witnessKeyCommand) Run(t terminal) error {
	return c.with(func(w *witness.Witness) error {
		k := keyOf(w)
		return c.print(t, k, func(tw *tabwriter.Writer) { show.Fprintln(tw, k.Key) })
	})
}

type witnessAddCommand struct {
	witnessFile
	Keys []string `arg:"" name:"key" help:"Keys of the logs: what facegate device pubkey prints at a gate, or verifier keys of C2SP."`
	jsonFlag
}

func (c *witnessAddCommand) Run(t terminal) error {
	return c.with(func(w *witness.Witness) error {
		if err := w.Add(c.Keys...); err != nil {
			return err
		}
		logs, _, err := w.Logs()
		if err != nil {
			return err
		}
		return c.print(t, map[string]int{"logs": len(logs)}, func(tw *tabwriter.Writer) { show.Fprintf(tw, "logs that are followed: %d\n", len(logs)) })
	})
}

// A followed is a log as a witness knows it.
type followed struct {
	Origin   string     `json:"origin"`
	Key      string     `json:"key"`                 // verifier key of the log
	Size     int64      `json:"size"`                // of the newest tree that was cosigned, 0 for none
	Cosigned *time.Time `json:"cosigned,omitempty"`  // when that was
	Note     string     `json:"note,omitempty"`      // its checkpoint, with the signatures of log and witness
	Fork     string     `json:"fork,omitempty"`      // a checkpoint of another tree of a size that was cosigned, signed by the log: it proves that the log has two histories
	At       *time.Time `json:"forgotten,omitempty"` // when this was forgotten
}

func followedOf(l witness.Log) followed {
	f := followed{Origin: l.Origin, Key: l.Key, Size: l.Size, Note: string(l.Note), Fork: string(l.Fork)}
	if !l.Cosigned.IsZero() {
		f.Cosigned = &l.Cosigned
	}
	return f
}

// A witnessList is all that a witness keeps but its private key.
type witnessList struct {
	witnessKey
	Logs      []followed `json:"logs"`
	Forgotten []followed `json:"forgotten"` // the oldest first; the logs may have begun anew
}

type witnessListCommand struct {
	witnessFile
	jsonFlag
}

func (c *witnessListCommand) Run(t terminal) error {
	return c.with(func(w *witness.Witness) error {
		logs, gone, err := w.Logs()
		if err != nil {
			return err
		}
		list := witnessList{keyOf(w), []followed{}, []followed{}}
		for _, l := range logs {
			list.Logs = append(list.Logs, followedOf(l))
		}
		for _, g := range gone {
			f := followedOf(g.Log)
			f.At = &g.At
			list.Forgotten = append(list.Forgotten, f)
		}
		return c.print(t, list, list.write)
	})
}

func (l witnessList) write(w *tabwriter.Writer) {
	show.Fprintf(w, "witness\t%s\n", l.witnessKey.Key)
	for _, f := range l.Logs {
		show.Fprintf(w, "%s\t%s\n", f.Origin, f.state())
		if f.Fork != "" {
			show.Fprintf(w, "\tIT HAS TWO HISTORIES: the log has signed another tree of a size that was cosigned (--json prints the proof)\n")
		}
	}
	for _, f := range l.Forgotten {
		show.Fprintf(w, "%s\tforgotten on %s: %s\n", f.Origin, f.At.Format(time.RFC3339), f.state())
	}
	if len(l.Logs) == 0 {
		show.Fprintf(w, "no log is followed: facegate witness add FILE KEY\n")
	}
}

// state says how far the log has come.
func (f followed) state() string {
	if f.Cosigned == nil {
		return "nothing was cosigned"
	}
	return fmt.Sprintf("size %d, cosigned %s", f.Size, f.Cosigned.Format(time.RFC3339))
}

type witnessSignCommand struct {
	witnessFile
	Request string `arg:"" help:"File with the request, as a gate has made it; - for standard input."`
	jsonFlag
}

// A witnessAnswer is the answer to a request.
type witnessAnswer struct {
	Cosigned bool   `json:"cosigned"` // otherwise the note is the newest that was cosigned before
	Note     string `json:"note"`     // the checkpoint with the signatures of log and witness; empty where nothing was ever cosigned
}

func (c *witnessSignCommand) Run(t terminal) error {
	request, err := c.read(t)
	if err != nil {
		return err
	}
	return c.with(func(w *witness.Witness) error {
		note, ok, err := w.Answer(request)
		if !ok {
			return hint.Wrap(err, "%s", adviceUnanswered(err, c.File))
		}
		printed := c.print(t, witnessAnswer{err == nil, string(note)}, func(w *tabwriter.Writer) { w.Write(note) })
		if err != nil {
			err = hint.Wrap(err, "%s", adviceRefusal(err))
		}
		return errors.Join(printed, err)
	})
}

// read returns the request, also from the text that somebody has scanned.
func (c *witnessSignCommand) read(t terminal) (request []byte, err error) {
	if c.Request == standard {
		request, err = io.ReadAll(io.LimitReader(t.in, witness.MaxRequest+1))
	} else {
		request, err = file.Read(c.Request, witness.MaxRequest)
	}
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the request: %w", err), "%s", cmp.Or(hint.Of(err), "name the file that the gate has made for this witness"))
	}
	return text.Carried(request), nil
}

// adviceUnanswered says what to do about a request that no log has signed which is followed.
func adviceUnanswered(err error, file string) string {
	switch {
	case errors.Is(err, witness.ErrUnknownLog):
		return "follow the log, with what facegate device pubkey prints at its gate: facegate witness add " + file + " KEY"
	case errors.Is(err, witness.ErrBroken):
		return hint.Of(err)
	}
	return "have the gate make the request anew, and see that it comes here as it was made"
}

// adviceRefusal says what to do about a checkpoint that was not cosigned.
func adviceRefusal(err error) string {
	if errors.Is(err, witness.ErrConflict) {
		return "take the note that is printed to the gate, and then a request from there: it was made before the gate knew of that note. A gate that " +
			"finds the note ahead of it was set back"
	}
	return "the gate shows another past than before: take the note that is printed to the gate, and see docs/witness.md"
}

type witnessForgetCommand struct {
	witnessFile
	Origin string `arg:"" help:"The log, as facegate witness list names it."`
	yesFlag
	jsonFlag
}

func (c *witnessForgetCommand) Run(ctx context.Context, t terminal) error {
	return c.with(func(w *witness.Witness) error {
		err := c.confirm(ctx, t, question{
			"this witness forgets what it has cosigned of a log, and signs whatever the log begins anew with",
			[]string{c.Origin, "whoever was erased there may be in what it begins with; that it was forgotten is listed for good"},
			"y",
		})
		if err != nil {
			return err
		}
		was, err := w.Forget(c.Origin, time.Now())
		if err != nil {
			return hint.Wrap(err, "name it as facegate witness list %s does", c.File)
		}
		f := followedOf(was)
		return c.print(t, f, func(tw *tabwriter.Writer) { show.Fprintf(tw, "%s is forgotten: %s\n", f.Origin, f.state()) })
	})
}
