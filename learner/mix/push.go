package mix

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/config"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/rpc"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Push is a mixer that exchanges rows with chosen peers: each gives the other
// what it does not have.
type Push struct {
	Options
	node     Node
	pushers  []engine.Pusher
	peers    strategy
	counter  *counter
	roll     *roll
	turn     chan struct{} // one round at a time
	running  atomic.Bool
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	stopped  sync.Once
	leaving  atomic.Bool
	exchange sync.Mutex // one message at a time works on the model
}

var (
	errNotRaw    = errors.New("argument mismatch")
	errPullShape = errors.New("pull array failed")
	errPushShape = errors.New("push failed")
)

// newPush refuses models that consist of anything but rows of tables: they
// would never be shared, which the user should know before the servers differ.
func newPush(name string, node Node, o Options, peers strategy) (Mixer, error) {
	var pushers []engine.Pusher
	for _, m := range node.Engine().Mixables() {
		if p, ok := m.(engine.Pusher); ok {
			pushers = append(pushers, p)
		}
	}
	if len(pushers) == 0 {
		return nil, config.RuntimeError(name + " does not support this configuration")
	}
	m := &Push{
		Options: o, node: node, pushers: pushers, peers: peers,
		counter: newCounter(trigger{count: uint64(max(o.Count, 0)), interval: o.Interval, idle: true}),
		roll:    newRoll(o.Registrar, coord.ActivePath(o.Type, o.Name, o.Self), o.Log),
		turn:    make(chan struct{}, 1),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	server := node.Server()
	server.HandleUnbounded("get_pull_argument", m.getPullArgument)
	server.HandleUnbounded("pull", m.pullMethod)
	server.HandleUnbounded("push", m.pushMethod)
	server.HandleUnbounded("do_mix", m.doMix)
	return m, nil
}

// Start implements Mixer. There is one round right away, after which the node
// is active: what its peers have learned before is its own by then.
func (m *Push) Start(ctx context.Context) error {
	if err := coord.CreateDirs(ctx, m.Coordinator, coord.ActivesPath(m.Type, m.Name)); err != nil {
		return err
	}
	m.running.Store(true)
	m.wg.Go(func() { m.roll.run(m.ctx) })
	m.wg.Go(m.run)
	return nil
}

// Stop implements Mixer.
func (m *Push) Stop() {
	m.stopped.Do(func() {
		m.running.Store(false)
		m.cancel()
		m.wg.Wait()
		m.turn <- struct{}{} // waits for manual rounds, and nobody gets it back
	})
}

// Finish implements Mixer.
func (m *Push) Finish(ctx context.Context) {
	if !m.running.Load() || !m.Coordinator.Session().Valid {
		return
	}
	m.leaving.Store(true)
	select {
	case <-m.roll.set(false):
	case <-ctx.Done():
		return
	case <-time.After(partingAnswer):
		return // nobody can be told, and so nobody be asked
	}
	asking, cancel := context.WithTimeout(ctx, partingAnswer)
	defer cancel()
	list, err := coord.FetchMembers(asking, m.Coordinator, coord.NodesPath(m.Type, m.Name))
	if err == nil && slices.ContainsFunc(list, func(id coord.Identity) bool { return id != m.Self }) {
		if m.Drain != nil {
			m.Drain(ctx)
		}
		if updates, _ := m.counter.state(); updates > 0 {
			err = m.manual(ctx)
		}
	}
	if err != nil {
		m.Log.Warn("error in last mix: " + err.Error())
	}
}

// Updated implements Mixer.
func (m *Push) Updated() { m.counter.updated() }

// Status implements Mixer.
func (m *Push) Status(set func(key, value string)) {
	updates, last := m.counter.state()
	set("push_mixer.count", fmt.Sprint(updates))
	set("push_mixer.ticktime", fmt.Sprint(last.Unix()))
}

// run exchanges when it is time to.
func (m *Push) run() {
	first := true
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-wait.C:
		case <-m.counter.full:
		}
		if (first || m.counter.due()) && m.Coordinator.Session().Valid {
			err := m.guarded()
			first = first && err != nil
			if err != nil && m.ctx.Err() == nil {
				m.Log.Warn("error in mix process: " + err.Error())
				select { // not at every single update
				case <-m.ctx.Done():
				case <-time.After(period):
				}
			}
		}
		wait.Reset(period)
	}
}

// guarded is a round that survives its own mistakes.
func (m *Push) guarded() (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			m.Log.Error("unexpected error in mix thread", "error", cause, "stack", string(debug.Stack()))
			err = errors.New("internal error")
		}
	}()
	return m.manual(m.ctx)
}

// manual is one round, as soon as no other is going on.
func (m *Push) manual(ctx context.Context) error {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return m.round(ctx)
}

// round exchanges with every peer that the strategy chooses.
func (m *Push) round(ctx context.Context) error {
	start := time.Now()
	list, err := coord.FetchMembers(ctx, m.Coordinator, coord.NodesPath(m.Type, m.Name))
	if err != nil {
		return err
	}
	m.counter.reset()
	if len(list) == 0 || len(list) == 1 && list[0] == m.Self {
		m.Log.Info("no server exists, skipping mix")
		return m.activate(ctx)
	}
	names := make([]string, len(list))
	for i, id := range list {
		names[i] = id.String()
	}
	peers := m.peers(names, m.Self.String())
	if len(peers) == 0 {
		m.Log.Warn("no mix peer selected in mix strategy")
	}
	pulled, pushed := 0, 0
	for _, name := range peers {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		addr := list[slices.Index(names, name)].Addr()
		method, in, out, err := m.swap(ctx, addr)
		pulled += in
		pushed += out
		if err != nil {
			m.Log.Warn(fmt.Sprintf("%s failed at %s : %v", method, addr, err))
		}
	}
	m.Log.Info(fmt.Sprintf("%g time elapsed %d pulled  %d pushed", time.Since(start).Seconds(), pulled, pushed))
	return m.activate(ctx)
}

// activate lists the node as active, once and for all.
func (m *Push) activate(ctx context.Context) error {
	if m.leaving.Load() {
		return nil
	}
	select {
	case <-m.roll.set(true):
	case <-ctx.Done():
	case <-time.After(time.Second): // it goes on without us
	}
	return nil
}

// swap gets from a peer what we lack, and gives it what it lacks. It returns
// the method that failed, if one did, and the bytes exchanged.
func (m *Push) swap(ctx context.Context, addr string) (method string, pulled, pushed int, err error) {
	pool := m.newPool()
	defer pool.Close()
	ask := func(name string, params []byte) ([]byte, error) {
		method = name
		result, err := m.call(ctx, pool, addr, name, params)
		if err != nil || name == "push" {
			return nil, err
		}
		r := mpack.NewReader(result)
		return r.Raw()
	}
	hers, err := ask("pull", payload(m.argument()))
	if err != nil {
		return method, 0, 0, err
	}
	argument, err := ask("get_pull_argument", ignored)
	if err != nil {
		return method, 0, 0, err
	}
	method = "pull"
	mine, err := m.pull(argument)
	if err != nil {
		return method, 0, 0, err
	}
	if _, err = ask("push", payload(mine)); err == nil {
		pushed = len(mine)
	}
	// What we have got is ours, whatever became of what we gave.
	if taken := m.push(hers); taken == nil {
		pulled = len(hers)
	} else if err == nil {
		method, err = "pull", taken
	}
	return method, pulled, pushed, err
}

// payload makes params of one raw.
func payload(b []byte) []byte {
	params := mpack.AppendArrayHeader(make([]byte, 0, len(b)+8), 1)
	return mpack.AppendRaw(params, b)
}

// argument says what this node has.
func (m *Push) argument() []byte {
	m.exchange.Lock()
	defer m.exchange.Unlock()
	m.node.Model().RLock()
	defer m.node.Model().RUnlock()
	b := mpack.AppendArrayHeader(nil, len(m.pushers))
	for _, p := range m.pushers {
		b = p.PullArgument(b)
	}
	return b
}

// pull is what the maker of the argument lacks.
func (m *Push) pull(argument []byte) ([]byte, error) {
	parts, err := split(argument, len(m.pushers))
	if errors.Is(err, errShape) {
		err = errPullShape
	}
	if err != nil {
		return nil, err
	}
	m.exchange.Lock()
	defer m.exchange.Unlock()
	m.node.Model().RLock()
	defer m.node.Model().RUnlock()
	b := mpack.AppendArrayHeader(nil, len(m.pushers))
	for i, p := range m.pushers {
		r := mpack.NewReader(parts[i])
		if b, err = p.Pull(&r, b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// push takes in what a peer has sent.
func (m *Push) push(diff []byte) error {
	parts, err := split(diff, len(m.pushers))
	if errors.Is(err, errShape) {
		err = errPushShape
	}
	if err != nil {
		return err
	}
	m.exchange.Lock()
	defer m.exchange.Unlock()
	m.node.Model().Lock()
	defer m.node.Model().Unlock()
	for i, p := range m.pushers {
		r := mpack.NewReader(parts[i])
		if err := p.Push(&r); err != nil {
			return err
		}
	}
	return nil
}

// getPullArgument is the method get_pull_argument.
func (m *Push) getPullArgument(_ context.Context, req *rpc.Request, out []byte) ([]byte, error) {
	if err := integer(req); err != nil {
		return nil, err
	}
	return mpack.AppendRaw(out, m.argument()), nil
}

// pullMethod is the method pull.
func (m *Push) pullMethod(_ context.Context, req *rpc.Request, out []byte) ([]byte, error) {
	argument, err := rawArgument(req)
	if err != nil {
		return nil, err
	}
	diff, err := m.pull(argument)
	if err != nil {
		return nil, err
	}
	return mpack.AppendRaw(out, diff), nil
}

// pushMethod is the method push.
func (m *Push) pushMethod(_ context.Context, req *rpc.Request, out []byte) ([]byte, error) {
	diff, err := rawArgument(req)
	if err != nil {
		return nil, err
	}
	if err := m.push(diff); err != nil {
		return nil, err
	}
	m.counter.reset()
	return mpack.AppendUint(out, 0), nil
}

// rawArgument reads a raw argument, whose absence is an argument error and
// whose type another one.
func rawArgument(req *rpc.Request) ([]byte, error) {
	args, _, err := arguments(req, 1)
	if err != nil {
		return nil, err
	}
	b, err := args.Raw()
	if err != nil {
		return nil, errNotRaw
	}
	return b, nil
}

// doMix is the method do_mix.
func (m *Push) doMix(ctx context.Context, _ *rpc.Request, out []byte) ([]byte, error) {
	m.Log.Info("forced to mix by user RPC")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	err := m.manual(ctx)
	if err != nil {
		m.Log.Error("exception in manual mix: " + err.Error())
	}
	return mpack.AppendBool(out, err == nil), nil
}
