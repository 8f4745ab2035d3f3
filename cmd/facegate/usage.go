package main

import (
	"errors"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"facegate/configs/hint"
)

var errUsage = errors.New("the command line is wrong")

// A usageError is an errUsage in the words of what is wrong.
type usageError string

func (e usageError) Error() string        { return string(e) }
func (e usageError) Is(target error) bool { return target == errUsage }

// usage says what is wrong with a command line, in words that are not the parser's, and what to do about it.
func usage(err error, args []string) error {
	advice := "facegate --help lists the commands"
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context.Selected() != nil {
		advice = wrong.Context.Selected().FullPath() + " --help says what it takes, facegate --help lists the commands"
	}
	text := err.Error()
	if dash := dashed(err, args); dash != "" {
		text, _, _ = strings.Cut(text, ", did you mean")
		advice = dash
	}
	if h := hint.Of(err); h != "" {
		advice = h
	}
	missing := regexp.MustCompile(`expected .* but got "EOL" \(<EOL>\)`)
	number := regexp.MustCompile(`expected (?:a valid \d+ bit u?int|an? (?:int|uint|float)) but got ("(?:[^"\\]|\\.)*")(?: \(\w+\))?`)
	text = missing.ReplaceAllLiteralString(text, "a value is missing")
	text = number.ReplaceAllString(text, "a number is wanted, not $1")
	return hint.Wrap(usageError(text), "%s", advice)
}
