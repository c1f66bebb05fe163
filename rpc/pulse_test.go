package rpc

import (
	"context"
	"testing"
)

// A pulse ticks while there are requests and rests when there are none, again
// and again, until its context ends.
func TestPulse(t *testing.T) {
	if !hasSockets {
		t.Skip("nothing has to be woken on this system")
	}
	ctx, cancel := context.WithCancel(t.Context())
	var p pulse
	p.init()
	p.start(ctx)
	for range 3 {
		p.requested()
		if p.rest.Load() {
			t.Fatal("it rests in spite of a request")
		}
		p.requested()
		eventually(t, "it rests", p.rest.Load)
	}
	p.requested()
	cancel()
	p.ended()
	p.requested() // nobody waits for that any more
	p.requested()
}
