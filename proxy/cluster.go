package proxy

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
)

// View tells who belongs to a cluster; a *coord.View does. Answers come from
// memory once there has been one that is not empty, so only the first may make
// the caller wait. What is returned does not change; the same slice or ring
// means that nothing has.
type View interface {
	Members(ctx context.Context, path string) ([]coord.Identity, error)
	Ring(ctx context.Context, path string) (*coord.Ring, error)
}

// maxClusters bounds the clusters that are remembered.
const maxClusters = 4096

// cluster is the servers of one name.
type cluster struct {
	p                     *Proxy
	name                  string
	activesPath, ringPath string

	membersKnown, ringKnown atomic.Bool // the view answers from memory
	last                    atomic.Pointer[membership]
}

// membership is the active servers at one time.
type membership struct {
	ids      []coord.Identity
	backends []*backend
}

// cluster returns the cluster of that name, be there one or not.
func (p *Proxy) cluster(name []byte) *cluster {
	p.mu.RLock()
	c := p.clusters[string(name)]
	p.mu.RUnlock()
	if c != nil {
		return c
	}
	s := string(name)
	typ := p.opt.Service.Type
	return &cluster{p: p, name: s, activesPath: coord.ActivesPath(typ, s), ringPath: coord.RingPath(typ, s)}
}

// remember keeps a cluster that exists.
func (c *cluster) remember() {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if len(c.p.clusters) < maxClusters && c.p.clusters[c.name] == nil {
		c.p.clusters[c.name] = c
	}
}

// members are the active servers; none if it cannot be known.
func (c *cluster) members(ctx context.Context, b *rpc.Batch) []*backend {
	if !c.membersKnown.Load() {
		var cancel context.CancelFunc
		if ctx, cancel = c.prepare(ctx, b); cancel == nil {
			return nil
		}
		defer cancel()
	}
	ids, err := c.p.opt.View.Members(ctx, c.activesPath)
	if err != nil {
		c.p.log.Warn("active servers are not known", "path", c.activesPath, "error", err)
		return nil
	}
	if len(ids) == 0 {
		return nil
	}
	last := c.last.Load()
	if last != nil && len(last.ids) == len(ids) && &last.ids[0] == &ids[0] {
		return last.backends
	}
	now := &membership{ids: ids, backends: make([]*backend, len(ids))}
	for i, id := range ids {
		b := c.p.backends.get(id)
		now.backends[i] = b
		if last != nil && !slices.Contains(last.ids, id) {
			c.p.backends.registered(b)
		}
	}
	c.last.Store(now)
	if !c.membersKnown.Swap(true) {
		c.remember()
	}
	c.p.tidy()
	return now.backends
}

// ring is the cluster's ring; nil if it is empty or cannot be known.
func (c *cluster) ring(ctx context.Context, b *rpc.Batch) *coord.Ring {
	if !c.ringKnown.Load() {
		var cancel context.CancelFunc
		if ctx, cancel = c.prepare(ctx, b); cancel == nil {
			return nil
		}
		defer cancel()
	}
	ring, err := c.p.opt.View.Ring(ctx, c.ringPath)
	if err != nil {
		c.p.log.Warn("the ring is not known", "path", c.ringPath, "error", err)
		return nil
	}
	if ring == nil || ring.Len() == 0 {
		return nil
	}
	if !c.ringKnown.Swap(true) {
		c.remember()
	}
	return ring
}

// prepare comes before a look that may wait. There is no context to use if
// the name cannot be that of a cluster.
func (c *cluster) prepare(ctx context.Context, b *rpc.Batch) (context.Context, context.CancelFunc) {
	if !coord.ValidName(c.name) {
		return nil, nil
	}
	if b != nil {
		b.Flush()
	}
	return context.WithTimeout(ctx, c.p.opt.InterconnectTimeout)
}

// manyBackends is how many servers may be known before those that have left
// are forgotten.
const manyBackends = 1024

// tidy forgets servers that have left, if there are many.
func (p *Proxy) tidy() {
	if p.backends.len() <= manyBackends {
		return
	}
	wanted := map[coord.Identity]bool{}
	p.mu.RLock()
	for _, c := range p.clusters {
		if m := c.last.Load(); m != nil {
			for _, id := range m.ids {
				wanted[id] = true
			}
		}
	}
	p.mu.RUnlock()
	p.backends.retain(func(id coord.Identity) bool { return wanted[id] })
}
