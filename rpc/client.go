package rpc

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// connectAttempts is how often a connection is tried in a row.
const connectAttempts = 3

// ClientOptions configure a Client. The zero value works.
type ClientOptions struct {
	// Timeout bounds a call that has no earlier deadline of its own; 0
	// means that it may take forever.
	Timeout time.Duration
	// ConnectTimeout bounds connecting; 0 means 10 seconds.
	ConnectTimeout time.Duration
	// WriteTimeout is the least time for which a server that does not read
	// may keep requests waiting before the connection is given up. 0 means
	// 30 seconds.
	WriteTimeout time.Duration
	// MaxFrame bounds a response as Options.MaxFrame bounds requests.
	MaxFrame int64
	// Quiet is Options.Quiet, for the calls that such a server makes.
	Quiet bool
	// Dial replaces the network; nil means TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
}

// Client is one connection to a server. It is safe for concurrent use; calls
// share the connection and are told apart by their ids. When the connection
// is lost every call fails, now and later: Clients do not reconnect.
type Client struct {
	addr string
	opt  ClientOptions

	mu       sync.Mutex
	nc       net.Conn // nil until connected
	state    clientState
	err      *CallError // why it is closed
	retired  bool       // closes with its last call
	nextID   uint32
	pending  map[uint32]*Call
	owed     int    // answers to come, even if nobody waits for them any more
	out      []byte // requests not yet given to the connection
	clogged  bool   // the connection takes no more; the writer waits for it
	sock     socketWriter
	expiry   *time.Timer // fails calls whose deadline has passed; nil until one has any
	due      time.Time   // when expiry fires; zero if it does not
	overdue  func()      // told when calls have failed that way
	spare    []byte
	writing  bool   // somebody is writing
	appended uint64 // bytes ever put into out
	handed   uint64 // of them, given to the connection
	lastUsed time.Time
	writable patience

	calls sync.Pool // of *single

	wake    chan struct{}      // tells the writer that there is something
	opened  chan struct{}      // closed when connected, or when that failed
	gone    chan struct{}      // closed when the state becomes closed
	ended   chan struct{}      // closed when the goroutines have ended
	abandon context.CancelFunc // stops connecting
}

type clientState uint8

const (
	connecting clientState = iota
	open
	shut
)

// Call is a request that Start sends. It must not be touched until its Sink
// has been told the answer, and can then be used again.
type Call struct {
	id       uint32
	end      uint64 // of its bytes, counted like Client.appended
	deadline time.Time
	to       Sink
	index    int
}

// Sink gets the answer to a call: exactly once, in any goroutine, which it
// must not keep waiting. index is what Start was given. The result, one
// encoded object, is only valid during the call.
type Sink interface {
	Answer(b *Batch, index int, result []byte, err error)
}

// keeper is a Sink that keeps results.
type keeper interface{ keep() }

// single is a call for whose answer a goroutine waits.
type single struct {
	Call
	result []byte
	err    error
	done   chan struct{} // gets one value
	timer  *time.Timer
}

func (ca *single) keep() {}

// Answer wakes whoever waits.
func (ca *single) Answer(_ *Batch, _ int, result []byte, err error) {
	ca.result, ca.err = result, err
	ca.done <- struct{}{}
}

// NewClient returns a Client that connects in the background. Calls can be
// made at once; they wait for the connection.
func NewClient(addr string, opt ClientOptions) *Client { return newClient(addr, opt, nil) }

func newClient(addr string, opt ClientOptions, ended func()) *Client {
	if opt.ConnectTimeout <= 0 {
		opt.ConnectTimeout = 10 * time.Second
	}
	if opt.WriteTimeout <= 0 {
		opt.WriteTimeout = 30 * time.Second
	}
	if opt.Dial == nil {
		opt.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), opt.ConnectTimeout)
	c := &Client{
		addr: addr, opt: opt,
		pending:  make(map[uint32]*Call),
		lastUsed: time.Now(),
		wake:     make(chan struct{}, 1),
		opened:   make(chan struct{}),
		gone:     make(chan struct{}),
		ended:    make(chan struct{}),
		abandon:  cancel,
	}
	c.calls.New = newCall
	c.writable.timeout = opt.WriteTimeout
	go func() {
		c.run(ctx)
		if ended != nil {
			ended()
		}
		close(c.ended)
	}()
	return c
}

// Dial connects to a server. timeout bounds connecting and, separately, every
// call; 0 means the default for the former and no bound for the latter.
func Dial(ctx context.Context, addr string, timeout time.Duration) (*Client, error) {
	c := NewClient(addr, ClientOptions{Timeout: timeout, ConnectTimeout: timeout})
	if err := c.Ready(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Addr is the server's address.
func (c *Client) Addr() string { return c.addr }

// Ready waits until the Client is connected.
func (c *Client) Ready(ctx context.Context) error {
	select {
	case <-c.opened:
	case <-ctx.Done():
		return &CallError{Kind: contextError(ctx), Addr: c.addr, notSent: true}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	return nil
}

// Close ends the connection; calls in flight fail with ErrClosed. It waits
// for the Client's goroutines.
func (c *Client) Close() {
	c.shutdown(ErrClosed, nil)
	<-c.ended
}

// retire closes the connection as soon as no call is in flight, and lets no
// new call begin.
func (c *Client) retire() {
	c.mu.Lock()
	c.retired = true
	idle := len(c.pending) == 0
	c.mu.Unlock()
	if idle {
		c.shutdown(ErrClosed, nil)
	}
}

// use reports whether calls can be made, and keeps the Client from expiring
// before the one that is about to be.
func (c *Client) use() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastUsed = time.Now()
	return c.state != shut && !c.retired
}

// idleSince tells since when the Client is without calls, if it is.
func (c *Client) idleSince() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastUsed, len(c.pending) == 0
}

// newCall returns a single call with its channel and timer, for Client.calls.
func newCall() any {
	t := time.NewTimer(time.Hour)
	t.Stop()
	ca := &single{done: make(chan struct{}, 1), timer: t}
	ca.to = ca
	return ca
}

// Call calls a method with params, one encoded MessagePack object (an array,
// for most servers), and returns the result, one encoded object that belongs
// to the caller.
func (c *Client) Call(ctx context.Context, method string, params []byte) ([]byte, error) {
	ca := c.calls.Get().(*single)
	if err := c.start(&ca.Call, method, params, direct); err != nil {
		c.calls.Put(ca)
		return nil, err
	}
	var expired <-chan time.Time
	if c.opt.Timeout > 0 {
		ca.timer.Reset(c.opt.Timeout)
		expired = ca.timer.C
	}
	var kind error
	select {
	case <-ca.done:
	case <-expired:
		kind = ErrTimeout
	case <-ctx.Done():
		kind = contextError(ctx)
	}
	if kind != nil && !c.forget(&ca.Call) {
		<-ca.done // answered at the last moment
		kind = nil
	}
	ca.timer.Stop()
	result, err := ca.result, ca.err
	ca.result, ca.err = nil, nil
	c.calls.Put(ca)
	if kind != nil {
		return nil, &CallError{Kind: kind, Addr: c.addr}
	}
	return result, err
}

// CallArgs is Call with arguments that AppendArgs can encode.
func (c *Client) CallArgs(ctx context.Context, method string, args ...any) ([]byte, error) {
	params, err := AppendArgs(nil, args...)
	if err != nil {
		return nil, err
	}
	return c.Call(ctx, method, params)
}

// Notify sends a call that is not answered. nil means only that it is on its
// way.
func (c *Client) Notify(method string, params []byte) error {
	return c.start(nil, method, params, behind)
}

// Start sends a call and returns at once; its answer goes to a Sink. With an
// error there will be none. The call fails with ErrTimeout at the deadline, if
// it has one. params may be changed afterwards. The request is written when b
// is, by whoever does that, as far as the connection takes it without waiting.
func (c *Client) Start(ca *Call, to Sink, index int, method string, params []byte, deadline time.Time, b *Batch) error {
	ca.to, ca.index, ca.deadline = to, index, deadline
	if err := c.start(ca, method, params, later); err != nil {
		return err
	}
	b.add(c)
	return nil
}

// urgency is who writes a request.
type urgency uint8

const (
	behind urgency = iota // the writer
	direct                // the caller, if no other answer is due, else the writer
	later                 // somebody will call flushNow
)

// start sends a request for ca, or a notify if there is none. If direct, the
// caller is going to wait for the answer anyway; it then does the writing if
// no other answer is due and the request is small, so that the system takes it at once.
// Otherwise the writer goroutine does, which collects what several calls send
// and may be kept waiting by a server that does not read.
func (c *Client) start(ca *Call, method string, params []byte, who urgency) error {
	c.mu.Lock()
	if c.state == shut || c.retired {
		err := c.err
		c.mu.Unlock()
		if err == nil {
			return &CallError{Kind: ErrClosed, Addr: c.addr, notSent: true}
		}
		return &CallError{Kind: err.Kind, Cause: err.Cause, Addr: c.addr, notSent: true}
	}
	before := len(c.out)
	if ca == nil {
		c.out = append(c.out, 0x93, typeNotify)
	} else {
		for c.nextID++; c.pending[c.nextID] != nil; {
			c.nextID++
		}
		ca.id = c.nextID
		c.pending[ca.id] = ca
		c.owed++
		c.out = append(c.out, 0x94, typeRequest)
		c.out = mpack.AppendUint(c.out, uint64(ca.id))
	}
	c.out = mpack.AppendRaw(c.out, method)
	if len(params) == 0 {
		params = nilObject
	}
	c.out = append(c.out, params...)
	c.appended += uint64(len(c.out) - before)
	if ca != nil {
		ca.end = c.appended
	}
	if ca != nil && !ca.deadline.IsZero() {
		c.watch(ca.deadline)
	}
	if who == later {
		c.mu.Unlock()
		return nil
	}
	if who == behind || c.state != open || c.writing || c.owed != 1 || len(c.out) > minBuffer {
		c.mu.Unlock()
		c.poke()
		return nil
	}
	c.write() // unlocks
	return nil
}

// poke wakes the writer.
func (c *Client) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write gives c.out to the connection. It is called with the lock, in state
// open, while nobody is writing, and returns without the lock.
func (c *Client) write() {
	buf := c.out
	c.out, c.spare = c.spare[:0], nil
	c.writing = true
	before := c.handed
	c.handed = c.appended
	c.mu.Unlock()

	c.writable.arm(c.nc)
	n, err := c.sock.Write(buf)

	c.mu.Lock()
	c.writing, c.clogged = false, false
	if cap(buf) <= largeBuffer {
		c.spare = buf[:0]
	}
	more := len(c.out) > 0
	if err != nil {
		c.handed = before + uint64(n)
	}
	c.mu.Unlock()
	switch {
	case err != nil:
		c.shutdown(connectionError(err), err)
	case more:
		c.poke()
	}
}

// flushNow writes what the connection takes without waiting, and leaves the
// rest to the writer.
func (c *Client) flushNow() {
	c.mu.Lock()
	for c.state == open && !c.writing && !c.clogged && len(c.out) > 0 {
		buf := c.out
		c.out, c.spare = c.spare[:0], nil
		c.writing = true
		before := c.handed
		c.handed = c.appended
		c.mu.Unlock()

		c.writable.arm(c.nc)
		n, err := c.sock.try(buf)

		c.mu.Lock()
		c.writing = false
		switch {
		case err != nil:
			c.handed = before + uint64(n)
			c.mu.Unlock()
			c.shutdown(connectionError(err), err)
			return
		case n < len(buf):
			c.handed = before + uint64(n)
			c.out = append(buf[n:], c.out...)
			c.clogged = true
			c.poke()
		case cap(buf) <= largeBuffer:
			c.spare = buf[:0]
		}
	}
	c.mu.Unlock()
}

// watch makes sure that expiry fires at a call's deadline, or earlier. It is
// called with the lock.
func (c *Client) watch(deadline time.Time) {
	switch {
	case c.expiry == nil:
		c.expiry = time.AfterFunc(time.Until(deadline), c.expire)
	case c.due.IsZero() || deadline.Before(c.due):
		c.expiry.Reset(time.Until(deadline))
	default:
		return
	}
	c.due = deadline
}

// expire fails the calls whose deadline has passed. Calls have about the same
// time each, so that it has little to do as long as they are answered: no
// timer is touched for a call.
func (c *Client) expire() {
	c.mu.Lock()
	if c.state == shut {
		c.mu.Unlock()
		return
	}
	now := time.Now()
	var late []*Call
	c.due = time.Time{}
	next := time.Time{}
	for id, ca := range c.pending {
		switch {
		case ca.deadline.IsZero():
		case !ca.deadline.After(now):
			late = append(late, ca)
			delete(c.pending, id)
		case next.IsZero() || ca.deadline.Before(next):
			next = ca.deadline
		}
	}
	if !next.IsZero() {
		c.watch(next)
	}
	last := c.retired && len(c.pending) == 0
	c.mu.Unlock()
	if len(late) > 0 && c.overdue != nil {
		c.overdue()
	}
	for _, ca := range late {
		ca.to.Answer(nil, ca.index, nil, &CallError{Kind: ErrTimeout, Addr: c.addr})
	}
	if last {
		c.shutdown(ErrClosed, nil)
	}
}

// run is the Client's goroutine: it connects and then writes, while another
// one reads.
func (c *Client) run(ctx context.Context) {
	defer c.abandon()
	var nc net.Conn
	var err error
	for range connectAttempts {
		if nc, err = c.opt.Dial(ctx, c.addr); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		c.shutdown(ErrConnect, err)
		close(c.opened)
		return
	}
	c.mu.Lock()
	if c.state == shut {
		c.mu.Unlock()
		nc.Close()
		close(c.opened)
		return
	}
	c.nc = nc
	c.sock.init(nc, c.opt.Quiet)
	c.state = open
	c.mu.Unlock()
	close(c.opened)

	reader := make(chan struct{})
	go func() {
		defer close(reader)
		c.read()
	}()
	for running := true; running; {
		c.mu.Lock()
		if c.state == open && !c.writing && len(c.out) > 0 {
			c.write()
		} else {
			c.mu.Unlock()
		}
		select {
		case <-c.wake:
		case <-c.gone:
			running = false
		}
	}
	<-reader
}

// read hands answers to their calls until the connection ends.
func (c *Client) read() {
	in := newInput(c.opt.MaxFrame)
	var from socketReader
	from.init(c.nc, c.opt.Quiet)
	var batch Batch
	defer batch.Flush()
	now := time.Now()
	for {
		msg, err := in.next()
		if err != nil {
			c.shutdown(ErrClosed, err)
			return
		}
		if msg == nil {
			batch.Flush()
			if err := in.fill(&from); err != nil {
				c.shutdown(connectionError(err), err)
				return
			}
			now = time.Now()
			continue
		}
		id, errObj, result, ok := in.s.response(msg)
		if !ok {
			c.shutdown(ErrClosed, errGarbage)
			return
		}
		c.mu.Lock()
		ca := c.pending[id]
		delete(c.pending, id)
		c.owed--
		c.lastUsed = now
		last := c.retired && len(c.pending) == 0
		c.mu.Unlock()
		switch {
		case ca == nil: // it timed out
		case len(errObj) == 1 && errObj[0] == 0xc0:
			if _, ok := ca.to.(keeper); !ok {
			} else if len(result) > largeBuffer {
				in.detach()
			} else {
				result = bytes.Clone(result)
			}
			ca.to.Answer(&batch, ca.index, result, nil)
		default:
			ca.to.Answer(&batch, ca.index, nil, &RemoteError{Object: bytes.Clone(errObj), Result: bytes.Clone(result)})
		}
		if last {
			c.shutdown(ErrClosed, nil)
		}
	}
}

// forget gives up waiting for an answer. It returns false if the call is
// completed already, or just being.
func (c *Client) forget(ca *Call) bool {
	c.mu.Lock()
	if c.pending[ca.id] != ca {
		c.mu.Unlock()
		return false
	}
	delete(c.pending, ca.id)
	last := c.retired && len(c.pending) == 0
	c.mu.Unlock()
	if last {
		c.shutdown(ErrClosed, nil)
	}
	return true
}

// shutdown closes the Client and fails its calls. Only the first one counts.
func (c *Client) shutdown(kind, cause error) {
	c.mu.Lock()
	if c.state == shut {
		c.mu.Unlock()
		return
	}
	c.state = shut
	c.err = &CallError{Kind: kind, Cause: cause, Addr: c.addr, notSent: errors.Is(kind, ErrConnect)}
	pending := c.pending
	c.pending = nil
	handed := c.handed
	nc := c.nc
	c.out = nil
	if c.expiry != nil {
		c.expiry.Stop()
	}
	close(c.gone)
	c.mu.Unlock()
	c.abandon()
	if nc != nil {
		nc.Close()
	}
	for _, ca := range pending {
		ca.to.Answer(nil, ca.index, nil, &CallError{Kind: kind, Cause: cause, Addr: c.addr, notSent: ca.end > handed})
	}
}
