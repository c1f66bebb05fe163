package serve

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/jubatus/jubatus-go/cmd/option"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/rpc"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitEarly   = 255 // an exception before there is a log
)

// refusal is why a process does not start: what it prints, and its exit code.
type refusal struct {
	text  string
	code  int
	fatal bool // belongs into the log
}

func (r *refusal) Error() string { return r.text }

// early is a refusal from before there is a log.
func early(err error) error {
	return &refusal{text: "exception in main thread: " + diagnostic(err) + "\n", code: exitEarly}
}

// fatal is a refusal that the log tells about.
func fatal(err error) error {
	return &refusal{text: "exception in main thread: " + diagnostic(err), code: exitFailure, fatal: true}
}

// misuse is a refusal followed by the usage text.
func misuse(o *option.Set, text string) error {
	return &refusal{text: text + "\n" + o.Usage() + "\n", code: exitFailure}
}

// located is an error in, or with, a file.
type located struct {
	err   *config.Error
	file  string
	cause error // may be nil
}

func (l *located) Error() string { return l.file + ": " + l.err.Error() }

// diagnostic is the long form of an error, several lines for some.
func diagnostic(err error) string {
	var l *located
	var e *config.Error
	switch {
	case errors.As(err, &l):
		text := l.err.Diagnostic() + "\n    (#0) File: " + l.file
		if l.cause != nil {
			text += "\n    (#0) Error: " + describe(l.cause)
		}
		return text
	case errors.As(err, &e):
		return e.Diagnostic()
	default:
		return err.Error()
	}
}

// cause is an operating system's error without the operation and the path.
func cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// identify settles the addresses of the process.
func (c *common) identify() error {
	var err error
	switch {
	case *c.listenAddr != "":
		c.addr, c.bind = *c.listenAddr, *c.listenAddr
	case *c.listenIf != "":
		if c.addr, err = interfaceAddr(*c.listenIf); err != nil {
			return early(err)
		}
		c.bind = c.addr
	default:
		if c.addr, err = defaultAddr(); err != nil {
			return early(err)
		}
		c.bind = "0.0.0.0"
	}
	return nil
}

// resolve makes a path absolute and free of links. An empty one stays.
func resolve(path *string) error {
	if *path == "" {
		return nil
	}
	absolute, err := filepath.Abs(*path)
	if err == nil {
		absolute, err = filepath.EvalSymlinks(absolute)
	}
	if err != nil {
		return &located{config.RuntimeError("Failed to get realpath"), *path, cause(err)}
	}
	*path = absolute
	return nil
}

// writable reports why no files can be made in a directory, as the C library
// words it. An empty path is fine.
func writable(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return errors.New(describe(err))
	case !info.IsDir():
		return errors.New(describe(syscall.ENOTDIR))
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return errors.New(describe(err))
	}
	return nil
}

// describe is an operating system's error as the C library words it.
func describe(err error) string {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return err.Error()
	}
	return rpc.Strerror(number)
}
