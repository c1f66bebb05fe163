package mix

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// register is a Registrar that does as it is told.
type register struct {
	mu    sync.Mutex
	there bool
	adds  int
	fail  error         // of the next calls
	block chan struct{} // nil, or what Add waits for
}

func (r *register) Add(ctx context.Context, _ string, _ []byte) error {
	r.mu.Lock()
	r.adds++
	block, fail := r.block, r.fail
	r.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if fail == nil {
		r.there = true
	}
	return fail
}

func (r *register) Remove(context.Context, string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail == nil {
		r.there = false
	}
	return r.fail
}

func (r *register) is(there bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.there == there
}

func (r *register) set(fail error, block chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail, r.block = fail, block
}

func settled(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestRoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := &register{}
		r := newRoll(reg, "/path", slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.run(ctx); close(done) }()

		if !settled(r.set(false)) {
			t.Error("what is not there need not be removed")
		}
		added := r.set(true)
		synctest.Wait()
		if !settled(added) || !reg.is(true) || !settled(r.set(true)) {
			t.Error("not added")
		}
		// Failures are tried again.
		reg.set(errors.New("no"), nil)
		removed := r.set(false)
		synctest.Wait()
		if settled(removed) {
			t.Error("removed in vain")
		}
		reg.set(nil, nil)
		time.Sleep(period) // of the bubble's clock
		synctest.Wait()
		if !settled(removed) || !reg.is(false) {
			t.Error("not removed after a failure")
		}
		// A long attempt ends when it is not wanted any more.
		reg.set(nil, make(chan struct{}))
		added = r.set(true)
		synctest.Wait()
		if settled(added) {
			t.Error("added without an answer")
		}
		removed = r.set(false)
		synctest.Wait()
		if !settled(added) || !settled(removed) || !reg.is(false) {
			t.Error("the attempt goes on")
		}
		// And it ends with everything.
		r.set(true)
		synctest.Wait()
		cancel()
		<-done
	})
}
