package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/rpc"
)

// condition is what a proxy thinks of a server.
type condition uint8

const (
	healthy     condition = iota
	suspect               // a connection was lost or an answer did not come
	unreachable           // a connection was refused or could not be made
)

// worsen is a server's condition after a call failed.
func worsen(c condition, err error) condition {
	switch {
	case errors.Is(err, rpc.ErrConnect):
		return unreachable
	case errors.Is(err, rpc.ErrTimeout), lost(err):
		return max(c, suspect)
	default:
		return c
	}
}

// probePause is how long to wait before the nth probe of a server, from 0.
func probePause(n int) time.Duration {
	return min(50*time.Millisecond<<min(n, 10), 2*time.Second)
}

// timeoutPause is how long a server is not probed after n of its answers in a
// row, from 1, did not come in time: it may well answer probes.
func timeoutPause(n int) time.Duration {
	return min(500*time.Millisecond<<min(n, 10), 30*time.Second)
}

// forgotten is how long a broken server is probed that nobody wants to call:
// it has left the cluster.
const forgotten = 30 * time.Second

// backend is one server.
type backend struct {
	id   coord.Identity
	addr string

	condition atomic.Uint32
	wanted    atomic.Int64 // when somebody last wanted to call it while it was broken; Unix time in ns
	mu        sync.Mutex
	probing   bool
	timeouts  int       // in a row
	holdUntil time.Time // when it may be probed again
}

// state is the server's condition. Asking for that of a broken one keeps the
// probes going.
func (b *backend) state() condition {
	c := condition(b.condition.Load())
	if c != healthy {
		b.wanted.Store(time.Now().UnixNano())
	}
	return c
}

// backends are all servers that the proxy knows.
type backends struct {
	probe func(ctx context.Context, addr string) error
	tell  func(b *backend, healthy bool) // logs a change

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu   sync.RWMutex
	byID map[coord.Identity]*backend
}

func newBackends(probe func(ctx context.Context, addr string) error, tell func(*backend, bool)) *backends {
	s := &backends{probe: probe, tell: tell, byID: make(map[coord.Identity]*backend)}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// get returns the server of that identity.
func (s *backends) get(id coord.Identity) *backend {
	s.mu.RLock()
	b := s.byID[id]
	s.mu.RUnlock()
	if b != nil {
		return b
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b = s.byID[id]; b == nil {
		b = &backend{id: id, addr: id.Addr()}
		s.byID[id] = b
	}
	return b
}

// retain forgets the servers that are healthy and not wanted, once there are
// many: clusters come and go.
func (s *backends) retain(wanted func(coord.Identity) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, b := range s.byID {
		if !wanted(id) && condition(b.condition.Load()) == healthy {
			delete(s.byID, id)
		}
	}
}

// len is the number of servers known.
func (s *backends) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.byID)
}

// failed takes note of a failed call.
func (s *backends) failed(b *backend, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := condition(b.condition.Load())
	now := worsen(old, err)
	if now == healthy || s.ctx.Err() != nil {
		return
	}
	b.condition.Store(uint32(now))
	b.wanted.Store(time.Now().UnixNano())
	if errors.Is(err, rpc.ErrTimeout) {
		b.timeouts++
		b.holdUntil = time.Now().Add(timeoutPause(b.timeouts))
	}
	if old == healthy {
		s.tell(b, false)
	}
	if !b.probing {
		b.probing = true
		s.wg.Go(func() { s.watch(b) })
	}
}

// answered takes note that a server does answer calls.
func (s *backends) answered(b *backend) {
	if condition(b.condition.Load()) != healthy {
		s.recovered(b, true)
	}
}

// recovered takes note that a broken server is back. Only if it answers calls
// is that the end of its timeouts.
func (s *backends) recovered(b *backend, answers bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answers {
		b.timeouts = 0
	}
	if condition(b.condition.Swap(uint32(healthy))) != healthy {
		s.tell(b, true)
	}
}

// registered takes note that a server has newly registered.
func (s *backends) registered(b *backend) { s.recovered(b, true) }

// watch probes a broken server until it is well, by this or other signs, or
// nobody wants it any more.
func (s *backends) watch(b *backend) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		select {
		case <-timer.C:
		case <-s.ctx.Done():
		}
		wait, over := s.due(b)
		if over {
			return
		}
		if wait > 0 {
			timer.Reset(wait)
			n--
			continue
		}
		err := s.probe(s.ctx, b.addr)
		if err == nil {
			s.recovered(b, false)
			n = -1
			timer.Reset(0)
			continue
		}
		b.mu.Lock()
		if c := condition(b.condition.Load()); c != healthy && s.ctx.Err() == nil {
			b.condition.Store(uint32(worsen(c, err)))
		}
		b.mu.Unlock()
		timer.Reset(probePause(n))
	}
}

// due says how long a server must not be probed yet, or that its probes are
// over.
func (s *backends) due(b *backend) (wait time.Duration, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := condition(b.condition.Load())
	if c != healthy && time.Since(time.Unix(0, b.wanted.Load())) > forgotten {
		b.condition.Store(uint32(healthy))
		c = healthy
	}
	if c == healthy || s.ctx.Err() != nil {
		b.probing = false
		return 0, true
	}
	return min(time.Until(b.holdUntil), probePause(10)), false
}

// close ends all probes.
func (s *backends) close() {
	s.stop()
	s.mu.Lock() // nobody begins to probe any more
	all := make([]*backend, 0, len(s.byID))
	for _, b := range s.byID {
		all = append(all, b)
	}
	s.mu.Unlock()
	for _, b := range all {
		b.settle()
	}
	s.wg.Wait()
}

// settle waits for whoever holds the lock to have started its probes.
func (b *backend) settle() {
	b.mu.Lock()
	defer b.mu.Unlock()
}

// pingMethod is a method that no server has.
const pingMethod = "__ping__"

// ping is a probe: a server that knows that it has no such method is there.
func ping(timeout time.Duration, dial func(ctx context.Context, addr string) (net.Conn, error)) func(ctx context.Context, addr string) error {
	return func(ctx context.Context, addr string) error {
		c := rpc.NewClient(addr, rpc.ClientOptions{Timeout: timeout, ConnectTimeout: timeout, Dial: dial})
		defer c.Close()
		_, err := c.CallArgs(ctx, pingMethod)
		var remote *rpc.RemoteError
		if err == nil || errors.As(err, &remote) {
			return nil
		}
		return err
	}
}
