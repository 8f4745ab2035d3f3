package main

import "facegate/pipeline"

// A programme is what is shown of a gate under the law of one place.
type programme struct {
	config string   // what the profile wants of a configuration
	people []string // who is enrolled
	passes bool     // each with a pass, without which the face opens nothing
	scenes []scene
	erased scene // the one person who opened the door at first has withdrawn
}

// programmeOf returns the programme of a profile.
func programmeOf(profile string) programme {
	switch profile {
	case "eu":
		return oneToOne()
	case "cn":
		p := oneToMany()
		p.config = "profile: cn\n" + forPeople
		// After so many attacks as this profile wants faces have to be live beyond doubt.
		p.scenes = append(p.scenes[:2:2], p.scenes[4], p.scenes[2], p.scenes[3])
		return p
	}
	return oneToMany()
}

// oneToMany is shown where faces are compared with everybody.
func oneToMany() programme {
	return programme{
		config: "profile: lab\n" +
			"lockout: {delay_after: 50, disable_after: 100} # six attacks in two minutes are part of the show, and a slow machine has few frames\n",
		people: []string{"p01", "p02", "p04", "p09"},
		scenes: []scene{
			{name: "p01, enrolled, walks up", clip: walk("p01"), passes: 1, sees: []pipeline.State{pipeline.Granted}},
			{name: "a stranger walks up", clip: walk("s02"), sees: []pipeline.State{pipeline.Unknown}},
			{name: "three prints of p01", clip: spoof("01-print.jpg", "02-print.jpg", "03-print.jpg"), sees: []pipeline.State{pipeline.NotLive}},
			{name: "p01 on two phones and a tablet", clip: spoof("04-phone.jpg", "05-tablet.jpg", "06-phone.jpg"), sees: []pipeline.State{pipeline.NotLive}},
			{name: "p04 walks up, p09 stays behind", clip: walk("duo"), passes: 1, sees: []pipeline.State{pipeline.Granted}},
		},
		erased: scene{name: "p01, erased, walks up again", clip: walk("p01"), sees: []pipeline.State{pipeline.Unknown}},
	}
}

// oneToOne is shown where a face is compared with that of the pass alone which was shown before it.
func oneToOne() programme {
	return programme{
		config: "profile: eu\n" + forPeople,
		people: []string{"p01", "p02"},
		passes: true,
		scenes: []scene{
			{name: "p01, enrolled, shows a face alone", clip: walk("p01"), sees: []pipeline.State{pipeline.Skipped}},
			{name: "p01 holds up a pass, and walks up", clip: clips(heldUp("p01"), walk("p01")), passes: 1, sees: []pipeline.State{pipeline.Granted}},
			{name: "a stranger with p01's pass", clip: clips(heldUp("p01"), walk("s02")), sees: []pipeline.State{pipeline.Unknown}},
		},
		erased: scene{name: "p01, erased, with the pass", clip: clips(heldUp("p01"), walk("p01")), sees: []pipeline.State{pipeline.Skipped}},
	}
}

// forPeople is what a profile for real people wants besides. Nobody real is before the demo's gate.
const forPeople = `assessment: {id: DEMO-1, date: 2026-11-01, version: 1}
notice:
  version: "demo"
  controller: The demo of facegate
  contact: the README of facegate
  sign_installed: true
  en: {place: the demo, purpose: To show how the gate works, necessity: There is no need, rights: write to the contact above}
  zh: {place: 演示, purpose: 演示门禁如何工作, necessity: 并无必要, rights: 通过上述联系方式提出}
`

// clips is one clip after the other.
func clips(parts ...func(*demo) ([][]byte, error)) func(*demo) ([][]byte, error) {
	return func(d *demo) (frames [][]byte, err error) {
		for _, part := range parts {
			more, err := part(d)
			if err != nil {
				return nil, err
			}
			frames = append(frames, more...)
		}
		return frames, nil
	}
}
