package coord

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// The names of a lock's nodes. Both prefixes have the same length, so the
// number that follows is found without knowing which it is.
const (
	writePrefix = "wlock_"
	readPrefix  = "rlock_"
)

// Lock is a lock on a directory of the tree, for one writer or many readers.
// Attempts do not wait: whoever finds a node before his own takes his back.
// Nodes are named as every program of a cluster names them, so that all
// exclude each other.
//
// Use one Lock for a directory and coordinator: after a failure a Lock
// removes what its own session may have left in the directory. Its methods
// may be called concurrently.
type Lock struct {
	c   Coordinator
	dir string

	sem     chan struct{} // held during an attempt
	mu      sync.Mutex
	node    string // the node held, or empty
	session string // whose node it is
	orphans bool   // a failure may have left a node of ours behind
}

// NewLock returns the lock on a directory, not held. The directory must exist
// when the lock is tried.
func NewLock(c Coordinator, dir string) *Lock {
	return &Lock{c: c, dir: dir, sem: make(chan struct{}, 1)}
}

// TryLock tries once to get the lock for writing: nobody else may have it or
// be before us. It is true at once if this Lock holds it already.
func (l *Lock) TryLock(ctx context.Context) (bool, error) { return l.try(ctx, writePrefix) }

// TryRLock tries once to get the lock for reading: no writer may have it or
// be before us. It is true at once if this Lock holds it already.
func (l *Lock) TryRLock(ctx context.Context) (bool, error) { return l.try(ctx, readPrefix) }

// Lock is TryLock up to a number of times with a pause in between.
func (l *Lock) Lock(ctx context.Context, attempts int, pause time.Duration) (bool, error) {
	return repeat(ctx, l.TryLock, attempts, pause)
}

// RLock is TryRLock up to a number of times with a pause in between.
func (l *Lock) RLock(ctx context.Context, attempts int, pause time.Duration) (bool, error) {
	return repeat(ctx, l.TryRLock, attempts, pause)
}

// Held says whether the lock is held for certain: it was got, and the session
// it was got in is the present one and confirmed. It asks nobody and is cheap
// enough for asking before each step of what the lock protects.
func (l *Lock) Held() bool {
	session := l.c.Session()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.node != "" && session.Valid && session.ID == l.session
}

// Unlock gives the lock back. Without it that is fine. If it fails the lock is
// not held any more, but may keep others out until the next attempt on it, or
// the session's end.
func (l *Lock) Unlock(ctx context.Context) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.leave()
	l.mu.Lock()
	node, session := l.node, l.session
	l.node = ""
	l.mu.Unlock()
	if node == "" || session != l.c.Session().ID {
		return nil // a lost session took the node with it
	}
	if err := l.c.Delete(ctx, node); err != nil {
		l.orphans = true
		return fmt.Errorf("unlocking %s: %w", l.dir, err)
	}
	return nil
}

func (l *Lock) enter(ctx context.Context) error {
	select {
	case l.sem <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("locking %s: %w", l.dir, ctx.Err())
	}
}

func (l *Lock) leave() { <-l.sem }

// try is one attempt with a node of the kind that the prefix names.
func (l *Lock) try(ctx context.Context, prefix string) (bool, error) {
	if err := l.enter(ctx); err != nil {
		return false, err
	}
	defer l.leave()
	session := l.c.Session()
	l.mu.Lock()
	if l.node != "" && l.session != session.ID {
		l.node = "" // the session that held it is lost
	}
	held := l.node != ""
	l.mu.Unlock()
	if !session.Valid {
		return false, fmt.Errorf("locking %s: %w", l.dir, ErrNoSession)
	}
	if held {
		return true, nil
	}
	if err := l.sweep(ctx, session.ID); err != nil {
		return false, fmt.Errorf("locking %s: %w", l.dir, err)
	}
	node, err := l.c.Create(ctx, l.dir+"/"+prefix, nil, Sequential)
	if err != nil {
		// The node may be there although the answer got lost.
		l.orphans = !errors.Is(err, ErrNoNode)
		return false, fmt.Errorf("locking %s: %w", l.dir, err)
	}
	names, err := l.c.Children(ctx, l.dir)
	won := err == nil && firstInLine(node[len(l.dir)+1:], names)
	if won && l.c.Session().ID == session.ID {
		l.mu.Lock()
		l.node, l.session = node, session.ID
		l.mu.Unlock()
		return true, nil
	}
	if deleting := l.c.Delete(ctx, node); deleting != nil {
		l.orphans = true
	}
	if err != nil {
		return false, fmt.Errorf("locking %s: %w", l.dir, err)
	}
	return false, nil
}

// sweep removes the nodes that a failed attempt or unlocking may have left
// behind in this session. Without it a lost answer would lock everybody out
// for as long as this process lives.
func (l *Lock) sweep(ctx context.Context, session string) error {
	if !l.orphans {
		return nil
	}
	names, err := l.c.Children(ctx, l.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := sequence(name); !ok {
			continue
		}
		node, err := l.c.Get(ctx, l.dir+"/"+name)
		if errors.Is(err, ErrNoNode) {
			continue
		}
		if err != nil {
			return err
		}
		if node.Owner != session {
			continue
		}
		if err := l.c.Delete(ctx, l.dir+"/"+name); err != nil {
			return err
		}
	}
	l.orphans = false
	return nil
}

// firstInLine decides who has a lock: whether the node called own may go
// ahead among all the lock's nodes. A writer may not while any node has a
// smaller number, a reader while a writer has one. A node that is not in the
// list has gone with its session.
func firstInLine(own string, names []string) bool {
	number, ok := sequence(own)
	present := false
	for _, name := range names {
		if name == own {
			present = true
			continue
		}
		if other, valid := sequence(name); valid && other < number &&
			(strings.HasPrefix(own, writePrefix) || strings.HasPrefix(name, writePrefix)) {
			return false
		}
	}
	return ok && present
}

// sequence is the number of a lock's node, as text of the same length for all.
func sequence(name string) (string, bool) {
	if strings.HasPrefix(name, writePrefix) || strings.HasPrefix(name, readPrefix) {
		return name[len(writePrefix):], true
	}
	return "", false
}

// repeat calls try until it succeeds, fails, or was called often enough.
func repeat(ctx context.Context, try func(context.Context) (bool, error), attempts int, pause time.Duration) (bool, error) {
	for i := 1; ; i++ {
		ok, err := try(ctx)
		if ok || err != nil || i >= attempts {
			return ok, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}
