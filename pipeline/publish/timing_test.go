package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/google/go-cmp/cmp"

	"facegate/pipeline/attempt"
	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/orders"
)

// A script is a broker of a few lines, over pipes, so that the waits of the publisher run in a synctest bubble.
type script struct {
	start   time.Time
	refuse  func(attempt int) error                          // nil to accept the connection
	deaf    bool                                             // whether to withhold CONNACK
	silent  func(attempt int, p *packets.PublishPacket) bool // whether to withhold the PUBACK
	keeps   func(topic string) bool                          // whether to acknowledge what comes on a topic, and give it to nobody
	hides   func(topic string) bool                          // whether to refuse the gate to see what it publishes on a topic
	leave   func(attempt int) bool                           // whether to end the connection a second after CONNACK
	left    bool                                             // whether a former session has subscribed, and something came
	forbids bool                                             // whether to refuse subscriptions
	shuns   func(topic string, nth int) bool                 // whether to refuse the nth subscription to a topic
	closes  func(attempt int) bool                           // whether to end the connection in place of CONNACK
	forgets bool                                             // whether to take what it lacks all the same
	mu      sync.Mutex                                       // guards what follows
	dials   []time.Duration                                  // since start
	heard   []string                                         // what was published, with what ended each connection
	lacks   lack                                             // what it does without
	kept    map[string][]byte                                // what it retains
	conn    net.Conn                                         // the latest
	subs    map[string]int                                   // how often a topic was subscribed to
	live    []uint64                                         // the events that were told as they happened, see wantLive
	serving sync.WaitGroup
}

func (s *script) dial(context.Context, endpoint) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dials = append(s.dials, time.Since(s.start))
	attempt := len(s.dials)
	if s.refuse != nil {
		if err := s.refuse(attempt); err != nil {
			return nil, err
		}
	}
	near, far := net.Pipe()
	s.conn = far
	s.serving.Go(func() { s.serve(attempt, far) })
	return near, nil
}

func (s *script) serve(attempt int, conn net.Conn) {
	defer conn.Close()
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			s.hear("lost")
			return
		}
		switch p := p.(type) {
		case *packets.ConnectPacket:
			if s.closes != nil && s.closes(attempt) {
				return
			}
			if p.CleanSession || !p.WillFlag || string(p.WillMessage) != "offline" || s.asked() && (!p.WillRetain || p.WillQos != 1) {
				s.hear("bad CONNECT: " + p.String())
			}
			if s.refuses(p.WillRetain, p.WillQos) {
				return
			}
			if !s.deaf {
				packets.NewControlPacket(packets.Connack).Write(conn)
			}
			if s.left {
				order := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
				order.Qos, order.MessageID, order.TopicName, order.Payload = 1, 1, "facegate/hq/north/cmd/open", []byte("open")
				order.Write(conn)
			}
			if s.leave != nil && s.leave(attempt) {
				defer time.AfterFunc(time.Second, func() { conn.Close() }).Stop()
			}
		case *packets.PublishPacket:
			if strings.HasSuffix(p.TopicName, "/pass/live") {
				s.hearLive(p)
				continue
			}
			if s.refuses(p.Retain, p.Qos) {
				s.hear("refused")
				return
			}
			if !strings.HasSuffix(p.TopicName, "/echo") {
				s.hear(summary(p))
			}
			if s.silent != nil && s.silent(attempt, p) {
				continue
			}
			if ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket); p.Qos == 1 {
				ack.MessageID = p.MessageID
				ack.Write(conn)
			}
			s.giveBack(conn, p)
		case *packets.PubackPacket:
			s.hear("PUBACK")
		case *packets.SubscribePacket:
			ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			ack.MessageID, ack.ReturnCodes = p.MessageID, []byte{p.Qoss[0]}
			if s.without(noQoS1) {
				ack.ReturnCodes[0] = 0
			}
			if strings.HasSuffix(p.Topics[0], "/cmd/open") { // not to see what it publishes itself
				s.hear("SUBSCRIBE " + strings.Join(p.Topics, " "))
				if s.forbids {
					ack.ReturnCodes[0] = 0x80
				}
			} else if s.hides != nil && s.hides(strings.TrimPrefix(p.Topics[0], "facegate/hq/north/")) {
				ack.ReturnCodes[0] = 0x80
			}
			if s.shunsNext(p.Topics[0]) {
				ack.ReturnCodes[0] = 0x80
			}
			ack.Write(conn)
			s.sendKept(conn, p.Topics[0])
		case *packets.UnsubscribePacket:
			s.hear("UNSUBSCRIBE " + strings.Join(p.Topics, " "))
			ack := packets.NewControlPacket(packets.Unsuback).(*packets.UnsubackPacket)
			ack.MessageID = p.MessageID
			ack.Write(conn)
		case *packets.PingreqPacket:
			packets.NewControlPacket(packets.Pingresp).Write(conn)
		case *packets.DisconnectPacket:
			s.hear("DISCONNECT")
			return
		}
	}
}

// shunsNext reports whether the next subscription to a topic is refused.
func (s *script) shunsNext(topic string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs == nil {
		s.subs = map[string]int{}
	}
	s.subs[topic]++
	return s.shuns != nil && s.shuns(topic, s.subs[topic])
}

// giveBack gives a message back to the gate that has published it, as a broker does that is subscribed to.
func (s *script) giveBack(conn net.Conn, p *packets.PublishPacket) {
	if s.keeps != nil && s.keeps(strings.TrimPrefix(p.TopicName, "facegate/hq/north/")) {
		return
	}
	if p.Retain && !s.without(noRetain) {
		s.keep(p)
	}
	back := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	back.TopicName, back.Payload = p.TopicName, p.Payload
	back.Write(conn)
}

// refuses reports whether a message asks for what the broker lacks, and ends the connection for it.
func (s *script) refuses(retain bool, qos byte) bool {
	return !s.forgets && (retain && s.without(noRetain) || qos > 0 && s.without(noQoS1))
}

func (s *script) without(l lack) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lacks&l != 0
}

// asked reports whether a gate has no reason not to ask for all.
func (s *script) asked() bool { return !s.without(noRetain|noQoS1) && s.closes == nil }

// mend gives the broker what it lacks, and ends the connection.
func (s *script) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lacks = 0
	s.conn.Close()
}

func (s *script) keep(p *packets.PublishPacket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	s.kept[p.TopicName] = p.Payload
}

// sendKept sends what the broker retains on a topic.
func (s *script) sendKept(conn net.Conn, topic string) {
	s.mu.Lock()
	payload, ok := s.kept[topic]
	s.mu.Unlock()
	if !ok {
		return
	}
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Payload, p.Retain = topic, payload, true
	p.Write(conn)
}

func (s *script) hear(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, what)
}

func (s *script) hearLive(p *packets.PublishPacket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var e Event
	if json.Unmarshal(p.Payload, &e) != nil || e.Replayed || p.Retain || p.Dup || p.Qos != 0 {
		e.Seq = 0
	}
	s.live = append(s.live, e.Seq)
}

// wantLive compares the numbers of the events that were told as they happened; 0 stands for one that is wrongly flagged.
func (s *script) wantLive(t *testing.T, want ...uint64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(want, s.live); diff != "" {
		t.Errorf("the broker heard live (-want +got):\n%s", diff)
	}
}

func (s *script) wantHeard(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(want, s.heard); diff != "" {
		t.Errorf("the broker heard (-want +got):\n%s", diff)
	}
}

func summary(p *packets.PublishPacket) string {
	var e Event
	if !strings.HasSuffix(p.TopicName, "/pass") || json.Unmarshal(p.Payload, &e) != nil {
		return string(p.Payload)
	}
	what := "event " + string(rune('0'+e.Seq))
	if e.Replayed {
		what += " replayed"
	}
	if p.Retain || p.Dup || p.Qos > 1 {
		what += " wrongly flagged"
	}
	return what
}

// stage is a publisher that runs against a script.
type stage struct {
	*Publisher
	log  bytes.Buffer
	stop func()
}

func play(t *testing.T, s *script, outbox feed.Outbox) *stage {
	t.Helper()
	return playWith(t, s, Parts{Outbox: outbox, Rand: draws()})
}

func playWith(t *testing.T, s *script, parts Parts) *stage {
	t.Helper()
	return playAs(t, s, goodConfig(), parts)
}

func playAs(t *testing.T, s *script, cfg Config, parts Parts) *stage {
	t.Helper()
	s.start = time.Now()
	g := new(stage)
	p, err := New(cfg, parts, slog.New(slog.NewTextHandler(&g.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	p.dial = s.dial
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	<-p.Ready()
	g.Publisher = p
	g.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		s.serving.Wait()
	}
	return g
}

func (g *stage) grant(t *testing.T, n int) {
	t.Helper()
	for range n {
		if err := g.Tell(source().Granted(time.Now(), attempt.Face, 143*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
	}
}

var errDown = errors.New("no route to host")

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{refuse: func(int) error { return errDown }}
		g := play(t, s, feed.NewMemory(100))
		g.grant(t, 1)
		time.Sleep(36 * time.Second)
		status := g.Status()
		if status.Connected || status.Queued != 1 || !strings.Contains(status.Err, errDown.Error()) || status.Hint == "" {
			t.Errorf("status is %+v", status)
		}
		g.stop()
		if took := time.Since(s.start); took != 36*time.Second {
			t.Errorf("stopping took until %v", took)
		}
		var want []time.Duration
		for _, ms := range []int{0, 250, 750, 1750, 3750, 7750, 15750, 25750, 35750} {
			want = append(want, time.Duration(ms)*time.Millisecond)
		}
		if diff := cmp.Diff(want, s.dials); diff != "" {
			t.Errorf("dials (-want +got):\n%s", diff)
		}
		if n := strings.Count(g.log.String(), "no connection"); n != 1 {
			t.Errorf("one reason was logged %d times:\n%s", n, &g.log)
		}
		if !strings.Contains(g.log.String(), "unsent") {
			t.Errorf("the unsent event was not logged:\n%s", &g.log)
		}
	})
}

func TestBackoffStartsAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{refuse: func(attempt int) error {
			if attempt != 4 {
				return errDown
			}
			return nil
		}}
		// The fourth connection lasts until the broker withholds an acknowledgement, 20 s after the event.
		s.silent = func(_ int, p *packets.PublishPacket) bool { return strings.HasSuffix(p.TopicName, "/pass") }
		g := play(t, s, feed.NewMemory(100))
		time.Sleep(2 * time.Second)
		g.grant(t, 1)
		time.Sleep(21 * time.Second)
		g.stop()
		want := []time.Duration{ // the last one 250 ms after the loss, not 2 s
			0, 250 * time.Millisecond, 750 * time.Millisecond, 1750 * time.Millisecond, 22250 * time.Millisecond,
		}
		if diff := cmp.Diff(want, s.dials[:min(5, len(s.dials))]); diff != "" {
			t.Errorf("dials (-want +got):\n%s", diff)
		}
	})
}

func TestLateAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{silent: func(attempt int, p *packets.PublishPacket) bool {
			return attempt == 1 && strings.HasPrefix(summary(p), "event 2")
		}}
		g := play(t, s, feed.NewMemory(100))
		synctest.Wait()
		g.grant(t, 3)
		time.Sleep(ackTimeout - time.Second)
		synctest.Wait()
		// Nothing is sent twice on one connection, and nothing overtakes.
		s.wantHeard(t, "online", "event 1", "event 2")
		if status := g.Status(); !status.Connected || status.Queued != 2 {
			t.Errorf("status is %+v", status)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		g.grant(t, 1)
		synctest.Wait()
		g.stop()
		s.wantHeard(t, "online", "event 1", "event 2", "lost",
			"online", "event 2 replayed", "event 3 replayed", "event 4", "stopped", "DISCONNECT")
	})
}

func TestStopSendsWhatIsQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(script)
		g := play(t, s, feed.NewMemory(100))
		synctest.Wait()
		g.grant(t, 3)
		g.stop()
		s.wantHeard(t, "online", "event 1", "event 2", "event 3", "stopped", "DISCONNECT")
		if status := g.Status(); status.Connected || status.Queued != 0 {
			t.Errorf("status is %+v", status)
		}
	})
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{silent: func(_ int, p *packets.PublishPacket) bool { return strings.HasSuffix(p.TopicName, "/pass") }}
		g := play(t, s, feed.NewMemory(100))
		synctest.Wait()
		g.grant(t, 1)
		synctest.Wait()
		g.stop()
		if took := time.Since(s.start); took > farewell+closeTimeout {
			t.Errorf("stopping took %v", took)
		}
		s.wantHeard(t, "online", "event 1", "lost")
	})
}

func TestStopDuringHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{deaf: true}
		g := play(t, s, feed.NewMemory(1))
		time.Sleep(time.Second)
		g.stop()
		if took := time.Since(s.start); took != time.Second {
			t.Errorf("stopping took until %v", took)
		}
	})
}

func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{deaf: true}
		g := play(t, s, feed.NewMemory(1))
		time.Sleep(connectTimeout + backoffMin)
		synctest.Wait()
		g.stop()
		if diff := cmp.Diff([]time.Duration{0, connectTimeout + backoffMin}, s.dials); diff != "" {
			t.Errorf("dials (-want +got):\n%s", diff)
		}
	})
}

func TestFullOutboxLeavesGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{refuse: func(attempt int) error {
			if attempt < 3 {
				return errDown
			}
			return nil
		}}
		g := play(t, s, feed.NewMemory(2))
		synctest.Wait()
		g.grant(t, 4)
		if status := g.Status(); status.Queued != 2 || status.Dropped != 2 {
			t.Errorf("status is %+v", status)
		}
		time.Sleep(time.Second)
		g.stop()
		s.wantHeard(t, "online", "event 3 replayed", "event 4 replayed", "stopped", "DISCONNECT")
	})
}

// TestEventsOfAnEarlierBoot checks that what an earlier process has left is told, and that its numbers go on.
func TestEventsOfAnEarlierBoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := feed.NewMemory(10)
		msg, err := json.Marshal(message{Topic: pass, Event: Event{Boot: "0000", Seq: 7}})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Append(msg, []byte(`{"store":"5e0ad3c4416b27f9","events":7,"alarms":0}`)); err != nil {
			t.Fatal(err)
		}
		s := &script{refuse: func(attempt int) error {
			if attempt < 2 {
				return errDown
			}
			return nil
		}}
		g := play(t, s, o)
		time.Sleep(time.Second)
		g.grant(t, 1)
		synctest.Wait()
		g.stop()
		s.wantHeard(t, "online", "event 7 replayed", "event 8", "stopped", "DISCONNECT")
	})
}

// TestLive checks that an event is told at once on a line of its own, and never again there: neither what happened without a
// connection, nor what is sent a second time because nobody has acknowledged it.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{refuse: func(attempt int) error {
			if attempt == 1 {
				return errDown
			}
			return nil
		}}
		s.silent = func(attempt int, p *packets.PublishPacket) bool {
			return attempt == 2 && strings.HasSuffix(p.TopicName, "/pass")
		}
		g := play(t, s, feed.NewMemory(100))
		g.grant(t, mostLive+1) // more than the line holds
		time.Sleep(time.Second)
		s.wantLive(t)
		g.grant(t, 1)
		synctest.Wait()
		s.wantLive(t, mostLive+2)
		time.Sleep(time.Minute) // in which the connection is left, since no event was acknowledged, and another one made
		g.grant(t, 2)
		synctest.Wait()
		s.wantLive(t, mostLive+2, mostLive+3, mostLive+4)
		g.stop()
	})
}

// TestWithheld has a broker acknowledge what comes on a topic, and give it to nobody, until its rules are changed. Events wait
// meanwhile, and what is wrong is told.
func TestWithheld(t *testing.T) {
	for _, test := range []struct {
		kept          string
		before, after []string
	}{
		{pass, []string{"online", "event 1", "event 1 replayed"}, []string{"event 1 replayed", "event 2 replayed"}},
		{echo, []string{"online"}, []string{"event 1 replayed", "event 2 replayed"}},
		{availability, []string{"event 1 replayed", "event 2", "online", "online"}, []string{"online"}},
	} {
		t.Run(test.kept, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mended atomic.Bool
				s := new(script)
				s.keeps = func(topic string) bool { return !mended.Load() && topic == test.kept }
				g := play(t, s, feed.NewMemory(10))
				synctest.Wait()
				g.grant(t, 1)
				time.Sleep(seenTimeout + patience + time.Second)
				g.grant(t, 1)
				synctest.Wait()
				if test.kept == availability { // which is told beside the events
					s.mu.Lock()
					slices.Sort(s.heard)
					s.mu.Unlock()
				}
				s.wantHeard(t, test.before...)
				status := g.Status()
				if !status.Connected || status.Fault != "withheld" || !strings.Contains(status.Err, "facegate/hq/north/"+test.kept) ||
					strings.Contains(status.Err, ",") || status.Hint == "" || (status.Queued > 0) != (test.kept != availability) {
					t.Errorf("status is %+v", status)
				}
				mended.Store(true)
				time.Sleep(2 * (seenTimeout + patience))
				synctest.Wait()
				if status := g.Status(); !status.Connected || status.Fault != "" || status.Queued != 0 {
					t.Errorf("with other rules the status is %+v", status)
				}
				g.stop()
				s.wantHeard(t, slices.Concat(test.before, test.after, []string{"stopped", "DISCONNECT"})...)
				if n := strings.Count(g.log.String(), "keeps what this gate tells"); n != 1 {
					t.Errorf("it was logged %d times:\n%s", n, &g.log)
				}
			})
		})
	}
}

// TestHidden checks that a gate which may write and not read says that it is online, and keeps its events.
func TestHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{hides: func(string) bool { return true }}
		g := play(t, s, feed.NewMemory(10))
		g.grant(t, 1)
		time.Sleep(time.Second)
		status := g.Status()
		if !status.Connected || status.Fault != "withheld" || status.Queued != 1 || !strings.HasSuffix(status.Hint, "Until then events wait.") ||
			!strings.Contains(status.Err, "facegate/hq/north/availability, facegate/hq/north/echo") {
			t.Errorf("status is %+v", status)
		}
		g.stop()
		for _, heard := range s.heard {
			if heard != "online" && heard != "stopped" && heard != "DISCONNECT" {
				t.Errorf("the broker heard %q, and the log says:\n%s", s.heard, &g.log)
			}
		}
	})
}

// TestWithheldAlarm checks that of an alarm which does not come back nothing is told that is not told of a passage.
func TestWithheldAlarm(t *testing.T) {
	told := map[string][2]string{}
	for _, kept := range []string{pass, duress} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{keeps: func(topic string) bool { return topic == kept }}
			g := play(t, s, feed.NewMemory(10))
			synctest.Wait()
			at := time.Now()
			f := attempt.Fact{Attempt: attempt.Attempt{Means: attempt.PIN, Asked: at, Duress: true}, Opened: at}
			if err := g.TellFact(source(), f); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			told[kept] = [2]string{fmt.Sprintf("%+v", g.Status()), g.log.String()}
			g.stop()
		})
	}
	if diff := cmp.Diff(told[pass], told[duress]); diff != "" || strings.Contains(fmt.Sprint(told[duress]), duress) {
		t.Errorf("of a passage and of an alarm that do not come back is told (-passage +alarm):\n%s", diff)
	}
}

// TestHiddenAlarm has a broker refuse to let the gate see its alarms. That is told before anybody is forced, and passages wait from the
// beginning, so that nothing changes when somebody is.
func TestHiddenAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mended atomic.Bool
		s := &script{hides: func(topic string) bool { return !mended.Load() && topic == duress }}
		g := play(t, s, feed.NewMemory(10))
		g.grant(t, 1)
		time.Sleep(time.Minute)
		status := g.Status()
		if !status.Connected || !slices.Equal(status.Withheld, []string{"facegate/hq/north/alarm/duress"}) || status.Fault != "withheld" ||
			status.Queued != 1 || !strings.HasSuffix(status.Hint, "Until then events wait.") {
			t.Errorf("status is %+v", status)
		}
		log, at := g.log.String(), time.Now()
		if err := g.TellFact(source(), attempt.Fact{Attempt: attempt.Attempt{Means: attempt.PIN, Asked: at, Duress: true}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		status.ConnectedS += 60
		if diff := cmp.Diff(status, g.Status()); diff != "" || log != g.log.String() {
			t.Errorf("when somebody is forced the status differs (-before +after):\n%s\nand the log is\n%s", diff, &g.log)
		}
		mended.Store(true)
		time.Sleep(2 * patience)
		synctest.Wait()
		if status := g.Status(); status.Fault != "" || len(status.Withheld) > 0 || status.Queued != 0 || status.Delivered != 1 {
			t.Errorf("with other rules the status is %+v", status)
		}
		g.stop()
	})
}

// TestWithheldAlarmAmongBrokers has every broker keep passages, or alarms. What is told of the one is told of the other.
func TestWithheldAlarmAmongBrokers(t *testing.T) {
	told := map[string][2]string{}
	for _, kept := range []string{pass, duress} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{keeps: func(topic string) bool { return topic == kept }}
			cfg := goodConfig()
			cfg.Brokers = brokers("tcp://127.0.0.1:1883", "tcp://127.0.0.1:1884")
			g := playAs(t, s, cfg, Parts{Outbox: feed.NewMemory(10), Rand: draws()})
			synctest.Wait()
			at := time.Now()
			f := attempt.Fact{Attempt: attempt.Attempt{Means: attempt.PIN, Asked: at, Duress: true}, Opened: at}
			if err := g.TellFact(source(), f); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			told[kept] = [2]string{fmt.Sprintf("%+v", g.Status()), g.log.String()}
			g.stop()
		})
	}
	if diff := cmp.Diff(told[pass], told[duress]); diff != "" || strings.Contains(fmt.Sprint(told[duress]), duress) {
		t.Errorf("of a passage and of an alarm that do not come back is told (-passage +alarm):\n%s", diff)
	}
	if !strings.Contains(told[pass][1], "no connection to the broker") {
		t.Errorf("no other broker was tried:\n%s", told[pass][1])
	}
}

// TestWithheldAtTheEnd checks that a gate whose events do not come back says that it has stopped, and keeps them.
func TestWithheldAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{keeps: func(string) bool { return true }}
		g := play(t, s, feed.NewMemory(10))
		time.Sleep(time.Minute)
		g.grant(t, 1)
		g.stop()
		if last := s.heard[len(s.heard)-2:]; !slices.Equal(last, []string{"stopped", "DISCONNECT"}) || g.Status().Queued != 1 {
			t.Errorf("the broker heard %q, and %d events wait", s.heard, g.Status().Queued)
		}
	})
}

// TestOutboxOfAnotherVersion checks that what is no event keeps no event waiting.
func TestOutboxOfAnotherVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := feed.NewMemory(10)
		for _, text := range []string{`{"topic":"pass","event":{"seq":"one"}}`, `{"seq":7}`, `no JSON`, `{"topic":"cmd/open","event":{}}`, ``} {
			if err := o.Append([]byte(text), nil); err != nil {
				t.Fatal(err)
			}
		}
		s := new(script)
		g := play(t, s, o)
		synctest.Wait() // or the event may be there before the connection, and be replayed
		g.grant(t, 1)
		synctest.Wait()
		g.stop()
		s.wantHeard(t, "online", "event 1", "stopped", "DISCONNECT")
		if status := g.Status(); status.Queued != 0 || status.Dropped != 0 {
			t.Errorf("status is %+v", status)
		}
	})
}

// TestStates checks that a state does not wait for an event on its way, and is told again, with the availability first, on the
// next connection.
func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{silent: func(attempt int, p *packets.PublishPacket) bool {
			return attempt == 1 && strings.HasSuffix(p.TopicName, "/pass")
		}}
		g := play(t, s, feed.NewMemory(10))
		synctest.Wait()
		g.grant(t, 1)
		synctest.Wait()
		g.states.Set("door/state", []byte("OPEN"))
		synctest.Wait()
		s.wantHeard(t, "online", "event 1", "OPEN")
		g.states.Set("lock/state", []byte("LOCKED"))
		synctest.Wait()
		g.states.Set("door/state", []byte("CLOSED"))
		time.Sleep(ackTimeout + time.Second)
		synctest.Wait()
		g.stop()
		s.wantHeard(t, "online", "event 1", "OPEN", "LOCKED", "CLOSED", "lost",
			"online", "CLOSED", "LOCKED", "event 1 replayed", "stopped", "DISCONNECT")
	})
}

// TestLeftSubscription checks that what comes by a subscription of a former session is taken from the broker, and does nothing.
func TestLeftSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{left: true}
		g := play(t, s, feed.NewMemory(10))
		synctest.Wait()
		g.stop()
		if n := strings.Count(strings.Join(s.heard, "\n"), "PUBACK"); n != 1 || len(s.heard) != 4 {
			t.Errorf("the broker heard %q", s.heard)
		}
	})
}

// TestForbiddenSubscription checks that a broker that lets the gate hear no orders is told all the same what happens.
func TestForbiddenSubscription(t *testing.T) {
	for _, forbids := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{forbids: forbids}
			silent := func(context.Context, orders.Order) ([]byte, error) { return nil, nil }
			desk := orders.New(orders.Parts{Handle: silent, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
			g := playWith(t, s, Parts{Outbox: feed.NewMemory(10), Orders: desk, Rand: draws()})
			synctest.Wait()
			g.grant(t, 1)
			synctest.Wait()
			g.stop()
			want := []string{"online", "SUBSCRIBE facegate/hq/north/cmd/open", "event 1", "stopped", "DISCONNECT"}
			if forbids {
				want = slices.Insert(want, 1, slices.Repeat(want[1:2], asks-1)...)
			}
			s.wantHeard(t, want...)
			if told := strings.Contains(g.log.String(), "facegate/hq/north/cmd/open"); told != forbids {
				t.Errorf("forbidden = %t, log:\n%s", forbids, &g.log)
			}
		})
	}
}

// TestShySubscription checks that a broker which refuses a subscription for the number of its packet is asked again, before it is said
// that it forbids anything.
func TestShySubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const birth = "homeassistant/status"
		s := &script{shuns: func(_ string, nth int) bool { return nth == 1 }}
		silent := func(context.Context, orders.Order) ([]byte, error) { return nil, nil }
		desk := orders.New(orders.Parts{Handle: silent, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		g := playWith(t, s, Parts{Outbox: feed.NewMemory(10), Orders: desk, Birth: birth, Rand: draws()})
		synctest.Wait()
		g.grant(t, 1)
		synctest.Wait()
		g.stop()
		const listens = "SUBSCRIBE facegate/hq/north/cmd/open"
		s.wantHeard(t, "online", listens, listens, "event 1", "stopped", "DISCONNECT")
		if strings.Contains(g.log.String(), "WARN") {
			t.Errorf("the log says:\n%s", &g.log)
		}
	})
}

// TestRulesThatChange checks that the connection outlives that a broker forbids what it has let the gate read a moment ago.
func TestRulesThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{shuns: func(topic string, nth int) bool { return topic == "facegate/hq/north/availability" && nth > 1 }}
		g := play(t, s, feed.NewMemory(10))
		synctest.Wait()
		g.grant(t, 1)
		time.Sleep(time.Minute)
		g.stop()
		s.wantHeard(t, "online", "event 1", "stopped", "DISCONNECT")
	})
}

// TestLateWill checks that a will which a broker is late with is not its last word on whether the gate is there.
func TestLateWill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(script)
		g := play(t, s, feed.NewMemory(10))
		synctest.Wait()
		will := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		will.TopicName, will.Payload = "facegate/hq/north/availability", []byte("offline")
		for range 3 { // the gate does not answer each
			will.Write(s.conn)
			synctest.Wait()
		}
		s.wantHeard(t, "online", "online")
		time.Sleep(birthRest)
		synctest.Wait()
		g.stop()
		s.wantHeard(t, "online", "online", "online", "stopped", "DISCONNECT")
	})
}

// TestRivalIsContradicted has somebody speak for the gate ten times a second for a minute. Each state is told again, every five seconds at
// most; the status says so, until it has been calm for a while.
func TestRivalIsContradicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(script)
		g := play(t, s, feed.NewMemory(10))
		g.SetDoor(Door{Lock: Locked})
		synctest.Wait()
		rival := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		rival.TopicName, rival.Payload = "facegate/hq/north/lock/state", []byte("UNLOCKED")
		for range 600 {
			rival.Write(s.conn)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(birthRest)
		if n := s.times("LOCKED"); n != 14 { // at the start, at once, and twelve times after a rest
			t.Errorf("the lock was told %d times", n)
		}
		if status := g.Status(); status.Fault != "overruled" || !strings.Contains(status.Err, rival.TopicName) || status.Hint == "" {
			t.Errorf("status is %+v", status)
		}
		rival.Payload = []byte("LOCKED") // which is what the gate says
		rival.Write(s.conn)
		time.Sleep(calm)
		if status := g.Status(); status.Fault != "" || s.times("LOCKED") != 14 {
			t.Errorf("after a while the status is %+v", status)
		}
		if n := strings.Count(g.log.String(), "somebody else speaks"); n != 1 {
			t.Errorf("the log says so %d times", n)
		}
		g.stop()
	})
}

// times returns how often something was heard.
func (s *script) times(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, heard := range s.heard {
		if heard == what {
			n++
		}
	}
	return n
}

func TestTellRefusesUnknownMethods(t *testing.T) {
	p, err := New(goodConfig(), Parts{Outbox: feed.NewMemory(1), Rand: draws()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"", "alice", "Face"} {
		e := source().Opened(time.Now(), Manual)
		e.Method = method
		if err := p.Tell(e); !errors.Is(err, ErrMethod) {
			t.Errorf("an event by %q: %v, want ErrMethod", method, err)
		}
	}
	if queued, _ := p.feed.Stats(); queued != 0 {
		t.Errorf("%d events queued", queued)
	}
}
