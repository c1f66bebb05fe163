package mix

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// roll keeps a node's entry in the list of active nodes there, or away. Doing
// so can take long, when the service is not there or when the entry of a
// process that died has to expire, so that it has a goroutine of its own.
type roll struct {
	registrar Registrar
	path      string
	log       *slog.Logger
	retry     time.Duration // after a failure

	mu      sync.Mutex
	want    bool
	is      bool
	abandon context.CancelFunc // ends what run does just now
	changed chan struct{}
	settled chan struct{} // closed when want and is are the same
}

func newRoll(r Registrar, path string, log *slog.Logger) *roll {
	settled := make(chan struct{})
	close(settled)
	return &roll{
		registrar: r, path: path, log: log, retry: period,
		changed: make(chan struct{}, 1), settled: settled,
	}
}

// set says whether the entry is to be there. The channel is closed when it is
// so, or when something else was said meanwhile.
func (r *roll) set(want bool) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.want == want {
		return r.settled
	}
	r.want = want
	if r.abandon != nil {
		r.abandon()
	}
	closeOnce(r.settled)
	r.settled = make(chan struct{})
	if r.want == r.is {
		close(r.settled)
	}
	select {
	case r.changed <- struct{}{}:
	default:
	}
	return r.settled
}

// closeOnce closes a channel that may be closed. The lock is held.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// run does what set says until ctx ends.
func (r *roll) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.changed:
		}
		for !r.attempt(ctx) {
			select {
			case <-ctx.Done():
				return
			case <-r.changed:
			case <-time.After(r.retry):
			}
		}
	}
}

// attempt reports whether the entry is as it should be.
func (r *roll) attempt(ctx context.Context) bool {
	r.mu.Lock()
	want := r.want
	if want == r.is {
		r.mu.Unlock()
		return true
	}
	ctx, r.abandon = context.WithCancel(ctx)
	r.mu.Unlock()

	var err error
	if want {
		err = r.registrar.Add(ctx, r.path, nil)
	} else {
		err = r.registrar.Remove(ctx, r.path)
	}
	abandoned := ctx.Err() != nil

	r.mu.Lock()
	defer r.mu.Unlock()
	r.abandon()
	r.abandon = nil
	switch {
	case err == nil && want:
		r.log.Info("active created: " + r.path)
	case err == nil:
		r.log.Info("active removed: " + r.path)
	case abandoned:
		return false
	case want:
		r.log.Error("Failed to register_active", "path", r.path, "error", err)
		return false
	default:
		r.log.Error("Failed to unregister_active", "path", r.path, "error", err)
		return false
	}
	r.is = want
	if r.want == want {
		closeOnce(r.settled)
		return true
	}
	return false
}
