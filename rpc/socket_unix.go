//go:build unix && !linux

package rpc

import (
	"errors"
	"os"
	"syscall"
)

// System calls are made through package syscall here, which tells of each.
const hasSockets = true

var errNotNow = errors.New("not now")

func readNow(fd uintptr, b []byte, _ bool) (int, error) { return now(syscall.Read, "read", fd, b) }

func writeNow(fd uintptr, b []byte, _ bool) (int, error) { return now(syscall.Write, "write", fd, b) }

func now(call func(fd int, b []byte) (int, error), name string, fd uintptr, b []byte) (int, error) {
	for {
		n, err := call(int(fd), b)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, errNotNow
		default:
			return 0, os.NewSyscallError(name, err)
		}
	}
}

func wakeMonitor() {}
