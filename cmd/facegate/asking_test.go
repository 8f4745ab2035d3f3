package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
)

// TestAsking has a technician at a terminal asked, and a script that says yes or does not.
func TestAsking(t *testing.T) {
	l := startLive(t, gatetest.NewSite(t), nil)
	for _, person := range []string{"p01", "p02"} {
		if p := l.enroll(t, person); p.code != exitOK {
			t.Fatal(p.err)
		}
	}
	today := time.Now().UTC().Format(time.DateOnly)
	known := "p01, form form p01, enrolled " + today + ", until "
	png := l.site.Path("pass.png")
	for _, tt := range []struct {
		args       []string
		says, word string
	}{
		{[]string{"erase", "p01"}, known, "y"},
		{[]string{"person", "withdraw", "p01"}, known, "y"},
		{[]string{"person", "pass", "p01", "--png", png}, known, "y"},
		{[]string{"destroy-templates"}, "enrolled: 2;", "2"},
	} {
		args := append(tt.args, "--socket", l.site.Socket())
		p := facegate(t.Context(), args...)
		p.want(t, exitUnconfirmed, "", tt.says)
		p.want(t, exitUnconfirmed, "", "to do: give the same command with --yes")
		for _, answer := range []string{"", "\n", "n\n", "yes please\n", "3\n"} {
			p := answering(t.Context(), answer, args...)
			p.want(t, exitUnconfirmed, "", tt.says)
			p.want(t, exitUnconfirmed, "", "Type "+tt.word+" to go on: facegate: not confirmed, and nothing was done")
		}
	}
	absent(t, png)
	l.do(t, "people").want(t, exitOK, "p02", "")
	l.do(t, "status").want(t, exitOK, "people  ", "")

	say := func(answer string, args ...string) printout {
		return answering(t.Context(), answer, append(args, "--socket", l.site.Socket())...)
	}
	say("y\n", "erase", "p01").want(t, exitOK, "p01 is erased and does not match any more (form form p01, enrolled "+today, known)
	l.do(t, "epoch", "begin").want(t, exitOK, "epoch 2", "")
	l.do(t, "epoch", "end").want(t, exitUnconfirmed, "", "began: 1;")
	say("1\n", "epoch", "end").want(t, exitOK, "1 templates destroyed", "captured again")
	say("1\n", "destroy-templates").want(t, exitOK, "every template is destroyed", "enrolled: 1;")
}

// TestAskingEnds interrupts a question.
func TestAskingEnds(t *testing.T) {
	in, out, err := os.Pipe()
	must(t, err)
	defer in.Close()
	defer out.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	var said strings.Builder
	err = yesFlag{}.confirm(ctx, terminal{in: in, err: &said, asks: true}, question{what: "this ends all", word: "y"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
