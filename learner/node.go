package learner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/modelfile"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Node is a learner node. It is used once.
type Node struct {
	opts    Options
	service *service.Service
	factory engine.Factory
	log     *slog.Logger
	server  *rpc.Server
	joined  bool // in the cluster
	testing bool // the configuration, no more

	// Set before the port is opened, constant then.
	config     *config.Value
	configText string
	configPath string // as get_status reports it
	engine     engine.Engine
	started    time.Time

	model   sync.RWMutex // guards the engine
	calls   sync.Pool    // of *engine.Call
	updates atomic.Uint64
	loading sync.Mutex // one load at a time
	gate    gate       // for what changes the model
	saved   event
	loaded  event
}

// Engine is the engine. It is nil until the configuration has been read.
func (n *Node) Engine() engine.Engine { return n.engine }

// Model is the lock that guards the engine.
func (n *Node) Model() *sync.RWMutex { return &n.model }

// Server is where methods are registered and called.
func (n *Node) Server() *rpc.Server { return n.server }

// Config is the configuration as a text and parsed.
func (n *Node) Config() (string, *config.Value) { return n.configText, n.config }

// Updates is how many calls have updated the model.
func (n *Node) Updates() uint64 { return n.updates.Load() }

// Test reads the configuration, and builds what it describes, as Run would.
// It tells the result to w, except for what the log tells, and returns an
// *ExitError if there is something wrong.
func (n *Node) Test(ctx context.Context, w io.Writer) error {
	n.testing = true
	n.boot()
	defer n.leave()
	err := n.prepare(ctx)
	var exit *ExitError
	if errors.As(err, &exit) {
		return exit
	}
	result := "Configuration OK"
	if err != nil {
		result = "Configuration error:\n" + diagnostic(err)
	}
	if _, failed := fmt.Fprintln(w, result); failed != nil {
		return n.giveUp(fmt.Errorf("report the test's result: %w", failed))
	}
	if err != nil {
		return &ExitError{Code: exitFailure, Message: result, Err: err}
	}
	return nil
}

// Run is the node's life: it returns nil after a graceful stop, which begins
// when ctx ends or the cluster lets the node go, and an *ExitError if the node
// could not be started or ctx ended before it was.
func (n *Node) Run(ctx context.Context) error {
	n.boot()
	defer n.leave()
	if err := n.prepare(ctx); err != nil {
		if stopped := n.interrupted(ctx); stopped != nil {
			return stopped
		}
		return n.giveUp(err)
	}
	if err := n.interrupted(ctx); err != nil {
		return err
	}
	listener, err := n.listen()
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- n.server.Serve(listener) }()
	stop := func() {
		n.log.Info("stopping RPC server")
		// Callers get their answers however long those take.
		n.server.Shutdown(context.WithoutCancel(ctx)) //nolint:errcheck // its context does not end
		<-served
	}

	if err := n.join(ctx); err != nil {
		n.leave()
		stop()
		if stopped := n.interrupted(ctx); stopped != nil {
			return stopped
		}
		return n.giveUp(err)
	}
	n.log.Info(n.opts.Program + " RPC server startup")
	var gone <-chan struct{}
	if cluster := n.opts.Cluster; cluster != nil {
		if err := cluster.Start(ctx); err != nil {
			n.leave()
			stop()
			return n.giveUp(err)
		}
		gone = cluster.Gone()
	}
	select {
	case <-ctx.Done():
	case <-gone:
	case err := <-served:
		// Nobody else closes the listener, so this is a fault of the system.
		n.leave()
		served <- err
		stop()
		return n.giveUp(fmt.Errorf("RPC server: %w", err))
	}
	n.leave()
	stop()
	return nil
}

// join ends the start of a node whose port is open. Alone that is all there is
// to it: it may have answered calls already.
func (n *Node) join(ctx context.Context) error {
	if n.opts.Cluster == nil {
		return nil
	}
	if err := n.opts.Cluster.Register(ctx); err != nil {
		return err
	}
	n.log.Info("registered group membership")
	return n.interrupted(ctx)
}

// leave takes the node out of the cluster, if it is in one.
func (n *Node) leave() {
	if n.joined {
		n.joined = false
		n.opts.Cluster.Leave()
		n.log.Info("leaving from the cluster " + n.opts.Name)
	}
}

// interrupted is an error once ctx has ended: a node that is stopped while it
// starts has failed.
func (n *Node) interrupted(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return &ExitError{Code: exitFailure, Message: "stopped during start-up", Err: context.Cause(ctx)}
}

// listen opens the port.
func (n *Node) listen() (net.Listener, error) {
	port := n.opts.Port
	address, err := net.ResolveTCPAddr("tcp4", net.JoinHostPort(n.opts.Bind, fmt.Sprint(port)))
	if err != nil {
		return nil, n.fatal("server failed to start: failed to resolve host name", err)
	}
	l, err := n.opts.Listen("tcp4", address.String())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, n.fatal(fmt.Sprintf("server failed to start: any process using port %d?", port), err)
	case err != nil:
		return nil, n.fatal("server failed to start: bind failed: "+describe(err), err)
	}
	n.started = n.opts.Now()
	n.log.Info(fmt.Sprintf("start listening at port %d", port))
	return l, nil
}

// newServer returns the RPC server, still without methods.
func (n *Node) newServer() *rpc.Server {
	return rpc.NewServer(rpc.Options{
		Threads:     n.opts.Threads,
		IdleTimeout: n.opts.Timeout,
		Logger:      n.log,
		Failed:      n.failed,
	})
}

// failed logs a call that ended with an error. Causes stay here: clients are
// only sent the text.
func (n *Node) failed(req *rpc.Request, err error) {
	level := slog.LevelWarn
	if mpack.IsCast(err) {
		level = slog.LevelDebug // the client's mistake, of which it is told
	}
	attrs := []any{"method", string(req.Method), "peer", req.Remote}
	var file *modelfile.Error
	if errors.As(err, &file) && file.Cause != nil {
		attrs = append(attrs, "cause", file.Cause)
	}
	n.log.Log(context.Background(), level, "exception in RPC thread: "+err.Error(), attrs...)
}
