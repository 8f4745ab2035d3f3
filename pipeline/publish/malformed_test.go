package publish

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"facegate/pipeline/publish/feed"
	"facegate/pipeline/publish/orders"
)

// TestMalformed has a broker send what none has a reason to send, and announce packets of 256 MB, before and after it takes the
// connection. The publisher goes on, no memory is kept, and what the broker announces is not made room for. With FACEGATE_SLOW it is 20,000
// packets.
func TestMalformed(t *testing.T) {
	count := 1000
	if os.Getenv("FACEGATE_SLOW") == "1" {
		count = 20_000
	}
	seed := rand.Uint64()
	synctest.Test(t, func(t *testing.T) {
		f := &foul{rand: rand.New(rand.NewPCG(seed, 1))}
		refuse := func(_ context.Context, o orders.Order) ([]byte, error) {
			return nil, errors.New("nobody has signed it")
		}
		desk := orders.New(orders.Parts{Handle: refuse, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		p, err := New(goodConfig(), Parts{Outbox: feed.NewMemory(10), Orders: desk, Rand: draws()}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		p.dial = f.dial
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		f.until(count / 10)
		before := resident(t)
		f.until(count + count/10)
		after, peak := resident(t), residentPeak(t)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		f.serving.Wait()
		t.Logf("seed %d: %d packets on %d connections: resident memory %+d KB, at most %+d KB", seed, count, f.dials, after-before, peak-before)
		if raceless && (after-before > 2<<10 || peak-before > 32<<10) {
			t.Errorf("resident memory has grown by %d KB, at most by %d KB", after-before, peak-before)
		}
	})
}

// resident returns what of this process is in memory, in KB, without what its runtime could give back.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	kb := statusOf(t, "VmRSS")
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the peak begins anew (proc(5))
		t.Fatal(err)
	}
	return kb
}

func residentPeak(t *testing.T) int { return statusOf(t, "VmHWM") }

func statusOf(t *testing.T, field string) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	kb, err := strconv.Atoi(string(regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(status)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

// A foul broker sends what no broker sends.
type foul struct {
	serving sync.WaitGroup

	mu    sync.Mutex // guards what follows
	rand  *rand.Rand
	sent  int
	most  int
	dials int
}

// until waits until so many packets were sent.
func (f *foul) until(most int) {
	f.mu.Lock()
	f.most = most
	f.mu.Unlock()
	for f.due() {
		time.Sleep(time.Second)
	}
}

func (f *foul) due() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent < f.most
}

func (f *foul) dial(context.Context, endpoint) (net.Conn, error) {
	if !f.due() {
		return nil, errDown
	}
	near, far := net.Pipe()
	f.mu.Lock()
	f.dials++
	f.mu.Unlock()
	f.serving.Go(func() { f.serve(far) })
	return near, nil
}

// serve takes the connection, mostly, and then sends until it is ended.
func (f *foul) serve(conn net.Conn) {
	defer conn.Close()
	if _, err := packets.ReadPacket(conn); err != nil {
		return
	}
	f.serving.Go(func() { io.Copy(io.Discard, conn) })
	if f.takes() {
		packets.NewControlPacket(packets.Connack).Write(conn)
	}
	for f.due() {
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := conn.Write(f.next()); err != nil {
			return
		}
		f.mu.Lock()
		f.sent++
		f.mu.Unlock()
	}
}

// takes reports whether to take a connection.
func (f *foul) takes() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rand.IntN(4) > 0
}

func (f *foul) next() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.packet()
}

// junk returns bytes without meaning. f.mu must be held.
func (f *foul) junk(most int) []byte {
	b := make([]byte, f.rand.IntN(most+1))
	for i := range b {
		b[i] = byte(f.rand.Uint32())
	}
	return b
}

// packet returns one of several kinds. f.mu must be held.
func (f *foul) packet() []byte {
	r := f.rand
	header := byte(r.Uint32())
	framed := func(header byte, body []byte) []byte {
		return append(binary.AppendUvarint([]byte{header}, uint64(len(body))), body...)
	}
	publish := func(topic string, payload []byte) []byte {
		body := append(binary.BigEndian.AppendUint16(nil, uint16(len(topic))), topic...)
		body = append(body, byte(r.Uint32()), byte(r.Uint32())) // the id, or the beginning of the payload
		return framed(0x30|header&0x0f, append(body, payload...))
	}
	switch r.IntN(8) {
	case 0: // 256 MB
		return append([]byte{header, 0xff, 0xff, 0xff, 0x7f}, f.junk(64)...)
	case 1: // a length of five bytes and more
		return append([]byte{header, 0xff, 0xff, 0xff, 0xff}, f.junk(8)...)
	case 2: // no order
		return publish("facegate/hq/north/cmd/open", f.junk(2000))
	case 3: // what looks like one
		return publish("facegate/hq/north/cmd/open", fmt.Appendf(nil, `{"schema":"open/1","gate":"north","nonce":"%x"}`, f.junk(16)))
	case 4: // no topic
		return publish(string(bytes.ToValidUTF8(f.junk(300), []byte("#\x00+"))), f.junk(50))
	case 5: // a topic that is longer than the packet
		return framed(0x30|header&0x0f, append([]byte{0xff, 0xff}, f.junk(100)...))
	case 6: // acknowledgements of what was never sent, and packets that a client sends
		return framed(header, f.junk(6))
	}
	return append(f.junk(100), 0)
}
