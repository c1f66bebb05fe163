package rpc

import (
	"context"
	"sync"
	"time"
)

// Answer is what one of several servers made of a call.
type Answer struct {
	Addr   string
	Result []byte // one encoded object
	Err    error
}

// Many is one call to several servers. It is complete when every server has
// answered or failed, or when its time is up.
type Many struct {
	pool *Pool
	done chan struct{}

	mu      sync.Mutex
	answers []Answer
	sent    []sentCall
	arrival []int
	left    int
	closed  bool
	timer   *time.Timer

	// Most calls go to one or two servers, and need no other memory.
	room struct {
		answers [2]Answer
		sent    [2]sentCall
		arrival [2]int
	}
}

// sentCall is one call of a Many.
type sentCall struct {
	call     Call
	client   *Client
	answered bool
}

// StartMany sends a call to several servers, without waiting for anything:
// not even for connections, whose requests wait for them in order. An address
// may occur more than once. lane chooses among the connections to each
// server, as in Pool.Client. timeout bounds connecting and answering
// together; 0 means the pool's Timeout, and none if that is 0 too. params
// may be changed afterwards.
//
// Servers that do not answer in time fail with ErrTimeout, and the pool
// drops their connections.
func StartMany(pool *Pool, lane uint64, addrs []string, method string, params []byte, timeout time.Duration) *Many {
	m := &Many{pool: pool, done: make(chan struct{}), left: len(addrs)}
	if n := len(addrs); n <= len(m.room.sent) {
		m.answers, m.sent, m.arrival = m.room.answers[:n], m.room.sent[:n], m.room.arrival[:0]
	} else {
		m.answers, m.sent, m.arrival = make([]Answer, n), make([]sentCall, n), make([]int, 0, n)
	}
	if len(addrs) == 0 {
		m.closed = true
		close(m.done)
		return m
	}
	if timeout <= 0 {
		timeout = pool.opt.Client.Timeout
	}
	for i, addr := range addrs {
		m.answers[i].Addr = addr
		s := &m.sent[i]
		s.call.to, s.call.index = m, i
		client, err := pool.Client(addr, lane)
		if err == nil {
			m.mu.Lock()
			s.client = client
			m.mu.Unlock()
			err = client.start(&s.call, method, params, behind)
		}
		if err != nil {
			m.Answer(nil, i, nil, err)
		}
	}
	if timeout > 0 {
		m.mu.Lock()
		if !m.closed {
			m.timer = time.AfterFunc(timeout, func() { m.giveUp(ErrTimeout) })
		}
		m.mu.Unlock()
	}
	return m
}

// CallMany is StartMany and Wait.
func CallMany(ctx context.Context, pool *Pool, lane uint64, addrs []string, method string, params []byte, timeout time.Duration) *Many {
	m := StartMany(pool, lane, addrs, method, params, timeout)
	m.Wait(ctx)
	return m
}

// Done is closed when the call is complete.
func (m *Many) Done() <-chan struct{} { return m.done }

// Wait waits until the call is complete. If ctx ends first the servers that
// have not answered fail, with ErrTimeout if that was its deadline.
func (m *Many) Wait(ctx context.Context) {
	select {
	case <-m.done:
	case <-ctx.Done():
		m.giveUp(contextError(ctx))
		<-m.done
	}
}

// Answers returns the answers in the order of the servers. It must only be
// called when the call is complete, as must Arrival.
func (m *Many) Answers() []Answer { return m.answers }

// Arrival returns the indices of the answers in the order in which they, or
// their failures, arrived.
func (m *Many) Arrival() []int { return m.arrival }

func (m *Many) keep() {}

// Answer records what became of the i-th call. It is for Clients.
func (m *Many) Answer(_ *Batch, i int, result []byte, err error) {
	m.mu.Lock()
	if m.closed || m.sent[i].answered {
		m.mu.Unlock()
		return
	}
	m.sent[i].answered = true
	m.answers[i].Result, m.answers[i].Err = result, err
	m.arrival = append(m.arrival, i)
	m.left--
	last := m.left == 0
	if last {
		m.finish()
	}
	m.mu.Unlock()
}

// finish completes the call. It is called with the lock.
func (m *Many) finish() {
	m.closed = true
	if m.timer != nil {
		m.timer.Stop()
	}
	close(m.done)
}

// giveUp fails what has not been answered.
func (m *Many) giveUp(kind error) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	var late []*sentCall
	for i := range m.sent {
		s := &m.sent[i]
		if s.answered {
			continue
		}
		s.answered = true
		m.answers[i].Err = &CallError{Kind: kind, Addr: m.answers[i].Addr}
		m.arrival = append(m.arrival, i)
		if s.client != nil {
			late = append(late, s)
		}
	}
	m.left = 0
	m.finish()
	m.mu.Unlock()
	for _, s := range late {
		s.client.forget(&s.call)
		if kind == ErrTimeout {
			m.pool.drop(s.client)
		}
	}
}
