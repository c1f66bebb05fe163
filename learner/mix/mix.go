// Package mix lets the nodes of a cluster share what each of them learns.
//
// The linear mixer folds what the nodes have learned since the last time into
// one diff and gives that to all of them. In every round one node is the
// master, the one that holds the cluster's lock: it collects the members'
// diffs (get_diff), folds them in the order of the members and sends the
// result to all (put_diff). A node whose model is not the latest gets a whole
// one from another (get_model); only nodes with the latest model are listed as
// active, and only those are sent calls by proxies.
//
// The push mixers (random, broadcast, skip) have no master: every node
// exchanges rows with peers that it chooses. Only models that consist of rows
// of a table can be shared that way.
//
// What decides is in pure functions (plan.go, fold.go, peers.go); the rest
// carries it out over package rpc and package coord. The messages are laid out
// as the original's, so that nodes of both kinds can mix with each other, and
// the log has the original's lines; what they call ZooKeeper is whatever
// coordination service there is.
package mix

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Mixer shares one node's model. New has registered its methods; Updated and
// Status may be called from then on, by any number of goroutines.
type Mixer interface {
	// Start begins to mix. The node must be among the members by now.
	Start(ctx context.Context) error
	// Finish takes the node off the list of active ones, lets it drain, and
	// shares what has not been shared yet, as far as that is possible before
	// ctx ends. A node that is alone is not held up. It comes before Stop.
	Finish(ctx context.Context)
	// Stop ends all rounds and waits for that. It may be called without Start.
	Stop()
	// Updated counts an update of the model. It does not wait.
	Updated()
	// Status reports the mixer's keys of get_status.
	Status(set func(key, value string))
}

// Node is what a mixer needs of the node it works for.
type Node interface {
	Engine() engine.Engine
	Model() *sync.RWMutex
	Server() *rpc.Server
}

// Registrar keeps ephemeral nodes in the coordination tree, whatever becomes
// of sessions. *coord.Registration is one.
type Registrar interface {
	Add(ctx context.Context, path string, data []byte) error
	Remove(ctx context.Context, path string) error
}

// Options say for whom a mixer works, and when.
type Options struct {
	Type, Name string         // of the cluster
	Self       coord.Identity // of the node

	Coordinator coord.Coordinator
	Registrar   Registrar

	Interval time.Duration // between rounds; 0 means that time is no reason
	Count    int           // of updates that are reason enough; 0 means that there is no such number
	Timeout  time.Duration // for each call to another node

	// Drain is called when the node is not listed as active any more and before
	// the last MIX. It waits until nobody has the node learn anything. May be
	// nil.
	Drain func(ctx context.Context)

	// GoDown is called, once at most, if the cluster speaks another protocol.
	GoDown func()

	Log *slog.Logger
}

// The mixers by the names that users give them.
const (
	LinearMixer    = "linear_mixer"
	RandomMixer    = "random_mixer"
	BroadcastMixer = "broadcast_mixer"
	SkipMixer      = "skip_mixer"
)

// Known reports whether there is a mixer of that name. The error is what
// servers say if not.
func Known(name string) error {
	switch name {
	case LinearMixer, RandomMixer, BroadcastMixer, SkipMixer:
		return nil
	}
	return config.RuntimeError("unsupported mix type (" + name + ")")
}

// New returns the mixer of that name and registers its methods with the node's
// server. Errors are those of package config: there is no such mixer, or it
// cannot share such a model.
func New(name string, node Node, o Options) (Mixer, error) {
	if err := Known(name); err != nil {
		return nil, err
	}
	switch name {
	case RandomMixer:
		return newPush(name, node, o, random(uint32(time.Now().UnixMicro())))
	case BroadcastMixer:
		return newPush(name, node, o, broadcast)
	case SkipMixer:
		return newPush(name, node, o, skip)
	default:
		return newLinear(node, o), nil
	}
}

// period is how long a mixer waits before it looks again whether there is
// something to do.
const period = 500 * time.Millisecond

// counter counts a node's updates, and those that the last MIX has covered.
type counter struct {
	mu            sync.Mutex
	updates       uint64
	covered, sent uint64
	last          time.Time // of the last MIX
	trigger       trigger
	full          chan struct{} // told when there are enough updates
}

func newCounter(t trigger) *counter {
	return &counter{trigger: t, last: time.Now(), full: make(chan struct{}, 1)}
}

// updated counts an update.
func (c *counter) updated() {
	c.mu.Lock()
	c.updates++
	full := c.trigger.full(c.updates - c.covered)
	c.mu.Unlock()
	if full {
		select {
		case c.full <- struct{}{}:
		default:
		}
	}
}

// send remembers that what was learned so far is on its way.
func (c *counter) send() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = c.updates
}

// mixed notes that a MIX has ended, with what this node sent or without it.
func (c *counter) mixed(with bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if with {
		c.covered = c.sent
	}
	c.last = time.Now()
}

// reset notes that all updates so far are dealt with.
func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.covered, c.sent, c.last = c.updates, c.updates, time.Now()
}

// state is the number of updates that are not covered, and the time since the
// last MIX.
func (c *counter) state() (updates uint64, last time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.updates - c.covered, c.last
}

// due reports whether it is time for a MIX.
func (c *counter) due() bool {
	updates, last := c.state()
	return c.trigger.due(updates, time.Since(last))
}

// integer reads the one argument of methods that have one for no reason.
func integer(req *rpc.Request) error {
	args, _, err := arguments(req, 1)
	if err != nil {
		return err
	}
	_, err = args.Int64()
	return err
}

// arguments returns the arguments of a call that needs at least n.
func arguments(req *rpc.Request, n int) (args mpack.Reader, argc int, err error) {
	args = mpack.NewReader(req.Params)
	argc, err = args.ArrayHeader()
	if err == nil && argc < n {
		err = mpack.ErrLength
	}
	return args, argc, err
}

// ignored is the argument of methods that have one for no reason.
var ignored = []byte{0x91, 0x00}

// newPool returns connections for one round of calls.
func (o *Options) newPool() *rpc.Pool {
	return rpc.NewPool(rpc.PoolOptions{Client: rpc.ClientOptions{Timeout: o.Timeout, ConnectTimeout: o.Timeout}})
}

// call calls one node.
func (o *Options) call(ctx context.Context, pool *rpc.Pool, addr, method string, params []byte) ([]byte, error) {
	a := rpc.CallMany(ctx, pool, 0, []string{addr}, method, params, o.Timeout).Answers()[0]
	return a.Result, a.Err
}
