package rpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// The runtime's monitor takes processors away from goroutines that keep them
// for long, and looks for new connections when all of them are busy. It sleeps
// while nothing runs at all, and every system call that it is told of wakes it;
// then it looks around every twenty microseconds for some time. A proxy whose
// clients wait for each answer has nothing to do again and again, and spends a
// quarter of its processor time on waking the monitor. So it reads and writes
// sockets without telling. As nobody would then wake the monitor when it is
// needed, a pulse does: its timer ends every sleep soon while requests come.
// Once awake, the monitor stays so as long as anything runs.
//
// Servers that compute do better with a monitor that is awake: on virtual
// machines it keeps the host from taking the processors away in the pauses, and
// answers come faster.
type pulse struct {
	beat atomic.Bool // there were requests since the last tick
	rest atomic.Bool // nobody ticks
	wake chan struct{}
	done sync.WaitGroup
}

const (
	pulseInterval = 10 * time.Millisecond // the monitor's own longest sleep while anything runs
	pulseLasts    = 10                    // ticks without requests
)

func (p *pulse) init() {
	p.wake = make(chan struct{}, 1)
	p.rest.Store(true)
}

// start begins to wait for requests, until ctx ends.
func (p *pulse) start(ctx context.Context) {
	p.done.Go(func() {
		for {
			select {
			case <-p.wake:
				p.tick(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
}

// ended waits until it has ended.
func (p *pulse) ended() { p.done.Wait() }

// requested tells that bytes have come.
func (p *pulse) requested() {
	if !hasSockets {
		return
	}
	if !p.beat.Load() {
		p.beat.Store(true)
	}
	if p.rest.Load() && p.rest.CompareAndSwap(true, false) {
		p.wake <- struct{}{}
	}
}

// tick ticks until there are no more requests.
func (p *pulse) tick(ctx context.Context) {
	ticker := time.NewTicker(pulseInterval)
	defer ticker.Stop()
	wakeMonitor() // which goes to sleep again with the ticker in view
	for quiet := 0; ; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if p.beat.Swap(false) {
			quiet = 0
			continue
		}
		if quiet++; quiet < pulseLasts {
			continue
		}
		p.rest.Store(true)
		// A request may have come just before that.
		if !p.beat.Load() || !p.rest.CompareAndSwap(true, false) {
			return
		}
		quiet = 0
	}
}
