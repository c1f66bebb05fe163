package modelfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Write writes a file so that at any moment, even if the machine fails, the
// path names either what it named before or the complete new file. While
// another Write to that path is at work, in this process or in another one, it
// fails. The model is asked for when it is certain that none is. The error is
// a *Error.
//
// The new file grows under a hidden name beside the path. Should the process
// die meanwhile, the next Write to the path takes the remains over.
func Write(path string, s System, model func() []byte) error {
	return replace(path, func(w io.Writer) error {
		model := model()
		head, userHead := preamble(s, model)
		for _, part := range [][]byte{head, userHead, model} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		return nil
	})
}

// replace makes path name a file with what write has written.
func replace(path string, write func(io.Writer) error) error {
	dir, name := filepath.Split(path)
	temporary := filepath.Join(dir, "."+name+".tmp")
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return &Error{"cannot open output file", errors.New("not a regular file")}
	}
	f, err := openLocked(temporary)
	if err != nil {
		return err
	}
	// Closing gives the lock back, so it comes last: until then nobody else
	// uses the temporary name.
	defer f.Close()
	renamed := false
	defer func() {
		if !renamed {
			os.Remove(temporary) //nolint:errcheck // the next Write takes it over
		}
	}()
	if err := writeSynced(f, write); err != nil {
		return &Error{"cannot write output file", err}
	}
	if err := os.Rename(temporary, path); err != nil {
		return &Error{"cannot write output file", err}
	}
	renamed = true
	if err := syncDir(dir); err != nil {
		return &Error{"cannot write output file", err}
	}
	return nil
}

// writeSynced fills a file and waits until the disk has it.
func writeSynced(f *os.File, write func(io.Writer) error) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// openLocked opens the file of that name, creating it if need be, and locks
// it. The lock belongs to the open file, so it works between the goroutines of
// one process too.
func openLocked(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o666)
		if err != nil {
			return nil, &Error{"cannot open output file", err}
		}
		current, err := lock(f, name)
		if err != nil {
			f.Close()
			return nil, err
		}
		if current {
			return f, nil
		}
		f.Close()
	}
}

// lock locks f and tells whether the name still is f's: a Write that has
// ended in between has renamed it away.
func lock(f *os.File, name string) (current bool, err error) {
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, &Error{"cannot get the lock of file; any RPC is saving to same file?", err}
	}
	mine, err := f.Stat()
	if err != nil {
		return false, &Error{"cannot open output file", err}
	}
	if !mine.Mode().IsRegular() {
		return false, &Error{"cannot open output file", errors.New("not a regular file")}
	}
	named, err := os.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, &Error{"cannot open output file", err}
	}
	return os.SameFile(mine, named), nil
}

// syncDir waits until the disk has a directory's entries.
func syncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
