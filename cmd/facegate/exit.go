package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"

	"facegate/cmd/facegate/internal/control"
	"facegate/cmd/facegate/internal/opening"
	"facegate/cmd/facegate/internal/people"
	"facegate/cmd/facegate/internal/witness"
	"facegate/configs/hint"
	"facegate/configs/show"
	"facegate/gpio"
)

// The exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
	exitNotRunning
	exitForbidden
	exitUnconfirmed
	exitPending
	exitTooSlow
	exitOwed
	exitHeld
	exitRefused
	exitUnanswered
)

// An exitCode is a code that a command ends with, and what it means.
type exitCode struct {
	code    int
	kind    string // a word for it
	meaning string
	errs    []error // that lead to it
}

// exitCodes are all of them, in order. An error that leads to none of the others has failed.
func exitCodes() []exitCode {
	return []exitCode{
		{exitOK, "done", "done", nil},
		{exitFailed, "failed", "failed, for the reason that is printed", nil},
		{exitUsage, "usage", "the command line is wrong, or names two gates", []error{errUsage, errOtherGate, errNoGate, errLockdown}},
		{exitNotRunning, "not-running", "the gate is not running", []error{control.ErrNotRunning}},
		{exitForbidden, "forbidden", "this user may not do it", []error{opening.ErrOwner, fs.ErrPermission, control.ErrForbidden}},
		{exitUnconfirmed, "unconfirmed", "it cannot be undone, and was not confirmed: add --yes", []error{errUnconfirmed}},
		{exitPending, "pending", "it cannot be undone, and waits for a second person", []error{control.ErrPending}},
		{exitTooSlow, "too-slow", "the demo: nothing went wrong, but this machine is too slow for a gate", []error{errTooSlow}},
		{exitOwed, "owed", "the erasure is owed: it is done by itself when the disk can be written to", []error{people.ErrOwed}},
		{exitHeld, "held", "somebody else holds what is needed: a line of the door, such as a gate that runs, or the file of a witness", []error{gpio.ErrInUse, errRunning, witness.ErrInUse}},
		{exitRefused, "refused", "a gate has refused the order to open, or a witness to sign, for the reason that is printed", []error{errRefused, witness.ErrConflict, witness.ErrFork, witness.ErrProof}},
		{exitUnanswered, "unanswered", "the gate has not answered an order: whether the door was opened is not known", []error{errUnanswered}},
	}
}

// codeOf returns the exit code of err.
func codeOf(err error) int { return exitOf(err).code }

// exitOf returns the exit code of err, with the words for it.
func exitOf(err error) exitCode {
	all := exitCodes()
	if err == nil {
		return all[exitOK]
	}
	for _, c := range all {
		if slices.ContainsFunc(c.errs, func(e error) bool { return errors.Is(err, e) }) {
			return c
		}
	}
	return all[exitFailed]
}

// A complaint is an error as people and programs read it.
type complaint struct {
	Error string `json:"error"`
	ToDo  string `json:"todo,omitempty"`
	Code  int    `json:"code"` // that the command ends with
	Kind  string `json:"kind"` // of the error, whatever the code
}

// complain prints an error and what to do about it, as one line of JSON if that is wanted, and returns the exit code.
func complain(w io.Writer, err error, code int, asJSON bool) int {
	each := parts(err)
	if asJSON {
		var advice []string
		for _, e := range each {
			advice = append(advice, hint.Of(e))
		}
		c := complaint{show.Plain(err.Error()), strings.Trim(strings.Join(slices.Compact(advice), "\n"), "\n"), code, exitOf(err).kind}
		show.Fprintln(w, jsonLine(c))
		return code
	}
	for _, e := range each {
		show.Fprintf(w, "facegate: ")
		for _, line := range faults(e) {
			show.Fprintln(w, show.Plain(line))
		}
		advise(w, hint.Of(e))
	}
	return code
}

// joined returns the errors that errors.Join has joined, nil for another error.
func joined(err error) []error {
	j, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	if each := j.Unwrap(); errors.Join(each...).Error() == err.Error() {
		return each
	}
	return nil
}

// parts returns the errors that errors.Join has joined, where each has advice of its own.
func parts(err error) (all []error) {
	each := joined(err)
	if each == nil || slices.ContainsFunc(each, func(e error) bool { return hint.Of(e) == "" }) {
		return []error{err}
	}
	for _, e := range each {
		all = append(all, parts(e)...)
	}
	return all
}

// advise prints what to do.
func advise(w io.Writer, todo string) {
	for i, line := range strings.Split(todo, "\n") {
		switch {
		case i > 0:
			show.Fprintln(w, "        ", line)
		case line != "":
			show.Fprintln(w, "  to do:", line)
		}
	}
}

// jsonLine returns v as JSON on one line, "" if it cannot be JSON.
func jsonLine(v any) string {
	var text, line bytes.Buffer
	if show.JSON(&text, v) != nil || json.Compact(&line, text.Bytes()) != nil {
		return ""
	}
	return line.String()
}

// wantsJSON reports whether a command line asks for JSON, even if it is wrong otherwise.
func wantsJSON(args []string) (wants bool) {
	for _, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		switch {
		case arg == "--":
			return wants
		case name == "--json":
			wants = !given || !slices.Contains([]string{"false", "0", "no"}, strings.ToLower(value))
		}
	}
	return wants
}
