package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strings"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/interview"
	"facegate/cmd/facegate/internal/service"
	"facegate/configs"
	"facegate/configs/edit"
	"facegate/configs/law"
	"facegate/configs/show"
	"facegate/device/v4l2/nodes"
	"facegate/gpio/cdev"
	"facegate/pipeline/models"
	"facegate/pipeline/vision"
)

// An initMachine is the one on which facegate init is given. What it tests it tests by the commands that a technician would give. Camera
// and broker it tests as the user of the service where that is another one; for the door somebody has to answer.
type initMachine struct {
	t        terminal
	who      *user.User // of the service, nil for whoever gives the command
	unit     service.Unit
	door     bool // is tested though nobody is asked
	untested bool // nothing is tested
	asks     bool // somebody answers
}

var _ interview.Machine = (*initMachine)(nil)

// Cameras implements interview.Machine.
func (m *initMachine) Cameras(c *configs.Config) (all []interview.Choice) {
	for _, n := range nodes.This().List() {
		choice := interview.Choice{Answer: cmp.Or(n.Lasting, n.Path), Says: n.Card}
		if !n.Usable() {
			choice.Not = cmp.Or(n.Card, "it") + ": " + n.Problem
		}
		for _, f := range n.Formats {
			if f.Usable {
				choice.Says += fmt.Sprintf("; %s %s", f.Code, sizes(f))
			}
		}
		all = append(all, choice)
	}
	if len(all) == 0 {
		all = append(all, interview.Choice{Not: "this machine has no camera yet: plug in a USB camera (UVC), and go back with < and forth again"})
	}
	return all
}

// Lines implements interview.Machine. Those without a name cannot be asked for.
func (m *initMachine) Lines(*configs.Config) (all []interview.Choice) {
	chips, _ := cdev.Chips() // of which none is none to choose from
	used := 0
	for _, c := range chips {
		for _, p := range c.Places() {
			switch i := p.Info(); {
			case i.Name == "":
			case i.Used:
				used++
			default:
				all = append(all, interview.Choice{Answer: i.Name, Says: "free, on " + c.Label})
			}
		}
	}
	all = append(all, interview.Choice{Answer: interview.Simulated, Says: "no relay, to try things out"})
	if used > 0 {
		all = append(all, interview.Choice{Not: fmt.Sprintf("%d more lines are in use: facegate door lines says by whom", used)})
	}
	return twice(all)
}

// twice names the chip of lines whose name another chip has too.
func twice(all []interview.Choice) []interview.Choice {
	count := map[string]int{}
	for _, c := range all {
		count[c.Answer]++
	}
	for i, c := range all {
		if count[c.Answer] > 1 {
			all[i].Answer += "@" + strings.TrimPrefix(c.Says, "free, on ")
		}
	}
	return all
}

// Bundles implements interview.Machine.
func (m *initMachine) Bundles(*configs.Config) (all []interview.Choice) {
	manifest, err := models.Load()
	if err != nil {
		return nil // and then a name is typed
	}
	for _, name := range manifest.Bundles() {
		if b, err := manifest.Bundle(name); err == nil {
			all = append(all, interview.Choice{Answer: name, Says: b.For})
		}
	}
	return all
}

// Test implements interview.Machine.
func (m *initMachine) Test(ctx context.Context, part interview.Part, text string) (interview.Verdict, error) {
	if m.untested {
		return interview.Untested, nil
	}
	path, cfg, err := m.trial(text, part)
	if err != nil {
		show.Fprintf(m.t.err, "the %s cannot be tested yet: %s\n", part, strings.Join(faults(err), "; "))
		return interview.Untested, nil
	}
	defer os.Remove(path)
	if part == interview.Networks {
		return m.networks(cfg)
	}
	if _, err := control.NewClient(cfg.Control.Socket).Status(ctx); err == nil {
		show.Fprintf(m.t.err, "the %s is not tested while the gate runs, which has it: systemctl stop facegate\n", part)
		return interview.Untested, nil
	}
	switch part {
	case interview.Camera:
		show.Fprintln(m.t.err, "The camera is tested for five seconds:")
		return m.run(ctx, m.who, "camera", "test", "--config", path)
	case interview.Door:
		return m.testDoor(ctx, path, cfg)
	}
	show.Fprintln(m.t.err, "The broker is tested:")
	return m.run(ctx, m.who, "mqtt", "test", "--config", path)
}

// trial writes the text to a file of its own for the test of a part. A camera works or does not, whatever an operator has to state and
// whatever holds the door: the file is that of a laboratory, and of no door unless that is tested.
func (m *initMachine) trial(text string, part interview.Part) (path string, c *configs.Config, err error) {
	settings := []edit.Setting{{Key: "profile", Value: string(law.Lab)}}
	if part != interview.Door {
		settings = append(settings, edit.Setting{Key: "door.driver", Value: string(configs.Sim)}, edit.Setting{Key: "door.chip", Value: `""`})
	}
	if text, err = edit.Set(text, settings...); err != nil {
		return "", nil, err
	}
	if c, err = configs.Parse("the configuration", strings.NewReader(text)); err != nil {
		return "", nil, err
	}
	f, err := os.CreateTemp("", "facegate-init-*.yaml")
	if err != nil {
		return "", nil, err
	}
	_, err = f.WriteString(text)
	uid, gid := place{who: m.who}.ids()
	if err = errors.Join(err, f.Close(), place{}.own(f.Name(), uid, gid)); err != nil {
		return "", nil, errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), c, nil
}

// run carries out a command that has said what it found when it ends.
func (m *initMachine) run(ctx context.Context, as *user.User, args ...string) (interview.Verdict, error) {
	t := m.t
	t.out, t.err = raw(t.err), raw(t.err)
	code := 0
	if as != nil && as.Username != self() {
		err := asUser(ctx, as, m.unit, t.out, t.err, args...)
		if failed := new(exec.ExitError); errors.As(err, &failed) {
			code = failed.ExitCode()
		} else if err != nil {
			return interview.Unwell, err
		}
	} else {
		code = run(ctx, args, t)
	}
	if ctx.Err() != nil {
		return interview.Unwell, ctx.Err()
	}
	if code != exitOK {
		return interview.Unwell, nil
	}
	return interview.Well, nil
}

// testDoor asks whether the door may be opened before it so much as takes its lines: a relay that is wired the other way round opens
// it by that.
func (m *initMachine) testDoor(ctx context.Context, path string, cfg *configs.Config) (interview.Verdict, error) {
	yes := m.door
	if m.asks && !yes {
		var err error
		if yes, err = m.t.yesOrNo(ctx, fmt.Sprintf("Test the door now? That unlocks it for %v.", cfg.Door.Pulse)); err != nil {
			return interview.Untested, err
		}
	}
	if !yes {
		return interview.Untested, nil
	}
	args := []string{"door", "test", "--direct", "--config", path}
	if !m.asks {
		args = append(args, "--yes")
	}
	return m.run(ctx, nil, args...)
}

// networks says whether the files of the bundle are there.
func (m *initMachine) networks(c *configs.Config) (interview.Verdict, error) {
	manifest, err := models.Load()
	if err != nil {
		return interview.Unwell, err
	}
	b, err := manifest.Bundle(string(c.Vision.Bundle))
	if err != nil {
		return interview.Unwell, err
	}
	for _, r := range models.Dir(c.Vision.ModelsDir).Verify(b.Models(), vision.OpenCV()) {
		if r.Status != models.OK {
			show.Fprintf(m.t.err, "the networks of %s are not all in %s yet: %s, afterwards\n", b.Name, c.Vision.ModelsDir, fetchOf(c))
			return interview.Untested, nil
		}
	}
	show.Fprintf(m.t.err, "the networks of %s are there\n", b.Name)
	return interview.Well, nil
}
