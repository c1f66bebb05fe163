package coordtest

import (
	"context"
	"sync"
)

// subscriptions are who wants to be told of what.
type subscriptions struct {
	mu   sync.Mutex
	subs map[*subscription]bool
}

type subscription struct {
	key string
	ch  chan struct{} // capacity 1
}

// subscribe returns a channel that is told once now and whenever the key is,
// until the context ends.
func (s *subscriptions) subscribe(ctx context.Context, key string) <-chan struct{} {
	sub := &subscription{key: key, ch: make(chan struct{}, 1)}
	sub.ch <- struct{}{}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subs == nil {
		s.subs = map[*subscription]bool{}
	}
	s.subs[sub] = true
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.subs, sub)
	})
	return sub.ch
}

func (s *subscriptions) tell(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subs {
		if sub.key == key {
			sub.tell()
		}
	}
}

func (s *subscriptions) tellAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subs {
		sub.tell()
	}
}

func (s *subscription) tell() {
	select {
	case s.ch <- struct{}{}:
	default:
	}
}
