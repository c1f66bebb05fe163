package rpc

import (
	"io"
	"net"
	"syscall"
)

// socketReader reads from a connection, and socketWriter writes to it. Quiet
// ones make their system calls without telling the runtime, see pulse. Neither
// may be used by two goroutines at a time.
type socketReader struct {
	nc   net.Conn
	raw  syscall.RawConn // nil unless it is quiet
	read func(fd uintptr) bool

	buf []byte
	n   int
	err error
}

func (r *socketReader) init(nc net.Conn, quiet bool) {
	r.nc = nc
	if !quiet {
		return
	}
	r.raw = rawConn(nc)
	r.read = func(fd uintptr) (done bool) {
		r.n, r.err = readNow(fd, r.buf, quiet)
		return r.err != errNotNow
	}
}

// Read implements io.Reader.
func (r *socketReader) Read(b []byte) (n int, err error) {
	if r.raw == nil || len(b) == 0 {
		return r.nc.Read(b)
	}
	r.buf = b
	err = r.raw.Read(r.read)
	r.buf = nil
	switch {
	case err != nil:
		return 0, err
	case r.err != nil:
		return 0, r.err
	case r.n == 0:
		return 0, io.EOF
	}
	return r.n, nil
}

type socketWriter struct {
	nc    net.Conn
	raw   syscall.RawConn // nil if the connection has none: everything waits
	quiet bool

	writeSome, writeAll func(fd uintptr) bool

	buf []byte
	n   int
	err error
}

func (w *socketWriter) init(nc net.Conn, quiet bool) {
	w.nc, w.raw, w.quiet = nc, rawConn(nc), quiet
	w.writeSome = func(fd uintptr) (done bool) {
		w.n, w.err = writeNow(fd, w.buf, quiet)
		return true
	}
	w.writeAll = func(fd uintptr) (done bool) {
		var n int
		n, w.err = writeNow(fd, w.buf[w.n:], quiet)
		w.n += n
		return w.n == len(w.buf) || w.err != nil && w.err != errNotNow
	}
}

// try writes what the connection takes of b without waiting. n < len(b)
// without an error means that the rest would have to wait.
func (w *socketWriter) try(b []byte) (n int, err error) {
	if w.raw == nil {
		return 0, nil
	}
	n, err = w.write(b, w.writeSome)
	if err == errNotNow {
		err = nil
	}
	return n, err
}

// Write implements io.Writer.
func (w *socketWriter) Write(b []byte) (n int, err error) {
	if w.raw == nil || !w.quiet || len(b) == 0 {
		return w.nc.Write(b)
	}
	return w.write(b, w.writeAll)
}

func (w *socketWriter) write(b []byte, how func(fd uintptr) bool) (int, error) {
	w.buf, w.n, w.err = b, 0, nil
	err := w.raw.Write(how)
	w.buf = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}

func rawConn(nc net.Conn) syscall.RawConn {
	sc, ok := nc.(syscall.Conn)
	if !ok || !hasSockets {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
