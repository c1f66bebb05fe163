package rpc

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// conn is a connection of a Server. One goroutine reads, executes and writes;
// only while asynchronous calls are in flight whoever answers them writes
// instead.
type conn struct {
	s      *Server
	nc     net.Conn
	from   socketReader
	to     socketWriter    // while no asynchronous call is in flight
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	in     *input
	req    Request

	out      []byte // replies not yet written
	broken   atomic.Bool
	writable patience

	requests, unknown, failed uint64 // not yet added to the server's

	// clock is when the connection's goroutine last looked at the server's
	// clock: when bytes had been read, or a call had ended.
	clock time.Duration
	// idleAt is when the connection counts as idle, by the server's clock.
	idleAt atomic.Int64
	// restUntil is when the connection stops to read after the server has
	// stopped; 0 before that.
	restUntil time.Duration
	async     *replies // nil until the first asynchronous call
	batch     Batch
}

func newConn(s *Server, nc net.Conn, serial uint64) *conn {
	c := &conn{s: s, nc: nc, in: newInput(s.opt.MaxFrame)}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.req.Conn = serial
	c.req.Remote = nc.RemoteAddr()
	c.req.Batch = &c.batch
	c.writable.timeout = s.opt.WriteTimeout
	c.from.init(nc, s.opt.Quiet)
	c.to.init(nc, s.opt.Quiet)
	c.restart(s.now())
	return c
}

// serve is the connection's life.
func (c *conn) serve() {
	defer c.nc.Close()
	err := c.run()
	if c.async != nil {
		if err != nil && !errors.Is(err, errGarbage) && !errors.Is(err, errFrameSize) {
			c.cancel()
		}
		c.async.close()
	}
	c.flush()
	c.cancel()
	if errors.Is(err, errGarbage) || errors.Is(err, errFrameSize) {
		c.s.stats.rejected.Add(1)
		c.linger()
	}
}

// run answers requests until the peer, the idle timer or the server's
// shutdown ends it (nil), or until something breaks.
func (c *conn) run() error {
	c.arm()
	for {
		for {
			msg, err := c.in.next()
			if err != nil {
				return err
			}
			if msg == nil {
				break
			}
			if !c.in.s.request(msg, &c.req) {
				return errGarbage
			}
			c.dispatch()
			if c.broken.Load() {
				return ErrClosed
			}
		}
		c.batch.Flush()
		if c.flush(); c.broken.Load() {
			return ErrClosed
		}
		switch more, err := c.read(); {
		case err != nil:
			return err
		case !more:
			return nil
		}
	}
}

// read waits for bytes. more is false when there will be none.
func (c *conn) read() (more bool, err error) {
	for {
		err := c.in.fill(&c.from)
		switch {
		case err == nil:
			c.clock = c.s.now()
			if c.s.opt.Quiet {
				c.s.pulse.requested()
			}
			return true, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			if c.s.draining.Load() {
				return c.rest(), nil
			}
			if c.s.now() >= time.Duration(c.idleAt.Load()) && !c.async.busy() {
				return false, nil
			}
			c.arm()
		case connectionError(err) == ErrClosed && c.ctx.Err() == nil:
			return false, nil
		default:
			return false, err
		}
	}
}

// arm sets the read deadline to when the connection would be idle. It is only
// moved when it has passed: a request then costs no timer, just a clock.
func (c *conn) arm() {
	if t := c.s.opt.IdleTimeout; t > 0 {
		at := time.Duration(c.idleAt.Load())
		if now := c.s.now(); at <= now { // calls are in flight
			at = now + t
		}
		c.nc.SetReadDeadline(c.s.base.Add(at))
	} else {
		c.nc.SetReadDeadline(time.Time{})
	}
	if c.s.draining.Load() {
		c.wake()
	}
}

// rest reads what has arrived when the server stops, and reports whether there
// was anything. A peer that sends without end is not heard to its end.
func (c *conn) rest() (more bool) {
	now := c.s.now()
	if c.restUntil == 0 {
		c.restUntil = now + restTime
	}
	if now >= c.restUntil {
		return false
	}
	defer c.wake()
	c.clock = now
	return c.in.arrived(c.nc)
}

// restTime is how long a connection goes on to read when the server stops.
const restTime = 500 * time.Millisecond

// wake makes the connection stop waiting for requests.
func (c *conn) wake() { c.nc.SetReadDeadline(time.Unix(1, 0)) }

// restart restarts the idle timer.
func (c *conn) restart(now time.Duration) {
	if t := c.s.opt.IdleTimeout; t > 0 {
		c.idleAt.Store(int64(now + t))
	}
}

// dispatch executes the request in c.req.
func (c *conn) dispatch() {
	m := (*c.s.methods.Load())[string(c.req.Method)]
	if m != nil && m.async != nil {
		c.startAsync(m)
		return
	}
	if c.async != nil {
		c.settle()
		c.clock = c.s.now()
	}
	// Replies may wait for those of the requests behind them, but not for a
	// call that is going to take its time.
	if m != nil && m.slow.Load() && len(c.out) > 0 {
		c.flush()
	}
	if m != nil && m.bounded && !c.acquire() {
		return
	}
	start := len(c.out)
	c.out = appendHead(c.out, c.req.ID)
	if m == nil {
		c.unknown++
		c.out = mpack.AppendUint(c.out, codeMethodNotFound)
		c.out = mpack.AppendRaw(c.out, c.req.Method)
	} else {
		c.execute(m)
	}
	if c.req.Notify {
		c.out = c.out[:start]
		return
	}
	c.restart(c.clock)
	if len(c.out) >= busyBuffer {
		c.flush()
	}
}

// execute runs a handler, for which it has been given a thread, and appends
// error and result to c.out.
func (c *conn) execute(m *method) {
	begin := c.clock
	head := len(c.out)
	c.out = mpack.AppendNil(c.out)
	out, err := c.invoke(m)
	if m.bounded {
		c.release()
	}
	c.requests++
	switch {
	case err != nil:
		c.failed++
		c.report(&c.req, err)
		c.out = appendError(c.out[:head], err)
	case len(out) <= head+1:
		c.out = mpack.AppendNil(c.out[:head+1])
	default:
		c.out = out
	}
	c.clock = c.s.now()
	took := c.clock - begin
	if slow := took > slowCall; slow != m.slow.Load() {
		m.slow.Store(slow)
	}
	if c.s.opt.Observe != nil {
		c.s.opt.Observe(m.name, took, err != nil)
	}
}

// slowCall is how long a call takes before which finished replies are sent,
// judging by the method's last one.
const slowCall = time.Millisecond

// invoke calls a handler and turns a panic into an error.
func (c *conn) invoke(m *method) (out []byte, err error) {
	defer c.rescue(m, &err)
	return m.sync(c.ctx, &c.req, c.out)
}

// rescue, deferred around a handler, makes its panic an error.
func (c *conn) rescue(m *method, err *error) {
	if p := recover(); p != nil {
		*err = errPanic
		c.s.stats.panics.Add(1)
		c.s.log.Error("panic in RPC handler", "method", m.name, "peer", c.req.Remote,
			"panic", p, "stack", string(debug.Stack()))
	}
}

// report tells of a failed call.
func (c *conn) report(req *Request, err error) {
	if c.s.opt.Failed != nil {
		c.s.opt.Failed(req, err)
		return
	}
	c.s.log.Warn("exception in RPC thread: "+err.Error(), "method", string(req.Method), "peer", req.Remote)
}

// acquire waits for a thread. It fails if the server is closed by force.
func (c *conn) acquire() bool {
	if c.s.threads == nil {
		return true
	}
	select {
	case c.s.threads <- struct{}{}:
		return true
	default:
	}
	c.batch.Flush()
	c.flush()
	select {
	case c.s.threads <- struct{}{}:
		c.clock = c.s.now()
		return true
	case <-c.ctx.Done():
		c.broken.Store(true)
		return false
	}
}

func (c *conn) release() {
	if c.s.threads != nil {
		<-c.s.threads
	}
}

// flush writes the replies and publishes the counts.
func (c *conn) flush() {
	if c.requests|c.unknown|c.failed != 0 {
		c.s.stats.requests.Add(c.requests)
		c.s.stats.unknown.Add(c.unknown)
		c.s.stats.failed.Add(c.failed)
		c.requests, c.unknown, c.failed = 0, 0, 0
	}
	if len(c.out) == 0 {
		return
	}
	if !c.broken.Load() {
		c.writable.arm(c.nc)
		if _, err := c.to.Write(c.out); err != nil {
			c.broken.Store(true)
			c.cancel()
			c.nc.Close()
		}
	}
	c.out = c.out[:0]
	if cap(c.out) > 4*busyBuffer {
		c.out = nil
	}
}

// linger ends a connection whose input is not wanted any more. To close it
// while bytes are unread would reset it, and the peer could lose answers
// that are on the way; so say first that nothing more will come, and give the
// peer a moment to see it.
func (c *conn) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || c.broken.Load() || half.CloseWrite() != nil {
		return
	}
	c.in = nil
	c.nc.SetReadDeadline(time.Now().Add(lingerTime))
	buf := make([]byte, 512)
	for left := lingerBytes; left > 0; {
		n, err := c.nc.Read(buf)
		if err != nil || c.s.draining.Load() {
			return
		}
		left -= n
	}
}

const (
	lingerTime  = time.Second
	lingerBytes = 1 << 20
)

// appendHead appends the beginning of a response.
func appendHead(out []byte, id uint32) []byte {
	return mpack.AppendUint(append(out, 0x94, typeResponse), uint64(id))
}

// patience arms write deadlines so rarely that they cost nothing: a write
// may take at least timeout and at most twice that.
type patience struct {
	timeout time.Duration
	until   time.Time
}

func (p *patience) arm(nc net.Conn) {
	if p.timeout <= 0 {
		return
	}
	now := time.Now()
	if p.until.Sub(now) < p.timeout {
		p.until = now.Add(2 * p.timeout)
		nc.SetWriteDeadline(p.until)
	}
}
