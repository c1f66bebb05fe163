package learner

import (
	"context"
	"errors"
	"os"
	"syscall"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/modelfile"
	"github.com/jubatus/jubatus-go/rpc"
)

// ExitError is the end of a node other than a graceful stop.
type ExitError struct {
	Code    int    // of the process
	Message string // the line that has been logged
	Err     error  // what led to it, if anything did
}

func (e *ExitError) Error() string { return e.Message }

// Unwrap returns what led to the end.
func (e *ExitError) Unwrap() error { return e.Err }

// exitFailure is the exit code of every failure.
const exitFailure = 1

// fatal logs why the node gives up.
func (n *Node) fatal(message string, err error) error {
	n.log.Log(context.Background(), LevelFatal, message)
	return &ExitError{Code: exitFailure, Message: message, Err: err}
}

// giveUp logs an error that ends the node, with all there is to say.
func (n *Node) giveUp(err error) error {
	var exit *ExitError
	switch {
	case errors.As(err, &exit):
		return exit
	case errors.Is(err, config.ErrEndOfData), errors.Is(err, config.ErrInvalidUTF8):
		return n.fatal("error in main thread: "+diagnostic(err), err)
	default:
		return n.fatal("exception in main thread: "+diagnostic(err), err)
	}
}

// refuse is giveUp for what is no more than a line at level ERROR.
func (n *Node) refuse(message string, err error) error {
	n.log.Error(message)
	return &ExitError{Code: exitFailure, Message: message, Err: err}
}

// fileError is an error in, or with, a file.
type fileError struct {
	err   error
	path  string
	cause error // may be nil
}

func (e *fileError) Error() string { return e.path + ": " + e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// diagnostic is an error's class and text, and a line for every detail.
func diagnostic(err error) string {
	var file *fileError
	var cfg *config.Error
	var model *modelfile.Error
	switch {
	case errors.As(err, &file):
		text := diagnostic(file.err) + "\n    (#0) File: " + file.path
		if file.cause != nil {
			text += "\n    (#0) Error: " + describe(file.cause)
		}
		return text
	case errors.As(err, &cfg):
		return cfg.Diagnostic()
	case errors.Is(err, config.ErrEndOfData), errors.Is(err, config.ErrInvalidUTF8):
		return err.Error() // has no class
	case errors.As(err, &model):
		text := config.RuntimeError(model.Text).Diagnostic()
		if model.Cause != nil {
			text += "\n    (#0) Error: " + describe(model.Cause)
		}
		return text
	default:
		return config.RuntimeError(err.Error()).Diagnostic()
	}
}

// describe is an error as the C library words it, if it comes from there.
func describe(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return rpc.Strerror(errno)
	}
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
