package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
)

// grace is how long calls in flight may take when a proxy is stopped.
const grace = 2 * time.Second

// StartError is why a proxy could not be started.
type StartError struct {
	Message string // the line for the log
	Err     error
}

func (e *StartError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Run is a proxy's life: it opens the port, registers the proxy, of which the
// tree must have been prepared, and answers calls until ctx ends. It returns
// nil then, and a *StartError if it did not come so far. It closes the proxy,
// but neither the coordinator nor the view.
func (p *Proxy) Run(ctx context.Context) error {
	defer p.Close()
	l, err := p.listen()
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- p.Serve(l) }()
	stop := func() {
		p.log.Info("stopping RPC server")
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		p.Shutdown(ctx)
		<-served
	}

	var deleted <-chan string
	if c := p.opt.Coordinator; c != nil {
		registration := coord.NewRegistration(c, p.log)
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
			defer cancel()
			registration.Close(ctx)
		}()
		if err := p.register(ctx, registration); err != nil {
			stop()
			return err
		}
		deleted = registration.Deleted()
	}
	p.log.Info(p.opt.Program + " RPC server startup")
	for {
		select {
		case <-ctx.Done():
			stop()
			return nil
		case path := <-deleted:
			// Only servers take that as a wish.
			p.log.Warn("somebody deleted this proxy's node: " + path)
		case err := <-served:
			// Nobody else closes the listener, so this is a fault of the system.
			return &StartError{Message: "RPC server: " + err.Error(), Err: err}
		}
	}
}

// register makes the proxy known.
func (p *Proxy) register(ctx context.Context, r *coord.Registration) error {
	typ := p.opt.Service.Type
	path := coord.ProxyPath(typ, *p.id.Load())
	err := coord.CreateDirs(ctx, p.opt.Coordinator, coord.ProxiesPath(typ))
	if err == nil {
		err = r.Add(ctx, path, nil)
	}
	switch {
	case ctx.Err() != nil:
		return &StartError{Message: "stopped during start-up", Err: ctx.Err()}
	case err != nil:
		return &StartError{
			Message: "exception when starting RPC server: Failed to register_proxy: " + err.Error(),
			Err:     err,
		}
	}
	p.log.Info("proxy created: " + path)
	p.log.Info("registered group membership")
	return nil
}

// listen opens the port.
func (p *Proxy) listen() (net.Listener, error) {
	const failed = "server failed to start: "
	port := p.opt.Port
	addr, err := net.ResolveTCPAddr("tcp4", net.JoinHostPort(p.opt.Bind, fmt.Sprint(port)))
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
			Message: fmt.Sprintf("%sbind failed: %s (any process using port %d?)", failed, reason, port),
			Err:     err,
		}
	}
	p.id.Store(&coord.Identity{Host: p.opt.Addr, Port: l.Addr().(*net.TCPAddr).Port})
	p.log.Info(fmt.Sprintf("start listening at port %d", p.id.Load().Port))
	return l, nil
}
