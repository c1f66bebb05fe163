package notify

import (
	"context"
	"testing"
	"testing/synctest"
)

// told says whether there is a message, and takes it.
func told(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group
		ctx, cancel := context.WithCancel(t.Context())
		a, b := g.Subscribe(ctx, "a"), g.Subscribe(t.Context(), "b")
		if !told(a) || !told(b) || told(a) {
			t.Error("not told once at the start")
		}
		for range 3 {
			g.Tell("a")
		}
		if !told(a) || told(a) || told(b) {
			t.Error("three messages are not one, or were for both")
		}
		g.TellAll()
		if !told(a) || !told(b) {
			t.Error("TellAll did not tell all")
		}
		cancel()
		synctest.Wait()
		g.TellAll()
		if told(a) || !told(b) || g.Len() != 1 {
			t.Errorf("%d receivers after one left", g.Len())
		}
	})
}
