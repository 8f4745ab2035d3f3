package match

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"facegate/pipeline/embed"
	"facegate/pipeline/template"
)

// BenchmarkSearchToRead sets a search among 1,000,000 Codes against a plain read of the same memory, by turns in one run. It
// reports how many times longer the fastest search takes than the fastest read: what else the machine does slows both.
func BenchmarkSearchToRead(b *testing.B) {
	const people, dim = 1_000_000, 512
	x, p := crowdOf(b, people, dim)
	read, search := time.Hour, time.Hour
	var sum uint64
	b.SetBytes(people * template.Bits / 8)
	for b.Loop() {
		start := time.Now()
		sum += x.read()
		read = min(read, time.Since(start))
		start = time.Now()
		x.Search(p)
		search = min(search, time.Since(start))
	}
	b.ReportMetric(float64(search)/float64(read), "times-a-read")
	b.ReportMetric(float64(search)/1e6, "search-ms")
	if sum == 0 {
		b.Error("what was read is all zeros")
	}
}

// read reads every Code, and returns something that depends on all of them.
func (x *Index) read() (sum uint64) {
	for l := range x.lanes {
		codes := x.lanes[l].codes
		for i := range codes {
			c := &codes[i]
			sum += c[0] + c[1] + c[2] + c[3] + c[4] + c[5] + c[6] + c[7] + c[8] + c[9] + c[10] + c[11] + c[12] + c[13] + c[14] + c[15]
		}
	}
	return sum
}

// crowdOf returns an index of random people, and the probe of a random face.
func crowdOf(b *testing.B, people, dim int) (*Index, *template.Probe) {
	b.Helper()
	rnd := rand.New(rand.NewPCG(6, 6))
	x := new(Index)
	for i := range people {
		r := template.Record{Lane: uint8(i % template.Lanes)}
		binary.LittleEndian.PutUint64(r.ID[:], uint64(i))
		r.Person = template.PersonID(r.ID)
		for w := range r.Code {
			r.Code[w] = rnd.Uint64()
		}
		x.Add(r)
	}
	var keys [template.Lanes][32]byte
	for lane := range keys {
		keys[lane][0] = byte(lane)
	}
	j, err := template.NewProjector(keys, dim, nil)
	if err != nil {
		b.Fatal(err)
	}
	face := make(embed.Vector, dim)
	for i := range face {
		face[i] = float32(rnd.NormFloat64())
	}
	p := new(template.Probe)
	if !j.Project(p, face, template.AllLanes) {
		b.Fatal("no probe")
	}
	return x, p
}
