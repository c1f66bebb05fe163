package mix

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jubatus/jubatus-go/coord"
	"github.com/jubatus/jubatus-go/learner/engine"
)

// protocol is the version of what get_model answers.
const protocol = 1

// Linear is the linear mixer.
type Linear struct {
	Options
	node     Node
	mixables []engine.Mixable
	counter  *counter
	lock     *coord.Lock
	roll     *roll
	view     *coord.View   // of the members; nil before Start
	pause    time.Duration // between attempts to get the lock

	turn    chan struct{} // who may use the lock: one round at a time in this process
	running atomic.Bool
	ctx     context.Context // of everything but the calls of others; ends with Stop
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	stopped sync.Once

	// exchange is held while a diff is made or put and while the model is
	// replaced, always taken before the model's lock.
	exchange sync.Mutex

	mu       sync.Mutex
	standing standing
	doubt    bool // a session was lost, and MIXes may have been missed
	waiting  bool // the log has been told that we wait for the lock
	leaving  bool // this node is not to be active again
	missing  bool // the log has been told that we wait for members
}

var errConfigNotSet = errors.New("config_not_set")

func newLinear(node Node, o Options) *Linear {
	m := &Linear{
		Options: o, node: node, mixables: node.Engine().Mixables(),
		counter: newCounter(trigger{count: uint64(max(o.Count, 0)), interval: o.Interval}),
		lock:    coord.NewLock(o.Coordinator, coord.MasterLockPath(o.Type, o.Name)),
		roll:    newRoll(o.Registrar, coord.ActivePath(o.Type, o.Name, o.Self), o.Log),
		pause:   50 * time.Millisecond,
		turn:    make(chan struct{}, 1),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	server := node.Server()
	// Nodes call each other, and a node that waits for others has to answer
	// them: none of these may wait for a thread.
	server.HandleUnbounded("get_diff", m.getDiff)
	server.HandleUnbounded("put_diff", m.putDiff)
	server.HandleUnbounded("get_model", m.getModel)
	server.HandleUnbounded("do_mix", m.doMix)
	return m
}

// Start implements Mixer.
func (m *Linear) Start(ctx context.Context) error {
	actives := coord.ActivesPath(m.Type, m.Name)
	if err := coord.CreateDirs(ctx, m.Coordinator, actives); err != nil {
		return err
	}
	view := coord.NewView(m.Coordinator, m.Log)
	if _, err := view.Members(ctx, coord.NodesPath(m.Type, m.Name)); err != nil {
		view.Close()
		return err
	}
	m.mu.Lock()
	m.view = view
	m.mu.Unlock()
	m.running.Store(true)
	m.wg.Go(func() { m.roll.run(m.ctx) })
	m.wg.Go(m.run)
	return nil
}

// Stop implements Mixer.
func (m *Linear) Stop() {
	m.stopped.Do(func() {
		m.running.Store(false)
		m.cancel()
		m.wg.Wait()
		m.turn <- struct{}{} // waits for manual rounds, and nobody gets it back
		if m.view != nil {
			m.view.Close()
		}
	})
}

// Updated implements Mixer.
func (m *Linear) Updated() { m.counter.updated() }

// Status implements Mixer.
func (m *Linear) Status(set func(key, value string)) {
	updates, last := m.counter.state()
	flag := map[bool]string{false: "0", true: "1"}
	m.mu.Lock()
	current := m.standing.current
	m.mu.Unlock()
	set("linear_mixer.count", fmt.Sprint(updates))
	set("linear_mixer.ticktime", fmt.Sprint(last.Unix()))
	set("linear_mixer.is_obsolete", flag[!current])
	set("linear_mixer.is_running", flag[m.running.Load()])
}

// run mixes when it is time to, and gets the model when ours is not current.
func (m *Linear) run() {
	sessions := m.Coordinator.SessionChanges(m.ctx)
	session := m.Coordinator.Session().ID
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-sessions:
			if id := m.Coordinator.Session().ID; id != session && id != "" {
				session = id
				m.setDoubt(true)
			}
		case <-wait.C:
		case <-m.counter.full:
		}
		next := period
		if calm := m.step(); calm > 0 {
			select {
			case <-m.ctx.Done():
				return
			case <-time.After(calm):
			}
			next = 0
		}
		wait.Reset(next)
	}
}

// step does what is to be done now. If that could not be done it returns for
// how long not to try again: not at every single update.
func (m *Linear) step() (calm time.Duration) {
	defer func() {
		if cause := recover(); cause != nil {
			m.Log.Error("unexpected error in mix thread", "error", cause, "stack", string(debug.Stack()))
			calm = period
		}
	}()
	due := m.counter.due() || m.doubtful()
	if !due && m.current() {
		return 0
	}
	if !m.Coordinator.Session().Valid {
		return period
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	default:
		return m.pause // a manual MIX is going on
	}
	got, err := m.lock.TryLock(m.ctx)
	if err != nil {
		if m.ctx.Err() == nil {
			m.Log.Warn("error in mix thread: " + err.Error())
		}
		return period
	}
	if !got {
		m.mu.Lock()
		tell := !m.standing.current && !m.waiting
		m.waiting = tell || m.waiting
		m.mu.Unlock()
		if tell {
			m.Log.Info("failed to get ZooKeeper lock, waiting")
		}
		return m.pause
	}
	m.mu.Lock()
	m.waiting = false
	m.mu.Unlock()
	err = m.asMaster(m.ctx, func(ctx context.Context) error {
		if due {
			if err := m.mix(ctx); err != nil {
				return err
			}
		}
		if !m.current() {
			return m.catchUp(ctx)
		}
		return nil
	})
	switch {
	case err == nil || m.ctx.Err() != nil:
		return 0
	case errors.Is(err, errMissing):
		return m.pause
	default:
		m.Log.Warn("error in mix thread: " + err.Error())
		return period
	}
}

// asMaster runs what only the holder of the lock may do. The context ends with
// its parent, and as soon as the lock is not certain any more.
func (m *Linear) asMaster(parent context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(parent)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		changes := m.Coordinator.SessionChanges(ctx)
		for {
			select {
			case <-ctx.Done():
				return
			case _, open := <-changes:
				if !open || !m.lock.Held() {
					cancel(errLockLost)
					return
				}
			}
		}
	}()
	defer func() {
		cancel(nil)
		<-watched
		// The session's end frees the lock if this cannot.
		free, cancel := context.WithTimeout(context.WithoutCancel(m.ctx), time.Second)
		defer cancel()
		if err := m.lock.Unlock(free); err != nil {
			m.Log.Warn("error in mix thread: " + err.Error())
			m.setDoubt(true) // the next attempt clears up
		}
	}()
	return do(ctx)
}

// errLockLost ends what a master does when it may not be the only one any more.
var errLockLost = errors.New("ZooKeeper lock is lost")

// certain is nil as long as this node is the master for certain.
func (m *Linear) certain(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !m.lock.Held():
		return errLockLost
	}
	return nil
}

func (m *Linear) current() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.standing.current
}

func (m *Linear) doubtful() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.doubt
}

func (m *Linear) setDoubt(doubt bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubt = doubt
}

// stand changes the standing, and with it the list of active nodes.
func (m *Linear) stand(change func(standing) standing) (before, after standing, listed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before = m.standing
	m.standing = change(before)
	return before, m.standing, m.roll.set(m.standing.current && !m.leaving)
}

// manual waits for the lock, until ctx ends or an attempt fails, and mixes,
// until mixing ends.
func (m *Linear) manual(ctx, mixing context.Context, attempt func(context.Context) (bool, error)) error {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		got, err := attempt(ctx)
		if err != nil {
			return err
		}
		if got {
			if err := m.asMaster(mixing, m.mix); !errors.Is(err, errMissing) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(m.pause):
		}
	}
}
