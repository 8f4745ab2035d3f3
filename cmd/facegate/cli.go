package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"facegate/configs"
	"facegate/configs/file"
	"facegate/configs/hint"
	"facegate/configs/show"
)

// A commandLine is every command with its flags and arguments.
type commandLine struct {
	Init    initCommand    `cmd:"" help:"Ask for what a gate has to be told, test each part, and write the configuration and the device key. Every answer has a flag, so that it runs without a terminal. Given again it changes what was answered."`
	Run     runCommand     `cmd:"" help:"Run the gate: watch the camera, decide, open the door, tell the broker."`
	Enroll  enrollCommand  `cmd:"" help:"Enrol the consenting person who stands before the camera."`
	People  peopleCommand  `cmd:"" help:"List who is enrolled."`
	Erase   eraseCommand   `cmd:"" help:"Erase a person. They stop matching at once, and there is a signed receipt. Copies that hold the keyrings, and backups, are not reached. It works on a stopped gate too."`
	Person  personCommand  `cmd:"" help:"Show what is held of a person, correct a label, issue a pass, or withdraw a consent."`
	Pass    visitorCommand `cmd:"" help:"Issue, list, show and revoke passes of visitors, who are on no list."`
	PIN     pinCommand     `cmd:"" name:"pin" help:"Give people PINs and the numbers that go with them, or take them away."`
	Card    cardCommand    `cmd:"" help:"Give people cards, list them, or take them away."`
	Receipt receiptCommand `cmd:"" help:"Check or fetch receipts of erasures."`
	Audit   auditCommand   `cmd:"" help:"Check the audit log."`
	Witness witnessCommand `cmd:"" help:"Be a witness of gates of others: sign how far their audit logs have come, and nothing that takes out of them what was signed before. It needs no gate."`
	Device  deviceCommand  `cmd:"" help:"Print the public key of the device."`
	Policy  policyCommand  `cmd:"" help:"Print the retention schedule and the rules that the configuration enforces."`
	Rules   rulesCommand   `cmd:"" help:"Say in words what opens the door, for whom and when, and what of it counts now."`
	Notice  noticeCommand  `cmd:"" help:"Print the notice that people read before they consent."`
	Office  officeCommand  `cmd:"" help:"Serve a page to a clerk on this machine: notice, consent, capture, passes, erasures and what is held of people."`
	Lockout lockoutCommand `cmd:"" help:"Let every means open the door again after too many failures."`
	Clock   clockCommand   `cmd:"" help:"Say whether the clock is believed, by which people are erased, or confirm it."`

	Epoch    epochCommand    `cmd:"" help:"Change the keys that templates are made with, while people come and go."`
	Faces    facesCommand    `cmd:"" help:"Turn faces off for now, or on again. Nothing is destroyed, and the other ways in stay."`
	Destroy  destroyCommand  `cmd:"" name:"destroy-templates" help:"Destroy every template at once, as after a theft. The other ways in stay."`
	Lockdown lockdownCommand `cmd:"" hidden:"" help:"Say what this command is called now."`
	Wipe     wipeCommand     `cmd:"" help:"Destroy all that a stopped gate holds, with a certificate."`
	Backup   backupCommand   `cmd:"" help:"Copy people and templates without their keys, and bring them back without those who were erased."`

	Status  statusCommand  `cmd:"" help:"Say how camera, door, broker and people are, and what to do where one is not well."`
	Doctor  doctorCommand  `cmd:"" help:"Say what is wrong with gate and machine, and what to do next about each. It changes nothing; as root it looks as the user of the service."`
	Camera  cameraCommand  `cmd:"" help:"List, test, aim and calibrate the camera."`
	Open    openCommand    `cmd:"" help:"Open the door of a gate from afar, over its broker, with an order that an operator's key signs."`
	Door    doorCommand    `cmd:"" help:"Test the door, or force it to its safe level."`
	MQTT    mqttCommand    `cmd:"" name:"mqtt" help:"Say how the connection to the broker is, and what building systems are told."`
	Models  modelsCommand  `cmd:"" help:"Bring and check the networks."`
	Config  configCommand  `cmd:"" help:"Check a configuration, or print the reference."`
	Key     keyCommand     `cmd:"" help:"Create the device key, or register the keys of operators who open the door from afar."`
	Update  updateCommand  `cmd:"" help:"Check a package of a release before it is installed."`
	Eval    evalCommand    `cmd:"" help:"Measure accuracy on pictures, and write the calibration."`
	Demo    demoCommand    `cmd:"" help:"Show the gate at work on recorded people who do not exist."`
	Version versionCommand `cmd:"" help:"Print the version."`

	Bugreport bugreportCommand `cmd:"" help:"Write what whoever mends a gate has to know of it, without names, tokens, keys and addresses."`

	Man         manCommand        `cmd:"" help:"Print the man page: facegate man | man -l -"`
	Completion  completionCommand `cmd:"" help:"Print what completes commands and flags in a shell."`
	ShowVersion versionFlag       `name:"version" help:"Print the version, wherever it stands."`
}

// defaultConfig is where the configuration of a machine with one gate is.
const defaultConfig = "/etc/facegate/facegate.yaml"

// configFlag names the configuration.
type configFlag struct {
	Config string `default:"/etc/facegate/facegate.yaml" placeholder:"FILE" help:"Configuration (${default})."`
}

func (f configFlag) load() (*configs.Config, error) {
	c, _, err := f.parse()
	return c, err
}

// parse returns the configuration, and where in the file its keys stand.
func (f configFlag) parse() (*configs.Config, *configs.Source, error) {
	text, err := f.read()
	if err != nil {
		return nil, nil, err
	}
	return configs.Read(f.Config, bytes.NewReader(text))
}

func (f configFlag) read() ([]byte, error) {
	text, err := file.ReadShared(f.Config, configs.MaxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, hint.Wrap(fmt.Errorf("open the configuration: %w", err),
			"write one with: facegate init --config %s", f.Config)
	case err != nil:
		return nil, hint.Wrap(fmt.Errorf("open the configuration: %w", err), "%s",
			cmp.Or(hint.Of(err), fmt.Sprintf("let the user of facegate read %s", f.Config)))
	}
	return text, nil
}

// jsonFlag asks for a result that a program can read.
type jsonFlag struct {
	JSON bool `help:"Print JSON."`
}

// print writes v as JSON if that was asked for, and otherwise has text write it.
func (f jsonFlag) print(t terminal, v any, text func(w *tabwriter.Writer)) error {
	if f.JSON {
		return show.JSON(t.out, v)
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	text(w)
	return w.Flush()
}

type versionCommand struct{ jsonFlag }

// built is what a facegate was built of.
type built struct {
	Version string            `json:"version"`
	Go      string            `json:"go"`
	System  string            `json:"system"`
	Modules map[string]string `json:"modules"`
}

func versionOf() built {
	v := built{version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, map[string]string{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			v.Modules[m.Path] = m.Version
		}
	}
	return v
}

func (c *versionCommand) Run(t terminal) error {
	v := versionOf()
	return c.print(t, v, func(w *tabwriter.Writer) {
		show.Fprintf(w, "facegate %s (%s, %s)\n", v.Version, v.Go, v.System)
	})
}

type configCommand struct {
	Check   configCheckCommand   `cmd:"" help:"Check a configuration and say what is wrong with it."`
	Example configExampleCommand `cmd:"" help:"Print the reference: every key, explained, with its default."`
}

type configExampleCommand struct{}

func (c *configExampleCommand) Run(t terminal) error {
	_, err := t.out.Write(configs.Reference())
	return err
}
