package clustering

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Questions share the model, also when they are the first to find out where
// points are; pushes come between.
func TestConcurrentQuestions(t *testing.T) {
	for _, cfg := range []string{
		simpleConfig(kmeans2, 4), compressiveConfig(kmeans2, 8, 2, 4, 1, 0, 0.5),
		simpleConfig(`"method":"gmm","parameter":{"k":2,"seed":0}`, 4),
		simpleConfig(fmt.Sprintf(scan, 3.0, "cosine"), 4),
	} {
		e := build(t, cfg, false)
		handlers := e.Handlers()
		var model sync.RWMutex
		call := func(method string, lock service.Lock, args []byte) error {
			c := engine.Call{Context: context.Background(), Args: mpack.NewReader(args), N: 1}
			c.Begin(&model, lock)
			err := handlers[method](&c)
			c.Unlock()
			return err
		}
		push := func(i int) {
			x := float64(i % 7)
			if err := call("push", service.Update, encodePoints(fmt.Sprint("p", i), nums("x", x, fmt.Sprint("f", i%5), 1.0))); err != nil {
				t.Error(err)
			}
		}
		for i := range 16 {
			push(i)
		}
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				d := nums("x", float64(i), "g", 1.0).Append(nil)
				for j := range 20 {
					push(16 + 20*i + j)
					for _, method := range []string{"get_core_members", "get_k_center", "get_nearest_center", "get_nearest_members_light"} {
						err := call(method, service.Analysis, d)
						if err != nil && cfg[len(`{"method":"`)] != 'd' {
							t.Errorf("%s: %v", method, err)
						}
					}
				}
			})
		}
		all.Wait()
	}
}
