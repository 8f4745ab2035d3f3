package main

import (
	"crypto/rand"
	"text/tabwriter"

	"facegate/configs/show"
	"facegate/store"
)

type keyCommand struct {
	Create keyCreateCommand `cmd:"" help:"Create the device key that all templates of this gate depend on."`
}

type keyCreateCommand struct {
	File string `arg:"" optional:"" default:"/etc/facegate/device.key" help:"File to create (${default}); it must not exist."`
	jsonFlag
}

func (c *keyCreateCommand) Run(t terminal) error {
	if err := store.CreateKeyFile(t.newFiles(), c.File, rand.Reader); err != nil {
		return err
	}
	return c.print(t, map[string]string{"created": c.File}, func(w *tabwriter.Writer) {
		show.Fprintf(w, "%s created. Without it nobody who is enrolled can be recognised: give it to the service's user, keep no copy on this disk.\n", c.File)
	})
}
