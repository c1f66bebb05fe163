// Package notify tells whoever wants to know that something happened, without
// ever waiting for anybody.
package notify

import (
	"context"
	"sync"
)

// Group is a set of receivers, each interested in one key. The zero Group is
// empty and ready for use.
type Group struct {
	mu        sync.Mutex
	receivers map[*receiver]struct{}
}

type receiver struct {
	key string
	ch  chan struct{} // capacity 1: what comes before it is read is one message
}

// Subscribe returns a channel that is told once now, and then whenever its
// key is, until the context ends. It is never closed.
func (g *Group) Subscribe(ctx context.Context, key string) <-chan struct{} {
	r := &receiver{key: key, ch: make(chan struct{}, 1)}
	r.ch <- struct{}{}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.receivers == nil {
		g.receivers = map[*receiver]struct{}{}
	}
	g.receivers[r] = struct{}{}
	context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.receivers, r)
	})
	return r.ch
}

// Tell tells everybody who subscribed to the key.
func (g *Group) Tell(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for r := range g.receivers {
		if r.key == key {
			r.tell()
		}
	}
}

// TellAll tells everybody.
func (g *Group) TellAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for r := range g.receivers {
		r.tell()
	}
}

// Len is how many there are to tell.
func (g *Group) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.receivers)
}

func (r *receiver) tell() {
	select {
	case r.ch <- struct{}{}:
	default:
	}
}
