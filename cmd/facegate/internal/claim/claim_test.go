package claim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"facegate/cmd/facegate/internal/claim"
	"facegate/pipeline"
	"facegate/pipeline/embed"
	"facegate/pipeline/match"
	"facegate/pipeline/matchertest"
	"facegate/pipeline/template"
)

const dim = 128

// wait is how long claims wait.
const wait = 20 * time.Second

// everybody is a Matcher of nobody in particular.
type everybody struct{}

func (everybody) Match(embed.Vector, time.Time) match.Answer { return match.Answer{} }

func claimOf(t *testing.T, n int) *match.Claimed {
	t.Helper()
	projector, err := template.NewLaneProjector([32]byte{byte(n)}, dim, nil)
	if err != nil {
		t.Fatal(err)
	}
	code, _ := projector.Protect(matchertest.Face(uint64(n))[:dim])
	return match.Claim(matchertest.ID(n), code, projector, match.Rules{
		Threshold: func(int) (float64, error) { return 0.5, nil },
		Barred:    func(template.PersonID, time.Time) bool { return false },
	})
}

// closed reports whether a claim matches nobody any more.
func closed(m *match.Claimed) bool {
	v := make(embed.Vector, dim)
	v[0] = 1
	return !m.Match(v, time.Now()).OK
}

// TestPending checks whom faces are compared with: with the newest claim as long as it waits, and otherwise with whoever it is.
func TestPending(t *testing.T) {
	for _, usual := range []pipeline.Matcher{everybody{}, nil} {
		synctest.Test(t, func(t *testing.T) {
			p := claim.New(func() pipeline.Matcher { return usual })
			waits := func(what string, want pipeline.Matcher) {
				t.Helper()
				synctest.Wait()
				if got := p.Matcher(); got != want {
					t.Errorf("%s: faces are compared with %v, want %v", what, got, want)
				}
			}
			waits("no claim", usual)
			one, two := claimOf(t, 1), claimOf(t, 2)
			p.Put(one, wait)
			waits("a claim", one)
			time.Sleep(wait / 2)
			p.Put(two, wait)
			waits("a newer claim", two)
			if !closed(one) || closed(two) {
				t.Error("the claim before is not closed, or the newer one is")
			}
			time.Sleep(wait - time.Second)
			waits("just before the end of the newer claim", two)
			p.Settle(matchertest.ID(1))
			waits("another was let in", two)
			time.Sleep(time.Second)
			waits("the end", usual)
			if !closed(two) {
				t.Error("a claim whose time is over is not closed")
			}
			for _, end := range []func(*match.Claimed){
				func(m *match.Claimed) { p.Settle(m.Person()) }, p.Drop, func(*match.Claimed) { p.Close() },
			} {
				again := claimOf(t, 3)
				p.Put(again, wait)
				end(again)
				waits("a claim that was ended", usual)
				if !closed(again) {
					t.Error("a claim that was ended is not closed")
				}
			}
			p.Drop(one)
			waits("an old claim is ended again", usual)
		})
	}
}
