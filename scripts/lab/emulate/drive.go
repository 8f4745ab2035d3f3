package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
)

// A driver drives inputs of a board, by QEMU's protocol for tests. The zero state connects when it is first needed.
type driver struct {
	board board
	lab   string

	conn    net.Conn
	answers *bufio.Reader
	chip    string // the path of the controller among QEMU's objects
}

// drive puts an input at a level.
func (d *driver) drive(pin, level int) error {
	if !d.board.drives {
		return errors.New("QEMU cannot drive inputs of this board")
	}
	if d.conn == nil {
		if err := d.connect(); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.conn, "set_irq_in %s unnamed-gpio-in %d %d\n", d.chip, pin, level)
	answer, err := d.answers.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "OK") {
		return fmt.Errorf("QEMU answers %q", answer)
	}
	return nil
}

func (d *driver) connect() (err error) {
	if d.chip, err = find(socketOf(d.lab, d.board, "qmp"), "child<pl061>"); err != nil {
		return err
	}
	if d.conn, err = net.Dial("unix", socketOf(d.lab, d.board, "qtest")); err != nil {
		return err
	}
	d.answers = bufio.NewReader(d.conn)
	return nil
}

func (d *driver) close() {
	if d.conn != nil {
		d.conn.Close()
	}
}

// find returns the path of an object of QEMU by its type, by way of its protocol for machines (QMP).
func find(socket, kind string) (path string, err error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	const root = "/machine/unattached"
	fmt.Fprintf(conn, `{"execute": "qmp_capabilities"} {"execute": "qom-list", "arguments": {"path": %q}}`, root)
	for answers := json.NewDecoder(conn); ; {
		var answer struct{ Return json.RawMessage }
		if err := answers.Decode(&answer); err != nil {
			return "", fmt.Errorf("ask QEMU for its %s: %w", kind, err)
		}
		var objects []struct{ Name, Type string }
		if json.Unmarshal(answer.Return, &objects) != nil {
			continue // the greeting, and the answer to the first request
		}
		for _, o := range objects {
			if o.Type == kind {
				return root + "/" + o.Name, nil
			}
		}
		return "", fmt.Errorf("QEMU has no %s", kind)
	}
}
