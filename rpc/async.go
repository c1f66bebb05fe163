package rpc

import (
	"sync"
	"sync/atomic"
	"time"
)

// Reply is the reply that an asynchronous call owes. Send or Fail must be
// called once, by any goroutine; then it must not be used any more.
type Reply struct {
	a     *replies
	m     *method
	next  *Reply // in request order
	id    uint32
	quiet bool // a notify's
	ready bool
	begin time.Duration
	buf   []byte // the reply, if it is ready before those in front of it
}

// Send replies with a result, one MessagePack object, of which it keeps
// nothing; empty means nil. It never waits for the client.
func (r *Reply) Send(b *Batch, result []byte) { r.a.finish(r, b, result, nil) }

// Fail replies with an error, as that of a Handler does.
func (r *Reply) Fail(b *Batch, err error) { r.a.finish(r, b, nil, err) }

// replies are the asynchronous calls of a connection that are in flight, and
// those of their replies that are not written yet. While there are any, they
// and not the connection's goroutine own the sending side.
type replies struct {
	c        *conn
	inFlight atomic.Int32

	mu         sync.Mutex
	head, tail *Reply // in flight, in request order
	free       *Reply
	out, spare []byte // replies in order, not yet written
	writing    bool   // by somebody
	gone       bool   // nobody wants replies any more
	sock       socketWriter

	waiting bool          // the connection's goroutine is
	wake    chan struct{} // tells it to look again
	slow    sync.WaitGroup
}

// busy reports whether the sending side is taken. A nil replies never is.
func (a *replies) busy() bool { return a != nil && a.inFlight.Load() > 0 }

// startAsync starts the call in c.req.
func (c *conn) startAsync(m *method) {
	a := c.async
	if a == nil {
		a = &replies{c: c, wake: make(chan struct{}, 1)}
		a.sock.init(c.nc, c.s.opt.Quiet)
		c.async = a
	}
	if len(c.out) > 0 {
		c.flush()
	}
	if len(c.req.Params) > largeParams {
		c.settle()
	}
	if !a.wait(func() bool { return int(a.inFlight.Load()) < c.s.opt.MaxInFlight && len(a.out) < largeBuffer }) {
		return
	}
	if m.bounded && !c.acquire() {
		return
	}
	r := a.take(m, &c.req)
	if err := c.begin(m, r); err != nil {
		r.Fail(&c.batch, err)
	}
	if m.bounded {
		c.release()
	}
}

// largeParams are params with which a call is only started when none is in
// flight, so that those of MaxInFlight calls do not add up.
const largeParams = 256 << 10

// begin calls an asynchronous handler. A panic before it has replied is an
// error.
func (c *conn) begin(m *method, r *Reply) (err error) {
	defer func() {
		if err != nil && !r.owed() {
			err = nil
		}
	}()
	defer c.rescue(m, &err)
	m.async(c.ctx, &c.req, r)
	return nil
}

// owed reports whether r is in flight. Only the connection's goroutine can
// ask that: a Reply is used again, but not while that one starts a call.
func (r *Reply) owed() bool {
	r.a.mu.Lock()
	defer r.a.mu.Unlock()
	for o := r.a.head; o != nil; o = o.next {
		if o == r {
			return !r.ready
		}
	}
	return false
}

// take appends the reply to a request to those in flight.
func (a *replies) take(m *method, req *Request) *Reply {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.free
	if r == nil {
		r = &Reply{a: a}
	} else {
		a.free = r.next
	}
	r.m, r.next, r.id, r.quiet, r.ready = m, nil, req.ID, req.Notify, false
	if a.c.s.opt.Observe != nil {
		r.begin = a.c.s.now()
	}
	if a.tail == nil {
		a.head = r
	} else {
		a.tail.next = r
	}
	a.tail = r
	a.inFlight.Add(1)
	return r
}

// finish makes a reply ready, and those that waited for it, too.
func (a *replies) finish(r *Reply, b *Batch, result []byte, err error) {
	c := a.c
	if err != nil {
		c.s.stats.failed.Add(1)
		c.report(&Request{Method: []byte(r.m.name), ID: r.id, Notify: r.quiet, Conn: c.req.Conn, Remote: c.req.Remote}, err)
	}
	if c.s.opt.Observe != nil {
		c.s.opt.Observe(r.m.name, c.s.now()-r.begin, err != nil)
	}
	c.s.stats.requests.Add(1)
	if !r.quiet {
		c.restart(c.s.now())
	}

	a.mu.Lock()
	if a.gone {
		a.mu.Unlock()
		return
	}
	if r != a.head {
		r.buf = r.append(r.buf[:0], result, err)
		r.ready = true
		a.mu.Unlock()
		return
	}
	a.out = r.append(a.out, result, err)
	for {
		a.head = r.next
		r.next, a.free = a.free, r
		a.inFlight.Add(-1)
		if r = a.head; r == nil {
			a.tail = nil
			break
		}
		if !r.ready {
			break
		}
		a.out = append(a.out, r.buf...)
		if cap(r.buf) > minBuffer {
			r.buf = nil
		}
	}
	more := len(a.out) > 0
	a.notify()
	a.mu.Unlock()
	if more {
		b.add(a)
	}
}

// append appends a reply's message.
func (r *Reply) append(out, result []byte, err error) []byte {
	if r.quiet {
		return out
	}
	out = appendHead(out, r.id)
	if err != nil {
		return appendError(out, err)
	}
	if out = append(out, 0xc0); len(result) == 0 {
		result = nilObject
	}
	return append(out, result...)
}

// flushNow writes what the client takes at once, and leaves the rest to a
// goroutine.
func (a *replies) flushNow() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.writing || a.gone {
		return
	}
	for len(a.out) > 0 {
		buf := a.begin()
		a.c.writable.arm(a.c.nc)
		n, err := a.sock.try(buf)
		a.mu.Lock()
		switch {
		case err != nil:
			a.fail()
			return
		case n < len(buf):
			a.slow.Add(1)
			go a.drain(buf[n:])
			return
		}
		a.end(buf)
	}
}

// begin takes the replies to write them, and unlocks.
func (a *replies) begin() []byte {
	buf := a.out
	a.out, a.spare = a.spare[:0], nil
	a.writing = true
	a.mu.Unlock()
	return buf
}

// end is called with the lock after buf was written.
func (a *replies) end(buf []byte) {
	a.writing = false
	if cap(buf) <= 4*busyBuffer {
		a.spare = buf[:0]
	}
	a.notify()
}

// fail gives the connection up. It is called with the lock.
func (a *replies) fail() {
	a.gone, a.writing = true, false
	a.out = nil
	a.c.broken.Store(true)
	a.c.cancel()
	a.c.nc.Close()
	a.notify()
}

// drain writes to a client that is slow to read.
func (a *replies) drain(buf []byte) {
	defer a.slow.Done()
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		a.mu.Unlock()
		a.c.writable.arm(a.c.nc)
		_, err := a.sock.Write(buf)
		a.mu.Lock()
		if err != nil {
			a.fail()
			return
		}
		a.end(buf)
		if len(a.out) == 0 || a.gone {
			return
		}
		buf = a.begin()
		a.mu.Lock()
	}
}

// notify tells the connection's goroutine to look again. It is called with
// the lock.
func (a *replies) notify() {
	if a.waiting {
		a.waiting = false
		a.wake <- struct{}{}
	}
}

// wait makes the connection's goroutine wait until ok, which is asked with
// the lock. It fails if the connection ends first.
func (a *replies) wait(ok func() bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !ok() {
		if a.gone {
			return false
		}
		if len(a.c.batch.ready) > 0 {
			a.mu.Unlock()
			a.c.batch.Flush()
			a.mu.Lock()
			continue
		}
		a.waiting = true
		a.mu.Unlock()
		select {
		case <-a.wake:
		case <-a.c.ctx.Done():
		}
		a.mu.Lock()
		if a.waiting { // the connection ended
			a.waiting = false
			return false
		}
		select { // told meanwhile
		case <-a.wake:
		default:
		}
	}
	return !a.gone
}

// settle waits until no call is in flight and all replies are written: then
// the connection's goroutine may write.
func (c *conn) settle() {
	if a := c.async; a != nil {
		a.wait(func() bool { return a.head == nil && len(a.out) == 0 && !a.writing })
	}
}

// close ends asynchronous calls, after those in flight have been answered
// unless the connection is broken.
func (a *replies) close() {
	if a.c.ctx.Err() == nil {
		a.c.settle()
	}
	a.mu.Lock()
	a.gone = true
	writing := a.writing
	a.mu.Unlock()
	if writing {
		a.c.nc.Close()
	}
	a.slow.Wait()
}
