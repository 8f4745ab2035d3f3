package supervise

import (
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A message is what a process has said of itself.
type message struct {
	pid  int
	text string
}

// A notified is the socket at which processes report (sd_notify(3)).
type notified struct {
	path     string
	messages chan message
	conn     *net.UnixConn
	closed   chan struct{}
	wg       sync.WaitGroup
}

// listen opens the socket.
func listen(path string) (*notified, error) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	n := &notified{path: path, messages: make(chan message), conn: conn, closed: make(chan struct{})}
	raw, err := conn.SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	n.wg.Go(n.read)
	return n, nil
}

func (n *notified) close() {
	close(n.closed)
	n.conn.Close()
	os.Remove(n.path)
	n.wg.Wait()
}

// read hands messages over until the socket is closed. The kernel says who sent each.
func (n *notified) read() {
	text, credentials := make([]byte, 4096), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	for {
		size, more, _, _, err := n.conn.ReadMsgUnix(text, credentials)
		if err != nil {
			return
		}
		pid, ok := sender(credentials[:more])
		if !ok {
			continue
		}
		select {
		case n.messages <- message{pid, string(text[:size])}:
		case <-n.closed:
			return
		}
	}
}

// sender returns the process that the kernel names.
func sender(credentials []byte) (pid int, ok bool) {
	messages, err := unix.ParseSocketControlMessage(credentials)
	if err != nil || len(messages) == 0 {
		return 0, false
	}
	who, err := unix.ParseUnixCredentials(&messages[0])
	if err != nil {
		return 0, false
	}
	return int(who.Pid), true
}
