// Package gallery measures what a gate promises with the gate's own parts: templates are made, people are searched for
// and tracks are decided on by the code that does so at the door, on people whose pictures are known.
//
// It is offline work on benchmark pictures, as all of package evaluate. The unit of every rate is the person: pictures of
// one person are alike, so a rate counts each person once, and its interval says how much it would be on other people.
package gallery

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"

	"facegate/pipeline/embed"
	"facegate/pipeline/enrol"
	"facegate/pipeline/evaluate"
	"facegate/pipeline/template"
)

// A Person is somebody whose pictures are known.
type Person struct {
	Name     string
	Pictures []embed.Vector // of unit length, by the names of the pictures
}

// People groups samples by person, in the order of their names.
func People(samples []evaluate.Sample) []Person {
	sorted := slices.Clone(samples)
	slices.SortFunc(sorted, func(a, b evaluate.Sample) int { return cmp.Compare(a.Picture, b.Picture) })
	at := map[int]int{}
	var people []Person
	for _, s := range sorted {
		i, ok := at[s.Subject]
		if !ok {
			i = len(people)
			at[s.Subject] = i
			people = append(people, Person{Name: path.Dir(s.Picture)})
		}
		people[i].Pictures = append(people[i].Pictures, s.Vector)
	}
	return people
}

// average returns what a template is made of: the mean of pictures of one person, as an enrolment takes it.
func average(pictures []embed.Vector) embed.Vector {
	sample := enrol.NewSample(len(pictures[0]))
	defer sample.Clear()
	for _, v := range pictures {
		sample.Add(v, 0)
	}
	mean := make(embed.Vector, len(pictures[0]))
	sample.Mean(mean)
	return mean
}

// codesOf protects vectors as an enrolment does, and keeps each as the probe that it is as well.
func codesOf(vectors []embed.Vector, key [32]byte, mean template.Mean) (*evaluate.Hash, error) {
	if len(vectors) == 0 {
		return nil, evaluate.ErrTooFew
	}
	rotation, err := template.NewRotation(key, len(vectors[0]))
	if err != nil {
		return nil, err
	}
	codes := make([]evaluate.Code, len(vectors))
	for i, v := range vectors {
		x := slices.Clone(v)
		if !template.Center(x, mean) {
			return nil, fmt.Errorf("picture %d: the embedding equals the mean", i)
		}
		y := make([]float32, template.Bits)
		rotation.Rotate(y, x)
		code := template.Sign(y)
		codes[i] = evaluate.Code{Probe: y, Bits: code[:]}
	}
	return evaluate.NewHash(codes, rotation.Scale())
}

// drawKey draws the key of a rotation.
func drawKey(r *rand.Rand) (key [32]byte) {
	for i := 0; i < len(key); i += 8 {
		binary.LittleEndian.PutUint64(key[i:], r.Uint64())
	}
	return key
}
