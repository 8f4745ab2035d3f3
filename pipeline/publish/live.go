package publish

import "context"

// mostLive is how many events may wait for a connection to take them. They wait for a write to the network at the most.
const mostLive = 16

// A live line tells events to whoever listens as they happen: nothing on it is kept, sent again or told later.
type live chan []byte

// offer puts an event on the line. Where it cannot be sent at once it is told on the topic of all events alone.
func (l live) offer(event []byte) {
	select {
	case l <- event:
	default:
	}
}

// begin forgets what no connection has taken.
func (l live) begin() {
	for len(l) > 0 {
		<-l
	}
}

// serve sends what is offered, until stop is closed. It returns nil then, or the error of send, or why ctx has ended.
func (l live) serve(ctx context.Context, stop <-chan struct{}, send func(ctx context.Context, event []byte) error) error {
	for {
		select {
		case event := <-l:
			if err := send(ctx, event); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-stop:
			return nil
		}
	}
}
