package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/systime"
	"facegate/configs"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/store"
	"facegate/store/durable"
	"facegate/store/receipt"
)

type backupCommand struct {
	Create  backupCreateCommand  `cmd:"" help:"Make a copy of people, consents, templates, passes, cards and PINs, and of what is known of visitors' passes, that holds no key. It opens with the device key alone, on this device."`
	Restore backupRestoreCommand `cmd:"" help:"Bring the people of a backup back to a stopped gate, but for those who were erased since."`
}

type backupCreateCommand struct {
	File string `arg:"" help:"File to write it to; it must not exist."`
	gateFlags
	jsonFlag
}

func (c *backupCreateCommand) Run(ctx context.Context, t terminal) error {
	f, err := durable.Create(t.newFiles(), c.File, 0)
	if err != nil {
		return hint.Wrap(fmt.Errorf("make the file for the backup: %w", err), "name a new file, in a folder with room")
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return errors.Join(err, f.Discard())
	}
	b, err := r.Backup(ctx)
	err = done(err)
	if err == nil {
		err = hint.Wrap(f.Keep(b.Data), "make room for the backup, and create it again")
	}
	if err != nil {
		return errors.Join(err, f.Discard())
	}
	v := map[string]any{"file": c.File, "people": b.People, "last_receipt": b.Number}
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s holds %d people as they are after receipt number %d\n", c.File, b.People, b.Number)
		show.Fprintf(w, "whoever has it and the device key can read it: keep the two apart, make a new backup after every erasure, and "+
			"destroy this one then\n")
	})
}

type backupRestoreCommand struct {
	File        string   `arg:"" help:"File that facegate backup create has written."`
	LastReceipt *uint64  `placeholder:"N" help:"Highest number of a receipt that you hold, as facegate receipt verify shows it; 0 if there has been none."`
	Receipts    []string `placeholder:"PATH" help:"Receipts that are newer than the backup: files, or folders of them."`
	Credentials string   `enum:",back,out" default:"" placeholder:"back|out" help:"What becomes of passes, cards, PINs, offices and operators where the gate's own list is lost, so that nobody can tell which were revoked since: all come back, or none."`
	yesFlag
	configFlag
	jsonFlag
}

func (c *backupRestoreCommand) Run(ctx context.Context, t terminal) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if err := opening.CheckOwner(cfg); err != nil {
		return err
	}
	data, err := file.Read(c.File, store.MaxBackup)
	if err != nil {
		return hint.Wrap(fmt.Errorf("read the backup: %w", err), "%s", cmp.Or(hint.Of(err), "name the file that facegate backup create has written"))
	}
	proof := store.Proof{Replace: c.Yes, Said: c.LastReceipt != nil}
	if proof.Said {
		proof.Last = *c.LastReceipt
	}
	switch c.Credentials {
	case "back":
		proof.Keys = store.BringBack
	case "out":
		proof.Keys = store.LeaveOut
	}
	if proof.Receipts, err = readReceipts(c.Receipts); err != nil {
		return err
	}
	r, err := restoreBackup(cfg, t, data, proof)
	if errors.Is(err, store.ErrRemains) {
		if err := c.confirm(ctx, t, question{what: "what is left of the damaged records makes way for the backup", word: "restore", about: []string{
			err.Error(), "the audit log, and receipts that nobody has fetched, are lost with it",
		}}); err != nil {
			return err
		}
		proof.Replace = true
		r, err = restoreBackup(cfg, t, data, proof)
	}
	if err != nil {
		return err
	}
	return c.print(t, restored(r), func(w *tabwriter.Writer) { writeRestored(w, r) })
}

func restoreBackup(cfg *configs.Config, t terminal, data []byte, proof store.Proof) (store.Restored, error) {
	log := newLog(t.err, slog.LevelWarn)
	r, err := opening.Restore(cfg, systime.New(), data, proof, me(), log)
	if errors.Is(err, store.ErrInUse) {
		return r, hint.Wrap(err, "stop the gate first: systemctl stop facegate")
	}
	return r, err
}

// readReceipts reads the receipts at paths, of which each is a file or a folder of files that end in .txt or .json.
func readReceipts(paths []string) (receipts [][]byte, err error) {
	for _, path := range paths {
		names := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			texts, textErr := filepath.Glob(filepath.Join(globbed(path), "*.txt"))
			lines, lineErr := filepath.Glob(filepath.Join(globbed(path), "*.json"))
			if err := errors.Join(textErr, lineErr); err != nil {
				return nil, err
			}
			names = slices.Concat(texts, lines)
		}
		for _, name := range names {
			data, err := file.Read(name, receipt.MaxSize)
			if err != nil {
				return nil, hint.Wrap(fmt.Errorf("read the receipts: %w", err), "%s", cmp.Or(hint.Of(err), "name files or folders that you may read"))
			}
			receipts = append(receipts, data)
		}
	}
	return receipts, nil
}

// globbed returns the pattern that path alone matches.
func globbed(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// restored returns r as JSON has it.
func restored(r store.Restored) any {
	return struct {
		People       int       `json:"people"`
		Templates    int       `json:"templates"`
		Keys         int       `json:"credentials"`
		KeysOut      int       `json:"credentials_left_out"`
		Shut         int       `json:"without_a_way_in"`
		Offices      int       `json:"offices"`
		OfficesOut   int       `json:"offices_left_out"`
		Operators    int       `json:"operators"`
		OperatorsOut int       `json:"operators_left_out"`
		Erased       int       `json:"erased_since"`
		Present      int       `json:"present"`
		Taken        []string  `json:"label_taken"`
		Made         time.Time `json:"made"`
		Number       uint64    `json:"backup_receipt"`
		Last         uint64    `json:"last_receipt"`
		Listed       bool      `json:"known_to_the_gate"`
		Entries      uint64    `json:"audit_entries_then"`
	}{r.People, r.Templates, r.Keys, r.KeysOut, r.Shut, r.Offices, r.OfficesOut, r.Operators, r.OperatorsOut, r.Erased, r.Present, append([]string{}, r.Taken...), r.Made, r.Number, r.Last, r.Listed, r.Entries}
}

// writeRestored says what came back, and what nobody could know.
func writeRestored(w *tabwriter.Writer, r store.Restored) {
	line := func(format string, args ...any) { show.Fprintf(w, format+"\n", args...) }
	line("%d people are back from the backup of %s, %d of them with a template", r.People, r.Made.Format(time.DateTime+" UTC"), r.Templates)
	if r.Present > 0 {
		line("%d more were enrolled all the time", r.Present)
	}
	if r.Erased > 0 {
		line("%d were erased or captured again after the backup, and are not back", r.Erased)
	}
	for _, label := range r.Taken {
		line("%s is not back, because that label, or one like it, is somebody else's: capture them again under another one", label)
	}
	if r.Listed {
		line("the gate's own list of erasures goes up to receipt number %d: if you hold a higher one, folders of this gate were put back "+
			"that are older than it, and who it is about may be back; restore again with --last-receipt and --receipts", r.Last)
	} else {
		line("the gate's own list of erasures is lost: by what you say the last receipt is number %d (the backup is of after number %d); "+
			"who was erased by a later one is back", r.Last, r.Number)
	}
	line("labels and groups are those of the backup: whoever was taken out of a group since is in it again (facegate people)")
	writeRestoredKeys(line, r)
	line("the audit log at the backup had %d entries, and is not in it; make a new backup, and destroy this one", r.Entries)
}

// writeRestoredKeys says which passes, cards, PINs, offices and operators came back.
func writeRestoredKeys(line func(format string, args ...any), r store.Restored) {
	if r.Keys+r.Offices > 0 {
		line("%d passes, cards and PINs are back, and %d offices that issue visitors' passes", r.Keys, r.Offices)
	}
	if r.Keys+r.Offices > 0 && !r.Known {
		line("  whatever of these was revoked or replaced after the backup opens again: revoke it anew (facegate card, facegate pin, " +
			"facegate person pass, facegate pass key)")
	}
	if r.KeysOut+r.OfficesOut > 0 {
		line("%d passes, cards and PINs are not back, and %d offices: they were revoked since, open so many times only, or may have been "+
			"revoked: give them anew", r.KeysOut, r.OfficesOut)
	}
	if r.Operators+r.OperatorsOut > 0 {
		line("%d keys of operators who open the door from afar are back, and %d are not (facegate key list)", r.Operators, r.OperatorsOut)
	}
	if r.Operators > 0 && !r.Known {
		line("  whichever of these was removed after the backup opens the door again: remove it anew (facegate key remove)")
	}
	if r.Shut > 0 {
		line("%d of the people have no way in now: give them a pass, a card or a PIN (facegate person pass, facegate card add, facegate pin set), "+
			"or capture them again", r.Shut)
	}
	if r.Visits {
		line("visitors' passes that began before now open nothing, because they may have been used or revoked since the backup; what was revoked " +
			"since of those that begin later has to be revoked again")
	}
}
