package rpc

import (
	"context"
	"errors"
	"sync"
	"time"
)

// PoolOptions configure a Pool. The zero value works.
type PoolOptions struct {
	// Client configures the connections.
	Client ClientOptions
	// Expire is how long a connection without calls is kept, at least a
	// second. It is looked at once per second.
	Expire time.Duration
	// Size bounds the servers to which there are connections; calls to
	// further ones fail with ErrTooManySessions. 0 means any number.
	Size int
	// Lanes is the number of connections per server; 0 means 1. A server
	// executes the calls of one connection one after another.
	Lanes int
}

// Pool keeps connections to servers. It is safe for concurrent use.
type Pool struct {
	opt  PoolOptions
	stop chan struct{}
	wg   sync.WaitGroup // the janitor and every client

	mu     sync.Mutex
	hosts  map[string][]*Client // by lane; nil where there is no connection
	all    map[*Client]struct{} // including those dropped but not ended
	closed bool
}

// NewPool returns an empty Pool, which must be closed.
func NewPool(opt PoolOptions) *Pool {
	opt.Lanes = max(opt.Lanes, 1)
	opt.Expire = max(opt.Expire, time.Second)
	p := &Pool{
		opt:   opt,
		stop:  make(chan struct{}),
		hosts: make(map[string][]*Client),
		all:   make(map[*Client]struct{}),
	}
	p.wg.Go(p.expire)
	return p
}

// Client returns a connection to addr, a new one if need be, without waiting
// for it to be established. Calls with the same lane use the same connection
// as long as it lives, and therefore reach the server in the order in which
// they are made; any number will do for a lane.
func (p *Pool) Client(addr string, lane uint64) (*Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, &CallError{Kind: ErrClosed, Addr: addr, notSent: true}
	}
	lanes := p.hosts[addr]
	i := int(lane % uint64(p.opt.Lanes))
	if lanes != nil && lanes[i] != nil && lanes[i].use() {
		return lanes[i], nil
	}
	if lanes == nil {
		if p.opt.Size > 0 && len(p.hosts) >= p.opt.Size {
			return nil, &CallError{Kind: ErrTooManySessions, Addr: addr, notSent: true}
		}
		lanes = make([]*Client, p.opt.Lanes)
		p.hosts[addr] = lanes
	}
	p.wg.Add(1)
	var c *Client
	made := make(chan struct{})
	c = newClient(addr, p.opt.Client, func() {
		<-made
		p.remove(c)
		p.wg.Done()
	})
	c.overdue = func() { p.drop(c) }
	lanes[i] = c
	p.all[c] = struct{}{}
	close(made)
	return c, nil
}

// Call calls one server through the pool. A call that times out makes the
// pool drop the connection.
func (p *Pool) Call(ctx context.Context, addr string, lane uint64, method string, params []byte) ([]byte, error) {
	c, err := p.Client(addr, lane)
	if err != nil {
		return nil, err
	}
	result, err := c.Call(ctx, method, params)
	if err != nil && errors.Is(err, ErrTimeout) {
		p.drop(c)
	}
	return result, err
}

// Len is the number of servers to which there are connections.
func (p *Pool) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.hosts)
}

// Close closes all connections and waits until that is done.
func (p *Pool) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.stop)
	}
	clients := make([]*Client, 0, len(p.all))
	for c := range p.all {
		clients = append(clients, c)
	}
	p.mu.Unlock()
	for _, c := range clients {
		c.shutdown(ErrClosed, nil)
	}
	p.wg.Wait()
}

// drop takes a connection out of the pool; it ends with its last call.
func (p *Pool) drop(c *Client) {
	p.mu.Lock()
	p.unlink(c)
	p.mu.Unlock()
	c.retire()
}

// remove forgets a connection that has ended.
func (p *Pool) remove(c *Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unlink(c)
	delete(p.all, c)
}

// unlink makes sure that c is not used for new calls. It is called with the
// lock.
func (p *Pool) unlink(c *Client) {
	lanes := p.hosts[c.addr]
	others := false
	for i := range lanes {
		if lanes[i] == c {
			lanes[i] = nil
		}
		others = others || lanes[i] != nil
	}
	if !others {
		delete(p.hosts, c.addr)
	}
}

// expire drops, once per second, the connections that were idle too long.
func (p *Pool) expire() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
		var idle []*Client
		p.mu.Lock()
		for _, lanes := range p.hosts {
			for _, c := range lanes {
				if c == nil {
					continue
				}
				if since, ok := c.idleSince(); ok && time.Since(since) >= p.opt.Expire {
					idle = append(idle, c)
				}
			}
		}
		for _, c := range idle {
			p.unlink(c)
		}
		p.mu.Unlock()
		for _, c := range idle {
			c.retire()
		}
	}
}
