package rpc

// Batch defers writing: while a goroutine works through bytes that have
// arrived, it gathers the connections for which that gave it something to
// write, and writes to each once when it is through. A Batch belongs to the
// goroutine that hands it out, and whoever gets it as an argument may only
// pass it on while the call lasts. A nil Batch defers nothing.
type Batch struct {
	ready []flusher
}

// flusher is a connection with something to write.
type flusher interface {
	// flushNow writes what it can without waiting.
	flushNow()
}

// add makes f write: later, or at once if there is no batch.
func (b *Batch) add(f flusher) {
	if b == nil {
		f.flushNow()
		return
	}
	// Twice does no harm, so the last few are all that is looked at.
	for i := len(b.ready) - 1; i >= max(0, len(b.ready)-4); i-- {
		if b.ready[i] == f {
			return
		}
	}
	b.ready = append(b.ready, f)
}

// Flush writes everything now, for a handler that is going to wait.
func (b *Batch) Flush() {
	for i, f := range b.ready {
		b.ready[i] = nil
		f.flushNow()
	}
	b.ready = b.ready[:0]
}
