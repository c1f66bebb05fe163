package proxy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc"
)

// forward is a client's call on its way to servers and back.
type forward struct {
	p        *Proxy
	m        *service.Method
	reply    *rpc.Reply
	cluster  *cluster
	ring     *coord.Ring // of a hashed call
	params   []byte
	key      []byte // part of params
	lane     uint64
	deadline time.Time

	targets []target
	room    [2]target
	several bool // targets

	mu       sync.Mutex // guards what follows, and targets, of a call to several
	left     int        // targets that have not answered
	arrival  []int      // those that have, in that order
	failures []error    // likewise
	tried    []*backend // servers that have been called, for calls that can go elsewhere
}

// target is one server's part in a call.
type target struct {
	call   rpc.Call
	b      *backend
	twice  bool // it has been called again already
	result []byte
	err    error
}

// handler is the rpc handler of a method.
func (p *Proxy) handler(m *service.Method) rpc.AsyncHandler {
	return func(ctx context.Context, req *rpc.Request, reply *rpc.Reply) {
		name, key, err := address(m, req.Params)
		if err != nil {
			reply.Fail(req.Batch, rpc.ErrArgument)
			return
		}
		p.requests.Add(1)
		f := p.forwards.Get().(*forward)
		f.m, f.reply, f.lane = m, reply, req.Conn
		if err := f.route(ctx, req.Batch, name, key); err != nil {
			f.recycle()
			reply.Fail(req.Batch, err)
			return
		}
		f.params = append(f.params[:0], req.Params...)
		f.key = append(f.key[:0], key...)
		f.deadline = time.Now().Add(p.opt.InterconnectTimeout)
		f.send(req.Batch)
	}
}

// route finds the call's targets.
func (f *forward) route(ctx context.Context, b *rpc.Batch, name, key []byte) error {
	c := f.p.cluster(name)
	f.cluster = c
	f.targets = f.room[:0]
	switch f.m.Routing {
	case service.Random:
		actives := c.members(ctx, b)
		if len(actives) == 0 {
			return errNoServer(name)
		}
		f.add(f.p.any(actives, nil))
	case service.Broadcast:
		for _, backend := range c.members(ctx, b) {
			f.add(backend)
		}
		if len(f.targets) == 0 {
			return errNoServer(name)
		}
	case service.Hashed:
		f.ring = c.ring(ctx, b)
		if f.ring == nil {
			return errNoRing(key)
		}
		f.onRing(key)
	}
	return nil
}

func (f *forward) add(b *backend) { f.targets = append(f.targets, target{b: b}) }

// any chooses a server at random. It is nil if all have been tried.
func (p *Proxy) any(actives, tried []*backend) *backend {
	if len(tried) == 0 {
		if b := actives[rand.IntN(len(actives))]; b.state() == healthy {
			return b
		}
	}
	states := make([]condition, len(actives))
	not := make([]bool, len(actives))
	for i, b := range actives {
		states[i] = b.state()
		not[i] = slices.Contains(tried, b)
	}
	if i := pick(states, not, rand.IntN); i >= 0 {
		return actives[i]
	}
	return nil
}

// onRing adds the targets of a hashed call.
func (f *forward) onRing(key []byte) {
	n := f.m.Copies
	var room [2]coord.Identity
	if f.p.opt.RepeatSuccessors {
		for _, id := range f.ring.Repeating(room[:0], key, n) {
			f.add(f.p.backends.get(id))
		}
		return
	}
	well := true
	for _, id := range f.ring.Successors(room[:0], key, n) {
		b := f.p.backends.get(id)
		well = well && b.state() == healthy
		f.add(b)
	}
	if well {
		return
	}
	all := f.successors(key)
	states := make([]condition, len(all))
	for i, b := range all {
		states[i] = b.state()
	}
	f.targets = f.targets[:0]
	for _, i := range place(nil, states, n, f.reads()) {
		f.add(all[i])
	}
}

// successors are all servers of the ring, in the order that it has for a key.
func (f *forward) successors(key []byte) []*backend {
	ids := f.ring.Successors(nil, key, f.ring.Len())
	all := make([]*backend, len(ids))
	for i, id := range ids {
		all[i] = f.p.backends.get(id)
	}
	return all
}

// reads reports whether the call can be made twice without harm.
func (f *forward) reads() bool { return f.m.Lock == service.Analysis }

// send sends the call to all its targets.
func (f *forward) send(b *rpc.Batch) {
	n := len(f.targets)
	f.several = n > 1
	f.left = n
	f.arrival = f.arrival[:0]
	if f.several && n <= 64 {
		f.arrival = slices.Grow(f.arrival, n)
	}
	// When the last one has been sent f may be over already.
	for i := range n {
		f.start(i, b)
	}
}

// start calls the i-th target's server, or, if that cannot be done, whichever
// may do instead.
func (f *forward) start(i int, b *rpc.Batch) {
	for {
		t := &f.targets[i]
		f.p.forwarded.Add(1)
		client, err := f.p.pool.Client(t.b.addr, f.lane)
		if err == nil {
			err = client.Start(&t.call, f, i, f.m.Name, f.params, f.deadline, b)
		}
		if err == nil {
			return // somebody else has f now
		}
		if !f.failed(i, err) {
			f.arrived(i, b, nil, err)
			return
		}
	}
}

// Answer gets what a server, or a failure on the way there, answered. It is
// for the RPC client.
func (f *forward) Answer(b *rpc.Batch, i int, result []byte, err error) {
	if err == nil {
		f.p.backends.answered(f.targets[i].b)
		if !f.several && f.m.Aggregation == service.Pass {
			f.reply.Send(b, result)
			f.recycle()
			return
		}
		f.arrived(i, b, result, nil)
		return
	}
	if f.failed(i, err) {
		f.start(i, b)
		return
	}
	f.arrived(i, b, nil, err)
}

// failed takes note of a failure, and reports whether the i-th target now is
// a server to be called.
func (f *forward) failed(i int, err error) bool {
	t := &f.targets[i]
	notSent := rpc.NotSent(err)
	refused := errors.Is(err, rpc.ErrConnect)
	leaves := unexecuted(err)
	if !leaves && !lost(err) {
		if errors.Is(err, rpc.ErrTimeout) {
			f.p.backends.failed(t.b, err)
		}
		return false
	}
	// A connection that was gone before it was used says nothing about the
	// server: they close idle ones.
	if !leaves && (refused || !notSent) {
		f.p.backends.failed(t.b, err)
	}
	if f.p.ctx.Err() != nil || !time.Now().Before(f.deadline) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.tried) == 0 {
		for j := range f.targets {
			f.tried = append(f.tried, f.targets[j].b)
		}
	}
	other := f.substitute()
	switch cure(f.reads(), notSent || leaves, refused || leaves, other != nil, t.twice) {
	case again:
		t.twice = true
	case another:
		t.b, t.twice = other, false
		f.tried = append(f.tried, other)
	default:
		return false
	}
	return true
}

// substitute finds a server that has not been called and can do what one of
// the targets could not, or nil. It is called with the lock.
func (f *forward) substitute() *backend {
	switch f.m.Routing {
	case service.Random:
		return f.p.any(f.cluster.members(f.p.ctx, nil), f.tried)
	case service.Hashed:
		// What only reads is better answered by another of the servers that
		// hold the key than by one that may not.
		if f.reads() && (f.left > 1 || len(f.arrival) > len(f.failures)) {
			return nil
		}
		for _, b := range f.successors(f.key) {
			if !slices.Contains(f.tried, b) && b.state() != unreachable {
				return b
			}
		}
	}
	return nil
}

// arrived records the i-th target's answer, and makes the reply of the last.
func (f *forward) arrived(i int, b *rpc.Batch, result []byte, err error) {
	f.mu.Lock()
	t := &f.targets[i]
	t.err = err
	if err != nil {
		f.failures = append(f.failures, err)
	} else if f.several {
		t.result = append(t.result[:0], result...)
	} else {
		t.result = result
	}
	f.arrival = append(f.arrival, i)
	f.left--
	last := f.left == 0
	f.mu.Unlock()
	if last {
		f.conclude(b)
	}
}

// conclude replies.
func (f *forward) conclude(b *rpc.Batch) {
	if n := len(f.failures); n > 0 && !f.tolerable() {
		err := decisive(f.failures)
		f.report()
		f.reply.Fail(b, tell(err))
		f.recycle()
		return
	}
	var room [8][]byte
	results := room[:0]
	for _, i := range f.arrival {
		if t := &f.targets[i]; t.err == nil {
			results = append(results, t.result)
		}
	}
	out, err := aggregate(nil, f.m.Aggregation, results)
	if err != nil {
		f.reply.Fail(b, err)
	} else {
		f.reply.Send(b, out)
	}
	f.recycle()
}

// tolerable reports whether the call's failures do not matter: it only reads,
// one of the servers that hold the key answered, and the others are gone.
func (f *forward) tolerable() bool {
	if f.m.Routing != service.Hashed || !f.reads() || len(f.failures) == len(f.arrival) {
		return false
	}
	for _, err := range f.failures {
		if !lost(err) && !errors.Is(err, rpc.ErrTimeout) {
			return false
		}
	}
	return true
}

// report logs failures.
func (f *forward) report() {
	log := f.p.log
	for _, err := range f.failures {
		if errors.Is(err, rpc.ErrTimeout) {
			for _, i := range f.arrival {
				if t := &f.targets[i]; errors.Is(t.err, rpc.ErrTimeout) {
					log.Warn("request timeout occurred: " + t.b.addr)
				}
			}
			break
		}
	}
	log.Warn(fmt.Sprintf("error occurred in %d out of %d requests", len(f.failures), len(f.arrival)))
	text := fmt.Sprintf("rpc_error with %d server(s)", len(f.failures))
	for _, i := range f.arrival {
		if t := &f.targets[i]; t.err != nil {
			text += fmt.Sprintf("\n host: %s, port: %d\n    %v", t.b.id.Host, t.b.id.Port, t.err)
		}
	}
	log.Warn(text, "method", f.m.Name)
}

// recycle lets f be used again. Nobody may refer to it any more.
func (f *forward) recycle() {
	if cap(f.params) > maxKept {
		f.params = nil
	}
	f.reply, f.cluster, f.ring = nil, nil, nil
	for i := range f.targets {
		f.targets[i] = target{}
	}
	f.room = [2]target{}
	clear(f.failures)
	clear(f.tried)
	f.targets, f.failures, f.tried = nil, f.failures[:0], f.tried[:0]
	f.p.forwards.Put(f)
}

// maxKept is the size of params up to which their memory is kept.
const maxKept = 64 << 10
