//go:build unix

package rpc

import (
	"time"

	"golang.org/x/sys/unix"
)

// readableWithin reports whether a read from a descriptor would not wait, which
// it waits for as long as that.
func readableWithin(fd uintptr, d time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(d.Milliseconds()))
	return n > 0 && err == nil
}
