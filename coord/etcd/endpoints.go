package etcd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/jubatus/jubatus-go/coord"
)

const (
	// firstAttempt bounds the first try of a call, and with it the time until
	// a silent endpoint is left. Later tries get longer, up to lastAttempt, so
	// that an ensemble that is merely slow is not asked the same over and over.
	firstAttempt = 2 * time.Second
	lastAttempt  = 8 * time.Second

	// firstPause and lastPause lie between two rounds through all endpoints.
	firstPause = 20 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// endpoint is one member of the ensemble. Its client connects when first used.
type endpoint struct {
	addr   string
	client *clientv3.Client
}

// endpoints is the ensemble as one client sees it. One endpoint is in use at a
// time, as with ZooKeeper: all calls and watches go there until it fails.
type endpoints struct {
	all []*endpoint

	mu      sync.Mutex
	current int
	healthy bool            // the last call to the current one was answered
	turn    context.Context // ends when the current one is left
	leave   context.CancelFunc
}

// dial prepares a client for each address. No connection is made yet.
func dial(addrs []string, local string, logger *zap.Logger) (*endpoints, error) {
	e := &endpoints{}
	for _, addr := range addrs {
		client, err := clientv3.New(clientv3.Config{
			Endpoints:            []string{"http://" + addr},
			DialKeepAliveTime:    10 * time.Second,
			DialKeepAliveTimeout: 2 * time.Second, // also bounds unacknowledged data
			MaxUnaryRetries:      1,               // retrying is done here, over all endpoints
			Logger:               logger,
			DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
				Backoff: backoff.Config{
					BaseDelay:  firstPause,
					Multiplier: 1.6,
					Jitter:     0.2,
					MaxDelay:   lastPause,
				},
				MinConnectTimeout: firstAttempt,
			})},
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("client of etcd at %s: %w", addr, err), e.close())
		}
		e.all = append(e.all, &endpoint{addr: addr, client: client})
	}
	e.current = slices.Index(addrs, local)
	if e.current < 0 {
		e.current = rand.IntN(len(addrs)) // spread the clients over the ensemble
	}
	e.turn, e.leave = context.WithCancel(context.Background())
	return e, nil
}

func (e *endpoints) close() error {
	var errs []error
	for _, ep := range e.all {
		if err := ep.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
			errs = append(errs, fmt.Errorf("close connection to etcd at %s: %w", ep.addr, err))
		}
	}
	if e.leave != nil {
		e.leave()
	}
	return errors.Join(errs...)
}

// use returns the endpoint in use and a context that ends when it is left.
func (e *endpoints) use() (*endpoint, context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.all[e.current], e.turn
}

// connected returns the address of the endpoint in use if it answers.
func (e *endpoints) connected() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.healthy {
		return ""
	}
	return e.all[e.current].addr
}

// answered records that an endpoint works.
func (e *endpoints) answered(ep *endpoint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all[e.current] == ep {
		e.healthy = true
	}
}

// failed makes the next endpoint the one in use, unless somebody did already.
func (e *endpoints) failed(ep *endpoint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all[e.current] != ep {
		return
	}
	e.healthy = false
	if len(e.all) == 1 {
		return
	}
	e.current = (e.current + 1) % len(e.all)
	e.leave()
	e.turn, e.leave = context.WithCancel(context.Background())
}

// do calls f until it succeeds, fails for good or the context ends, each time
// with the endpoint then in use. As an attempt that failed may have been
// carried out all the same, f must recognise its own work: again says that
// there was such an attempt.
func (e *endpoints) do(ctx context.Context, f func(ctx context.Context, c *clientv3.Client, again bool) error) error {
	var last error
	again := false
	limit, pause := firstAttempt, firstPause
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			if last == nil {
				return err
			}
			return fmt.Errorf("%w (%v)", err, last)
		}
		ep, turn := e.use()
		err := try(ctx, turn, limit, ep.client, again, f)
		if err == nil || !transient(err) {
			e.answered(ep)
			return err
		}
		last = fmt.Errorf("etcd at %s: %w", ep.addr, err)
		again = true
		if ctx.Err() != nil {
			continue // the caller's time is up, which says nothing of the endpoint
		}
		e.failed(ep)
		if attempt%len(e.all) == 0 {
			sleep(ctx, pause)
			pause = min(2*pause, lastPause)
			limit = min(limit*3/2, lastAttempt)
		}
	}
}

// try makes one attempt, which ends early when its endpoint is left.
func try(ctx, turn context.Context, limit time.Duration, c *clientv3.Client, again bool,
	f func(context.Context, *clientv3.Client, bool) error) error {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), limit)
	defer cancel()
	stop := context.AfterFunc(turn, cancel)
	defer stop()
	return f(ctx, c, again)
}

// transient tells whether another attempt may do better.
func transient(err error) bool {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return true // of the attempt; the caller's context is looked at apart
	case errors.Is(err, coord.ErrNoNode), errors.Is(err, coord.ErrExists),
		errors.Is(err, coord.ErrNoSession), errors.Is(err, errCounter):
		return false
	case errors.Is(err, rpctypes.ErrTooManyRequests):
		return true
	}
	switch code(err) {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded, codes.Internal, codes.Aborted, codes.Unknown:
		return true
	}
	return false
}

func code(err error) codes.Code {
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		return e.Code()
	}
	return status.Code(err)
}

// sleep waits unless the context ends first.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
