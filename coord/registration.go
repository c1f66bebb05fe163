package coord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// keepTimeout bounds one attempt of a Registration's own.
	keepTimeout = 5 * time.Second
	// keepPause is how long it waits before it tries again what failed.
	keepPause = 200 * time.Millisecond
	// staleTimeout is how long another session's node is waited for when the
	// session does not say how long sessions live.
	staleTimeout = 10 * time.Second
	// deletedCapacity is how many deletions wait for a reader.
	deletedCapacity = 64
)

// Registration keeps the ephemeral nodes by which this process is known in
// the tree, and its read locks. When the session is lost and a new one taken
// it makes all of them again, in the order they were added. Its methods may be
// called concurrently.
type Registration struct {
	c       Coordinator
	log     *slog.Logger
	deleted chan string
	kick    chan struct{}

	stop  context.CancelFunc
	ctx   context.Context
	wg    sync.WaitGroup
	sem   chan struct{} // held while nodes are made, looked at or removed
	nodes []*registered // in the order added; guarded by sem
	locks []*Lock       // guarded by sem
	past  []string      // sessions we had; guarded by sem
}

// registered is one node, guarded by Registration.sem.
type registered struct {
	path     string
	data     []byte
	session  string      // the session it was made in, or empty
	removing bool        // it is to go, but could not be deleted yet
	dirty    atomic.Bool // something happened to it
	unwatch  context.CancelFunc
}

// NewRegistration returns an empty registration, which works until Close.
func NewRegistration(c Coordinator, logger *slog.Logger) *Registration {
	ctx, stop := context.WithCancel(context.Background())
	r := &Registration{
		c: c, log: logger,
		deleted: make(chan string, deletedCapacity),
		kick:    make(chan struct{}, 1),
		ctx:     ctx, stop: stop,
		sem: make(chan struct{}, 1),
	}
	r.wg.Add(1)
	go r.keep()
	return r
}

// Add makes an ephemeral node and keeps it. A node that is there already
// belongs to a process that had our identity before: it is waited for as long
// as its session may live, and then taken over. Missing parents are made. A
// path that is registered already stays so, with the new data from the next
// session on. When Add fails nothing is registered.
func (r *Registration) Add(ctx context.Context, path string, data []byte) error {
	ctx, cancel := r.both(ctx)
	defer cancel()
	if err := r.enter(ctx); err != nil {
		return fmt.Errorf("registering %s: %w", path, err)
	}
	defer r.leave()
	n := r.find(path)
	if n != nil && !n.removing {
		n.data = data
		return nil
	}
	if n != nil {
		r.drop(n)
	}
	n = &registered{path: path, data: data}
	if err := r.establish(ctx, n); err != nil {
		return fmt.Errorf("registering %s: %w", path, err)
	}
	r.insert(n)
	return nil
}

// AddReadLock keeps a lock that the caller holds for reading: when the
// session that it was got in is lost, it is got again. The caller unlocks it
// after Close.
func (r *Registration) AddReadLock(ctx context.Context, l *Lock) error {
	if err := r.enter(ctx); err != nil {
		return fmt.Errorf("keeping the lock on %s: %w", l.dir, err)
	}
	defer r.leave()
	if !slices.Contains(r.locks, l) {
		r.locks = append(r.locks, l)
	}
	return nil
}

// Remove deletes a node and forgets it. If the service cannot be reached the
// node is deleted as soon as it can; the error only says that it was not yet.
func (r *Registration) Remove(ctx context.Context, path string) error {
	ctx, cancel := r.both(ctx)
	defer cancel()
	if err := r.enter(ctx); err != nil {
		return fmt.Errorf("removing %s: %w", path, err)
	}
	defer r.leave()
	n := r.find(path)
	if n == nil {
		return nil
	}
	n.removing = true
	if err := r.remove(ctx, n); err != nil {
		r.wake()
		return fmt.Errorf("removing %s: %w", path, err)
	}
	return nil
}

// Deleted tells the paths that somebody else deleted while the session they
// were made in lived. They are not registered any more.
func (r *Registration) Deleted() <-chan string { return r.deleted }

// Close deletes all nodes, the last first, and ends the registration. It
// leaves to the session's end what it cannot delete before the context ends.
// Where the session is closed next anyway, a context that is done already
// lets all nodes go at the same moment.
func (r *Registration) Close(ctx context.Context) {
	r.stop()
	r.sem <- struct{}{} // whoever has it sees that we are stopped
	nodes := r.nodes
	r.nodes, r.locks = nil, nil
	r.leave() // nobody enters any more
	r.wg.Wait()
	for _, n := range slices.Backward(nodes) {
		if ctx.Err() != nil || n.session == "" || n.session != r.c.Session().ID {
			continue
		}
		if err := r.c.Delete(ctx, n.path); err != nil {
			r.log.Debug("a node is left to the end of the session", "path", n.path, "error", err)
		}
	}
}

// both returns a context that ends with the caller's and with r.
func (r *Registration) both(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(r.ctx, cancel)
	return ctx, func() { unhook(); cancel() }
}

func (r *Registration) enter(ctx context.Context) error {
	select {
	case r.sem <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ctx.Done():
		return ErrClosed
	}
	if r.ctx.Err() != nil {
		r.leave()
		return ErrClosed
	}
	return nil
}

func (r *Registration) leave() { <-r.sem }

func (r *Registration) wake() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

func (r *Registration) find(path string) *registered {
	for _, n := range r.nodes {
		if n.path == path {
			return n
		}
	}
	return nil
}

// insert registers a node and begins to watch it.
func (r *Registration) insert(n *registered) {
	ctx, cancel := context.WithCancel(r.ctx)
	n.unwatch = cancel
	r.nodes = append(r.nodes, n)
	events := r.c.Watch(ctx, n.path)
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		for {
			select {
			case <-ctx.Done():
				return
			case _, open := <-events:
				if !open {
					return
				}
				n.dirty.Store(true)
				r.wake()
			}
		}
	}()
}

// drop forgets a node.
func (r *Registration) drop(n *registered) {
	n.unwatch()
	r.nodes = slices.DeleteFunc(r.nodes, func(other *registered) bool { return other == n })
}

// remove deletes a node of ours, if its session has not done so, and drops it.
func (r *Registration) remove(ctx context.Context, n *registered) error {
	if n.session != "" && n.session == r.c.Session().ID {
		if err := r.c.Delete(ctx, n.path); err != nil {
			return err
		}
	}
	r.drop(n)
	return nil
}

// keep looks after the nodes whenever the session or one of them changes.
func (r *Registration) keep() {
	defer r.wg.Done()
	sessions := r.c.SessionChanges(r.ctx)
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case _, open := <-sessions:
			if !open {
				sessions = nil
			}
		case <-r.kick:
		case <-retry.C:
		}
		retry.Stop()
		if r.enter(r.ctx) != nil {
			return
		}
		err := r.refresh()
		r.leave()
		if err != nil {
			if r.ctx.Err() == nil {
				r.log.Debug("registration is not complete, trying again", "error", err)
			}
			retry.Reset(keepPause)
		}
	}
}

// refresh brings every node to where it should be, in order, and stops at the
// first that it cannot.
func (r *Registration) refresh() error {
	session := r.c.Session()
	if session.ID == "" || !session.Valid {
		return nil // there is nothing to do until the session changes, which wakes us
	}
	for _, n := range slices.Clone(r.nodes) {
		dirty := n.dirty.Swap(false)
		if err := r.refreshNode(n, session.ID, dirty); err != nil {
			if dirty {
				n.dirty.Store(true)
			}
			return fmt.Errorf("%s: %w", n.path, err)
		}
	}
	return r.refreshLocks()
}

func (r *Registration) refreshNode(n *registered, session string, dirty bool) error {
	switch {
	case n.removing:
		ctx, cancel := context.WithTimeout(r.ctx, keepTimeout)
		defer cancel()
		return r.remove(ctx, n)
	case n.session != session:
		// Another session's node is waited for longer than one attempt lasts.
		ctx, cancel := context.WithTimeout(r.ctx, keepTimeout+r.patience())
		defer cancel()
		if err := r.establish(ctx, n); err != nil {
			return err
		}
		r.log.Info("registered again in a new session", "path", n.path, "session", n.session)
		return nil
	case dirty:
		return r.inspect(n)
	}
	return nil
}

// inspect finds out what happened to a node that should be there.
func (r *Registration) inspect(n *registered) error {
	ctx, cancel := context.WithTimeout(r.ctx, keepTimeout)
	defer cancel()
	node, err := r.c.Get(ctx, n.path)
	switch {
	case err == nil && node.Owner == n.session:
		return nil
	case err != nil && !errors.Is(err, ErrNoNode):
		return err
	}
	// It went with its session or by somebody's hand; only the service knows.
	if err := r.c.CheckSession(ctx); err != nil {
		return err
	}
	if r.c.Session().ID != n.session {
		return nil // the change wakes us to make it again
	}
	r.drop(n)
	select {
	case r.deleted <- n.path:
	default:
		r.log.Warn("a deletion is not told since nobody listens", "path", n.path)
	}
	return nil
}

// refreshLocks gets the read locks again that a lost session took.
func (r *Registration) refreshLocks() error {
	for _, l := range r.locks {
		ctx, cancel := context.WithTimeout(r.ctx, keepTimeout)
		ok, err := l.TryRLock(ctx)
		cancel()
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("somebody is writing what the lock on %s protects", l.dir)
		}
	}
	return nil
}

// establish makes a node in the present session, however long that takes.
func (r *Registration) establish(ctx context.Context, n *registered) error {
	if n.session != "" && !slices.Contains(r.past, n.session) {
		r.past = append(r.past, n.session)
	}
	var stale time.Time // when to lose patience with another session's node
	for {
		if err := r.ctx.Err(); err != nil {
			return ErrClosed
		}
		session := r.c.Session().ID
		_, err := r.c.Create(ctx, n.path, n.data, Ephemeral)
		switch {
		case err == nil:
			if session != "" && r.c.Session().ID == session {
				n.session = session
				return nil
			}
			continue // made in some session: look whose it is
		case errors.Is(err, ErrNoNode):
			if err := CreateDirs(ctx, r.c, parents(n.path)...); err != nil {
				return err
			}
			continue
		case errors.Is(err, ErrNoSession):
			if err := r.pause(ctx); err != nil {
				return err
			}
			continue
		case !errors.Is(err, ErrExists):
			return err
		}
		node, err := r.c.Get(ctx, n.path)
		if errors.Is(err, ErrNoNode) {
			continue
		}
		if err != nil {
			return err
		}
		if session := r.c.Session(); node.Owner != "" && node.Owner == session.ID {
			n.session = session.ID
			return nil
		}
		if stale.IsZero() {
			stale = time.Now().Add(r.patience())
			r.log.Info("waiting for the node of an earlier process with this identity", "path", n.path)
		}
		if time.Now().Before(stale) && !slices.Contains(r.past, node.Owner) {
			if err := r.pause(ctx); err != nil {
				return err
			}
			continue
		}
		// We have the identity, since we have its port: the owner is gone.
		if err := r.c.Delete(ctx, n.path); err != nil {
			return err
		}
	}
}

// patience is how long a session may outlive its process.
func (r *Registration) patience() time.Duration {
	if timeout := r.c.Session().Timeout; timeout > 0 {
		return timeout
	}
	return staleTimeout
}

// pause waits before the next look.
func (r *Registration) pause(ctx context.Context) error {
	select {
	case <-time.After(keepPause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.ctx.Done():
		return ErrClosed
	}
}
