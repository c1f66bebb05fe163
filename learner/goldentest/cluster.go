package goldentest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Cluster is engines of one service in one process that call each other, for
// engines that use engine.Peers. Set the fields before the first call.
type Cluster struct {
	Engines []engine.Engine

	// Homes returns the numbers of all nodes in the order of the ring for a
	// key. It must be the same for as long as Generation is not changed.
	Homes func(key string) []int
	// Ring is the generation of the ring.
	Ring atomic.Uint64
	// Fault, if set, is asked before a node calls another one, and again
	// before it gets the answer. An error of it is that of the call.
	Fault func(c PeerCall) error
	// Alone says that calls come one after another. Then it is a failure if a
	// node calls another one with its model held.
	Alone bool

	t       testing.TB
	service *service.Service
	members []*member
	lastID  atomic.Uint64
}

// PeerCall is a call between two nodes of a Cluster.
type PeerCall struct {
	From, To int
	Method   string
	Answered bool // it has been executed
}

type member struct {
	handlers map[string]engine.Handler
	model    sync.RWMutex
}

// NewCluster builds n engines of a service from the text of their
// configuration.
func NewCluster(t testing.TB, factory engine.Factory, typ, cfg string, n int) *Cluster {
	t.Helper()
	c := &Cluster{t: t, Alone: true}
	var ok bool
	if c.service, ok = service.Lookup(typ); !ok {
		t.Fatalf("there is no service %s", typ)
	}
	for i := range n {
		env := Env(true)
		env.ID = fmt.Sprintf("127.0.0.%d_9199", i+1)
		env.Peers = peersOf{c, i}
		e := Build(t, factory, cfg, env)
		c.Engines = append(c.Engines, e)
		c.members = append(c.members, &member{handlers: e.Handlers()})
	}
	return c
}

// Caller calls the i-th node. Calls hold the model as the service's table
// says.
func (c *Cluster) Caller(i int) Caller {
	return func(method string, params []byte) ([]byte, error) {
		out, err := c.execute(context.Background(), i, method, params)
		switch {
		case err == nil:
			return out, nil
		case errors.Is(err, errNoMethod):
			return nil, UnknownMethod
		case mpack.IsCast(err), err == mpack.ErrTruncated:
			return nil, BadArgument
		default:
			return nil, &CallError{err.Error()}
		}
	}
}

// Mix makes one round of linear MIX.
func (c *Cluster) Mix() {
	c.t.Helper()
	mixAll(c.t, c.Engines)
}

var errNoMethod = errors.New("no method error")

func (c *Cluster) execute(ctx context.Context, i int, method string, params []byte) ([]byte, error) {
	m := c.members[i]
	handle := m.handlers[method]
	row, ok := c.service.Method(method)
	if handle == nil || !ok {
		return nil, errNoMethod
	}
	args := mpack.NewReader(params)
	n, err := args.ArrayHeader()
	if err != nil {
		return nil, err
	}
	call := engine.Call{Context: ctx, Args: args, N: n}
	call.Begin(&m.model, row.Lock)
	defer call.Unlock()
	if err := handle(&call); err != nil {
		return nil, err
	}
	return call.Out, nil
}

// peersOf is what one node sees of the Cluster.
type peersOf struct {
	*Cluster
	self int
}

func (p peersOf) NextID(context.Context) (uint64, error) { return p.lastID.Add(1), nil }

func (p peersOf) Owners(_ context.Context, key []byte, n int) ([]engine.Peer, error) {
	homes := p.Homes(string(key))
	if len(homes) == 0 {
		return nil, errors.New("no server found in cht: test")
	}
	var owners []engine.Peer
	for _, i := range homes[:min(n, len(homes))] {
		owners = append(owners, engine.Peer{
			ID: fmt.Sprintf("127.0.0.%d_9199", i+1), Addr: fmt.Sprintf("127.0.0.%d:9199", i+1), Self: i == p.self,
		})
	}
	return owners, nil
}

func (p peersOf) Owns(key []byte, n int) bool {
	homes := p.Homes(string(key))
	return slices.Contains(homes[:min(n, len(homes))], p.self)
}

func (p peersOf) Generation() uint64 { return p.Ring.Load() }

func (p peersOf) Call(ctx context.Context, to engine.Peer, method string, args ...[]byte) ([]byte, error) {
	if p.Alone {
		if !p.members[p.self].model.TryLock() {
			p.t.Errorf("node %d calls %s of another one with its model held", p.self, method)
		} else {
			p.members[p.self].model.Unlock()
		}
	}
	var last byte
	if _, err := fmt.Sscanf(to.Addr, "127.0.0.%d:9199", &last); err != nil {
		return nil, fmt.Errorf("there is no node %s", to.Addr)
	}
	call := PeerCall{From: p.self, To: int(last) - 1, Method: method}
	if err := p.fault(call); err != nil {
		return nil, err
	}
	params := mpack.AppendArrayHeader(nil, len(args))
	for _, a := range args {
		params = append(params, a...)
	}
	result, err := p.execute(ctx, call.To, method, params)
	call.Answered = true
	if lost := p.fault(call); lost != nil {
		return nil, lost
	}
	return result, err
}

func (c *Cluster) fault(call PeerCall) error {
	if c.Fault == nil {
		return nil
	}
	return c.Fault(call)
}
