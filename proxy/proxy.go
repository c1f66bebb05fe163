package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
)

// Options are everything a Proxy needs to be told.
type Options struct {
	Service *service.Service
	View    View

	Program string // the name of the program, as get_proxy_status reports it
	Version string

	Addr string // what the proxy calls itself, without the port
	Bind string // the address it listens on; empty for all
	Port int

	Threads             int           // as -c says; at least 1
	Timeout             time.Duration // after which idle clients are disconnected; 0 for never
	InterconnectTimeout time.Duration // for a call to servers, in all; 0 means 10 seconds
	PoolExpire          time.Duration // after which idle connections to servers are closed
	PoolSize            int           // servers with connections; 0 for any number

	// RepeatSuccessors makes hashed calls go where a proxy of the original
	// sends them, which may be one server twice.
	RepeatSuccessors bool

	// What get_proxy_status reports besides.
	LogDir, LogConfig string
	ZooKeeper         string // as --zookeeper or --cluster says
	ZooKeeperTimeout  int    // seconds

	// Coordinator is where Run registers the proxy; nil for nowhere.
	Coordinator coord.Coordinator

	Log *slog.Logger // nil discards
}

// Proxy is a proxy for one type of service. It is used once.
type Proxy struct {
	opt      Options
	log      *slog.Logger
	server   *rpc.Server
	pool     *rpc.Pool
	backends *backends
	started  atomic.Int64 // Unix seconds
	id       atomic.Pointer[coord.Identity]

	ctx  context.Context // ends when the proxy closes
	stop context.CancelFunc

	forwards            sync.Pool // of *forward
	requests, forwarded atomic.Uint64

	mu       sync.RWMutex
	clusters map[string]*cluster
}

// New returns a proxy, which must be closed.
func New(opt Options) *Proxy {
	if opt.InterconnectTimeout <= 0 {
		opt.InterconnectTimeout = 10 * time.Second
	}
	opt.Threads = max(opt.Threads, 1)
	p := &Proxy{opt: opt, log: opt.Log, clusters: make(map[string]*cluster)}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.forwards.New = func() any { return &forward{p: p} }
	p.id.Store(&coord.Identity{Host: opt.Addr, Port: opt.Port})
	p.started.Store(time.Now().Unix())

	connect := connectTimeout(opt.InterconnectTimeout)
	p.backends = newBackends(ping(connect, dial), p.noticed)
	p.pool = rpc.NewPool(rpc.PoolOptions{
		Client: rpc.ClientOptions{ConnectTimeout: connect, Dial: dial, Quiet: true},
		Expire: opt.PoolExpire,
		Size:   opt.PoolSize,
		Lanes:  min(opt.Threads, runtime.GOMAXPROCS(0)),
	})
	p.server = rpc.NewServer(rpc.Options{
		Quiet:       true,
		IdleTimeout: opt.Timeout,
		Logger:      p.log,
		Failed:      p.failed,
	})
	for _, m := range slices.Concat(service.Common(), opt.Service.Methods) {
		if m.Routing != service.Internal {
			p.server.HandleAsync(m.Name, p.handler(&m))
		}
	}
	p.server.HandleUnbounded("get_proxy_status", p.status)
	return p
}

// Serve answers calls on a listener, which it closes, until Shutdown or Close,
// and then returns rpc.ErrServerClosed.
func (p *Proxy) Serve(l net.Listener) error {
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		p.id.Store(&coord.Identity{Host: p.opt.Addr, Port: a.Port})
	}
	p.started.Store(time.Now().Unix())
	return p.server.Serve(l)
}

// Shutdown stops accepting calls and lets those in flight finish until the
// context ends.
func (p *Proxy) Shutdown(ctx context.Context) { p.server.Shutdown(ctx) } //nolint:errcheck // it has ended, one way or the other

// Close ends everything at once.
func (p *Proxy) Close() {
	p.stop()
	p.server.Close()
	p.backends.close()
	p.pool.Close()
}

// connectTimeout is how long a connection to a server may take before it
// counts as unreachable. A host that is cut off does not even refuse, and the
// call has to be made elsewhere in time.
func connectTimeout(interconnect time.Duration) time.Duration {
	return max(min(interconnect, time.Second), interconnect/4)
}

// noticed logs that a server broke or came back.
func (p *Proxy) noticed(b *backend, healthy bool) {
	if healthy {
		p.log.Info("server answers again: " + b.addr)
	} else {
		p.log.Warn("server is avoided until it answers again: " + b.addr)
	}
}

// failed logs a call that ended with an error. The servers' part in it has
// been logged.
func (p *Proxy) failed(req *rpc.Request, err error) {
	p.log.Debug(fmt.Sprintf("call failed: %v", err), "method", string(req.Method), "peer", req.Remote)
}
