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
func readNow(fd uintptr, b []byte) (int, error) { return now(syscall.SYS_READ, "read", fd, b) }

// writeNow writes what a non-blocking descriptor takes.
func writeNow(fd uintptr, b []byte) (int, error) { return now(syscall.SYS_WRITE, "write", fd, b) }

// now makes a system call of which the runtime is not told.
func now(call uintptr, name string, fd uintptr, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
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
