// Package cluster makes a learner node one of a cluster: it registers the node
// in the coordination tree, keeps it there through lost sessions, fetches the
// cluster's configuration, and runs the mixer.
//
// A Cluster belongs to one node and follows its life: it is the learner's
// Cluster interface, on top of package coord and package mix.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/mix"
	"github.com/jubatus/jubatus-go/learner/service"
)

// Options say which cluster a node is in, and how it mixes.
type Options struct {
	Type, Name string
	Self       coord.Identity

	// Open connects to the coordination service. Its error is that the service
	// cannot be reached within the session timeout.
	Open func(ctx context.Context) (coord.Coordinator, error)
	// Hosts and SessionTimeout (in seconds) are what to call the service, and
	// how patient Open is, in messages.
	Hosts          string
	SessionTimeout int

	Mixer               string // its name, as users give it
	IntervalSec         int    // between MIXes; 0 means that time is no reason
	IntervalCount       int    // of updates that are reason enough; 0 means none is
	InterconnectTimeout int    // seconds, for each call to another node

	// Farewell is how long a node that leaves may take to share what it has
	// learned since the last MIX; 0 means not to.
	Farewell time.Duration

	Log *slog.Logger // nil: silent
}

// Cluster is one node's place in a cluster. It is used once.
type Cluster struct {
	Options
	service *service.Service

	coordinator  coord.Coordinator
	peers        *peers
	configLock   *coord.Lock
	registration *coord.Registration
	mixer        mix.Mixer

	gone     chan struct{}
	goneOnce sync.Once
	watching sync.WaitGroup
	left     chan struct{} // closed when the node leaves
}

var _ learner.Cluster = (*Cluster)(nil)

// New returns a Cluster that has not connected to anything.
func New(o Options) (*Cluster, error) {
	s, ok := service.Lookup(o.Type)
	if !ok {
		return nil, fmt.Errorf("there is no service %q", o.Type)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Cluster{Options: o, service: s, gone: make(chan struct{}), left: make(chan struct{})}, nil
}

// Join implements learner.Cluster: it connects to the service and makes the
// common part of the tree.
func (c *Cluster) Join(ctx context.Context) error {
	coordinator, err := c.Open(ctx)
	if err != nil {
		e := config.RuntimeError(fmt.Sprintf("cannot connect zk in %d sec: %s", c.SessionTimeout, c.Hosts))
		e.Messages = []string{err.Error()}
		return e
	}
	c.coordinator = coordinator
	c.peers = newPeers(c.Options, coordinator)
	c.registration = coord.NewRegistration(coordinator, c.Log)
	if err := coord.Prepare(ctx, coordinator, c.Type, c.Name); err != nil {
		return err
	}
	if err := mix.Known(c.Mixer); err != nil {
		return err
	}
	if generatesIDs(c.Type) {
		return coord.CreateIDGenerator(ctx, coordinator, c.Type, c.Name)
	}
	return nil
}

// generatesIDs reports whether servers of a type draw ids for the cluster.
func generatesIDs(typ string) bool { return typ == "anomaly" || typ == "graph" }

// Peers implements learner.Cluster.
func (c *Cluster) Peers() engine.Peers { return c.peers }

// Config implements learner.Cluster. The configuration is locked for reading
// as long as the node is in the cluster: nobody can change it under the nodes.
func (c *Cluster) Config(ctx context.Context, own string) (text, path string, err error) {
	path = coord.ConfigPath(c.Type, c.Name)
	c.configLock = coord.NewLock(c.coordinator, coord.ConfigLockPath(c.Type, c.Name))
	locked, err := c.configLock.RLock(ctx, coord.ConfigLockAttempts, coord.ConfigLockPause)
	if err != nil {
		return "", path, err
	}
	if !locked {
		return "", path, config.RuntimeError("any user is writing config?")
	}
	if err := c.registration.AddReadLock(ctx, c.configLock); err != nil {
		return "", path, err
	}
	var stored []byte
	if own == "" {
		stored, err = coord.ReadConfig(ctx, c.coordinator, c.Type, c.Name)
	} else {
		// Several nodes may bring the first configuration at once: the tree
		// takes one of them, and all others must be equal to it.
		stored, err = coord.AddConfig(ctx, c.coordinator, c.Type, c.Name, []byte(own))
	}
	if errors.Is(err, coord.ErrNoNode) {
		return "", path, fmt.Errorf("%w: %s", learner.ErrNoConfig, path)
	}
	return string(stored), path, err
}

// Attach implements learner.Cluster: it makes the mixer.
func (c *Cluster) Attach(n *learner.Node) (err error) {
	c.mixer, err = mix.New(c.Mixer, n, mix.Options{
		Type: c.Type, Name: c.Name, Self: c.Self,
		Coordinator: c.coordinator, Registrar: c.registration,
		Interval: time.Duration(c.IntervalSec) * time.Second,
		Count:    c.IntervalCount,
		Timeout:  time.Duration(c.InterconnectTimeout) * time.Second,
		Drain:    n.Drain,
		GoDown:   c.goAway,
		Log:      c.Log,
	})
	return err
}

// Register implements learner.Cluster. Ring nodes come first: who finds the
// node among the servers may look for its keys.
func (c *Cluster) Register(ctx context.Context) error {
	if c.service.Ring {
		ring := coord.RingPath(c.Type, c.Name)
		for _, v := range coord.VirtualNodes(c.Self) {
			if err := c.registration.Add(ctx, ring+"/"+v, []byte(c.Self.String())); err != nil {
				return fmt.Errorf("Failed to register cht node: %w", err)
			}
		}
		// From here on the ring is known without waiting.
		if _, err := c.peers.lookup(ctx); err != nil {
			return err
		}
	}
	if err := coord.CreateDirs(ctx, c.coordinator, coord.ClusterPath(c.Type, c.Name),
		coord.MasterLockPath(c.Type, c.Name), coord.NodesPath(c.Type, c.Name)); err != nil {
		return fmt.Errorf("Failed to register_actor: %w", err)
	}
	path := coord.NodePath(c.Type, c.Name, c.Self)
	if err := c.registration.Add(ctx, path, nil); err != nil {
		return fmt.Errorf("Failed to register_actor: %w", err)
	}
	c.Log.Info("actor created: " + path)
	c.watching.Go(func() { c.watch(path) })
	c.Log.Info("watch start: " + path)
	return nil
}

// watch lets the node go when somebody deletes its node in the tree.
func (c *Cluster) watch(own string) {
	for {
		select {
		case <-c.left:
			return
		case path := <-c.registration.Deleted():
			if path != own {
				c.Log.Warn("somebody deleted a node of this server", "path", path)
				continue
			}
			c.Log.Info("My actor [" + path + "] was deleted, preparing for finish")
			c.goAway()
		}
	}
}

// goAway lets the node go.
func (c *Cluster) goAway() { c.goneOnce.Do(func() { close(c.gone) }) }

// Start implements learner.Cluster.
func (c *Cluster) Start(ctx context.Context) error { return c.mixer.Start(ctx) }

// Leave implements learner.Cluster. The node's entries in the tree all go at
// the same moment, with the session.
func (c *Cluster) Leave() {
	if c.mixer != nil {
		c.Log.Info("stopping mixer thread")
		if c.Farewell > 0 {
			c.farewell()
		}
		c.mixer.Stop()
	}
	close(c.left)
	c.watching.Wait()
	if c.coordinator == nil {
		return
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	c.registration.Close(done)
	c.peers.close()
	if err := c.coordinator.Close(); err != nil {
		c.Log.Warn("the session was not closed: " + err.Error())
	}
}

// farewell makes sure that nobody looks for the node any more, and that nothing
// that it has learned is lost.
func (c *Cluster) farewell() {
	ctx, cancel := context.WithTimeout(context.Background(), c.Farewell)
	defer cancel()
	if c.service.Ring && c.coordinator.Session().Valid {
		ring := coord.RingPath(c.Type, c.Name)
		// The service may be about to leave, too.
		soon, cancel := context.WithTimeout(ctx, 2*time.Second)
		for _, v := range coord.VirtualNodes(c.Self) {
			if err := c.registration.Remove(soon, ring+"/"+v); err != nil {
				c.Log.Warn("leaving the ring: " + err.Error())
				break
			}
		}
		cancel()
	}
	c.mixer.Finish(ctx)
}

// Gone implements learner.Cluster.
func (c *Cluster) Gone() <-chan struct{} { return c.gone }

// Updated implements learner.Cluster.
func (c *Cluster) Updated() { c.mixer.Updated() }

// Status implements learner.Cluster.
func (c *Cluster) Status(set func(key, value string)) {
	set("connected_zookeeper", c.coordinator.Endpoint())
	c.mixer.Status(set)
}
