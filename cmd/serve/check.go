package serve

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// refusal is why a server does not start: what it prints, and its exit code.
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

// identify settles the server's addresses.
func (s *settings) identify() error {
	var err error
	switch {
	case *s.listenAddr != "":
		s.addr, s.bind = *s.listenAddr, *s.listenAddr
	case *s.listenIf != "":
		if s.addr, err = interfaceAddr(*s.listenIf); err != nil {
			return early(err)
		}
		s.bind = s.addr
	default:
		if s.addr, err = defaultAddr(); err != nil {
			return early(err)
		}
		s.bind = "0.0.0.0"
	}
	return nil
}

// check refuses settings that cannot work and makes all paths absolute. It
// comes after identify and after the log has been opened.
func (s *settings) check(o *option.Set) error {
	cluster := *s.zookeeper != ""
	if cluster && *s.name == "" {
		return misuse(o, "can't start multinode mode without name specified")
	}
	if !cluster && *s.configPath == "" && *s.modelPath == "" {
		return misuse(o, "config path or model file must be specified for standalone mode")
	}
	for _, path := range []*string{s.configPath, s.modelPath} {
		if err := resolve(path); err != nil {
			return fatal(err)
		}
	}
	if cluster && *s.zookeeperTimeout < 1 {
		return misuse(o, "can't start with zookeeper_timeout less than 1")
	}
	if cluster && *s.interconnectTimeout < 1 {
		return misuse(o, "can't start with interconnect_timeout less than 1")
	}
	if err := resolve(s.dataDir); err != nil {
		return fatal(err)
	}
	if err := writable(*s.dataDir); err != nil {
		return misuse(o, "can't use datadir: "+err.Error())
	}
	if err := resolve(s.logDir); err != nil {
		return fatal(err)
	}
	if err := writable(*s.logDir); err != nil {
		return &refusal{text: "can't write to the ZooKeeper log directory: " + err.Error() + "\n", code: exitFailure}
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

// mixers are the values of --mixer.
var mixers = []string{"linear_mixer", "random_mixer", "broadcast_mixer", "skip_mixer"}

// checkMixer refuses an unknown mixer, also where none will run.
func (s *settings) checkMixer() error {
	if slices.Contains(mixers, *s.mixer) {
		return nil
	}
	return config.RuntimeError("unsupported mix type (" + *s.mixer + ")")
}
