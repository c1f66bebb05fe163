package rpc

import (
	"net"
	"syscall"
)

// tryWriter writes what a connection takes without waiting. It must not be
// used by two goroutines at a time.
type tryWriter struct {
	raw   syscall.RawConn // nil if the connection has none: everything waits
	write func(fd uintptr) bool

	buf []byte
	n   int
	err error
}

func (t *tryWriter) init(nc net.Conn) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	t.raw = raw
	t.write = func(fd uintptr) bool {
		t.n, t.err = writeNow(fd, t.buf)
		return true
	}
}

// try writes what it can of b. n < len(b) without an error means that the
// rest would have to wait.
func (t *tryWriter) try(b []byte) (n int, err error) {
	if t.raw == nil {
		return 0, nil
	}
	t.buf, t.n, t.err = b, 0, nil
	err = t.raw.Write(t.write)
	t.buf = nil
	if err == nil {
		err = t.err
	}
	return t.n, err
}
