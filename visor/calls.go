package visor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

const (
	// idleTimeout closes connections of clients that ask for nothing.
	idleTimeout = 10240 * time.Second
	// maxRequest bounds a call.
	maxRequest = 1 << 20
	// departure is how long the agent's entry in the tree may take to go.
	departure = 2 * time.Second
	// rejoin is how long it waits before it registers again, should that fail.
	rejoin = time.Second
)

// newServer returns the RPC server. Its handlers run anywhere and have Run do
// what concerns the children.
func (a *Agent) newServer() *rpc.Server {
	s := rpc.NewServer(rpc.Options{IdleTimeout: idleTimeout, MaxFrame: maxRequest, Logger: a.Log})
	code := func(h func(ctx context.Context, args *mpack.Reader, n int) (int, error)) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request, out []byte) ([]byte, error) {
			args := mpack.NewReader(req.Params)
			n, err := args.ArrayHeader()
			if err != nil {
				return out, err
			}
			result, err := h(ctx, &args, n)
			if err != nil {
				return out, err
			}
			return mpack.AppendInt(out, int64(result)), nil
		}
	}
	s.Handle(MethodStart, code(a.callStart))
	s.Handle(MethodStop, code(a.callStop))
	s.Handle(MethodStopServer, code(a.callServer(func(c *child) []action {
		return a.plan.stop(func(other *child) bool { return other == c }, time.Now())
	}, func(*child) bool { return true })))
	s.Handle(MethodRestartServer, code(a.callServer(func(c *child) []action {
		return a.plan.restart(c, time.Now())
	}, func(c *child) bool { return c.State == Running })))
	s.Handle(MethodList, func(ctx context.Context, req *rpc.Request, out []byte) ([]byte, error) {
		args := mpack.NewReader(req.Params)
		if err := args.Tuple(0); err != nil {
			return out, err
		}
		var list []Child
		if !a.do(ctx, func() { list = a.plan.list() }) {
			return out, errEnding
		}
		out = mpack.AppendArrayHeader(out, len(list))
		for _, c := range list {
			out = c.append(out)
		}
		return out, nil
	})
	return s
}

var errEnding = errors.New("the agent is being stopped")

// callStart is the method start.
func (a *Agent) callStart(ctx context.Context, args *mpack.Reader, n int) (int, error) {
	if n != 3 {
		return 0, mpack.ErrLength
	}
	target, err := args.String()
	if err != nil {
		return 0, err
	}
	number, err := args.Uint32()
	if err != nil {
		return 0, err
	}
	o := DefaultStartOptions()
	if err := o.read(args); err != nil {
		return 0, err
	}
	result := -1
	a.do(ctx, func() {
		if err := a.start(target, number, &o); err != nil {
			a.complain(err)
			return
		}
		result = 0
	})
	return result, nil
}

// complain logs why something is not done.
func (a *Agent) complain(err error) {
	var refused *refusedError
	if !errors.As(err, &refused) {
		refused = &refusedError{lines: []string{err.Error()}}
	}
	for _, line := range refused.lines {
		a.Log.Error(line)
	}
}

// errFork says that a process could not be started, of which the log tells.
var errFork = errors.New("not all processes could be started")

func (a *Agent) start(target string, number uint32, o *StartOptions) error {
	program, name, ok := parseTarget(target)
	if !ok {
		return refusedf("cannot parse %s", quote(target))
	}
	typ, known := a.Programs[program]
	if !known {
		return refusedf("%s is no server that this agent can start", quote(program))
	}
	if err := checkName(name); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if a.closing {
		return errEnding
	}
	host, bind := a.Host, "0.0.0.0" // where others reach the server, where it listens
	var more []string
	switch {
	case o.BindInterface != "":
		addr, err := a.Address(o.BindInterface)
		if err != nil {
			return fmt.Errorf("network interface %s: %w", quote(o.BindInterface), err)
		}
		host, bind = addr, addr
	case a.HandDown != "":
		bind = a.HandDown
		more = []string{"-b", a.HandDown}
	}
	a.Log.Info(fmt.Sprintf("starting %d processes on %s", number, target))
	actions, err := a.plan.start(program, name, int(number),
		func(port int) bool { return usable(bind, port) },
		func(port int) server {
			return server{
				Program: program, Type: typ, Name: name, Host: host, Port: port,
				Args: o.arguments(program, name, port, a.Where, more),
			}
		})
	if err != nil {
		return err
	}
	if a.act(actions) > 0 {
		return errFork
	}
	return nil
}

// quote makes a text from outside fit for a line of the log.
func quote(text string) string {
	const most = 300
	if len(text) > most {
		text = text[:most] + "..."
	}
	quoted := fmt.Sprintf("%q", text)
	if quoted == `"`+text+`"` {
		return text
	}
	return quoted
}

// callStop is the method stop.
func (a *Agent) callStop(ctx context.Context, args *mpack.Reader, n int) (int, error) {
	if n != 2 {
		return 0, mpack.ErrLength
	}
	target, err := args.String()
	if err != nil {
		return 0, err
	}
	if _, err := args.Uint32(); err != nil { // nobody has ever heeded it
		return 0, err
	}
	program, name, ok := parseTarget(target)
	of := func(c *child) bool { return c.Program == program && c.Name == name }
	failures := 0
	var ends []chan struct{}
	if !a.do(ctx, func() {
		ends = a.expect(of)
		if !ok || len(ends) == 0 {
			a.Log.Info(quote(name) + " is not in children.")
			return
		}
		failures = a.act(a.plan.stop(of, time.Now()))
	}) {
		return -1, nil
	}
	if failures > 0 {
		return -failures, nil
	}
	return 0, a.await(ctx, ends)
}

// callServer is a method about one server: what it does, and what must be true
// afterwards.
func (a *Agent) callServer(do func(*child) []action, done func(*child) bool) func(context.Context, *mpack.Reader, int) (int, error) {
	return func(ctx context.Context, args *mpack.Reader, n int) (int, error) {
		if n != 1 {
			return 0, mpack.ErrLength
		}
		id, err := args.String()
		if err != nil {
			return 0, err
		}
		result := -1
		var c *child
		var ends []chan struct{}
		a.do(ctx, func() {
			c = a.plan.find(id)
			if c == nil || a.closing {
				a.Log.Info(quote(id) + " is not in children.")
				return
			}
			ends = a.expect(func(other *child) bool { return other == c })
			if a.act(do(c)) == 0 {
				result = 0
			}
		})
		if result != 0 {
			return result, nil
		}
		if err := a.await(ctx, ends); err != nil {
			return -1, err
		}
		a.do(ctx, func() {
			if !done(c) {
				result = -1
			}
		})
		return result, nil
	}
}

// expect returns what will be closed when the children's processes have ended
// or been started again.
func (a *Agent) expect(which func(*child) bool) []chan struct{} {
	var ends []chan struct{}
	for _, c := range a.plan.children {
		if which(c) {
			end := make(chan struct{})
			a.waiting[c] = append(a.waiting[c], end)
			ends = append(ends, end)
		}
	}
	return ends
}

// await waits for all of them, as long as somebody waits for the answer.
func (a *Agent) await(ctx context.Context, ends []chan struct{}) error {
	for _, end := range ends {
		select {
		case <-end:
		case <-ctx.Done():
			return ctx.Err()
		case <-a.ended:
			return errEnding
		}
	}
	return nil
}

// join connects to the coordination service and keeps the agent registered
// until ctx ends.
func (a *Agent) join(ctx context.Context) error {
	c, err := a.Open(ctx)
	if ctx.Err() != nil {
		if err == nil {
			a.coordinator.Store(&c)
		}
		return nil
	}
	if err != nil {
		return &StartError{Message: err.Error(), Err: err}
	}
	a.coordinator.Store(&c)
	path := coord.SupervisorPath(a.identity())
	registration := coord.NewRegistration(c, a.Log)
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), departure)
		defer cancel()
		registration.Close(ctx)
	}()
	for {
		err := coord.CreateDirs(ctx, c, coord.Root, coord.Supervisors)
		if err == nil {
			err = registration.Add(ctx, path, nil)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			// The children need us, registered or not.
			a.Log.Error("cannot register: " + err.Error())
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(rejoin):
			}
			continue
		}
		a.Log.Info("supervisor created: " + path)
		select {
		case <-ctx.Done():
			return nil
		case <-registration.Deleted():
			a.Log.Warn("somebody deleted this agent's node: " + path)
		}
	}
}
