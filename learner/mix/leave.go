package mix

import (
	"context"
	"errors"
	"time"
)

// Finish implements Mixer.
func (m *Linear) Finish(ctx context.Context) {
	if !m.running.Load() || !m.Coordinator.Session().Valid {
		return
	}
	m.mu.Lock()
	m.leaving = true
	gone := m.roll.set(false)
	m.mu.Unlock()
	select {
	case <-gone:
	case <-ctx.Done():
		return
	case <-time.After(partingAnswer):
		return // nobody can be told, and so nobody be asked
	}
	list, err := m.members(ctx)
	if err == nil && len(list) > 1 {
		if m.Drain != nil {
			m.Drain(ctx)
		}
		err = m.last(ctx)
	}
	if err != nil {
		m.Log.Warn("error in last mix: " + err.Error())
	}
}

// partingAnswer is how long a node that leaves waits for an answer of the
// coordination service, which may be about to leave, too.
const partingAnswer = 2 * time.Second

// last mixes until nothing is left to share. A round may fail, as when another
// member goes at the same time.
func (m *Linear) last(ctx context.Context) error {
	var locking error
	attempt := func(ctx context.Context) (got bool, err error) {
		ctx, cancel := context.WithTimeout(ctx, partingAnswer)
		defer cancel()
		got, locking = m.lock.TryLock(ctx)
		return got, locking
	}
	for m.current() {
		if updates, _ := m.counter.state(); updates == 0 {
			return nil
		}
		err := m.manual(ctx, ctx, attempt)
		if updates, _ := m.counter.state(); updates == 0 || locking != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(m.pause):
		}
	}
	return nil
}
