// Package clock judges whether the clock of a machine says what time it is. Many boards have no clock that outlives a
// power cut, time servers give wrong answers, and people mistype a date: what destroys by the date asks here first.
//
// A machine has two clocks. The wall clock says a date and can be set. The counter of the time since the machine was
// started cannot: it says how much time has passed, and nothing of the date. The Judge adds the counter up over restarts
// (Verdict.Count), and holds the wall clock against it. As long as both go on together the wall clock runs steadily; where
// they part, it was set.
//
// A date is known when something vouches for it: the kernel, which is told by a time server, a technician (Confirm), or the
// wall clock itself by having gone on steadily for SteadyFor. From then on the counter alone tells the date, whatever the
// wall clock does, until the machine is started again. After that it tells the earliest that it can be: how long the
// machine was off is not known.
//
// The package is pure: it reads no clock and no file.
package clock

import (
	"errors"
	"time"
)

// A Reading is what a machine says of the time at one moment.
type Reading struct {
	Wall   time.Time
	Up     time.Duration // since the machine was started, asleep or not
	Boot   string        // names that start
	Synced bool          // the kernel says that Wall comes from a source of time
	Kept   bool          // the machine has a clock that goes on while it is off
	Past   time.Time     // has passed for certain by what is on the machine; zero if nothing says so
}

// past returns what has passed whatever is known.
func (r Reading) past() time.Time { return later(Floor(), r.Past) }

// A Source reads the clocks of a machine.
type Source func() Reading

const (
	// SteadyFor is how long a clock that nothing vouches for must go on before it is believed. A date that was mistyped
	// before a long weekend is found out earlier.
	SteadyFor = 7 * 24 * time.Hour

	// settle is how long the kernel must vouch for a date before anything is destroyed by it. A time server that is wrong
	// is mostly wrong for a moment.
	settle = time.Hour

	// renew is how often a date that is known is taken from the wall clock anew. Steps that each are too small to be seen
	// as one add up to no more than slack in a day then.
	renew = 24 * time.Hour

	// night is the longest pause for which the word of a wall clock that nothing vouches for is taken, while it is observed.
	night = 24 * time.Hour

	// slack is how far the two clocks may part. They come from one oscillator, and whatever makes the one go faster or slower
	// does so to the other; what is left are the small steps by which a time server is followed.
	slack = time.Minute

	// inexact is by how much a date may be wrong that no time server has given.
	inexact = 24 * time.Hour
)

// Floor is when this version was written, roughly. No date before it is believed, whoever vouches for it.
func Floor() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// ErrFloor refuses to confirm a date before Floor.
var ErrFloor = errors.New("no gate of this version has seen that date")

// A Line is a wall clock that goes on steadily: it says Wall at Count.
type Line struct {
	Wall  time.Time
	Count time.Duration
}

// At returns what the line says at count.
func (l Line) At(count time.Duration) time.Time { return l.Wall.Add(count - l.Count) }

// near reports whether wall at count is on the line.
func (l Line) near(wall time.Time, count time.Duration) bool {
	return wall.Sub(l.At(count)).Abs() <= slack
}

// A Run is how the wall clock has gone on since it was last set.
type Run struct {
	Line
	Off time.Duration // pauses in it for which the wall clock's word was taken
}

// A Known is a Line that something vouches for.
type Known struct {
	Line
	Boot   string        // in which it tells the date; after it, the earliest that the date can be
	Exact  bool          // a time server has given it
	Pauses time.Duration // in it, for which the wall clock's word was taken
}

// A Memory is what a Judge remembers. It can be kept as JSON.
type Memory struct {
	Boot  string        // of the last reading
	Up    time.Duration // at the last reading
	Count time.Duration // the time known to have passed from the first reading ever to the last
	Run   Run           // the present one

	Synced time.Duration // Count since which the kernel vouches for Run; below 0 if it does not
	Known  *Known        // nil if no date is known

	// Lead is the longest run since the machine was started, which Lasted so long. It tells the likely date where none is
	// known.
	Lead   Line
	Lasted time.Duration
}

// A Doubt is why the wall clock is not believed.
type Doubt uint8

// The doubts.
const (
	None      Doubt = iota
	Unvouched       // nothing vouches for it
	Stepped         // it was set away from the date that is known
	Behind          // it says a date before one that has passed
	Absurd          // it says a date before Floor, or Reading.Past
)

// A Verdict is what is known of the time at one moment.
type Verdict struct {
	Wall  time.Time
	Count time.Duration // known to have passed from the first reading ever; never 0
	Since time.Duration // Count at which the wall clock was last set, or first read

	Doubt   Doubt
	Off     time.Duration // how far Wall is from what is known or, of Unvouched, from what it said for longer
	Synced  bool          // the kernel vouches for Wall, and there is no Doubt
	Kept    bool          // as in the Reading
	Past    time.Time     // has passed for certain: the latest of what the machine, this version and what is known say
	Settled bool          // there is no Doubt, and has been none for long enough to write dates by Wall
	Waits   time.Duration // of Unvouched: until Wall is believed if it goes on steadily

	// Certain is a time that has come: the earliest that it can be. What destroys goes by it. It is zero if nothing is known.
	Certain time.Time

	// Latest is the latest of the times that it may be. Who has expired by it does not match.
	Latest time.Time
}

// Right reports whether the wall clock is believed.
func (v Verdict) Right() bool { return v.Doubt == None }

// A Trust is how far a wall clock can be trusted, in a word.
type Trust string

// The trusts.
const (
	Synced Trust = "synced" // a time server has set it
	RTC    Trust = "rtc"    // none has; it goes on while the machine is off, or something vouches for it, and nothing speaks against it
	Guess  Trust = "guess"  // it may be as late as the machine was off
	Bad    Trust = "bad"    // it says a date that cannot be
)

// Trust returns how far Wall can be trusted.
func (v Verdict) Trust() Trust {
	switch {
	case v.Doubt != None && v.Doubt != Unvouched:
		return Bad
	case v.Synced:
		return Synced
	case v.Right(), v.Kept:
		return RTC
	}
	return Guess
}

// Passed returns the time known to have passed since count.
func (v Verdict) Passed(count time.Duration) time.Duration { return max(v.Count-count, 0) }

// At returns the date at count, by the wall clock of now.
func (v Verdict) At(count time.Duration) time.Time { return v.Wall.Add(-v.Passed(count)) }

// A Judge judges one reading after another. The zero Judge has seen none.
type Judge struct{ m Memory }

// NewJudge returns a Judge that remembers m.
func NewJudge(m Memory) *Judge { return &Judge{m} }

// Memory returns what a later Judge has to remember.
func (j *Judge) Memory() Memory {
	m := j.m
	if m.Known != nil {
		k := *m.Known
		m.Known = &k
	}
	return m
}

// Judge takes note of r, which is later than the reading before, and says what is known.
func (j *Judge) Judge(r Reading) Verdict {
	r.Wall = r.Wall.Round(0) // two times of one process that have a monotonic reading are compared by that
	first := j.m.Boot == ""
	j.follow(r)
	j.believe(r, first)
	return j.verdict(r)
}

// Confirm takes note that a technician vouches for r. It refuses with ErrFloor.
func (j *Judge) Confirm(r Reading) error {
	j.Judge(r)
	r.Wall = r.Wall.Round(0)
	if r.Wall.Before(r.past()) {
		return ErrFloor
	}
	j.know(r, Known{})
	return nil
}

// follow counts the time that has passed, and finds out whether the wall clock has gone on with it.
func (j *Judge) follow(r Reading) {
	m := &j.m
	started := r.Boot != m.Boot
	switch {
	case m.Boot == "": // nothing of what was before is known
		m.Count = 1
	case started:
		m.Count += r.Up
	default:
		m.Count += max(r.Up-m.Up, 0)
	}
	off := r.Wall.Sub(m.Run.now(m.Count))
	set := false
	switch {
	case m.Boot == "":
		set = true
	case started && off >= 0 && off <= night:
		m.Run.Off += off
	default:
		set = off.Abs() > slack
	}
	if set {
		m.Run = Run{Line: Line{r.Wall, m.Count}}
	}
	if !r.Synced || started || set {
		m.Synced = -1
	}
	if r.Synced && m.Synced < 0 {
		m.Synced = m.Count
	}
	m.Boot, m.Up = r.Boot, r.Up
	m.lead(started)
}

// now returns what the wall clock says at count if it was not set.
func (r Run) now(count time.Duration) time.Time { return r.At(count).Add(r.Off) }

// lead finds out which run was the longest.
func (m *Memory) lead(started bool) {
	now, lasted := m.Run.now(m.Count), m.Count-m.Run.Count
	if started || now.Equal(m.Lead.At(m.Count)) || lasted > max(m.Lasted, settle) {
		m.Lead, m.Lasted = Line{now, m.Count}, lasted
	}
}

// believe learns the date where something vouches for it.
func (j *Judge) believe(r Reading, first bool) {
	m := &j.m
	if r.Wall.Before(r.past()) {
		return
	}
	synced := time.Duration(-1)
	if m.Synced >= 0 {
		synced = m.Count - m.Synced
	}
	steady := m.Count - m.Run.Count
	switch d := j.doubt(r); {
	case first && r.Synced: // and there is nobody yet to be lost
		j.know(r, Known{Exact: true})
	case synced >= SteadyFor && d != None: // what was known was wrong
		j.know(r, Known{Exact: true})
	case synced >= settle && d == None && (!j.firm(r) || !m.Known.Exact || m.Count-m.Known.Count >= renew):
		j.know(r, Known{Exact: true})
	case steady >= SteadyFor && d == Unvouched:
		j.know(r, Known{Pauses: m.Run.Off})
	}
}

func (j *Judge) know(r Reading, k Known) {
	k.Line, k.Boot = Line{r.Wall, j.m.Count}, r.Boot
	j.m.Known = &k
}

// firm reports whether the counter tells the date.
func (j *Judge) firm(r Reading) bool { return j.m.Known != nil && j.m.Known.Boot == r.Boot }

// doubt returns why the wall clock is not believed.
func (j *Judge) doubt(r Reading) Doubt {
	m := &j.m
	switch k := m.Known; {
	case r.Wall.Before(r.past()):
		return Absurd
	case j.firm(r) && k.near(r.Wall, m.Count):
		return None
	case k != nil && r.Synced && !k.Exact && r.Wall.Sub(k.At(m.Count)).Abs() <= inexact:
		return None
	case j.firm(r):
		return Stepped
	case k != nil && r.Wall.Before(j.earliest()) && !k.near(r.Wall, m.Count):
		return Behind
	case !r.Synced:
		return Unvouched
	}
	return None
}

// earliest returns the earliest that the date can be.
func (j *Judge) earliest() time.Time {
	if j.m.Known == nil {
		return time.Time{}
	}
	return j.m.Known.At(j.m.Count).Add(-j.m.Known.Pauses)
}

func (j *Judge) verdict(r Reading) Verdict {
	m := &j.m
	v := Verdict{
		Wall: r.Wall, Kept: r.Kept, Count: m.Count, Since: m.Run.Count, Doubt: j.doubt(r), Certain: j.earliest(), Latest: r.Wall,
	}
	v.Past = later(r.past(), v.Certain)
	v.Synced = v.Right() && r.Synced
	v.Settled = v.Right() && j.firm(r)
	if m.Known != nil {
		v.Latest = later(v.Latest, m.Known.At(m.Count))
	}
	switch {
	case v.Right() && j.firm(r):
		v.Certain = earlier(v.Certain, r.Wall)
	case !v.Right() && !j.firm(r):
		v.Latest = later(v.Latest, m.Lead.At(m.Count))
	}
	switch v.Doubt {
	case Stepped, Behind:
		v.Off = r.Wall.Sub(m.Known.At(m.Count))
	case Unvouched:
		if !m.Lead.near(r.Wall, m.Count) && !m.Lead.Wall.Before(Floor()) {
			v.Off = r.Wall.Sub(m.Lead.At(m.Count))
		}
		v.Waits = SteadyFor - (m.Count - m.Run.Count)
	}
	return v
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
