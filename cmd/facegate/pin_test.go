package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
)

// TestPINs gives somebody PINs and takes them away, of a stopped gate. How a running one answers is the contract of the questions.
func TestPINs(t *testing.T) {
	site := gatetest.NewSite(t)
	config := site.WriteConfig(t, nil)
	must(t, os.MkdirAll(site.State(), 0o700))
	do := func(answers string, args ...string) printout {
		return answering(t.Context(), answers, append(args, "--config", config)...)
	}
	if added := do("", "person", "add", "Bob", "--until", "2040-01-31", "--reference", "contract 7"); added.code != exitOK {
		t.Fatal(added.err) // which may complain of the clock
	}
	do("", "pin", "number", "Bob").want(t, exitFailed, "", "to do: give the person one first")
	do("314159\n314159\n", "pin", "duress", "Bob").want(t, exitFailed, "", "to do: give the person one first")
	do("271828\n271829\n", "pin", "set", "Bob").want(t, exitFailed, "", "the two are not the same, and nothing was done")
	do("123456\n123456\n", "pin", "set", "Bob").want(t, exitFailed, "", "to do: choose one that")
	do("\n\n", "pin", "set", "Bob").want(t, exitFailed, "", "to do: type the digits")
	do("271828\n271828\n", "pin", "set", "nobody").want(t, exitFailed, "", "to do: list the labels")
	facegate(t.Context(), "pin", "set", "Bob", "--config", config).want(t, exitFailed, "", "--generate")
	do("", "pin", "set", "Bob", "271828").want(t, exitUsage, "", "271828") // a PIN is no argument

	set := do("271828\n271828\n", "pin", "set", "Bob")
	set.want(t, exitOK, "any older PIN is dead", "PIN: ")
	number := strings.TrimSpace(do("", "pin", "number", "Bob").out)
	if !regexp.MustCompile(`^[1-9]\d{3}$`).MatchString(number) || !strings.Contains(set.out, "types "+number+"*PIN# at a keypad") {
		t.Errorf("the number is %q; set says\n%s", number, set.out)
	}
	do("314159\n314159\n", "pin", "duress", "Bob").want(t, exitOK, "raises a silent alarm", "once more: ")
	do("", "person", "show", "Bob").want(t, exitOK, "PIN with the number "+number+", and one for duress, since", "")
	var drawn struct{ Label, Number, PIN string }
	do("", "pin", "set", "Bob", "--generate", "--json").decode(t, &drawn)
	if drawn.Label != "Bob" || drawn.Number != number || !regexp.MustCompile(`^\d{6}$`).MatchString(drawn.PIN) {
		t.Errorf("set --generate --json says %+v", drawn)
	}
	do("", "pin", "duress", "Bob", "--generate").want(t, exitOK, "shown this once", "")
	do("", "pin", "duress", "Bob", "--remove").want(t, exitOK, "Bob has no PIN for duress", "")
	if again := do("", "pin", "number", "Bob", "--new"); again.code != exitOK || strings.TrimSpace(again.out) == number {
		t.Errorf("the new number is %q", again.out)
	}
	do("n\n", "pin", "remove", "Bob").want(t, exitUnconfirmed, "", "Bob")
	do("y\n", "pin", "remove", "Bob").want(t, exitOK, "Bob has no PIN", "Type y to go on: ")
	var file people.File
	do("", "person", "show", "Bob", "--json").decode(t, &file)
	if len(file.Credentials) != 0 {
		t.Errorf("there are %+v", file.Credentials)
	}
}

// terminalPair returns the two ends of a terminal: what a person sees and types, and what a command has.
func terminalPair(t *testing.T) (person, command *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { person.Close() })
	must(t, unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	must(t, err)
	command, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { command.Close() })
	return person, command
}

// TestPINIsNotSeen types a PIN at a terminal, which does not show it, and shows what is typed afterwards.
func TestPINIsNotSeen(t *testing.T) {
	person, command := terminalPair(t)
	var seen bytes.Buffer
	awaits := func(text string) {
		t.Helper()
		for part := make([]byte, 256); !strings.Contains(seen.String(), text); {
			n, err := person.Read(part)
			must(t, err)
			seen.Write(part[:n])
		}
	}
	types := func(text string) {
		t.Helper()
		_, err := person.WriteString(text)
		must(t, err)
	}
	typed := make(chan string, 1)
	go func() {
		pin, err := terminal{in: command, err: command, asks: true}.typePIN(t.Context())
		typed <- fmt.Sprint(string(pin), err)
	}()
	awaits("PIN: ")
	types("271828\n")
	awaits("once more: ")
	types("271828\n")
	select {
	case got := <-typed:
		if got != "271828<nil>" {
			t.Errorf("typed %s", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("the PIN is never read")
	}
	types("seen\n")
	awaits("seen")
	if strings.ContainsAny(seen.String(), "271828") {
		t.Errorf("the terminal shows %q", &seen)
	}
}
