package fv

import "github.com/jubatus/jubatus-go/learner/engine"

var _ engine.Keeper = (*WeightManager)(nil)

// Keep forgets that the diff was sent: the next Put leaves all of it for the
// next MIX.
func (w *WeightManager) Keep() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.documents.recent, w.documents.sent = w.documents.diff(), 0
	w.user.recent, w.user.sent = w.userDiff(), nil
	w.features.keep()
	w.groups.keep()
	w.lengths.keep()
}

// keep makes what was sent recent again.
func (t *counters) keep() {
	for _, id := range t.diff {
		if c := &t.list[id]; c.in&inSent != 0 {
			c.recent += c.sent
			c.sent = 0
			c.in = c.in&^inSent | inRecent
		}
	}
}
