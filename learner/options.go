// Package learner is a learner node: it gives one engine a network port, a
// configuration, files to keep its model in, and a place in a cluster.
//
// # Life of a node
//
//	n, err := learner.New(opts, classifier.New)
//	err = n.Run(ctx)
//
// Run tells the log who starts, reads the configuration, builds the engine,
// opens the port and answers calls until ctx ends; then it stops without
// losing a call. Test goes as far as the engine and opens no port. Both return
// nil or an *ExitError with the exit code of the process.
//
// # Locks
//
// One read-write lock guards the model. Handlers hold it as the service table
// says; saving and get_status hold it shared, loading and the mixer
// exclusively. What clients send is decoded before it is taken, files are
// decoded and written while it is free.
package learner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/service"
)

// LevelFatal is the level of the line in which a node says why it gives up.
const LevelFatal = slog.LevelError + 4

// Options say what a node is. Paths are absolute.
type Options struct {
	Type    string // of the service
	Program string // what the program calls itself; a path is cut to its last element
	Version string // of the program

	Addr string // the node's own address, part of its identity
	Bind string // the address or host name to listen on
	Port int

	Threads int           // calls that execute at the same time
	Timeout time.Duration // after which idle connections are closed; 0 means never

	DataDir    string // where models are saved
	LogDir     string // only reported
	LogConfig  string // only reported
	ConfigPath string // the configuration; may be empty with ModelPath, and in a cluster that has one
	ModelPath  string // a model to start with, which brings its configuration; standalone only

	// Only reported here, they are for the Cluster.
	Coordinator         string // the list of hosts
	Name                string
	Mixer               string
	IntervalSec         int
	IntervalCount       int
	ZooKeeperTimeout    int // seconds
	InterconnectTimeout int // seconds

	Cluster Cluster      // nil: standalone
	Log     *slog.Logger // nil: silent

	// Now and Listen are the clock and the network; nil: the real ones.
	Now    func() time.Time
	Listen func(network, address string) (net.Listener, error)
}

// ErrNoConfig says that a cluster has not been given a configuration.
var ErrNoConfig = errors.New("config does not exist")

// Cluster is what a node in a cluster asks of it. The methods are called in
// this order, each once, except Status, Updated and Gone.
type Cluster interface {
	// Join connects the node to the cluster.
	Join(ctx context.Context) error

	// Peers is what the engine may ask of the other nodes.
	Peers() engine.Peers

	// Config returns the cluster's configuration and its path. If the cluster
	// has none it gets the node's own, unless that is empty. The error is
	// ErrNoConfig if there is none at all; the path counts then, too.
	Config(ctx context.Context, own string) (text, path string, err error)

	// Attach shows the node, whose engine exists but whose port is not open
	// yet. The mixer registers its methods now.
	Attach(n *Node) error

	// Register announces the node, which answers calls already.
	Register(ctx context.Context) error

	// Start starts to mix.
	Start(ctx context.Context) error

	// Leave stops mixing and takes the node out of the cluster. It is called
	// if Join was, however far that got.
	Leave()

	// Gone is closed when the cluster has no use for the node any more.
	Gone() <-chan struct{}

	// Updated counts an update of the model. It must not wait.
	Updated()

	// Status reports the cluster's keys of get_status. It is called without
	// the model lock.
	Status(set func(key, value string))
}

// id is the node's identity.
func (o *Options) id() string { return o.Addr + "_" + strconv.Itoa(o.Port) }

// New returns a node that does nothing yet.
func New(opts Options, factory engine.Factory) (*Node, error) {
	s, ok := service.Lookup(opts.Type)
	if !ok {
		return nil, fmt.Errorf("there is no service %q", opts.Type)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Listen == nil {
		opts.Listen = net.Listen
	}
	opts.Program = filepath.Base(opts.Program)
	n := &Node{opts: opts, service: s, factory: factory, log: opts.Log}
	n.server = n.newServer()
	return n, nil
}
