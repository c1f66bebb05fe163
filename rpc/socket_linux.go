package rpc

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

const hasSockets = true

// errNotNow says that a descriptor has no bytes, or takes none.
var errNotNow = errors.New("not now")

// readNow reads what a non-blocking descriptor has.
func readNow(fd uintptr, b []byte, quiet bool) (int, error) {
	return now(syscall.SYS_READ, "read", fd, b, quiet)
}

// writeNow writes what a non-blocking descriptor takes.
func writeNow(fd uintptr, b []byte, quiet bool) (int, error) {
	return now(syscall.SYS_WRITE, "write", fd, b, quiet)
}

// now makes a system call, of which the runtime is told unless it is to be
// quiet.
func now(call uintptr, name string, fd uintptr, b []byte, quiet bool) (int, error) {
	for {
		var n uintptr
		var errno syscall.Errno
		if quiet {
			n, _, errno = syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		} else {
			n, _, errno = syscall.Syscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		}
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, errNotNow
		default:
			return 0, os.NewSyscallError(name, errno)
		}
	}
}

// wakeMonitor makes a system call of which the runtime is told.
func wakeMonitor() { syscall.Syscall(syscall.SYS_GETPID, 0, 0, 0) }
