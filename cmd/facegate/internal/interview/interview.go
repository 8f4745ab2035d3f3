// Package interview asks for what a gate has to be told, one question after the other, and writes each answer into the text of a
// configuration at once: what the file would be refused for is said while it can still be answered otherwise. The questions are data.
// What touches a machine is handed in, and so is whoever answers.
//
// Nothing that the law of a place wants to be stated is asked: an assessment is made, and no answer to a question. The draft that an
// interview ends with says what of it is missing.
package interview

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"facegate/configs"
	"facegate/configs/edit"
	"facegate/configs/hint"
)

// A Talk is with whoever answers.
type Talk struct {
	Say func(line string)

	// Ask shows what is asked and returns what is typed, without spaces around it. It is nil where nobody answers.
	Ask func(ctx context.Context, prompt string) (string, error)
}

// A Choice is one of the answers to a question.
type Choice struct {
	Answer string // "" for a remark on the others
	Says   string // what it is and can do
	Not    string // why it cannot be chosen, "" if it can
}

// A Part of a gate is tested as soon as all is known about it.
type Part string

// The parts.
const (
	Camera   Part = "camera"
	Networks Part = "networks"
	Door     Part = "door"
	Broker   Part = "broker"
)

// A Verdict is what came of a test.
type Verdict string

// The verdicts. A Machine has said why already.
const (
	Well     Verdict = "well"
	Unwell   Verdict = "unwell"
	Untested Verdict = "untested"
)

// A Machine is what the gate is to run on.
type Machine interface {
	// Cameras, Lines and Bundles list what there is to choose from, of a configuration as far as it is known.
	Cameras(c *configs.Config) []Choice
	Lines(c *configs.Config) []Choice
	Bundles(c *configs.Config) []Choice

	// Test tests a part as the text of a configuration has it, and tells what it finds. The error ends the interview.
	Test(ctx context.Context, part Part, text string) (Verdict, error)
}

// Errors of an interview.
var (
	ErrMissing = errors.New("an answer is missing")
	ErrRefused = errors.New("the answer cannot be taken")
	ErrAnswers = errors.New("no answer could be taken")
)

// An Interview is one that is to be held.
type Interview struct {
	Name    string            // of the file, as errors call it
	Text    string            // of the configuration that the answers start from
	Given   map[string]string // answers that need not be asked for, by the names of their questions
	Talk    Talk
	Machine Machine
}

// A Result is what an interview has come to.
type Result struct {
	Text     string         // of the configuration
	Draft    *configs.Draft // what it says
	Changed  []edit.Setting // of the text that the answers started from, in the order of the answers
	Verdicts map[Part]Verdict
}

// Run asks all that applies. An error wraps ErrMissing, ErrRefused or ErrAnswers, is that of the text's form, of the talk or of a test.
func (i Interview) Run(ctx context.Context) (Result, error) {
	r := &run{Interview: i, result: Result{Text: i.Text, Verdicts: map[Part]Verdict{}}}
	var err error
	if r.result.Draft, err = configs.ReadDraft(i.Name, i.Text); err != nil {
		return Result{}, err
	}
	all := steps()
	for at := 0; at < len(all); {
		move, err := r.step(ctx, all[at])
		if err != nil {
			return Result{}, err
		}
		if at += int(move); move == back {
			at = r.before(all, at)
		}
	}
	return r.result, nil
}

// A move is where an interview goes on.
type move int

const (
	forth move = 1
	stay  move = 0
	back  move = -1
)

// run is an interview that is being held.
type run struct {
	Interview
	result Result
}

// before returns the step at which something is asked that is at or before at; the first that is if there is none.
func (r *run) before(all []step, at int) int {
	asked := func(s step) bool {
		_, given := r.Given[s.name]
		return s.name != "" && s.applies(r.result.Draft) && !given
	}
	for i := min(at, len(all)-1); i >= 0; i-- {
		if asked(all[i]) {
			return i
		}
	}
	return slices.IndexFunc(all, asked)
}

// step asks one question, or tests one part.
func (r *run) step(ctx context.Context, s step) (move, error) {
	switch given, ok := r.Given[s.name]; {
	case s.name == "":
		return r.test(ctx, s.test)
	case !s.applies(r.result.Draft):
		return forth, nil
	case ok:
		if err := r.take(s, given); err != nil {
			return forth, hint.Wrap(fmt.Errorf("%w: --%s: %w", ErrRefused, s.name, err), "give another --%s: %s", s.name, s.explains)
		}
		return forth, nil
	case r.Talk.Ask == nil:
		return forth, r.propose(s)
	}
	return r.ask(ctx, s)
}

// propose takes what is proposed, because nobody answers.
func (r *run) propose(s step) error {
	proposed := s.proposes(r.result.Draft)
	if proposed == "" {
		return hint.Wrap(fmt.Errorf("%w: %s", ErrMissing, s.asks), "give it with --%s: %s", s.name, s.explains)
	}
	if err := r.take(s, proposed); err != nil {
		return hint.Wrap(fmt.Errorf("%w: %s: %w", ErrRefused, s.asks, err), "give another one with --%s: %s", s.name, s.explains)
	}
	return nil
}

// patience is how many answers to one question are refused before nobody is asked any more: a stream of input may have ended.
const patience = 5

// ask asks a question until there is an answer that can be taken.
func (r *run) ask(ctx context.Context, s step) (move, error) {
	choices := s.list(r.Machine, r.result.Draft.Config)
	r.list(choices)
	proposed := s.proposes(r.result.Draft)
	for range patience {
		answer, err := r.Talk.Ask(ctx, fmt.Sprintf("%s [%s]: ", s.asks, proposed))
		if err != nil {
			return forth, err
		}
		switch answer {
		case "?":
			r.Talk.Say("  " + strings.ReplaceAll(s.explains, "\n", "\n  "))
			continue
		case "<":
			return back, nil
		case "":
			answer = proposed
		}
		if answer == "" {
			r.Talk.Say("  this has to be answered; ? explains it")
			continue
		}
		if err := r.take(s, answer); err != nil {
			r.Talk.Say("  " + strings.ReplaceAll(err.Error(), "\n", "\n  "))
			continue
		}
		return forth, nil
	}
	return forth, hint.Wrap(fmt.Errorf("%w: %s", ErrAnswers, s.asks), "begin again, or give the answer with --%s: %s", s.name, s.explains)
}

// list shows what there is to choose from, each with the number that may be typed for it.
func (r *run) list(choices []Choice) {
	width := 0
	for _, c := range choices {
		width = max(width, len(c.Answer))
	}
	for n, c := range choices {
		number := strconv.Itoa(n + 1)
		if c.Not != "" {
			number, c.Says = "-", c.Not
		} else if numbered(choices) {
			number = ""
		}
		r.Talk.Say(strings.TrimRight(fmt.Sprintf("  %2s  %-*s  %s", number, width, c.Answer, c.Says), " "))
	}
}

// numbered reports whether one of the answers is a number itself, so that none can be given for another answer.
func numbered(choices []Choice) bool {
	return slices.ContainsFunc(choices, func(c Choice) bool { _, err := strconv.Atoi(c.Answer); return err == nil })
}

// chosen returns the answer that is meant: a number of the list, or what was typed.
func chosen(choices []Choice, typed string) (string, error) {
	if n, err := strconv.Atoi(typed); err == nil && !numbered(choices) && 1 <= n && n <= len(choices) {
		typed = choices[n-1].Answer
	}
	if i := slices.IndexFunc(choices, func(c Choice) bool { return c.Answer == typed }); i >= 0 && choices[i].Not != "" {
		return "", errors.New(strings.TrimPrefix(typed+": "+choices[i].Not, ": "))
	}
	return typed, nil
}

// take writes an answer into the text, unless the text would be refused for it. That the law refuses a value is no reason: it may have
// to be stated yet why it does not.
func (r *run) take(s step, typed string) error {
	answer, err := s.meant(r.Machine, r.result.Draft.Config, typed)
	if err != nil {
		return err
	}
	settings, err := s.settings(answer)
	if err != nil {
		return err
	}
	if answer == s.proposes(r.result.Draft) && r.result.Draft.Given(settings[0].Key) {
		settings = nil // as it was typed there
	}
	text, err := edit.Set(r.result.Text, settings...)
	if err != nil {
		return err
	}
	draft, err := configs.ReadDraft(r.Name, text)
	if err != nil {
		return err
	}
	for _, f := range draft.About(s.keys...) {
		if f.Law == "" {
			return errors.New(f.Message)
		}
	}
	r.result.Text, r.result.Draft = text, draft
	for _, set := range settings {
		r.result.Changed = append(slices.DeleteFunc(r.result.Changed, func(o edit.Setting) bool { return o.Key == set.Key }), set)
	}
	return nil
}

// test tests a part. Where something is wrong with it whoever answers may test it once more, answer anew, or go on all the same.
func (r *run) test(ctx context.Context, part Part) (move, error) {
	verdict, err := r.Machine.Test(ctx, part, r.result.Text)
	if err != nil {
		return forth, err
	}
	r.result.Verdicts[part] = verdict
	if verdict != Unwell || r.Talk.Ask == nil {
		return forth, nil
	}
	for range patience {
		answer, err := r.Talk.Ask(ctx, fmt.Sprintf("The %s is not well. Go on all the same (g), test it again (t), or answer anew (<) [g]: ", part))
		if err != nil {
			return forth, err
		}
		switch answer {
		case "", "g":
			return forth, nil
		case "t":
			return stay, nil
		case "<":
			return back, nil
		}
	}
	return forth, nil
}
