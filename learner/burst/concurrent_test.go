package burst

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/goldentest"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// Clients ask and tell all the while a node mixes, saves and changes its mind
// about keywords; every document counts once. It is for the race detector.
func TestEverythingAtOnce(t *testing.T) {
	const tellers, calls = 2, 200
	_, b := alone(t, configText(5, 1e6, 5, 5, -1))
	table, _ := service.Lookup("burst")
	handlers := b.Handlers()
	var model sync.RWMutex
	call := func(method string, args ...value) {
		m, _ := table.Method(method)
		c := engine.Call{Context: context.Background(), Args: mpack.NewReader(goldentest.Append(nil, list(args))), N: len(args)}
		if _, err := c.Args.ArrayHeader(); err != nil {
			t.Error(err)
		}
		c.Begin(&model, m.Lock)
		defer c.Unlock()
		if err := handlers[method](&c); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	call("add_keyword", kw("k", 2, 1))
	var all sync.WaitGroup
	for range tellers {
		all.Go(func() {
			for i := range calls {
				call("add_documents", list{doc(1, fmt.Sprint("k", i)), doc(2, "x")})
			}
		})
	}
	for _, ask := range []func(i int){
		func(int) { call("get_result", "k") },
		func(int) { call("get_all_bursted_results"); call("get_all_keywords") },
		func(i int) {
			call("add_keyword", kw(fmt.Sprint("word", i%5), 2, 1))
			call("remove_keyword", fmt.Sprint("word", (i+2)%5))
		},
		func(int) {
			model.RLock()
			b.Pack(nil)
			b.Status(func(_, _ string) {})
			model.RUnlock()
		},
		func(int) {
			fold := b.mix.NewFold()
			model.RLock()
			r := mpack.NewReader(b.mix.Diff(nil))
			model.RUnlock()
			if err := fold.Add(&r); err != nil {
				t.Error(err)
			}
			model.Lock()
			defer model.Unlock()
			r = mpack.NewReader(fold.Append(nil))
			if ok, err := b.mix.Put(&r); !ok || err != nil {
				t.Error(ok, err)
			}
		},
	} {
		all.Go(func() {
			for i := range calls {
				ask(i)
			}
		})
	}
	all.Wait()
	k := b.byName["k"]
	b.settle()
	if n := k.results[0].total(); n != 2*tellers*calls {
		t.Errorf("%d documents were counted, want %d", n, 2*tellers*calls)
	}
}
