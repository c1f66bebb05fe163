package learner

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jubatus/jubatus-go/learner/service"
)

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if !g.enter() {
			t.Fatal("an open gate is closed")
		}
		var closed sync.WaitGroup
		start := time.Now()
		closed.Go(func() { g.close(t.Context()) })
		time.Sleep(time.Second)
		if g.enter() {
			t.Error("a closed gate is open")
		}
		g.leave()
		closed.Wait()
		if took := time.Since(start); took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("closed after %v", took)
		}
		g.inside.Add(1) // one that never leaves
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		g.close(ctx)
		if took := time.Since(start); took < time.Minute {
			t.Errorf("gave up after %v", took)
		}
	})
}

// A node that has drained answers, but does not learn.
func TestDrained(t *testing.T) {
	d := &diary{config: configText, gone: make(chan struct{})}
	r := start(t, func(o *Options) { o.Cluster, o.ConfigPath = d, "" })
	r.must(t, "push", "", "a", 1)
	begin := time.Now()
	r.Drain(t.Context())
	if took := time.Since(begin); took < drainQuiet || took > drainLimit+time.Second {
		t.Errorf("drained for %v", took)
	}
	if _, err := r.client.CallArgs(t.Context(), "push", "", "a", 1); err == nil || err.Error() != service.Leaving {
		t.Errorf("push = %v", err)
	}
	r.must(t, "sum", "", "a")
	r.must(t, "clear", "") // goes to all servers
	if n := r.Updates(); n != 2 {
		t.Errorf("%d updates, want the push and the clear", n)
	}
}

// Clients that call nobody else do not keep a node from leaving.
func TestDrainIsBounded(t *testing.T) {
	d := &diary{config: configText, gone: make(chan struct{})}
	r := start(t, func(o *Options) { o.Cluster, o.ConfigPath = d, "" })
	ctx, cancel := context.WithCancel(t.Context())
	var calling sync.WaitGroup
	calling.Go(func() {
		for ctx.Err() == nil {
			r.client.CallArgs(t.Context(), "sum", "", "a") //nolint:errcheck // until the end
		}
	})
	begin := time.Now()
	r.Drain(t.Context())
	took := time.Since(begin)
	cancel()
	calling.Wait()
	if took < drainLimit || took > drainLimit+time.Second {
		t.Errorf("drained for %v, want %v", took, drainLimit)
	}
}
