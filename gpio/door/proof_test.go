package door

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The clocks of the searched machines, in ticks of a nanosecond. They are as short as they can be with every order of their ends
// possible: what a Machine does depends on the order alone.
const (
	tPulse     = 2
	tMaxOpen   = 3
	tPassage   = 3
	tHeldWarn  = 1
	tHeldAfter = 2
	tGrace     = 1
	tStuck     = 2

	tStall = 9    // longer than any of them
	base   = 1000 // the moment of every searched state
)

// A world is a door that is searched.
type world struct {
	Machine
	alike []Machine // of other settings, which must do the same in every step: what is found of one holds for them
	wired Lines     // the inputs that it has, and the relay if it can fail
}

func (w world) String() string {
	var names []string
	for line := Relay; line <= TamperLine; line++ {
		if w.wired.Has(line) {
			names = append(names, line.String())
		}
	}
	return fmt.Sprintf("%s, forced %t, with %s", w.Kind, w.Settings.Forced, strings.Join(names, " "))
}

// machines returns those of a kind, for both fails.
func machines(kind Kind, forced bool) (all []Machine) {
	for _, fail := range []Fail{Secure, Safe} {
		all = append(all, Machine{grace: tGrace, stuck: tStuck, Settings: Settings{
			Kind: kind, Fail: fail, Pulse: tPulse, MaxOpen: tMaxOpen, Passage: tPassage,
			HeldWarn: tHeldWarn, HeldAfter: tHeldAfter, Forced: forced,
		}})
	}
	return all
}

// wirings returns each choice of contact, exit button and fire alarm, and each of them alone with what touches nothing but the
// alarms: a tamper switch, and a relay that fails.
func wirings() (all []Lines) {
	for choice := range Lines(1 << 3) {
		all = append(all, choice<<ContactLine)
	}
	apart := Lines(0).with(Relay).with(TamperLine)
	return append(all, apart, apart.with(ContactLine), apart.with(ExitLine), apart.with(FireLine))
}

// worlds returns every setting: three kinds, both fails, with and without the alarm of a forced door, and the wirings.
func worlds() (all []world) {
	for _, forced := range []bool{true, false} {
		turnstile, others := machines(Turnstile, forced), append(machines(Strike, forced), machines(Maglock, forced)...)
		for _, wired := range wirings() {
			all = append(all, world{others[0], others[1:], wired}, world{turnstile[0], turnstile[1:], wired})
		}
	}
	return all
}

// inputs returns everything that can be done to the door of a world.
func (w world) inputs() []Input {
	all := []Input{
		{},
		{Act: Grant, Cause: Granted},
		{Act: Grant, Cause: Hand},
		{Act: Release},
		{Act: Keep, For: 1},
		{Act: Keep, For: 2},
		{Act: Keep, For: tMaxOpen},
		{Act: Keep, For: tMaxOpen + 1},
		{Act: Follow, Plan: Normal},
		{Act: Follow, Plan: Open},
		{Act: Follow, Plan: Shut},
	}
	if w.wired.Has(Relay) {
		all = append(all, Input{Act: Failed, Line: Relay}, Input{Act: Mended, Line: Relay})
	}
	for line := ContactLine; line <= TamperLine; line++ {
		if w.wired.Has(line) {
			all = append(all, Input{Act: Level, Line: line, Active: true}, Input{Act: Level, Line: line},
				Input{Act: Failed, Line: line}, Input{Act: Mended, Line: line})
		}
	}
	return all
}

// shift returns a state with its deadlines moved.
func (s State) shift(by time.Duration) State {
	for _, at := range []*Instant{&s.Pulse, &s.Passage, &s.Hold, &s.Limit, &s.Grace, &s.Stuck, &s.HeldAt} {
		if *at > 0 {
			*at += by
		}
	}
	return s
}

// A node is a state at the moment base, and what a witness remembers who saw how it came about.
type node struct {
	State
	witness
}

// A search walks through all states of a world.
type search struct {
	world
	seen        map[node]struct{}
	queue       []node
	transitions int
	happened    map[Event]bool
}

func (w world) search() (*search, error) {
	s := &search{world: w, seen: map[node]struct{}{}, happened: map[Event]bool{}}
	s.reach(node{witness: w.born()})
	inputs := w.inputs()
	for len(s.queue) > 0 {
		n := s.queue[len(s.queue)-1]
		s.queue = s.queue[:len(s.queue)-1]
		for _, in := range inputs {
			if err := s.step(n, in, 0); err != nil {
				return s, fmt.Errorf("%v: %w\nin  %+v\nby  %+v", w, err, n, in)
			}
		}
		for _, passed := range []time.Duration{1, 2, tStall} {
			if err := s.step(n, Input{}, passed); err != nil {
				return s, fmt.Errorf("%v: %w\nin  %+v\nafter %d", w, err, n, passed)
			}
		}
		if err := s.calms(n); err != nil {
			return s, fmt.Errorf("%v: %w\nin  %+v", w, err, n)
		}
	}
	return s, nil
}

func (s *search) reach(n node) {
	if _, ok := s.seen[n]; !ok {
		s.seen[n] = struct{}{}
		s.queue = append(s.queue, n)
	}
}

func (s *search) step(n node, in Input, passed time.Duration) error {
	s.transitions++
	now := base + passed
	next, events := s.Next(n.State, in, now)
	for _, other := range s.alike {
		if state, told := other.Next(n.State, in, now); state != next || !slices.Equal(told, events) {
			return fmt.Errorf("a %s that fails %s does not do the same: %+v with %v", other.Kind, other.Fail, state, told)
		}
	}
	for _, e := range events {
		s.happened[e] = true
	}
	witness, err := s.judge(n, in, passed, next, events)
	if err != nil {
		return fmt.Errorf("%w\nto  %+v\nwith %v", err, next.shift(-passed), events)
	}
	s.reach(node{next.shift(-passed), witness})
	return nil
}

// calms checks that a door comes to rest from a state: locked and without an alarm once everybody has left it alone.
func (s *search) calms(n node) error {
	now, state := time.Duration(base), n.State
	for _, in := range s.inputs() {
		leaves := in.Act == Mended || in.Act == Release || in == Input{Act: Follow, Plan: Normal} || in.Act == Level && !in.Active
		if leaves {
			state, _ = s.Next(state, in, now)
		}
	}
	for range 2 { // the grace of a door begins when it locks
		now += tStall
		state, _ = s.Next(state, Input{}, now)
	}
	if o := s.Outputs(state, now); o.Unlocked || o.Green || o.Buzzer || !o.Red || state.Wake() != 0 {
		return fmt.Errorf("the door does not come to rest: %+v, %+v", state, o)
	}
	return nil
}

// A proof is what the searches of all worlds have found.
type proof struct {
	mu                            sync.Mutex // guards what follows
	states, transitions, settings int
	happened                      map[Event]bool
	err                           error
}

// add adds what a search has found.
func (p *proof) add(s *search, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.states, p.transitions, p.settings = p.states+len(s.seen), p.transitions+s.transitions, p.settings+1+len(s.alike)
	maps.Copy(p.happened, s.happened)
	if p.err == nil {
		p.err = err
	}
}

// TestEveryState searches all states that a door can come to, whatever is done to it and whenever, and checks every step. Each
// processor searches worlds of its own.
func TestEveryState(t *testing.T) {
	p, todo := &proof{happened: map[Event]bool{}}, make(chan world)
	var searching sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		searching.Go(func() {
			for w := range todo {
				p.add(w.search())
			}
		})
	}
	for _, w := range worlds() {
		todo <- w
	}
	close(todo)
	searching.Wait()
	if p.err != nil {
		t.Fatal(p.err)
	}
	for _, what := range everything() {
		if !p.happened[what] {
			t.Errorf("%+v never happens", what)
		}
	}
	fmt.Printf("facegate: checked all %d states and %d transitions of a door, in %d settings\n", p.states, p.transitions, p.settings)
}

// everything is what can happen at a door.
func everything() (all []Event) {
	for _, c := range []Cause{Granted, Hand, Exit, Hold, Schedule, Fire} {
		all = append(all, Event{What: Unlocked, Cause: c})
	}
	for _, c := range []Cause{Hold, Schedule} {
		all = append(all, Event{What: Kept, Cause: c})
	}
	for _, w := range []What{
		Locked, Opened, Closed, Forced, ForcedEnded, HeldWarning, Held, HeldEnded, Tamper, TamperEnded, FireOn, FireOff, ExitAsked,
	} {
		all = append(all, Event{What: w})
	}
	for line := Relay; line <= TamperLine; line++ {
		all = append(all, Event{What: LineFault, Line: line.String()}, Event{What: LineMended, Line: line.String()})
	}
	return all
}
