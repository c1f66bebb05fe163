package zktest

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Link is a wire between clients and a server that a test can cut. It reads
// along which session its newest connection has, so that it can end it.
type Link struct {
	server   string
	listener net.Listener
	wg       sync.WaitGroup
	gate     sync.Mutex // new connections pass it to the server one by one

	mu       sync.Mutex
	cut      bool
	closed   bool
	conns    map[net.Conn]bool
	greeting []byte // what the server said first on the newest connection
}

// greetingLen is how long a server's first answer is up to the end of the
// session's password: length, version, timeout, session, length, password.
const greetingLen = 4 + 4 + 4 + 8 + 4 + 16

// NewLink returns a link to a server that lasts until the test ends.
func NewLink(t testing.TB, server string) *Link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{server: server, listener: listener, conns: map[net.Conn]bool{}}
	l.wg.Add(1)
	go l.accept()
	t.Cleanup(func() {
		listener.Close()
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.Cut()
		l.wg.Wait()
	})
	return l
}

// Addr is the host:port that clients connect to.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Cut closes all connections and takes no new ones until Heal.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for conn := range l.conns {
		conn.Close()
	}
}

// Heal takes connections again.
func (l *Link) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// Expire makes the server end the session of the newest connection, as it
// does when it has not heard of it for too long, and returns when it has.
func (l *Link) Expire(t testing.TB) {
	t.Helper()
	l.gate.Lock() // lest the client takes its session back meanwhile
	defer l.gate.Unlock()
	if err := l.expire(); err != nil {
		t.Fatalf("ending a session: %v", err)
	}
}

// expire takes the session over with its id and password and closes it.
func (l *Link) expire() error {
	l.mu.Lock()
	greeting := l.greeting
	l.mu.Unlock()
	if len(greeting) < greetingLen {
		return fmt.Errorf("the link has no session yet")
	}
	conn, err := net.Dial("tcp", l.server)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	connect := make([]byte, 4+8)                 // version, last transaction seen
	connect = append(connect, greeting[8:40]...) // timeout, session, password
	if err := writeFrame(conn, connect); err != nil {
		return err
	}
	if _, err := readFrame(conn); err != nil {
		return err
	}
	end := make([]byte, 8) // request 1, close session
	end[3] = 1
	binary.BigEndian.PutUint32(end[4:], 0xfffffff5) // -11
	if err := writeFrame(conn, end); err != nil {
		return err
	}
	_, err = readFrame(conn)
	return err
}

func writeFrame(w io.Writer, body []byte) error {
	frame := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	_, err := w.Write(append(frame, body...))
	return err
}

func readFrame(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	body := make([]byte, min(binary.BigEndian.Uint32(length[:]), 1<<20))
	_, err := io.ReadFull(r, body)
	return body, err
}

func (l *Link) accept() {
	defer l.wg.Done()
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.gate.Lock()
		server, err := net.Dial("tcp", l.server)
		l.gate.Unlock()
		if err != nil {
			client.Close()
			continue
		}
		if !l.add(client, server) {
			continue
		}
		l.wg.Add(2)
		go l.carry(server, client, false)
		go l.carry(client, server, true)
	}
}

// add registers a pair of connections, or closes it if the link is cut.
func (l *Link) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range conns {
		if l.cut || l.closed {
			conn.Close()
			continue
		}
		l.conns[conn] = true
	}
	if l.cut || l.closed {
		return false
	}
	l.greeting = nil
	return true
}

// carry copies from one side to the other until either ends.
func (l *Link) carry(to, from net.Conn, fromServer bool) {
	defer l.wg.Done()
	defer to.Close()
	defer from.Close()
	var first []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if missing := greetingLen - len(first); fromServer && missing > 0 && n > 0 {
			first = append(first, buf[:min(n, missing)]...)
			l.mu.Lock()
			l.greeting = first
			l.mu.Unlock()
		}
		if _, writing := to.Write(buf[:n]); err != nil || writing != nil {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, from)
}
