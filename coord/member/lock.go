package member

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a standby looks whether a slot is free. A blocking
// wait would be a little faster but could not be given up.
const lockPoll = 40 * time.Millisecond

// DefaultDir is where slots live unless told otherwise:
// $XDG_STATE_HOME/jubatus/coord, or ~/.local/state/jubatus/coord.
func DefaultDir() (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("folder for coordination data: %w", err)
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "jubatus", "coord"), nil
}

// folder is where a slot's data are, for all processes of the machine.
type folder struct {
	path string
	// lock is the descriptor of the open lock file. The lock is the kernel's
	// and goes when the file is closed, at the latest with the process. An
	// *os.File would also be closed when it is collected, which must not
	// happen to a slot whose member is stuck.
	lock int
}

// openFolder makes a slot's folder if there is none. fs.ErrPermission if this
// process may not.
func openFolder(dir string, s Slot) (*folder, error) {
	path := filepath.Join(dir, s.name())
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("folder of slot %s: %w", s, permission(err))
	}
	lock, err := unix.Open(filepath.Join(path, "lock"), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock of slot %s: %w", s, permission(err))
	}
	return &folder{path: path, lock: lock}, nil
}

// permission counts a file system that is read-only as a missing permission.
func permission(err error) error {
	if errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%w: %w", fs.ErrPermission, err)
	}
	return err
}

func (f *folder) close() error {
	if err := unix.Close(f.lock); err != nil {
		return fmt.Errorf("close lock in %s: %w", f.path, err)
	}
	return nil
}

// tryLock tells whether the slot is now this process's.
func (f *folder) tryLock() (bool, error) {
	for {
		err := unix.Flock(f.lock, unix.LOCK_EX|unix.LOCK_NB)
		switch err {
		case nil:
			return true, nil
		case unix.EWOULDBLOCK:
			return false, nil
		case unix.EINTR:
			continue
		}
		return false, fmt.Errorf("lock %s: %w", f.path, err)
	}
}

// waitLock returns when the slot is this process's or the context ends.
func (f *folder) waitLock(ctx context.Context) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		ok, err := f.tryLock()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (f *folder) unlock() error {
	if err := unix.Flock(f.lock, unix.LOCK_UN); err != nil {
		return fmt.Errorf("unlock %s: %w", f.path, err)
	}
	return nil
}

func (f *folder) recordPath() string { return filepath.Join(f.path, "members") }

func (f *folder) dataPath() string { return filepath.Join(f.path, "etcd") }

// recorded returns the list that the slot was founded with, empty if it was
// not yet.
func (f *folder) recorded() (string, error) {
	text, err := os.ReadFile(f.recordPath())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("recorded cluster list: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// record writes the list, whole or not at all.
func (f *folder) record(list string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("record cluster list: %w", err)
		}
	}()
	temp, err := os.OpenFile(f.recordPath()+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = temp.WriteString(list + "\n")
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), f.recordPath()); err != nil {
		return err
	}
	d, err := os.Open(f.path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
