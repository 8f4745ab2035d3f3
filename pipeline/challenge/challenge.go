// Package challenge asks a person to turn the head, and judges over frames whether they did: presentation attack detection by
// challenge and response (ISO/IEC 30107-1). It sees five landmarks of each frame, and how much the face is like the one that
// the challenge began with. It has no clock and no randomness of its own: both come with the calls.
//
// A challenge is a series of turns. Before each of them the person looks ahead for a moment whose length nobody can foresee.
// Then a direction is shown, and the head has to turn that way, from where it was, within the time of Turning. A turn that was
// under way when the direction was shown is no answer to it. After the last turn the person looks ahead once more.
//
// What turns has to be a head. Relief says what no flat picture can show, however it is held.
package challenge

import (
	"time"

	"facegate/pipeline/detect"
)

// A Direction is where a person is asked to look. Left and right are the person's own.
type Direction uint8

// The directions. None is that nobody is asked.
const (
	None Direction = iota
	Ahead
	Left
	Right
)

func (d Direction) String() string {
	return [...]string{"", "look straight ahead", "look left", "look right"}[d]
}

// sign is that of the parallax in the picture of a camera, which sees the person's left on its right.
func (d Direction) sign() float64 {
	if d == Left {
		return 1
	}
	return -1
}

// A View is one frame of the face that is asked.
type View struct {
	Time      time.Time
	Landmarks detect.Landmarks
	Good      bool // the picture is good enough to tell whose face it is
	Same      bool // the face is like the one that the challenge began with
}

// An Outcome is what a challenge has come to.
type Outcome uint8

// The outcomes.
const (
	Going    Outcome = iota
	Passed           // turned as asked, each time, and stayed the same person
	Late             // not looked where it was asked, in time
	Early            // turned before anybody could have seen where to
	Opposite         // turned the other way
	Flat             // a flat picture was turned
	Swapped          // another face took the place of the one that was asked
)

func (o Outcome) String() string {
	return [...]string{"going", "passed", "late", "early", "opposite", "flat", "swapped"}[o]
}

// Attack reports whether an outcome shows that a picture was held up. Who does not turn has tried nothing. Who turns the
// wrong way may have been mistaken.
func (o Outcome) Attack() bool { return o == Flat || o == Swapped }

const (
	// Turning is how long a person has for a turn, and for looking ahead again.
	Turning = 2 * time.Second

	// settling is how long a person has for looking ahead at the beginning.
	settling = 3 * time.Second

	// reaction is the time before which nobody answers what they see. Simple reactions to light take 230 ms in the mean of
	// 1,469 people, and few take less than 200 ms (Woods et al., Frontiers in Human Neuroscience 9:131, 2015); the head turns
	// after that.
	reaction = 200 * time.Millisecond

	// agree is how many frames have to say so, each time.
	agree = 3

	// strangers is how many good frames in a row have to be of another face.
	strangers = 3

	// lapse is the longest time between two frames. Who could not be seen for so long may be somebody else.
	lapse = 500 * time.Millisecond
)

// MaxPause is the longest time for which a person looks ahead before a direction is shown, besides the frames that it takes.
const MaxPause = 600 * time.Millisecond

// A Turn is one turn to be asked for.
type Turn struct {
	Direction Direction     // Left or Right
	Pause     time.Duration // of looking ahead before it
}

// Draw makes a series of n turns. below returns a number from 0 to n-1, n at least 1, that nobody can foresee.
func Draw(n int, below func(n int) int) []Turn {
	turns := make([]Turn, n)
	for i := range turns {
		turns[i] = Turn{
			Direction: Left + Direction(below(2)),
			Pause:     time.Duration(below(int(MaxPause/time.Millisecond)+1)) * time.Millisecond,
		}
	}
	return turns
}

// A Challenge is put to one face.
type Challenge struct {
	turns   []Turn // not yet made; the first one is asked for, or will be
	asks    Direction
	outcome Outcome
	front   front // the face as it looks ahead

	since time.Time // when the person was asked to look where asks says
	last  time.Time // of the newest frame

	settled  int       // frames in a row that look ahead
	begun    time.Time // when the head began to turn as asked; zero if it looks ahead
	reached  int       // frames turned as asked
	opposite int       // frames turned the other way
	flat     int       // frames of a flat picture that is turned
	others   int       // good frames in a row of another face
}

// New returns the Challenge of these turns, at least one.
func New(turns []Turn) *Challenge { return &Challenge{turns: turns, asks: Ahead} }

// Asks returns where the person is to look now. It is None once there is an outcome.
func (c *Challenge) Asks() Direction { return c.asks }

// Outcome returns what the challenge has come to so far.
func (c *Challenge) Outcome() Outcome { return c.outcome }

// Knows reports whether the challenge has seen enough of how the face looks ahead. Before that nothing has been asked but that.
func (c *Challenge) Knows() bool { return c.front.known() }

// See takes the next frame and returns what the challenge has come to. Frames come in the order of their time. One that does not
// ends the challenge, as one that comes too long after the frame before does: it is Late. Once there is an outcome, it stays.
func (c *Challenge) See(v View) Outcome {
	if c.outcome != Going {
		return c.outcome
	}
	if c.last.IsZero() {
		c.since = v.Time
	} else if d := v.Time.Sub(c.last); d <= 0 || d > lapse {
		return c.end(Late)
	}
	c.last = v.Time
	switch {
	case v.Same && c.asks == Ahead:
		c.others = 0
		return c.ahead(v)
	case v.Same:
		c.others = 0
		return c.turn(v)
	case v.Good:
		if c.others++; c.others >= strangers {
			return c.end(Swapped)
		}
	}
	return c.inTime(v.Time)
}

// ahead judges a frame of somebody who was asked to look ahead.
func (c *Challenge) ahead(v View) Outcome {
	if !c.front.faces(v.Landmarks) {
		c.settled = 0
		if !c.front.known() {
			c.front = front{}
		}
		return c.inTime(v.Time)
	}
	c.settled++
	if !c.front.known() {
		c.front.add(v.Landmarks)
	}
	switch {
	case c.settled < agree:
	case len(c.turns) == 0:
		return c.end(Passed)
	case v.Time.Sub(c.since) >= c.turns[0].Pause:
		c.ask(c.turns[0].Direction, v.Time)
		return Going
	}
	return c.inTime(v.Time)
}

// turn judges a frame of somebody who was asked to turn.
func (c *Challenge) turn(v View) Outcome {
	c.count(c.front.relief(v.Landmarks), v.Time)
	switch {
	case c.opposite >= agree:
		return c.end(Opposite)
	case c.flat >= agree:
		return c.end(Flat)
	case c.reached >= agree && c.begun.Sub(c.since) < reaction:
		return c.end(Early)
	case c.reached >= agree:
		c.turns = c.turns[1:]
		c.ask(Ahead, v.Time)
		return Going
	}
	return c.inTime(v.Time)
}

// count takes what a frame of now says of a turn.
func (c *Challenge) count(r relief, now time.Time) {
	toward := r.aside * c.asks.sign()
	if !(toward >= begun) {
		c.begun, c.reached = time.Time{}, 0
	} else if c.begun.IsZero() {
		c.begun = now
	}
	switch {
	case toward <= -begun:
		c.opposite++
	case r.flat():
		c.flat++
	case toward >= enough && r.solid():
		c.reached++
	}
}

// ask begins to ask for a direction at now.
func (c *Challenge) ask(d Direction, now time.Time) {
	c.asks, c.since = d, now
	c.settled, c.reached, c.opposite, c.flat, c.begun = 0, 0, 0, 0, time.Time{}
}

// inTime ends the challenge if what was asked for should be done by now.
func (c *Challenge) inTime(now time.Time) Outcome {
	limit := Turning
	switch {
	case c.asks != Ahead:
	case !c.front.known():
		limit = settling
	case len(c.turns) > 0:
		limit += c.turns[0].Pause
	}
	if now.Sub(c.since) > limit {
		return c.end(Late)
	}
	return Going
}

func (c *Challenge) end(o Outcome) Outcome {
	c.outcome, c.asks = o, None
	c.front = front{}
	return o
}
