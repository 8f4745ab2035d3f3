package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/bugreport"
	"facegate/cmd/facegate/internal/needle"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs"
	"facegate/configs/file"
	"facegate/device/v4l2/nodes"
)

// tellMachine writes what board and kernel there are, without any number of theirs.
func tellMachine(p *bugreport.Page, root fs.FS, cfg *configs.Config) {
	for _, f := range []struct{ name, path string }{
		{"board", "proc/device-tree/model"},
		{"product", "sys/class/dmi/id/product_name"},
		{"load", "proc/loadavg"},
		{"temperature (m°C)", "sys/class/thermal/thermal_zone0/temp"},
	} {
		if text := readable(root, f.path); text != "" {
			p.Foreign(f.name, text)
		}
	}
	for _, f := range []struct{ path, key, separator string }{
		{"etc/os-release", "PRETTY_NAME", "="}, {"proc/meminfo", "MemTotal", ":"}, {"proc/meminfo", "MemAvailable", ":"}, {"proc/meminfo", "SwapTotal", ":"},
	} {
		if value, ok := valueIn(root, f.path, f.key, f.separator); ok {
			p.Foreign(f.key, value)
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		p.Foreign("kernel", unix.ByteSliceToString(u.Release[:])+" "+unix.ByteSliceToString(u.Machine[:]))
	}
	if cfg != nil {
		var s unix.Statfs_t
		if unix.Statfs(cfg.StateDir, &s) == nil {
			p.Figure("free space of the records (MB)", s.Bavail*uint64(s.Bsize)>>20)
		}
	}
	for _, n := range nodes.This().List() {
		tellCamera(p, n)
	}
}

// valueIn returns the value of a key in a file of keys and values.
func valueIn(root fs.FS, name, key, separator string) (string, bool) {
	for lines := bufio.NewScanner(strings.NewReader(readable(root, name))); lines.Scan(); {
		if k, value, ok := strings.Cut(lines.Text(), separator); ok && strings.TrimSpace(k) == key {
			return strings.Trim(value, ` "`), true
		}
	}
	return "", false
}

// tellCamera writes what a video node has, without its serial number and where it is plugged in.
func tellCamera(p *bugreport.Page, n nodes.Node) {
	p.Foreign("camera", fmt.Sprintf("%s, driver %s, %s", n.Card, n.Driver, n.Kind))
	for _, f := range n.Formats {
		p.Foreign("camera format "+strconv.Quote(f.Code), sizes(f))
	}
	if n.Problem != "" {
		p.Sentence("camera not usable", n.Problem)
	}
}

// secrets returns what must not be in a report: what the records hold, what the configuration names, the keys, and what this machine is
// called. The error says why the records could not be asked.
func (c *bugreportCommand) secrets(ctx context.Context, t terminal, cfg *configs.Config) ([]needle.Needle, error) {
	all := ofMachine(t.root())
	if cfg != nil {
		all = append(all, ofConfiguration(cfg)...)
	}
	r, done, err := c.records(ctx, t)
	if err != nil {
		return all, err
	}
	held, err := ofRecords(ctx, r)
	return append(all, held...), done(err)
}

// ofRecords returns what the records know people, visitors, offices and operators by.
func ofRecords(ctx context.Context, r people.Records) (all []needle.Needle, err error) {
	persons, err := r.People(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range persons {
		all = append(all, needle.Text("the name of a person", p.Label)...)
		all = append(all, needle.Text("the number of a form", p.Consent)...)
		for _, g := range p.Groups {
			all = append(all, needle.Text("the name of a group", g)...)
		}
	}
	visits, err := r.Visits(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range visits.Offices {
		all = append(append(append(all, needle.Text("the name of an office", o.Name)...), keyNeedles("an office", o.Key)...), keyNeedles("an office", o.ID)...)
	}
	for _, v := range visits.Passes {
		all = append(all, needle.Text("the number of a pass", v.Number)...)
	}
	operators, err := r.Operators(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, keyNeedles("the device", operators.Device)...)
	for _, o := range operators.Operators {
		all = append(append(append(all, needle.Text("the name of an operator", o.Name)...), keyNeedles("an operator", o.Key)...), keyNeedles("an operator", o.ID)...)
	}
	receipts, err := r.Receipts(ctx)
	for _, one := range receipts {
		all = append(all, ofReceipt(one)...)
	}
	return all, err
}

// ofReceipt returns what of a receipt nobody else has: its texts.
func ofReceipt(text string) (all []needle.Needle) {
	var fields map[string]any
	if json.Unmarshal([]byte(text), &fields) != nil {
		return nil
	}
	for _, v := range fields {
		if s, ok := v.(string); ok && len(s) >= 16 {
			all = append(all, needle.Text("a receipt", s)...)
		}
	}
	return all
}

// keyNeedles returns the forms of a key that is given in hexadecimal.
func keyNeedles(of, digits string) (all []needle.Needle) {
	all = needle.Text("the key of "+of, digits)
	raw := make([]byte, len(digits)/2)
	if _, err := fmt.Sscanf(digits, "%x", &raw); err == nil && len(raw) >= 8 {
		all = append(all, needle.Encodings("the key of "+of, raw)...)
	}
	return all
}

// ofConfiguration returns every text of a configuration that is not the usual one, and what is in the files that it names.
func ofConfiguration(cfg *configs.Config) (all []needle.Needle) {
	usual := map[string]bool{}
	for _, text := range bugreport.Texts(configs.Defaults()) {
		usual[text] = true
	}
	for _, text := range bugreport.Texts(cfg) {
		if !usual[text] {
			all = append(all, needle.Text("a text of the configuration", text)...)
			all = append(all, needle.Text("a file that the configuration names", path.Base(text))...)
		}
	}
	for _, secret := range []string{cfg.KeyFile, cfg.MQTT.PasswordFile, cfg.MQTT.KeyFile} {
		if data, err := file.Read(secret, 64<<10); err == nil {
			if data = bytes.TrimSpace(data); len(data) >= 8 {
				all = append(all, needle.Encodings("a key or a password", data[:min(len(data), 32)])...)
			}
		}
	}
	return all
}

// ofMachine returns what the machine is called, and its numbers.
func ofMachine(root fs.FS) (all []needle.Needle) {
	all = needle.Text("the name of this machine", hostName())
	for _, name := range []string{
		"etc/hostname", "etc/machine-id", "proc/device-tree/serial-number", "sys/class/dmi/id/product_serial", "sys/class/dmi/id/product_uuid",
		"sys/class/dmi/id/board_serial",
	} {
		all = append(all, needle.Text("a number of this machine", readable(root, name))...)
	}
	all = append(all, needle.Text("the name of a user", cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER")))...)
	users, _ := fs.ReadFile(root, "etc/passwd") // of which none is none to look for
	for line := range strings.Lines(string(users)) {
		fields := strings.Split(line, ":")
		if len(fields) < 7 {
			continue
		}
		if id, err := strconv.Atoi(fields[2]); err == nil && id >= 1000 {
			all = append(all, needle.Text("the name of a user", fields[0])...)
		}
	}
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		all = append(all, needle.Text("an address of this machine", i.HardwareAddr.String())...)
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			ip, _, err := net.ParseCIDR(a.String())
			if err == nil && !ip.IsLoopback() {
				all = append(all, needle.Text("an address of this machine", ip.String())...)
			}
		}
	}
	return all
}
