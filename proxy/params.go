package proxy

import (
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// address reads what routing needs of a call's params: the name of the
// cluster and, for a hashed method, the key. Both are parts of params. The
// error makes an argument error.
func address(m *service.Method, params []byte) (name, key []byte, err error) {
	r := mpack.NewReader(params)
	n, err := r.ArrayHeader()
	if err != nil {
		return nil, nil, err
	}
	if n < 1+m.Args {
		return nil, nil, rpc.ErrArgument
	}
	if name, err = r.Raw(); err != nil {
		return nil, nil, err
	}
	if m.Routing == service.Hashed {
		if key, err = r.Raw(); err != nil {
			return nil, nil, err
		}
	}
	return name, key, nil
}
