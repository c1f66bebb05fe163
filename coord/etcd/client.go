// Package etcd is the coordination backend over etcd.
//
// # The tree
//
// The path of a node is its key, as it is: what etcdctl lists under /jubatus
// reads like a listing of ZooKeeper. Parents are implicit in etcd, so a
// persistent node created without data, a directory, is kept as a mark outside
// the tree, under /.jubatus/directory, and becomes a key of the tree when it is
// set. The numbers of sequential nodes are counted for each parent under
// /.jubatus/sequence. A node may be created where no parent is; deleting a node
// leaves what is below it.
//
// # Sessions
//
// A session is a lease, its timeout the lease's time to live. It is confirmed
// three times in that period. An outage does not end it: when the ensemble is
// back and still has the lease, the session goes on, else a new one is taken.
// It counts as valid while the last confirmation was asked for recently enough
// that the lease cannot have expired, with a fifth of the timeout to spare.
//
// # Connections
//
// A client talks to one member at a time, its machine's own one first, and
// leaves it when a call is refused, cut off, unanswered for two seconds, or
// when the member has lost its leader. A process that hosts a member uses it
// over loopback like any other: takeover, restart and failover then need no
// second path, and what a call over loopback costs, a fraction of a
// millisecond, is little beside the member's own write to disk.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc/connectivity"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/etcd/etcdlog"
	"github.com/jubatus/jubatus-go/coord/internal/notify"
)

// Config says how to reach an ensemble.
type Config struct {
	// Endpoints are the client addresses of the members, host:port.
	Endpoints []string

	// Local is the one of Endpoints to try first. If empty, any.
	Local string

	// SessionTimeout is how long ephemeral nodes outlive their client, in
	// full seconds, rounded up; 10 s if zero. The ensemble may insist on more.
	SessionTimeout time.Duration

	// Logger gets warnings of the connection and the session's turns; the
	// default logger if nil.
	Logger *slog.Logger
}

// Client is a coord.Coordinator over etcd.
type Client struct {
	config    Config
	logger    *slog.Logger
	endpoints *endpoints

	life context.Context // ends with Close
	end  context.CancelFunc
	wg   sync.WaitGroup

	session      *session
	watches      notify.Group // by path; all are told after an outage
	sequenceLock sync.Mutex   // see createSequential
	closeOnce    sync.Once
	closeErr     error
}

var _ coord.Coordinator = (*Client)(nil)

// Open connects to an ensemble and takes a session. It fails when the context
// ends before that.
func Open(ctx context.Context, config Config) (*Client, error) {
	if len(config.Endpoints) == 0 {
		return nil, errors.New("open etcd: no endpoints")
	}
	if config.SessionTimeout <= 0 {
		config.SessionTimeout = 10 * time.Second
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	eps, err := dial(config.Endpoints, config.Local, etcdlog.New(config.Logger, etcdlog.Hooks{}))
	if err != nil {
		return nil, fmt.Errorf("open etcd: %w", err)
	}
	c := &Client{config: config, logger: config.Logger, endpoints: eps}
	c.life, c.end = context.WithCancel(context.Background())
	c.session = newSession(c)
	if err := c.session.open(ctx); err != nil {
		c.end()
		return nil, errors.Join(fmt.Errorf("open etcd: %w", err), eps.close())
	}
	c.wg.Go(c.session.keep)
	c.wg.Go(c.attend)
	return c, nil
}

// Endpoint implements coord.Coordinator.
func (c *Client) Endpoint() string { return c.endpoints.connected() }

// Session implements coord.Coordinator.
func (c *Client) Session() coord.Session { return c.session.state() }

// SessionChanges implements coord.Coordinator.
func (c *Client) SessionChanges(ctx context.Context) <-chan struct{} {
	return c.session.changes.Subscribe(ctx, "")
}

// CheckSession implements coord.Coordinator. A lease that has run out is not
// renewed even if its nodes are not removed yet.
func (c *Client) CheckSession(ctx context.Context) error {
	ctx, cancel, err := c.begin(ctx, "/")
	if err != nil {
		return fmt.Errorf("check session: %w", err)
	}
	defer cancel()
	lease, err := c.session.current()
	if err == nil {
		err = c.session.renew(ctx, lease)
	}
	if err != nil {
		return c.failure("check", "session", c.leaseError(err))
	}
	return nil
}

// Close implements coord.Coordinator. An ensemble that does not answer is told
// nothing: the session then ends by itself.
func (c *Client) Close() error {
	c.closeOnce.Do(func() {
		c.end()
		c.wg.Wait()
		c.session.revoke()
		c.closeErr = c.endpoints.close()
	})
	return c.closeErr
}

// attend looks after the connection in use. When it breaks, the session is
// checked at once, which finds another endpoint; when there is one again, all
// watches tell.
func (c *Client) attend() {
	for c.life.Err() == nil {
		ep, turn := c.endpoints.use()
		conn := ep.client.ActiveConnection()
		ctx, cancel := context.WithCancel(c.life)
		stop := context.AfterFunc(turn, cancel)
		for state := conn.GetState(); conn.WaitForStateChange(ctx, state); {
			if state == connectivity.Ready {
				c.session.suspect()
			}
			if state = conn.GetState(); state == connectivity.Ready {
				c.watches.TellAll()
			}
		}
		stop()
		cancel()
	}
}

// begin joins the caller's context with the client's life.
func (c *Client) begin(ctx context.Context, path string) (context.Context, context.CancelFunc, error) {
	if c.life.Err() != nil {
		return nil, nil, coord.ErrClosed
	}
	if err := checkPath(path); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.life, func() { cancel(coord.ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }, nil
}

// failure names what failed in an error.
func (c *Client) failure(what, path string, err error) error {
	if c.life.Err() != nil && errors.Is(err, context.Canceled) {
		err = coord.ErrClosed
	}
	return fmt.Errorf("%s %s: %w", what, path, err)
}
