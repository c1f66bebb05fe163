package bandit

import (
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Clients play while the node mixes and saves, under the locks that nodes
// take: every reward is counted once. Run with -race.
func TestPlayWhileMixing(t *testing.T) {
	n := newNode(t, settings("ts", false), "a", "b")
	handlers := n.Handlers()
	var model sync.RWMutex
	do := func(method string, lock service.Lock, params ...goldentest.Value) {
		args := mpack.NewReader(goldentest.Append(nil, goldentest.List(params)))
		if _, err := args.ArrayHeader(); err != nil {
			t.Error(err)
		}
		c := engine.Call{Args: args, N: len(params)}
		c.Begin(&model, lock)
		defer c.Unlock()
		if err := handlers[method](&c); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	const clients, each = 4, 300
	players := []string{"p", "q", "r"}
	var playing, mixing sync.WaitGroup
	for client := range clients {
		playing.Go(func() {
			for i := range each {
				player := players[(client+i)%len(players)]
				do("select_arm", service.Update, player)
				do("get_arm_info", service.Analysis, player)
				do("register_reward", service.Update, player, "a", 1.0)
			}
		})
	}
	done := make(chan struct{})
	mix := func() {
		model.RLock()
		diff := mixable(n).Diff(nil)
		n.Pack(nil)
		model.RUnlock()
		mixed := folded(t, mixable(n), diff)
		model.Lock()
		put(t, n, mixed)
		model.Unlock()
	}
	mixing.Go(func() {
		for {
			mix()
			select {
			case <-done:
				return
			default:
			}
		}
	})
	playing.Wait()
	close(done)
	mixing.Wait()
	mix()
	total := int64(0)
	for _, p := range players {
		total += n.Engine.(*Bandit).store.find([]byte(p)).mixed.total
	}
	if total != clients*each {
		t.Errorf("%d rewards were counted, want %d", total, clients*each)
	}
}
