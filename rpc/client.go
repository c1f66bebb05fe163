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
	pending  map[uint32]*call
	owed     int    // answers to come, even if nobody waits for them any more
	out      []byte // requests not yet given to the connection
	spare    []byte
	writing  bool   // somebody is writing
	appended uint64 // bytes ever put into out
	handed   uint64 // of them, given to the connection
	lastUsed time.Time
	writable patience

	calls sync.Pool // of *call

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

// call is a request without an answer yet. Its fields belong to the Client
// until it is completed, then to whoever waits.
type call struct {
	id     uint32
	end    uint64 // of its bytes, counted like Client.appended
	result []byte
	err    error

	done  chan struct{} // of a single call: gets one value
	timer *time.Timer
	many  *Many // of one of many: told instead of done
	index int
}

// complete hands a call back to whoever waits for it.
func (ca *call) complete(result []byte, err error) {
	if ca.many != nil {
		ca.many.answer(ca.index, result, err)
		return
	}
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
		pending:  make(map[uint32]*call),
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
	return &call{done: make(chan struct{}, 1), timer: t}
}

// Call calls a method with params, one encoded MessagePack object (an array,
// for most servers), and returns the result, one encoded object that belongs
// to the caller.
func (c *Client) Call(ctx context.Context, method string, params []byte) ([]byte, error) {
	ca := c.calls.Get().(*call)
	if err := c.start(ca, method, params, true); err != nil {
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
	if kind != nil && !c.forget(ca) {
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
	return c.start(nil, method, params, false)
}

// start sends a request for ca, or a notify if there is none. With direct the
// caller is going to wait for the answer anyway; it then does the writing if
// no other answer is due and the request is small, so that the system takes it at once.
// Otherwise the writer goroutine does, which collects what several calls send
// and may be kept waiting by a server that does not read.
func (c *Client) start(ca *call, method string, params []byte, direct bool) error {
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
	if !direct || c.state != open || c.writing || c.owed != 1 || len(c.out) > minBuffer {
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
	n, err := c.nc.Write(buf)

	c.mu.Lock()
	c.writing = false
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
	for {
		msg, err := in.next()
		if err != nil {
			c.shutdown(ErrClosed, err)
			return
		}
		if msg == nil {
			if err := in.fill(c.nc); err != nil {
				c.shutdown(connectionError(err), err)
				return
			}
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
		c.lastUsed = time.Now()
		last := c.retired && len(c.pending) == 0
		c.mu.Unlock()
		switch {
		case ca == nil: // it timed out
		case len(errObj) == 1 && errObj[0] == 0xc0:
			if len(result) > largeBuffer {
				in.detach()
			} else {
				result = bytes.Clone(result)
			}
			ca.complete(result, nil)
		default:
			ca.complete(nil, &RemoteError{Object: bytes.Clone(errObj), Result: bytes.Clone(result)})
		}
		if last {
			c.shutdown(ErrClosed, nil)
		}
	}
}

// forget gives up waiting for an answer. It returns false if the call is
// completed already, or just being.
func (c *Client) forget(ca *call) bool {
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
	close(c.gone)
	c.mu.Unlock()
	c.abandon()
	if nc != nil {
		nc.Close()
	}
	for _, ca := range pending {
		ca.complete(nil, &CallError{Kind: kind, Cause: cause, Addr: c.addr, notSent: ca.end > handed})
	}
}
