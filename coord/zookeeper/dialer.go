package zookeeper

import (
	"encoding/binary"
	"net"
	"sync"
	"time"
)

// dialer makes the library's connections and reads along while the two sides
// introduce themselves: the library keeps to itself what session timeout was
// negotiated, and waits very long for a server that accepts a connection but
// says nothing.
type dialer struct {
	patience time.Duration // for the server's first answer

	mu      sync.Mutex
	current *connection
	closed  bool
}

// greetingLen is how much of a server's first answer is of interest: its
// length, the protocol version and the session timeout of 4 bytes each, and
// the session's id of 8.
const greetingLen = 20

// connection is a connection to a server.
type connection struct {
	net.Conn
	patience time.Duration

	mu       sync.Mutex
	sent     time.Time // when the first question was
	greeting []byte    // the beginning of the first answer
}

func (d *dialer) dial(network, address string, timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, timeout)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	if d.current != nil {
		d.current.Close() // the library forgets to when a session expired
	}
	d.current = &connection{Conn: conn, patience: d.patience}
	return d.current, nil
}

// close ends the present connection and all later.
func (d *dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.current != nil {
		d.current.Close()
	}
}

// server is the address of the newest connection's server.
func (d *dialer) server() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil {
		return ""
	}
	return d.current.RemoteAddr().String()
}

// handshake is what the newest connection agreed on with the server, and when
// it had asked to.
func (d *dialer) handshake() (session int64, timeout time.Duration, sent time.Time) {
	d.mu.Lock()
	conn := d.current
	d.mu.Unlock()
	conn.mu.Lock()
	defer conn.mu.Unlock()
	if len(conn.greeting) < greetingLen {
		return 0, 0, conn.sent
	}
	milliseconds := binary.BigEndian.Uint32(conn.greeting[8:])
	return int64(binary.BigEndian.Uint64(conn.greeting[12:])), time.Duration(milliseconds) * time.Millisecond, conn.sent
}

// Write notes when the first question was sent.
func (c *connection) Write(b []byte) (int, error) {
	c.mu.Lock()
	if c.sent.IsZero() {
		c.sent = time.Now()
	}
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// Read keeps the beginning of the first answer.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	if missing := greetingLen - len(c.greeting); missing > 0 {
		c.greeting = append(c.greeting, b[:min(n, missing)]...)
	}
	c.mu.Unlock()
	return n, err
}

// SetReadDeadline allows the first answer no more time than is reasonable.
func (c *connection) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	greeted := len(c.greeting) >= greetingLen
	c.mu.Unlock()
	if soon := time.Now().Add(c.patience); !greeted && (t.IsZero() || t.After(soon)) {
		t = soon
	}
	return c.Conn.SetReadDeadline(t)
}
