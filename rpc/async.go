package rpc

import (
	"bytes"
	"sync"
	"time"
)

// asyncWriter writes the replies of the asynchronous calls of a connection,
// in request order. While any are in flight conn.out belongs to its
// goroutine, else to the connection's.
type asyncWriter struct {
	queue  chan inFlight
	flight sync.WaitGroup
	slots  chan struct{} // holds one for every call in flight
	handed bool          // conn.out was handed over since the last settle
	done   chan struct{}
}

// inFlight is a call that was started.
type inFlight struct {
	m     *method
	req   Request // with copies of what it refers to, for reports only
	p     Pending // nil if starting failed
	err   error
	begin time.Duration
}

// idle reports whether no call is in flight. A nil asyncWriter never has any.
func (a *asyncWriter) idle() bool { return a == nil || len(a.slots) == 0 }

// mine reports whether conn.out belongs to the connection's goroutine.
func (a *asyncWriter) mine() bool { return a == nil || !a.handed }

// settle waits until no call is in flight and takes conn.out back.
func (a *asyncWriter) settle() {
	if a == nil || !a.handed {
		return
	}
	a.flight.Wait()
	a.handed = false
}

// finish waits for the calls in flight and for the goroutine to end.
func (a *asyncWriter) finish(c *conn) {
	a.settle()
	close(a.queue)
	<-a.done
}

// startAsync starts the call in c.req and queues its reply.
func (c *conn) startAsync(m *method) {
	a := c.async
	if a == nil {
		a = &asyncWriter{
			queue: make(chan inFlight, c.s.opt.MaxInFlight),
			slots: make(chan struct{}, c.s.opt.MaxInFlight),
			done:  make(chan struct{}),
		}
		c.async = a
		go a.run(c)
	}
	if len(c.req.Params) > largeParams {
		a.settle()
	}
	a.slots <- struct{}{}
	if m.bounded && !c.acquire() {
		<-a.slots
		return
	}
	call := inFlight{m: m}
	if c.s.opt.Observe != nil {
		call.begin = c.s.now()
	}
	call.p, call.err = c.begin(m)
	if m.bounded {
		c.release()
	}
	call.req = c.req
	call.req.Params = nil
	call.req.Method = nil
	a.flight.Add(1)
	a.handed = true
	a.queue <- call
}

// largeParams are params with which a call is only started when none is in
// flight, so that those of MaxInFlight calls do not add up.
const largeParams = 256 << 10

// begin calls an asynchronous handler and turns a panic into an error.
func (c *conn) begin(m *method) (p Pending, err error) {
	defer c.rescue(m, &err)
	return m.async(c.ctx, &c.req)
}

// run is the goroutine of an asyncWriter.
func (a *asyncWriter) run(c *conn) {
	defer close(a.done)
	for call := range a.queue {
		a.reply(c, &call)
		// Whatever can still be answered without waiting shares a write.
		if len(a.queue) == 0 || len(c.out) >= busyBuffer {
			c.flush()
		}
		<-a.slots
		a.flight.Done()
	}
}

// reply waits for a call and appends its reply.
func (a *asyncWriter) reply(c *conn, call *inFlight) {
	if call.p != nil && call.err == nil {
		select {
		case <-call.p.Done():
		default:
			c.flush()
			select {
			case <-call.p.Done():
			case <-c.ctx.Done():
				return
			}
		}
	}
	start := len(c.out)
	c.out = appendHead(c.out, call.req.ID)
	head := len(c.out)
	c.out = append(c.out, 0xc0)
	out, err := c.conclude(call)
	c.requests++
	switch {
	case err != nil:
		call.req.Method = []byte(call.m.name)
		c.fail(&call.req, err)
		c.out = appendError(c.out[:head], err)
	case len(out) <= head+1:
		c.out = append(c.out[:head+1], nilObject...)
	default:
		c.out = out
	}
	if c.s.opt.Observe != nil {
		c.s.opt.Observe(call.m.name, c.s.now()-call.begin, err != nil)
	}
	if call.req.Notify {
		c.out = c.out[:start]
		return
	}
	c.restart(c.s.now())
}

// conclude gets the result of a call and turns a panic into an error.
func (c *conn) conclude(call *inFlight) (out []byte, err error) {
	if call.err != nil || call.p == nil {
		return c.out, call.err
	}
	defer c.rescue(call.m, &err)
	return call.p.Append(c.out)
}

// Result is a Pending that has a result already: one MessagePack object.
func Result(object []byte) Pending { return ready(bytes.Clone(object)) }

type ready []byte

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (r ready) Done() <-chan struct{}             { return closed }
func (r ready) Append(out []byte) ([]byte, error) { return append(out, r...), nil }
