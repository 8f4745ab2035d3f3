package people_test

import (
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"facegate/cmd/facegate/internal/gatetest"
	"facegate/cmd/facegate/internal/people"
	"facegate/configs/hint"
	"facegate/configs/law"
	"facegate/device"
	"facegate/pipeline"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/template"
	"facegate/pipeline/vision/visiontest"
	"facegate/store"
	"facegate/store/audit"
)

var modes = []law.Mode{law.OneToMany, law.OneToOne}

func inMode(t *testing.T, mode law.Mode) people.Terms {
	t.Helper()
	c := gatetest.Terms(t, 0.001)
	c.Profile.Mode = mode
	return c
}

// someone is a person of testdata.
type someone struct {
	name     string
	enrolled embed.Vector   // the mean of three pictures
	probes   []embed.Vector // of the others
	pass     template.Token
}

// crowd returns all people of testdata, without passes.
func crowd(t *testing.T) (all []someone) {
	t.Helper()
	engine := gatetest.Engine(t)
	defer engine.Close()
	for _, name := range []string{"p01", "p02", "p04", "p09"} {
		p := someone{name: name, enrolled: make(embed.Vector, engine.Dim())}
		for i, picture := range gatetest.Clip(t, "people/"+name) {
			v, err := visiontest.Embed(engine, device.Frame{Format: device.JPEG, Data: picture})
			if err != nil {
				t.Fatal(err)
			}
			if i >= 3 {
				p.probes = append(p.probes, v)
				continue
			}
			for k := range v {
				p.enrolled[k] += v[k]
			}
		}
		all = append(all, p)
	}
	return all
}

// enrol enrols all people with a pass.
func enrol(t *testing.T, g *people.Register, all []someone) {
	t.Helper()
	for i := range all {
		r := request(all[i].name)
		r.Pass = true
		e, err := g.Enrol(r, slices.Clone(all[i].enrolled))
		if err != nil {
			t.Fatal(err)
		}
		all[i].pass = e.Pass
	}
}

// mustClaim returns the claim of a pass.
func mustClaim(t *testing.T, g *people.Register, token template.Token) *match.Claimed {
	t.Helper()
	c, err := g.Claim(token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// accepted returns how many of the probes m takes for somebody, with nobody second.
func accepted(t *testing.T, m pipeline.Matcher, probes []embed.Vector) (n int) {
	t.Helper()
	for _, v := range probes {
		if m == nil {
			continue
		}
		a := m.Match(v, time.Now())
		if a.OK && a.Second != -1 {
			t.Errorf("somebody is second, at %v", a.Second)
		}
		if a.OK && a.Score >= a.Threshold {
			n++
		}
	}
	return n
}

// worthless checks that a token claims nothing.
func worthless(t *testing.T, g *people.Register, what string, token template.Token) {
	t.Helper()
	if _, err := g.Claim(token); !errors.Is(err, store.ErrPass) || hint.Of(err) == "" {
		t.Errorf("%s: Claim: %v, hint %q", what, err, hint.Of(err))
	}
}

// TestClaim checks, on faces and in both modes, that it takes the person and their own pass to match.
func TestClaim(t *testing.T) {
	all := crowd(t)
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			// Under fixed keys: these faces come from one renderer, and an estimate of how alike two are differs with the key.
			site := gatetest.NewSite(t).FixKey(t)
			s := openStore(t, site, mathrand.NewChaCha8([32]byte{7}))
			g := openRegister(t, s, inMode(t, mode))
			enrol(t, g, all)
			for restarts := range 2 {
				claimEach(t, g, all)
				if n, err := g.Idle(); n != 0 || err != nil || g.Len() != len(all) {
					t.Errorf("%d people match and %d do not, %v", g.Len(), n, err)
				}
				for _, p := range all {
					bare := accepted(t, alone(g), p.probes)
					if found := bare == len(p.probes); found != (mode == law.OneToMany) || !found && bare > 0 {
						t.Errorf("without a pass %d of %d pictures of %s match", bare, len(p.probes), p.name)
					}
				}
				if restarts == 0 {
					g = openRegister(t, s, inMode(t, mode))
				}
			}
			claimNoMore(t, g, all, mode)
		})
	}
}

// oneOfMany is a Matcher whose second best does not count.
type oneOfMany struct{ pipeline.Matcher }

func (m oneOfMany) Match(v embed.Vector, now time.Time) match.Answer {
	a := m.Matcher.Match(v, now)
	a.Second = -1
	return a
}

// alone returns what faces are compared with before a pass was shown, if there is anything.
func alone(g *people.Register) pipeline.Matcher {
	if m := g.Matcher(); m != nil {
		return oneOfMany{m}
	}
	return nil
}

// claimEach has everybody come with everybody's pass.
func claimEach(t *testing.T, g *people.Register, all []someone) {
	t.Helper()
	for _, owner := range all {
		c := mustClaim(t, g, owner.pass)
		for _, p := range all {
			want := 0
			if p.name == owner.name {
				want = len(p.probes)
			}
			if n := accepted(t, c, p.probes); n != want {
				t.Errorf("with the pass of %s %d of %d pictures of %s match, want %d", owner.name, n, len(p.probes), p.name, want)
			}
		}
	}
	stranger, err := template.NewToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	worthless(t, g, "nobody's pass", stranger)
}

// claimNoMore takes passes away while they are being used.
func claimNoMore(t *testing.T, g *people.Register, all []someone, mode law.Mode) {
	first := mustClaim(t, g, all[0].pass)
	second := mustClaim(t, g, all[1].pass)
	if n := accepted(t, first, all[0].probes); n > 0 {
		t.Errorf("a claim outlives the next: %d pictures match", n)
	}
	if e, err := g.As(audit.Daemon).Erase(t.Context(), people.Who{Pass: all[1].pass}, audit.Withdrawn); err != nil || e.Receipt == "" {
		t.Errorf("EraseByPass: %+v, %v", e, err)
	}
	if n := accepted(t, second, all[1].probes); n > 0 {
		t.Errorf("after the erasure %d pictures match", n)
	}
	worthless(t, g, "erased by pass", all[1].pass)
	if _, err := g.As(audit.Daemon).Erase(t.Context(), people.Who{Pass: all[1].pass}, audit.Withdrawn); !errors.Is(err, store.ErrPass) {
		t.Errorf("erased again: %v", err)
	}
	third := mustClaim(t, g, all[2].pass)
	if _, err := g.As(audit.Daemon).Erase(t.Context(), people.Who{Label: all[2].name}, audit.Requested); err != nil || accepted(t, third, all[2].probes) > 0 {
		t.Errorf("Erase: %v; the person matches: %v", err, accepted(t, third, all[2].probes) > 0)
	}
	worthless(t, g, "erased by label", all[2].pass)

	fourth := mustClaim(t, g, all[3].pass)
	renewed, err := g.As(audit.Daemon).IssuePass(t.Context(), all[3].name)
	if mode == law.OneToOne {
		if !errors.Is(err, store.ErrBound) || hint.Of(err) == "" || accepted(t, fourth, all[3].probes) == 0 {
			t.Errorf("IssuePass: %v, hint %q", err, hint.Of(err))
		}
	} else {
		if err != nil || accepted(t, fourth, all[3].probes) > 0 {
			t.Errorf("IssuePass: %v; the old pass: %d pictures match", err, accepted(t, fourth, all[3].probes))
		}
		worthless(t, g, "replaced", all[3].pass)
		if n := accepted(t, mustClaim(t, g, renewed), all[3].probes); n != len(all[3].probes) {
			t.Errorf("with the new pass %d pictures match", n)
		}
	}
	claimEach(t, g, all[:1])
	last := mustClaim(t, g, all[0].pass)
	if _, err := g.As(audit.Daemon).Lockdown(t.Context()); err != nil || accepted(t, last, all[0].probes) > 0 || g.Len() != 0 {
		t.Errorf("Lockdown: %v; %d can match", err, g.Len())
	}
	worthless(t, g, "locked down", all[0].pass)
}

// TestClaimClears checks that nothing of the face outlives the capture, and that a claim ends. What a claim leaves is the
// business of package match.
func TestClaimClears(t *testing.T) {
	for _, mode := range modes {
		g := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), inMode(t, mode))
		r := request("one")
		r.Pass = true
		v := face(1)
		e, err := g.Enrol(r, v)
		if err != nil {
			t.Fatal(err)
		}
		c := mustClaim(t, g, e.Pass)
		if accepted(t, c, []embed.Vector{face(1)}) != 1 {
			t.Errorf("%s: the person does not match", mode)
		}
		c.Close()
		if a := c.Match(face(1), time.Now()); a.OK {
			t.Errorf("%s: a claim matches after its end", mode)
		}
		if !slices.Equal(v, make(embed.Vector, len(v))) {
			t.Errorf("%s: an embedding is left", mode)
		}
	}
}

// TestModesDoNotMix checks that a gate matches nobody by a template of the other mode, and counts them as idle.
func TestModesDoNotMix(t *testing.T) {
	s := openStore(t, gatetest.NewSite(t), rand.Reader)
	passes := map[law.Mode]template.Token{}
	for i, mode := range modes {
		r := request(string(mode))
		r.Pass = true
		e, err := openRegister(t, s, inMode(t, mode)).Enrol(r, face(uint64(i)))
		if err != nil {
			t.Fatal(err)
		}
		passes[mode] = e.Pass
	}
	for i, mode := range modes {
		g := openRegister(t, s, inMode(t, mode))
		if n, err := g.Idle(); n != 1 || err != nil || g.Len() != 1 {
			t.Errorf("%s: %d people match and %d do not, %v", mode, g.Len(), n, err)
		}
		for of, pass := range passes {
			if of != mode {
				worthless(t, g, "of "+string(of)+" in "+string(mode), pass)
			} else if accepted(t, mustClaim(t, g, pass), []embed.Vector{face(uint64(i))}) != 1 {
				t.Errorf("%s: the person does not match", mode)
			}
		}
		if mode == law.OneToOne && (matches(g, face(0)) || matches(g, face(1))) {
			t.Error("somebody matches without a pass")
		}
	}
}

// TestClaimStoreFails checks that whoever was to be erased cannot claim any more, even if the store cannot be changed.
func TestClaimStoreFails(t *testing.T) {
	random := new(failing)
	now := time.Now()
	at := func() time.Time { return now }
	g := openRegister(t, openStoreAt(t, gatetest.NewSite(t), random, at), inMode(t, law.OneToOne))
	var passes []template.Token
	for i, label := range []string{"one", "two"} {
		e, err := g.Enrol(request(label), face(uint64(i+1)))
		if err != nil {
			t.Fatal(err)
		}
		passes = append(passes, e.Pass)
	}
	random.fail = true
	if _, err := g.Enrol(request("three"), face(3)); err == nil {
		t.Error("enrolled without randomness")
	}
	if _, err := g.As(audit.Daemon).Erase(t.Context(), people.Who{Pass: passes[0]}, audit.Requested); err == nil {
		t.Error("erased without randomness")
	}
	worthless(t, g, "an erasure that failed", passes[0])
	c := mustClaim(t, g, passes[1])
	now = now.Add(gatetest.Valid)
	if _, err := g.EraseDue(); err == nil || accepted(t, c, []embed.Vector{face(2)}) > 0 || g.Len() != 0 {
		t.Errorf("EraseDue: %v; %d can match", err, g.Len())
	}
}

// TestBarred checks that a person against whom too many attempts have failed matches neither among everybody nor by their
// pass, and that nobody else is concerned.
func TestBarred(t *testing.T) {
	now := time.Now()
	for _, mode := range modes {
		var barred template.PersonID
		terms := inMode(t, mode)
		terms.Barred = func(p template.PersonID, at time.Time) bool { return p == barred && at.Before(now.Add(time.Hour)) }
		g := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), terms)
		var passes [2]template.Token
		for i := range passes {
			r := request([]string{"one", "two"}[i])
			r.Pass = true
			e, err := g.Enrol(r, face(uint64(i)))
			if err != nil {
				t.Fatal(err)
			}
			passes[i] = e.Pass
		}
		one := mustClaim(t, g, passes[0])
		barred = one.Person()
		if accepted(t, one, []embed.Vector{face(0)}) != 0 || matches(g, face(0)) {
			t.Errorf("%s: who is barred matches", mode)
		}
		if a := one.Match(face(0), now.Add(time.Hour)); a.Score < a.Threshold {
			t.Errorf("%s: an hour later they do not", mode)
		}
		two := mustClaim(t, g, passes[1])
		if accepted(t, two, []embed.Vector{face(1)}) != 1 || matches(g, face(1)) != (mode == law.OneToMany) {
			t.Errorf("%s: somebody else is barred", mode)
		}
	}
}

// TestNobodyIsRenewedWithoutAPass hands a face to a gate at which a Code is made with a pass, and never of a face alone.
func TestNobodyIsRenewedWithoutAPass(t *testing.T) {
	g := openRegister(t, openStore(t, gatetest.NewSite(t), rand.Reader), inMode(t, law.OneToOne))
	e, err := g.Enrol(request("one"), face(1))
	if err != nil {
		t.Fatal(err)
	}
	sample := face(1)
	if err := g.Renew(mustClaim(t, g, e.Pass).Person(), sample); !errors.Is(err, store.ErrBound) {
		t.Errorf("Renew: %v", err)
	}
	if !slices.Equal(sample, make(embed.Vector, len(sample))) {
		t.Error("the sample is left")
	}
	if accepted(t, mustClaim(t, g, e.Pass), []embed.Vector{face(1)}) != 1 {
		t.Error("the person does not match any more")
	}
}
