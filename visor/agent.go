package visor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
)

// DefaultGrace is how long a process may take to end before it is killed. A
// server shares what it has learned, and answers what it was asked, first.
const DefaultGrace = 30 * time.Second

// Options are everything an Agent needs to be told.
type Options struct {
	Host string // what the agent calls itself, without the port
	Bind string // the address it listens on
	Port int    // children get those behind it

	// Programs are the servers that it may start, and their types. Nothing
	// else is ever started.
	Programs map[string]string
	// Executable is the file that is each of these programs, by argv[0].
	Executable string
	// Where are the options that tell a server where the coordination service
	// is; they come first on its command line.
	Where []string
	// HandDown is the address that servers listen on of which the controller
	// did not say the interface; empty for all addresses.
	HandDown string
	// Address is the IPv4 address of a network interface.
	Address func(name string) (string, error)
	// Environment is ours, of which children get a part.
	Environment []string

	LogDir   string        // keeps the output of children, each in a file; empty: our log does
	StateDir string        // keeps the list of children
	Grace    time.Duration // 0 for DefaultGrace

	// Open connects to the coordination service.
	Open func(ctx context.Context) (coord.Coordinator, error)

	Log *slog.Logger
}

// Agent is a process agent. It is used once.
type Agent struct {
	Options
	server *rpc.Server
	boot   string // of the machine
	leave  atomic.Bool

	// What belongs to Run's goroutine, as do all methods that are not said to
	// be called elsewhere.
	plan    plan
	memory  memory
	running map[*child]*process
	waiting map[*child][]chan struct{} // closed when the child ended or was started again
	due     []chan struct{}            // of those: to be closed once that is noted
	closing bool

	calls       chan func() // executed by Run
	ended       chan struct{}
	work        sync.WaitGroup  // what watches processes and removes their traces
	watch       context.Context // of it
	unwatch     context.CancelFunc
	coordinator atomic.Pointer[coord.Coordinator]
}

// New returns an agent.
func New(o Options) *Agent {
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	a := &Agent{
		Options: o,
		boot:    bootID(),
		plan:    plan{ports: newPool(o.Port), grace: o.Grace, backoff: defaultBackoff},
		running: make(map[*child]*process),
		waiting: make(map[*child][]chan struct{}),
		calls:   make(chan func()),
		ended:   make(chan struct{}),
	}
	a.memory.path = filepath.Join(o.StateDir, a.identity().String()+".json")
	a.watch, a.unwatch = context.WithCancel(context.Background())
	a.server = a.newServer()
	return a
}

// identity is the name by which the agent registers.
func (a *Agent) identity() coord.Identity { return coord.Identity{Host: a.Host, Port: a.Port} }

// LeaveChildren lets the end of the agent not be that of its children, which
// the next agent of that address and port adopts. It may be called anywhere.
func (a *Agent) LeaveChildren() { a.leave.Store(true) }

// StartError is why an agent could not do its work.
type StartError struct {
	Message string // the line for the log
	Err     error
}

func (e *StartError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Run is the agent's life: it adopts the children that the agent before it
// left, registers, and does as it is called, until ctx ends, and then stops
// all children. It returns a *StartError if it could not begin; children stay
// then.
func (a *Agent) Run(ctx context.Context) error {
	defer a.unwatch()
	listener, err := a.listen()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(a.StateDir, 0o700); err != nil {
		listener.Close()
		return &StartError{Message: "folder for the state of the agent: " + err.Error(), Err: err}
	}
	a.adopt()
	serving := make(chan struct{})
	go func() {
		defer close(serving)
		a.server.Serve(listener) //nolint:errcheck // it ends when we end it
	}()
	ctx, cancel := context.WithCancel(ctx)
	joined := make(chan error, 1)
	go func() { joined <- a.join(ctx) }()

	err = a.loop(ctx, joined)
	cancel()
	close(a.ended)
	a.unwatch()
	a.work.Wait()
	for _, p := range a.running {
		p.release()
	}
	// Whoever waits for an answer still gets it.
	farewell, stop := context.WithTimeout(context.Background(), departure)
	defer stop()
	a.server.Shutdown(farewell) //nolint:errcheck // it has ended, one way or the other
	<-serving
	if failed := <-joined; err == nil {
		err = failed
	}
	if c := a.coordinator.Load(); c != nil {
		if err := (*c).Close(); err != nil {
			a.Log.Warn("the session was not closed: " + err.Error())
		}
	}
	return err
}

// loop does what the plan says until ctx has ended and all children have.
func (a *Agent) loop(ctx context.Context, joined chan error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	done := ctx.Done()
	for {
		a.act(a.plan.tick(time.Now()))
		a.save()
		a.answer()
		if a.closing && (a.leave.Load() || len(a.plan.children) == 0) {
			return nil
		}
		var due <-chan time.Time
		if next := a.plan.next(); !next.IsZero() {
			timer.Reset(time.Until(next))
			due = timer.C
		}
		select {
		case <-due:
		case call := <-a.calls:
			call()
		case err := <-joined:
			joined <- nil // for Run
			if err != nil {
				return err
			}
			joined = nil
		case <-done:
			done = nil
			a.closing = true
			if !a.leave.Load() {
				a.Log.Info("stopping all processes")
				a.act(a.plan.stop(func(*child) bool { return true }, time.Now()))
			}
		}
	}
}

// do has Run execute a function. It reports whether it did.
func (a *Agent) do(ctx context.Context, call func()) bool {
	done := make(chan struct{})
	select {
	case a.calls <- func() { defer close(done); call() }:
		<-done
		return true
	case <-ctx.Done():
	case <-a.ended:
	}
	return false
}

// act does what the plan says.
func (a *Agent) act(actions []action) (failures int) {
	for _, next := range actions {
		c := next.child
		switch next.verb {
		case spawn:
			if err := a.spawn(c); err != nil {
				a.Log.Error(err.Error())
				failures++
				a.act(a.plan.unspawned(c, err.Error(), time.Now()))
				a.wake(c)
			}
		case terminate:
			if err := a.running[c].signal(syscall.SIGTERM); err != nil {
				a.Log.Error(fmt.Sprintf("cannot stop %s: %v", c.label(), err), "pid", c.PID)
				failures++
			}
		case kill:
			a.Log.Warn(fmt.Sprintf("%s does not stop and is killed", c.label()), "pid", c.PID)
			if err := a.running[c].signal(syscall.SIGKILL); err != nil {
				a.Log.Error(fmt.Sprintf("cannot kill %s: %v", c.label(), err), "pid", c.PID)
			}
		case clean:
			a.clean(c)
		case release:
			if a.LogDir == "" {
				os.Remove(a.outputPath(c)) // it may not be there
			}
			a.wake(c)
		}
	}
	return failures
}

// wake lets whoever waits for the end of a child's process be told.
func (a *Agent) wake(c *child) {
	a.due = append(a.due, a.waiting[c]...)
	delete(a.waiting, c)
}

// answer tells them. By now it is noted: an agent after us does not start
// again what we said was stopped.
func (a *Agent) answer() {
	for _, w := range a.due {
		close(w)
	}
	a.due = nil
}

// spawn starts a child's process.
func (a *Agent) spawn(c *child) error {
	a.Log.Info(fmt.Sprintf("forking %s with port %d", c.Program, c.Port))
	a.save() // should we end before its id is noted
	out, err := openAppend(a.outputPath(c), a.outputMode())
	if err != nil {
		return err
	}
	defer out.Close()
	p, err := run(a.Executable, &c.server, environment(a.Environment), out)
	if err != nil {
		return err
	}
	a.Log.Info(fmt.Sprintf("forked - pid: %d", p.pid))
	a.plan.spawned(c, p.pid, p.ticks, time.Now())
	a.observe(c, p)
	a.wake(c)
	return nil
}

// outputPath is the file that a child writes to.
func (a *Agent) outputPath(c *child) string {
	if a.LogDir != "" {
		return logPath(a.LogDir, &c.server)
	}
	return filepath.Join(a.StateDir, fmt.Sprintf("%s.%d.out", a.identity(), c.Port))
}

func (a *Agent) outputMode() os.FileMode {
	if a.LogDir != "" {
		return 0o644
	}
	return 0o600
}

// observe watches a process, hands on its output, and tells the plan when it
// has ended.
func (a *Agent) observe(c *child, p *process) {
	a.running[c] = p
	var output *follower
	if a.LogDir == "" {
		var err error
		label := c.label()
		output, err = openFollower(a.outputPath(c), func(line string) { a.Log.Info(label + ": " + line) })
		if err != nil {
			a.Log.Warn(err.Error())
		}
	}
	ended := make(chan struct{})
	followed := make(chan struct{})
	a.work.Go(func() {
		defer close(followed)
		if output == nil {
			return
		}
		if err := output.run(a.watch, ended); err != nil {
			a.Log.Warn(err.Error())
		}
	})
	pid := p.pid
	a.work.Go(func() {
		how, err := p.wait(a.watch)
		if err != nil {
			if a.watch.Err() == nil {
				a.Log.Error(fmt.Sprintf("cannot wait for process %d: %v", pid, err))
			}
			return
		}
		close(ended)
		<-followed
		a.do(a.watch, func() { a.died(c, p, how) })
	})
}

// died tells the plan that a process has ended.
func (a *Agent) died(c *child, p *process, how exit) {
	p.release()
	delete(a.running, c)
	asked := c.State == Stopping
	a.Log.Info(fmt.Sprintf("%s with port %d exited pid: %d", c.Program, c.Port, p.pid), "status", how.text)
	a.act(a.plan.died(c, how, time.Now()))
	switch {
	case asked:
	case c.State == Failed:
		a.Log.Error(fmt.Sprintf("%s died %d times within a minute and is not started again", c.label(), maxDeaths+1))
	case c.State == Backoff:
		a.Log.Warn(fmt.Sprintf("%s died and is started again", c.label()), "in", time.Until(c.Due).Round(10*time.Millisecond))
	}
}

// cleanTimeout bounds the removal of a process's traces. They also go when
// its session expires.
const cleanTimeout = 2 * time.Second

// clean removes what a process that died has left in the tree: others then do
// not look for it any more, and the next one of that name need not wait.
func (a *Agent) clean(c *child) {
	s := c.server
	a.work.Go(func() {
		ctx, cancel := context.WithTimeout(a.watch, cleanTimeout)
		defer cancel()
		if err := a.forget(ctx, &s); err != nil {
			a.Log.Warn(fmt.Sprintf("cannot remove what %s left in the tree: %v", s.label(), err))
		}
		a.do(a.watch, func() { a.act(a.plan.cleaned(c, time.Now())) })
	})
}

// forget deletes the nodes of a server. It is called in any goroutine.
func (a *Agent) forget(ctx context.Context, s *server) error {
	c := a.coordinator.Load()
	if c == nil {
		return nil
	}
	id := coord.Identity{Host: s.Host, Port: s.Port}
	paths := []string{coord.ActivePath(s.Type, s.Name, id), coord.NodePath(s.Type, s.Name, id)}
	for _, v := range coord.VirtualNodes(id) {
		paths = append(paths, coord.RingPath(s.Type, s.Name)+"/"+v)
	}
	for _, path := range paths {
		if err := (*c).Delete(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// save notes all children for the agent after us.
func (a *Agent) save() {
	err := a.memory.save(remembered{Boot: a.boot, Where: a.Where, Children: a.plan.children})
	if err != nil {
		a.Log.Error(err.Error())
	}
}

// adopt takes over the children that the agent before us left.
func (a *Agent) adopt() {
	left, err := a.memory.load()
	if err != nil {
		// Its children go on without us. Their ports are taken, so that none
		// of ours gets one of them.
		a.Log.Error("children that an agent before this one left are not known: "+err.Error(), "kept", a.memory.setAside())
	}
	sameBoot := left.Boot == a.boot
	for _, c := range left.Children {
		if c == nil || c.Type == "" || a.Programs[c.Program] != c.Type || len(c.Args) == 0 || checkName(c.Name) != nil {
			a.Log.Error("a child that was noted is none of ours", "file", a.memory.path)
			continue
		}
		var p *process
		if sameBoot {
			p = find(c)
		}
		if p == nil && (!sameBoot || !slices.Equal(left.Where, a.Where)) {
			a.Log.Info(c.label() + " does not run any more, and is not started again: the machine or the cluster is another")
			continue
		}
		if p != nil {
			c.PID, c.Ticks = p.pid, p.ticks
			a.observe(c, p)
			a.Log.Info(fmt.Sprintf("adopted %s with port %d pid: %d", c.Program, c.Port, c.PID))
		}
		a.act(a.plan.adopt(c, p != nil, time.Now()))
	}
}

// listen opens the agent's port.
func (a *Agent) listen() (net.Listener, error) {
	const failed = "server failed to start: "
	addr, err := net.ResolveTCPAddr("tcp4", net.JoinHostPort(a.Bind, fmt.Sprint(a.Port)))
	if err != nil {
		return nil, &StartError{Message: failed + "failed to resolve host name", Err: err}
	}
	l, err := net.ListenTCP("tcp4", addr)
	if err != nil {
		reason := err.Error()
		if errno := syscall.Errno(0); errors.As(err, &errno) {
			reason = rpc.Strerror(errno)
		}
		return nil, &StartError{
			Message: fmt.Sprintf("%sbind failed: %s (any process using port %d?)", failed, reason, a.Port),
			Err:     err,
		}
	}
	return l, nil
}

// usable reports whether nobody listens at a port.
func usable(bind string, port int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort(bind, fmt.Sprint(port)))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
