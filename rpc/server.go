package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Request is one call as a handler sees it. It and the bytes in it are only
// valid until the handler returns.
type Request struct {
	Method []byte
	Params []byte // one MessagePack object, hopefully an array; nil (c0) if the message had none
	ID     uint32
	Notify bool     // nobody waits for a reply
	Conn   uint64   // serial number of the connection, from 1
	Remote net.Addr // the client
	Batch  *Batch   // of the connection, for asynchronous calls
}

// Handler executes a call: it appends the result, exactly one MessagePack
// object, to out and returns the extended slice. It must neither change nor
// keep what out already held. The context ends when the connection does or
// the server is closed by force.
type Handler func(ctx context.Context, req *Request, out []byte) ([]byte, error)

// AsyncHandler starts a call and returns without waiting for its result, which
// it has somebody give to reply. That may happen before it returns. When ctx
// ends nobody waits for the result any more.
type AsyncHandler func(ctx context.Context, req *Request, reply *Reply)

// Options configure a Server. The zero value works.
type Options struct {
	// Threads bounds the calls that execute at the same time; 0 means any
	// number. Connections are never bounded.
	Threads int
	// IdleTimeout closes connections on which no call has finished for that
	// long, unless one is in execution; 0 means never.
	IdleTimeout time.Duration
	// WriteTimeout is the least time for which a peer that does not read
	// may keep the connection waiting before it is closed. 0 means one minute.
	WriteTimeout time.Duration
	// MaxFrame is the size of a message in bytes above which the connection
	// is closed: 0 means DefaultMaxFrame, a negative number no limit.
	MaxFrame int64
	// MaxInFlight bounds the unanswered asynchronous calls of one
	// connection; then it is not read further. 0 means 256.
	MaxInFlight int
	// Quiet makes the system calls for reading and writing without telling the
	// runtime. That is cheaper where a request makes little else than system
	// calls, as in a proxy.
	Quiet bool
	// Logger gets panics, failed accepts and, unless Failed is set, failed
	// calls. nil discards them.
	Logger *slog.Logger
	// Failed is told of every call whose handler returned an error, before
	// the reply is sent.
	Failed func(req *Request, err error)
	// Observe is told of every call that ended: how long it took, waiting
	// for a thread excluded, and whether it failed.
	Observe func(method string, took time.Duration, failed bool)
}

// Server answers MessagePack-RPC requests.
type Server struct {
	opt     Options
	log     *slog.Logger
	threads chan struct{} // nil: unlimited
	base    time.Time     // deadlines are counted from here

	methods  atomic.Pointer[map[string]*method]
	draining atomic.Bool
	stats    counters
	pulse    pulse

	ctx    context.Context // ends by force
	cancel context.CancelFunc
	stop   chan struct{} // closed when draining

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	serial    uint64
	wg        sync.WaitGroup // every goroutine of the server, and Serve
}

// method is a registered handler.
type method struct {
	name    string
	sync    Handler
	async   AsyncHandler
	bounded bool // counts against Threads
	slow    atomic.Bool
}

// NewServer returns a Server without methods.
func NewServer(opt Options) *Server {
	if opt.WriteTimeout <= 0 {
		opt.WriteTimeout = time.Minute
	}
	if opt.MaxInFlight <= 0 {
		opt.MaxInFlight = 256
	}
	s := &Server{
		opt:       opt,
		log:       opt.Logger,
		base:      time.Now(),
		stop:      make(chan struct{}),
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[*conn]struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if opt.Threads > 0 {
		s.threads = make(chan struct{}, opt.Threads)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.pulse.init()
	s.methods.Store(&map[string]*method{})
	return s
}

// Handle registers a method. It panics if there is one of that name. Methods
// may be added while the server runs.
func (s *Server) Handle(name string, h Handler) {
	s.register(&method{name: name, sync: h, bounded: true})
}

// HandleUnbounded registers a method whose calls do not count against
// Options.Threads: one that waits for other nodes, which may in turn be
// waiting for a thread of this one.
func (s *Server) HandleUnbounded(name string, h Handler) {
	s.register(&method{name: name, sync: h})
}

// HandleAsync registers a method of which a connection may have several calls
// in flight. Only starting them counts against Options.Threads.
func (s *Server) HandleAsync(name string, h AsyncHandler) {
	s.register(&method{name: name, async: h, bounded: true})
}

func (s *Server) register(m *method) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.methods.Load()
	if old[m.name] != nil {
		panic(fmt.Sprintf("rpc: method %q registered twice", m.name))
	}
	methods := maps.Clone(old)
	methods[m.name] = m
	s.methods.Store(&methods)
}

// Serves reports whether a method is registered.
func (s *Server) Serves(name string) bool {
	return (*s.methods.Load())[name] != nil
}

// Serve accepts connections and answers them until Shutdown or Close, and
// then returns ErrServerClosed. It closes the listener. Failures to accept,
// as when descriptors run out, are logged and tried again.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.draining.Load() {
		s.mu.Unlock()
		l.Close()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	defer func() {
		l.Close()
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
		s.wg.Done()
	}()

	var pause time.Duration
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			s.start(nc)
			continue
		}
		if s.draining.Load() {
			return ErrServerClosed
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept: %w", err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		s.log.Error("accept failed", "error", err, "retry", pause)
		select {
		case <-time.After(pause):
		case <-s.stop:
			return ErrServerClosed
		}
	}
}

// start begins to serve a connection.
func (s *Server) start(nc net.Conn) {
	s.mu.Lock()
	if s.draining.Load() {
		s.mu.Unlock()
		nc.Close()
		return
	}
	if s.serial == 0 && s.opt.Quiet {
		s.pulse.start(s.ctx)
	}
	s.serial++
	c := newConn(s, nc, s.serial)
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	s.stats.accepted.Add(1)
	s.stats.connections.Add(1)
	go func() {
		defer s.wg.Done()
		c.serve()
		s.stats.connections.Add(-1)
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
}

// Shutdown stops accepting, lets running calls finish, answers what has
// arrived completely, closes the connections and waits for all of that. If
// ctx ends first, everything is closed by force, and Shutdown returns without
// waiting for handlers that ignore their context; its error is then ctx's.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain()
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.cancel()
		s.pulse.ended()
		return nil
	case <-ctx.Done():
		s.abort()
		return ctx.Err()
	}
}

// Close closes everything by force, dropping calls that execute, and waits
// for their handlers to return.
func (s *Server) Close() {
	s.drain()
	s.abort()
	s.wg.Wait()
	s.pulse.ended()
}

// drain stops accepting and wakes the connections that wait for requests.
func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.draining.Swap(true) {
		close(s.stop)
	}
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.wake()
	}
}

func (s *Server) abort() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.nc.Close()
	}
}

// now is the time since the server was made.
func (s *Server) now() time.Duration { return time.Since(s.base) }

// Stats are the counts of a Server since it was made.
type Stats struct {
	Connections int64  // open now
	Accepted    uint64 // connections
	Requests    uint64 // requests and notifies with a known method, ended
	Unknown     uint64 // requests and notifies without
	Failed      uint64 // of Requests: answered with an error
	Rejected    uint64 // connections closed because of garbage
	Panics      uint64
}

type counters struct {
	connections                                           atomic.Int64
	accepted, requests, unknown, failed, rejected, panics atomic.Uint64
}

// Stats returns the counts. Calls are counted when their replies are written.
func (s *Server) Stats() Stats {
	c := &s.stats
	return Stats{
		Connections: c.connections.Load(),
		Accepted:    c.accepted.Load(),
		Requests:    c.requests.Load(),
		Unknown:     c.unknown.Load(),
		Failed:      c.failed.Load(),
		Rejected:    c.rejected.Load(),
		Panics:      c.panics.Load(),
	}
}
