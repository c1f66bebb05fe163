package proxy

import (
	"bytes"
	"errors"
	"strconv"
	"syscall"

	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// What clients are told. Scripts look for these texts.
var (
	errConnect        = errors.New("connect error in proxy")
	errMethodNotFound = errors.New("jubatus::server::common::mprpc::rpc_method_not_found")
)

func errNoServer(name []byte) error {
	return errors.New("no server found: " + string(name))
}

func errNoRing(key []byte) error {
	return errors.New("failed to fetch list of CHT entry: " + string(key))
}

// decisive is the failure that a call with several reports: the first of
// those that were failures to connect or to answer in time, or else the first
// one. They are in the order of arrival; there is at least one.
func decisive(failures []error) error {
	for _, err := range failures {
		if errors.Is(err, rpc.ErrConnect) || errors.Is(err, rpc.ErrTimeout) {
			return err
		}
	}
	return failures[0]
}

// tell is a failure to get a server's result as the client is told it.
func tell(err error) error {
	var remote *rpc.RemoteError
	var system *rpc.SystemError
	switch {
	case errors.As(err, &remote):
		return tellRemote(remote)
	case errors.Is(err, rpc.ErrConnect):
		return errConnect
	case errors.Is(err, rpc.ErrTimeout):
		return rpc.ErrTimeout
	case errors.As(err, &system):
		return errors.New(system.Text())
	case errors.Is(err, rpc.ErrClosed):
		return rpc.ErrClosed
	case errors.Is(err, rpc.ErrTooManySessions):
		return rpc.ErrTooManySessions
	default:
		return err
	}
}

// tellRemote is an error that a server answered.
func tellRemote(remote *rpc.RemoteError) error {
	const prefix = "rpc_server error: "
	r := mpack.NewReader(remote.Object)
	if s, err := r.Raw(); err == nil {
		return errors.New(prefix + `"` + string(s) + `"`)
	}
	n, ok := remote.Code()
	switch {
	case !ok:
		return errors.New(prefix + string(mpack.AppendText(nil, remote.Object)))
	case errors.Is(remote, rpc.ErrMethodNotFound):
		return errMethodNotFound
	case errors.Is(remote, rpc.ErrArgument):
		// The server has checked the client's params in our stead.
		return rpc.ErrArgument
	case n < 0 && n >= -4095:
		return errors.New(rpc.Strerror(syscall.Errno(-n)))
	default:
		return errors.New(prefix + strconv.FormatInt(n, 10))
	}
}

// leaving is the error object of a server that leaves its cluster.
var leaving = mpack.AppendRaw(nil, service.Leaving)

// unexecuted reports whether a server answered that it did not do what it was
// asked to because it leaves.
func unexecuted(err error) bool {
	var remote *rpc.RemoteError
	return errors.As(err, &remote) && bytes.Equal(remote.Object, leaving)
}

// lost reports whether a server could not be reached or was lost before it
// answered.
func lost(err error) bool {
	var system *rpc.SystemError
	return errors.Is(err, rpc.ErrConnect) || errors.Is(err, rpc.ErrClosed) || errors.As(err, &system)
}
