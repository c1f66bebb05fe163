package mix

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// getDiff is the method get_diff.
func (m *Linear) getDiff(_ context.Context, req *rpc.Request, out []byte) ([]byte, error) {
	if err := integer(req); err != nil {
		return nil, err
	}
	if len(m.mixables) == 0 {
		return nil, errConfigNotSet
	}
	m.exchange.Lock()
	defer m.exchange.Unlock()
	m.node.Model().RLock()
	m.counter.send()
	payload := diff(m.mixables, nil)
	m.node.Model().RUnlock()
	return mpack.AppendRaw(out, payload), nil
}

// putDiff is the method put_diff. Our own nodes tell as a second argument, of
// which the original's know nothing, whose diffs are in the mixed one.
func (m *Linear) putDiff(ctx context.Context, req *rpc.Request, out []byte) ([]byte, error) {
	args, argc, err := arguments(req, 1)
	if err != nil {
		return nil, err
	}
	payload, err := args.Raw()
	if err != nil {
		return nil, err
	}
	if len(m.mixables) == 0 {
		return nil, errConfigNotSet
	}
	with := argc < 2 || m.among(&args)
	parts, err := split(payload, len(m.mixables))
	if err != nil {
		return nil, err
	}
	before, after, listed, vs, err := m.put(parts, with)
	if err != nil {
		m.Log.Warn(fmt.Sprintf("put_diff with %d bytes failed: %v", len(payload), err))
		return nil, err
	}
	m.Log.Info(fmt.Sprintf("put_diff with %d bytes finished %s versions %s", len(payload), verdict(before, after), versions(vs)))
	// Who called wants to find the list of active nodes up to date, but not
	// to wait for a service that does not answer.
	select {
	case <-listed:
	case <-ctx.Done():
	case <-m.ctx.Done():
	case <-time.After(time.Second):
	}
	return mpack.AppendUint(out, 0), nil
}

// put applies a mixed diff, which was made with or without what this node
// sent.
func (m *Linear) put(parts [][]byte, with bool) (before, after standing, listed <-chan struct{}, vs []uint64, err error) {
	m.exchange.Lock()
	defer m.exchange.Unlock()
	model := m.node.Model()
	model.Lock()
	if !with {
		keep(m.mixables)
	}
	accepted, touched, err := put(m.mixables, parts)
	vs = modelVersions(m.mixables)
	model.Unlock()
	if err != nil && !touched {
		return before, after, nil, nil, err
	}
	m.counter.mixed(with)
	m.setDoubt(false)
	before, after, listed = m.stand(func(s standing) standing { return s.put(accepted) })
	return before, after, listed, vs, err
}

// among reports whether this node is in a list of identities. What is no such
// list says nothing.
func (m *Linear) among(args *mpack.Reader) bool {
	n, err := args.ArrayHeader()
	if err != nil {
		return true
	}
	self := m.Self.String()
	for range n {
		id, err := args.Raw()
		if err != nil || string(id) == self {
			return true
		}
	}
	return false
}

// getModel is the method get_model.
func (m *Linear) getModel(_ context.Context, req *rpc.Request, out []byte) ([]byte, error) {
	if err := integer(req); err != nil {
		return nil, err
	}
	m.node.Model().RLock()
	model := m.node.Engine().Pack(nil)
	m.node.Model().RUnlock()
	m.Log.Info(fmt.Sprintf("sending learning-model. size = %d", len(model)))
	out = slices.Grow(out, len(model)+16)
	out = mpack.AppendArrayHeader(out, 2)
	out = mpack.AppendUint(out, protocol)
	return mpack.AppendRaw(out, model), nil
}

// doMix is the method do_mix: one round, whenever the lock is to be had. It
// answers true unless it could not try.
func (m *Linear) doMix(ctx context.Context, _ *rpc.Request, out []byte) ([]byte, error) {
	m.Log.Info("forced to mix by user RPC")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	err := m.manual(ctx, m.ctx, m.lock.TryLock)
	if err != nil {
		m.Log.Error("exception in manual mix: " + err.Error())
	}
	return mpack.AppendBool(out, err == nil), nil
}
