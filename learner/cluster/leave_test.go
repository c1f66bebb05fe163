package cluster

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func farewell(s *setup) { s.cluster.Farewell = 10 * time.Second }

// A server that leaves gives the others all that it ever said to have learned,
// however it is told to go, and in the order that operators know.
func TestLeaveLosesNothing(t *testing.T) {
	ways := map[string]func(t *testing.T, m *member, remove func(path string)){
		"stopped":      func(_ *testing.T, m *member, _ func(string)) { m.cancel() },
		"node deleted": func(_ *testing.T, m *member, remove func(string)) { remove(nodesDir + "/" + m.id.String()) },
	}
	for name, tell := range ways {
		t.Run(name, func(t *testing.T) {
			service := newService(t, perceptron)
			a, b := start(t, service, farewell), start(t, service, farewell)
			look := service.Open()
			defer look.Close()

			learned, stop := 0, make(chan struct{})
			var teaching sync.WaitGroup
			teaching.Go(func() { // somebody who does not hear of the change
				for i := 0; ; i++ {
					data := []any{[]any{fmt.Sprint(i % 3), []any{[]any{}, []any{[]any{"x", 1.0}}, []any{}}}}
					if _, err := b.client.CallArgs(t.Context(), "train", "", data); err != nil {
						return
					}
					learned++
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
					}
				}
			})
			waitFor(t, "updates", func() bool { return b.Updates() > 20 })
			tell(t, b, func(path string) {
				if err := look.Delete(t.Context(), path); err != nil {
					t.Error(err)
				}
			})
			waitFor(t, "b to be off the list of actives", func() bool {
				return !strings.Contains(children(t, service, activesDir), b.id.String())
			})
			b.wait(t)
			close(stop)
			teaching.Wait()

			var sum int
			for _, field := range strings.Fields(strings.Map(func(r rune) rune {
				if strings.ContainsRune("[]{}", r) {
					return ' '
				}
				return r
			}, a.labels(t))) {
				var n int
				if _, err := fmt.Sscan(field, &n); err == nil {
					sum += n
				}
			}
			// The names of the labels are numbers, too: 0, 1 and 2.
			if sum -= 0 + 1 + 2; sum != learned {
				t.Errorf("%d were acknowledged, a has %d\n%s", learned, sum, b.log)
			}
			if got := children(t, service, nodesDir); got != "["+a.id.String()+"]" {
				t.Errorf("nodes %s", got)
			}
			b.log.inOrder(t, "stopping mixer thread", "active removed", "got ZooKeeper lock, starting mix",
				"mixed with 2 servers", "leaving from the cluster test", "stopping RPC server")
		})
	}
}

// Nobody waits for a server that is alone.
func TestLeaveAlone(t *testing.T) {
	service := newService(t, perceptron)
	a := start(t, service, farewell)
	a.train(t, "yes", "x", 1)
	begin := time.Now()
	a.stop(t)
	if took := time.Since(begin); took > 200*time.Millisecond {
		t.Errorf("stopped after %v", took)
	}
	if a.log.count("got ZooKeeper lock, starting mix") > 1 {
		t.Errorf("it mixed:\n%s", a.log)
	}
}

// A server without a session just goes.
func TestLeaveWithoutSession(t *testing.T) {
	service := newService(t, perceptron)
	start(t, service, farewell)
	b := start(t, service, farewell)
	b.train(t, "yes", "x", 1)
	b.coordinator.Cut()
	waitFor(t, "doubt", func() bool { return !b.coordinator.Session().Valid })
	begin := time.Now()
	b.stop(t)
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("stopped after %v", took)
	}
}
