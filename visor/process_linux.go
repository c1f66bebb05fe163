package visor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sensor is a descriptor of a process, which tells when it ends and cannot
// come to mean another one.
type sensor struct{ f *os.File }

// newSensor returns nil if the kernel has none or there is no such process.
func newSensor(pid int) *sensor {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	if f.SetReadDeadline(time.Time{}) != nil { // it cannot be waited for
		f.Close()
		return nil
	}
	return &sensor{f}
}

// wait waits until the process has ended, though not until it is reaped.
func (s *sensor) wait(ctx context.Context) error {
	conn, err := s.f.SyscallConn()
	if err != nil {
		return fmt.Errorf("wait for process: %w", err)
	}
	unhook := context.AfterFunc(ctx, func() { s.f.SetReadDeadline(time.Now()) }) //nolint:errcheck // it had one before
	defer unhook()
	err = conn.Read(func(fd uintptr) bool {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		return n > 0 || err != nil && !errors.Is(err, unix.EINTR)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (s *sensor) signal(sig syscall.Signal) error {
	conn, err := s.f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = unix.PidfdSendSignal(int(fd), sig, nil, 0) }); err != nil {
		return err
	}
	return failed
}

func (s *sensor) close() { s.f.Close() }

// stat returns the fields of a process behind its name: state, parent, ...
func stat(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name is in parentheses and may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return nil, fmt.Errorf("process %d: unknown form of stat", pid)
	}
	return fields, nil
}

// startTicks tells when a process was started, in ticks since the machine was.
func startTicks(pid int) (uint64, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// lives reports whether that very process has not ended.
func lives(pid int, ticks uint64) bool {
	fields, err := stat(pid)
	return err == nil && fields[0] != "Z" && fields[0] != "X" && fields[19] == strconv.FormatUint(ticks, 10)
}

// runs reports whether a living process of this user has that command line.
func runs(pid int, args []string) bool {
	fields, err := stat(pid)
	if err != nil || fields[0] == "Z" || fields[0] == "X" {
		return false
	}
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	if err != nil {
		return false
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return false
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && len(text) > 0 && slices.Equal(strings.Split(string(text[:len(text)-1]), "\x00"), args)
}

// search returns the process of this user with that command line, or 0.
func search(args []string) int {
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(filepath.Base(entry)); err == nil && runs(pid, args) {
			return pid
		}
	}
	return 0
}

// bootID tells whether the machine was started anew: process ids mean nothing
// then.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// discard gives a file's first n bytes back to the system. The file keeps its
// length, so that whoever appends to it is not disturbed.
func discard(f *os.File, n int64) error {
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, n)
}

// undiscarded is where the first byte may be that has not been discarded.
func undiscarded(f *os.File) int64 {
	at, err := f.Seek(0, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) { // nothing but discarded bytes
		at, err = f.Seek(0, io.SeekEnd)
	}
	if err != nil {
		return 0
	}
	return at
}
