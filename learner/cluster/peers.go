package cluster

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// peers is what the engine sees of the cluster. The ring is answered from
// memory, as the proxies do.
type peers struct {
	Options
	coordinator coord.Coordinator
	view        *coord.View
	pool        *rpc.Pool

	mu         sync.Mutex
	ring       *coord.Ring // as last seen
	generation uint64
}

var _ engine.Peers = (*peers)(nil)

func newPeers(o Options, c coord.Coordinator) *peers {
	timeout := time.Duration(o.InterconnectTimeout) * time.Second
	return &peers{
		Options: o, coordinator: c, view: coord.NewView(c, o.Log),
		pool: rpc.NewPool(rpc.PoolOptions{Client: rpc.ClientOptions{Timeout: timeout, ConnectTimeout: timeout}}),
	}
}

// close ends watches and connections.
func (p *peers) close() {
	p.view.Close()
	p.pool.Close()
}

// NextID implements engine.Peers.
func (p *peers) NextID(ctx context.Context) (uint64, error) {
	return coord.NextID(ctx, p.coordinator, p.Type, p.Name)
}

// Owners implements engine.Peers.
func (p *peers) Owners(ctx context.Context, key []byte, n int) ([]engine.Peer, error) {
	ring, err := p.lookup(ctx)
	if err != nil {
		return nil, err
	}
	ids := ring.Successors(nil, key, n)
	if len(ids) == 0 {
		return nil, config.RuntimeError("no server found in cht: " + p.Name)
	}
	owners := make([]engine.Peer, len(ids))
	for i, id := range ids {
		owners[i] = engine.Peer{ID: id.String(), Addr: id.Addr(), Self: id == p.Self}
	}
	return owners, nil
}

// Owns implements engine.Peers.
func (p *peers) Owns(key []byte, n int) bool {
	ring, err := p.lookup(ended)
	return err == nil && slices.Contains(ring.Successors(nil, key, n), p.Self)
}

// Generation implements engine.Peers.
func (p *peers) Generation() uint64 {
	ring, err := p.lookup(ended)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && ring != p.ring {
		p.ring = ring
		p.generation++
	}
	return p.generation
}

// ended is the context of those who do not wait.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// lookup returns the ring. It waits only before the node has registered.
func (p *peers) lookup(ctx context.Context) (*coord.Ring, error) {
	return p.view.Ring(ctx, coord.RingPath(p.Type, p.Name))
}

// Call implements engine.Peers. A connection that the other node has closed
// because it was idle is opened anew.
func (p *peers) Call(ctx context.Context, to engine.Peer, method string, args ...[]byte) ([]byte, error) {
	params := mpack.AppendArrayHeader(nil, 1+len(args))
	params = mpack.AppendRaw(params, p.Name)
	for _, a := range args {
		params = append(params, a...)
	}
	result, err := p.pool.Call(ctx, to.Addr, 0, method, params)
	if rpc.NotSent(err) && !errors.Is(err, rpc.ErrConnect) {
		result, err = p.pool.Call(ctx, to.Addr, 0, method, params)
	}
	return result, err
}
