package rpc

import (
	"net"
	"syscall"
	"time"
)

// arrived adds the bytes that a connection has received and nobody has read,
// without waiting for more. A server that stops answers what they ask: if it
// closed the connection over them, their sender could not tell whether it had.
func (in *input) arrived(nc net.Conn) (any bool) {
	system, ok := nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := system.SyscallConn()
	if err != nil || nc.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	in.room()
	n := 0
	err = raw.Read(func(fd uintptr) bool {
		n, err = syscall.Read(int(fd), in.buf[in.w:])
		return true // whatever it said, do not wait
	})
	if err != nil || n <= 0 {
		return false
	}
	in.w += n
	in.full = in.w == len(in.buf)
	return true
}
