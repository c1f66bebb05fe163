package regression

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/jubatus/jubatus-go/learner/datum"
	"github.com/jubatus/jubatus-go/learner/engine"
	"github.com/jubatus/jubatus-go/learner/service"
	"github.com/jubatus/jubatus-go/rpc/mpack"
)

// bare calls a handler as the node does, again and again with one Call.
type bare struct {
	handlers map[string]engine.Handler
	model    sync.RWMutex
	call     engine.Call
}

func newBare(e engine.Engine) *bare { return &bare{handlers: e.Handlers()} }

// do calls a method with one argument that is already encoded.
func (b *bare) do(t testing.TB, method string, args []byte) []byte {
	lock := service.Update
	if method == "estimate" {
		lock = service.Analysis
	}
	b.call = engine.Call{Context: context.Background(), Args: mpack.NewReader(args), N: 1, Out: b.call.Out[:0]}
	b.call.Begin(&b.model, lock)
	err := b.handlers[method](&b.call)
	b.call.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	return b.call.Out
}

// numbers makes the arguments of n calls to train and of as many to estimate,
// each of size data of so many numbers.
func numbers(n, size, nums int) (train, estimate [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		t, e := mpack.AppendArrayHeader(nil, size), mpack.AppendArrayHeader(nil, size)
		for range size {
			var d datum.Datum
			target := 0.0
			for j := range nums {
				x := r.NormFloat64()
				target += x * float64(j%5)
				d.AddNum(fmt.Sprintf("num%02d", j), x)
			}
			t = mpack.AppendArrayHeader(t, 2)
			t = mpack.AppendFloat64(t, target)
			t, e = d.Append(t), d.Append(e)
		}
		train, estimate = append(train, t), append(estimate, e)
	}
	return train, estimate
}

const (
	plainConverter = `{"string_rules":[{"key":"*","type":"str","sample_weight":"bin","global_weight":"bin"}],"num_rules":[{"key":"*","type":"num"}]}`
	arowConfig     = `{"method":"AROW","parameter":{"regularization_weight":1.0,"sensitivity":0.1},"converter":` + plainConverter + `}`
	paConfig       = `{"method":"PA","parameter":{"sensitivity":0.1},"converter":` + plainConverter + `}`
)

// benchmark measures a method per datum of 64 numbers.
func benchmark(b *testing.B, cfg string, shared bool, method string, size int) {
	train, estimate := numbers(max(1, 1000/size), size, 64)
	c := newBare(build(b, cfg, shared))
	for _, args := range train {
		c.do(b, "train", args)
	}
	inputs := train
	if method == "estimate" {
		inputs = estimate
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.do(b, method, inputs[i%len(inputs)])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/datum")
}

func BenchmarkLinear(b *testing.B) {
	for _, x := range []struct {
		name, cfg string
		shared    bool
	}{{"PA", paConfig, false}, {"AROW", arowConfig, false}, {"AROW shared", arowConfig, true}} {
		for _, method := range []string{"train", "estimate"} {
			for _, size := range []int{1, 100} {
				b.Run(fmt.Sprintf("%s/%s/%d", x.name, method, size), func(b *testing.B) {
					benchmark(b, x.cfg, x.shared, method, size)
				})
			}
		}
	}
}
