package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// What can become of a call. The texts are those that operators know from
// logs.
var (
	ErrConnect         = errors.New("connect failed")
	ErrTimeout         = errors.New("request timed out")
	ErrClosed          = errors.New("connection closed")
	ErrMethodNotFound  = errors.New("no method error")
	ErrArgument        = errors.New("argument error")
	ErrTooManySessions = errors.New("too many session")
)

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = errors.New("server closed")

var errPanic = errors.New("internal error")

// Codes of errors that are integers on the wire, and the result that comes
// with an argument error.
const (
	codeMethodNotFound = 1
	codeArgument       = 2
	badCast            = "std::bad_cast"
)

// ReplyError makes a handler's reply carry a ready-made error object.
type ReplyError struct {
	Object []byte // the error, one MessagePack object other than nil
	Result []byte // the result beside it; empty means nil
}

func (e *ReplyError) Error() string { return text(e.Object) }

// appendError appends the error and result of a reply to a failed call.
func appendError(out []byte, err error) []byte {
	var reply *ReplyError
	var remote *RemoteError
	switch {
	case errors.As(err, &reply):
		out = append(out, reply.Object...)
		if len(reply.Result) == 0 {
			return mpack.AppendNil(out)
		}
		return append(out, reply.Result...)
	case errors.As(err, &remote):
		// What another server thought of our arguments is not this
		// client's fault.
	case mpack.IsCast(err), errors.Is(err, ErrArgument):
		out = mpack.AppendUint(out, codeArgument)
		return mpack.AppendRaw(out, badCast)
	}
	out = mpack.AppendRaw(out, err.Error())
	return mpack.AppendNil(out)
}

// RemoteError is an error that the server answered.
type RemoteError struct {
	Object []byte // the error, one MessagePack object
	Result []byte // the result beside it, one MessagePack object
}

// Error is the text of a string error; "no method error" and "argument
// error" for the codes 1 and 2; "unknown remote error (n)" for other
// integers; and a printed form of anything else.
func (e *RemoteError) Error() string {
	switch n, ok := e.Code(); {
	case !ok:
		return text(e.Object)
	case n == codeMethodNotFound:
		return ErrMethodNotFound.Error()
	case n == codeArgument:
		return ErrArgument.Error()
	default:
		return fmt.Sprintf("unknown remote error (%d)", n)
	}
}

// Code is the error's number, if it is one.
func (e *RemoteError) Code() (n int64, ok bool) {
	r := mpack.NewReader(e.Object)
	n, err := r.Int64()
	return n, err == nil
}

// Is matches ErrMethodNotFound and ErrArgument.
func (e *RemoteError) Is(target error) bool {
	n, ok := e.Code()
	return ok && (n == codeMethodNotFound && target == ErrMethodNotFound ||
		n == codeArgument && target == ErrArgument)
}

// text is a string object's text and the printed form of any other.
func text(object []byte) string {
	r := mpack.NewReader(object)
	if s, err := r.Raw(); err == nil {
		return string(s)
	}
	return string(mpack.AppendText(nil, object))
}

// SystemError is an error of the operating system on an open connection.
type SystemError struct{ Errno syscall.Errno }

// Error is the form that logs use.
func (e *SystemError) Error() string {
	return fmt.Sprintf("system error: %s (%d)", e.Text(), int(e.Errno))
}

// Text is the system's message, such as "Connection reset by peer".
func (e *SystemError) Text() string { return Strerror(e.Errno) }

// Unwrap returns the error number.
func (e *SystemError) Unwrap() error { return e.Errno }

// Strerror is the C library's message for an error number. Go's differ from
// it by the first letter.
func Strerror(errno syscall.Errno) string {
	s := errno.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

// CallError is a call without an answer. Its text is its Kind's.
type CallError struct {
	Kind  error // ErrConnect, ErrTimeout, ErrClosed, ErrTooManySessions, a *SystemError or the context's error
	Cause error // what led to it, or nil
	Addr  string

	notSent bool
}

func (e *CallError) Error() string { return e.Kind.Error() }

// Unwrap returns the kind and the cause.
func (e *CallError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// NotSent reports whether err is that of a call of which the server certainly
// saw no complete request, so that sending it to another one cannot execute
// it twice. A call that timed out never counts as such.
func NotSent(err error) bool {
	var e *CallError
	return errors.As(err, &e) && e.notSent
}

// connectionError classifies why an open connection ended.
func connectionError(err error) (kind error) {
	var errno syscall.Errno
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return ErrClosed
	case errors.As(err, &errno):
		return &SystemError{errno}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout
	default:
		return ErrClosed
	}
}

// contextError is the kind of error of a call whose context ended.
func contextError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrTimeout
	}
	return ctx.Err()
}
