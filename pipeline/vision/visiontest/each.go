package visiontest

import (
	"errors"

	"golang.org/x/sync/errgroup"

	"facegate/pipeline/vision"
)

// Each calls look for the numbers below n, with the engines side by side. It goes on after an error.
func Each(engines []*vision.Engine, n int, look func(e *vision.Engine, i int) error) error {
	next := make(chan int)
	var group errgroup.Group
	for _, e := range engines {
		group.Go(func() (errs error) {
			for i := range next {
				errs = errors.Join(errs, look(e, i))
			}
			return errs
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	return group.Wait()
}
