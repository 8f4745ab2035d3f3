package vision_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"facegate/pipeline/embed"
	"facegate/pipeline/vision"
	"facegate/pipeline/vision/visiontest"
)

// TestBusy lets several goroutines use one Engine: each call is either refused or right.
func TestBusy(t *testing.T) {
	e := visiontest.Open(t, "registry")
	want := mustLook(t, e, still(t, "p01", 1))
	var refused, served atomic.Int32
	calls := []func() error{
		func() error {
			v := make(embed.Vector, e.Dim())
			err := e.Embed(v)
			if err == nil && !slices.Equal(v, want.vector) {
				return errors.New("Embed gave another vector")
			}
			return err
		},
		func() error {
			f := want.face
			f.Located = false
			err := e.Locate(&f)
			if err == nil && f != want.face {
				return fmt.Errorf("Locate gave %+v, not %+v", f, want.face)
			}
			return err
		},
		func() error {
			live, err := e.Live(nil, &want.face)
			if err == nil && !slices.Equal(live, want.live) {
				return fmt.Errorf("Live gave %v, not %v", live, want.live)
			}
			return err
		},
	}
	var group errgroup.Group
	start := make(chan struct{})
	for i := range 6 {
		group.Go(func() error {
			<-start
			for range 50 {
				switch err := calls[i%len(calls)](); {
				case err == nil:
					served.Add(1)
				case errors.Is(err, vision.ErrBusy):
					refused.Add(1)
				default:
					return err
				}
			}
			return nil
		})
	}
	close(start)
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if refused.Load() == 0 || served.Load() == 0 {
		t.Errorf("%d calls refused, %d served: nothing was tested", refused.Load(), served.Load())
	}
}

// TestCloseWaits closes an Engine in the middle of a call.
func TestCloseWaits(t *testing.T) {
	e := visiontest.Open(t, "registry")
	want := mustLook(t, e, still(t, "p01", 1))
	var group errgroup.Group
	begun := make(chan struct{})
	group.Go(func() error {
		var once sync.Once
		v := make(embed.Vector, e.Dim())
		for {
			err := e.Embed(v)
			switch {
			case errors.Is(err, vision.ErrClosed):
				return nil
			case errors.Is(err, vision.ErrBusy): // Close has the Engine
			case err != nil:
				return err
			case !slices.Equal(v, want.vector):
				return errors.New("Embed gave another vector")
			}
			once.Do(func() { close(begun) })
		}
	})
	<-begun
	e.Close()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// TestParallel lets an Engine for each of three goroutines compute what one computes alone, to the last bit.
func TestParallel(t *testing.T) {
	const stills, engines = 3, 3
	for _, bundle := range bundles {
		t.Run(bundle, func(t *testing.T) {
			alone := visiontest.Open(t, bundle)
			var want []sight
			for i := range stills {
				want = append(want, mustLook(t, alone, still(t, "p02", i+1)))
			}
			var group errgroup.Group
			for worker := range engines {
				e := visiontest.Open(t, bundle)
				group.Go(func() error {
					for n := range stills {
						i := (n + worker) % stills
						got, err := look(e, still(t, "p02", i+1))
						if err != nil {
							return err
						}
						if got.face != want[i].face || !slices.Equal(got.live, want[i].live) || !slices.Equal(got.vector, want[i].vector) {
							return fmt.Errorf("engine %d sees still %d differently", worker, i+1)
						}
					}
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}
