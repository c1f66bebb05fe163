package learner

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jubatus/jubatus-go/learner/service"
)

const (
	// drainQuiet is how long nobody may have called a node before it counts as
	// one that nobody calls. Proxies learn of a change in far less.
	drainQuiet = 250 * time.Millisecond
	// drainLimit is how long that is waited for. Some clients call nobody else.
	drainLimit = 2 * time.Second
	drainPoll  = 10 * time.Millisecond
)

// errLeaving answers what a node was asked to learn when it is too late. The
// call has had no effect.
var errLeaving = errors.New(service.Leaving)

// Drain is for a node that others do not find any more: it goes on to answer
// until nobody has called for a moment, and then learns no more, so that what
// it shares next is all that it ever said to have learned. What only reads is
// answered until the end.
func (n *Node) Drain(ctx context.Context) {
	n.quiet(ctx)
	n.gate.close(ctx)
}

// quiet waits until nobody calls.
func (n *Node) quiet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainLimit)
	defer cancel()
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	n.gate.watched.Store(true)
	calls, since := n.gate.calls.Load(), time.Now()
	for time.Since(since) < drainQuiet {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := n.gate.calls.Load(); now != calls {
			calls, since = now, time.Now()
		}
	}
}

// gate counts the calls that change the model, and lets none in once closed.
// It is no lock: servers that call each other come back to it.
type gate struct {
	inside atomic.Int64
	closed atomic.Bool

	watched atomic.Bool
	calls   atomic.Int64 // of clients, since it is watched
}

// note notes a call, whether it changes the model or not.
func (g *gate) note() {
	if g.watched.Load() {
		g.calls.Add(1)
	}
}

// enter reports whether a call may change the model. It leaves then.
func (g *gate) enter() bool {
	g.inside.Add(1)
	if g.closed.Load() {
		g.inside.Add(-1)
		return false
	}
	return true
}

func (g *gate) leave() { g.inside.Add(-1) }

// close keeps out those who come from now on and waits for those inside.
func (g *gate) close(ctx context.Context) {
	g.closed.Store(true)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for g.inside.Load() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// gated reports whether a call has to be refused when the node leaves: other
// servers can do it instead. What goes to all servers needs no sharing.
func (n *Node) gated(m *service.Method) bool {
	return n.opts.Cluster != nil && m.Lock != service.Analysis &&
		(m.Routing == service.Random || m.Routing == service.Hashed)
}
