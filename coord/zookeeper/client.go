// Package zookeeper carries a cluster over ZooKeeper. The nodes it makes are
// those of the original's programs, to the byte, so that both can be members
// of one cluster.
//
// Where the original's programs end when a session is lost, a Client takes a
// new one and says so by its session changes.
package zookeeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/coord/internal/notify"
)

// DefaultSessionTimeout is asked for when a Config names none.
const DefaultSessionTimeout = 10 * time.Second

// Config is what a Client needs to know.
type Config struct {
	// Hosts is the ensemble as operators write it: host:port with commas in
	// between, the port 2181 if missing, and behind the last perhaps a path
	// below which everything happens.
	Hosts string
	// SessionTimeout is asked for; the ensemble has its own limits. Open
	// waits as long for a connection.
	SessionTimeout time.Duration
	Logger         *slog.Logger
}

// Client is a coord.Coordinator over ZooKeeper.
type Client struct {
	conn   *zk.Conn
	events <-chan zk.Event // closed when the connection's work has ended
	root   string          // prefix of every path
	log    *slog.Logger
	dialer *dialer

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	sessions notify.Group // of the session's changes, under ""

	mu         sync.Mutex
	session    session
	generation chan struct{} // closed and replaced when the connection state changes
	watches    map[string]*watch
	closing    sync.Once
	closed     bool
}

var _ coord.Coordinator = (*Client)(nil)

// Open connects to an ensemble. The error has the original's words for one
// that does not answer within the session timeout.
func Open(ctx context.Context, cfg Config) (*Client, error) {
	hosts, root, err := parseHosts(cfg.Hosts)
	if err != nil {
		return nil, err
	}
	if cfg.SessionTimeout <= 0 {
		cfg.SessionTimeout = DefaultSessionTimeout
	}
	log := cfg.Logger
	if log == nil {
		log = slog.Default()
	}
	c := &Client{
		root: root, log: log,
		dialer:     &dialer{patience: max(time.Second, cfg.SessionTimeout/3)},
		generation: make(chan struct{}),
		watches:    map[string]*watch{},
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	failed := fmt.Sprintf("cannot connect zk in %g sec: %s", cfg.SessionTimeout.Seconds(), cfg.Hosts)
	ctx, cancel := context.WithTimeout(ctx, cfg.SessionTimeout)
	defer cancel()
	c.conn, c.events, err = zk.Connect(hosts, cfg.SessionTimeout,
		zk.WithHostProvider(&hostProvider{}),
		zk.WithDialer(c.dialer.dial),
		zk.WithEventCallback(c.onEvent),
		zk.WithLogger(logger{log}),
		zk.WithLogInfo(false),
	)
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("%s: %w", failed, err)
	}
	c.wg.Add(1)
	go c.confirm()
	if err := c.connected(ctx); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", failed, err)
	}
	return c, nil
}

// Endpoint implements coord.Coordinator.
func (c *Client) Endpoint() string {
	c.mu.Lock()
	connected := c.session.connected && !c.closed
	c.mu.Unlock()
	if !connected {
		return ""
	}
	return c.dialer.server()
}

// Close implements coord.Coordinator.
func (c *Client) Close() error {
	c.closing.Do(func() {
		c.mu.Lock()
		c.closed = true
		c.signalLocked()
		c.mu.Unlock()
		c.stop()
		c.conn.Close()   // waits a moment for the service to confirm
		c.dialer.close() // and this ends it in any case
		for range c.events {
		}
		c.wg.Wait()
		c.sessions.Tell("")
	})
	return nil
}

// connected waits until there is a connection with a session.
func (c *Client) connected(ctx context.Context) error {
	for {
		c.mu.Lock()
		ready, closed, generation := c.session.connected, c.closed, c.generation
		c.mu.Unlock()
		switch {
		case closed:
			return coord.ErrClosed
		case ctx.Err() != nil:
			return ctx.Err()
		case ready:
			return nil
		}
		select {
		case <-generation:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// signalLocked wakes everybody who waits for the connection to change.
func (c *Client) signalLocked() {
	close(c.generation)
	c.generation = make(chan struct{})
}

// call runs f, which knows no context, until it succeeds or fails for a
// reason other than the connection. It returns when the context ends, even if
// f has not: what f asked for may then happen or not.
func call[T any](ctx context.Context, c *Client, once bool, f func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	var none T
	for {
		if err := c.connected(ctx); err != nil {
			return none, away(err)
		}
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return none, coord.ErrClosed
		}
		c.wg.Add(1)
		generation := c.generation
		c.mu.Unlock()
		answer := make(chan outcome, 1)
		go func() {
			defer c.wg.Done()
			value, err := f()
			answer <- outcome{value, err}
		}()
		var got outcome
		select {
		case got = <-answer:
		case <-ctx.Done():
			return none, away(ctx.Err())
		case <-c.ctx.Done():
			return none, coord.ErrClosed
		}
		switch {
		case got.err == nil:
			return got.value, nil
		case !lostConnection(got.err):
			return got.value, translate(got.err)
		case c.ctx.Err() != nil:
			return none, coord.ErrClosed
		case once:
			return none, translate(got.err)
		}
		// The state may not have changed yet; the library does so shortly.
		select {
		case <-generation:
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return none, away(ctx.Err())
		}
	}
}

func away(err error) error {
	if errors.Is(err, coord.ErrClosed) {
		return err
	}
	return fmt.Errorf("ZooKeeper does not answer: %w", err)
}

// lostConnection says whether an operation failed for the connection only. It
// may have been done all the same.
func lostConnection(err error) bool {
	return errors.Is(err, zk.ErrConnectionClosed) || errors.Is(err, zk.ErrNoServer) ||
		errors.Is(err, zk.ErrSessionExpired) || errors.Is(err, zk.ErrSessionMoved) ||
		errors.Is(err, zk.ErrClosing)
}

// translate gives an error of the library the meaning that callers decide on.
func translate(err error) error {
	switch {
	case errors.Is(err, zk.ErrNoNode):
		return coord.ErrNoNode
	case errors.Is(err, zk.ErrNodeExists):
		return coord.ErrExists
	case errors.Is(err, zk.ErrSessionExpired):
		return coord.ErrNoSession
	}
	return err
}

// logger gives the library's messages to those who debug. What operators want
// to know Client logs in its own words.
type logger struct{ log *slog.Logger }

func (l logger) Printf(format string, args ...any) {
	l.log.Debug("zookeeper: " + fmt.Sprintf(format, args...))
}
