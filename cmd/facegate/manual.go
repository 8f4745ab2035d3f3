package main

import (
	"strconv"

	"github.com/alecthomas/kong"

	"facegate/cmd/facegate/internal/manual"
)

type manCommand struct{}

// Run writes the page without marking anything in it: it is a source for man, and ours to the last letter.
func (*manCommand) Run(k *kong.Kong, t terminal) error {
	return manual.Page(t.out, k.Model, version,
		manual.Section{Title: "exit status", Rows: exitRows()},
		manual.Section{Title: "files", Rows: []manual.Row{
			{Term: defaultConfig, Meaning: "The configuration; facegate init writes it, and facegate config example prints it with every key explained."},
			{Term: "/etc/facegate/device.key", Meaning: "The device key, where it is a file."},
			{Term: "/run/facegate/control.sock", Meaning: "The control socket of the running gate."},
			{Term: "/var/lib/facegate", Meaning: "The records."},
		}},
	)
}

// exitRows are the exit codes as the manual has them.
func exitRows() (rows []manual.Row) {
	for _, c := range exitCodes() {
		rows = append(rows, manual.Row{Term: strconv.Itoa(c.code), Meaning: c.meaning})
	}
	return append(rows, manual.Row{
		Term:    "of status --check",
		Meaning: "0 ok, 1 degraded, 2 down or not running, 3 nobody can tell: those of monitoring plugins",
	})
}

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c *completionCommand) Run(k *kong.Kong, t terminal) error {
	return manual.Completion(t.out, c.Shell, k.Model)
}

// A versionFlag prints the version wherever it stands.
type versionFlag bool

// BeforeReset is called by kong before it looks at what else was given.
func (versionFlag) BeforeReset(k *kong.Kong, t terminal) error {
	if err := (&versionCommand{}).Run(t); err != nil {
		return err
	}
	k.Exit(exitOK)
	return nil
}
