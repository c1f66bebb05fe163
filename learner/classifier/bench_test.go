package classifier

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

const plainConverter = `{"string_rules":[{"key":"*","type":"str","sample_weight":"bin","global_weight":"bin"}],"num_rules":[{"key":"*","type":"num"}]}`

// bare calls a handler as the node does, again and again with one Call.
type bare struct {
	handlers map[string]engine.Handler
	model    sync.RWMutex
	call     engine.Call
}

func newBare(e engine.Engine) *bare { return &bare{handlers: e.Handlers()} }

// do calls a method with arguments that are already encoded.
func (b *bare) do(h engine.Handler, lock service.Lock, args []byte, n int) error {
	b.call = engine.Call{Context: context.Background(), Args: mpack.NewReader(args), N: n, Out: b.call.Out[:0]}
	b.call.Begin(&b.model, lock)
	err := h(&b.call)
	b.call.Unlock()
	return err
}

func labeled(label string, d *datum.Datum) []byte {
	b := mpack.AppendArrayHeader(nil, 1)
	b = mpack.AppendArrayHeader(b, 2)
	b = mpack.AppendRaw(b, label)
	return d.Append(b)
}

// categories makes n calls to train and to classify, each with a hundred data
// of 30 strings with a thousand values each, which together are a table that no
// near cache holds.
func categories(n int) (train, classify [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		t, c := mpack.AppendArrayHeader(nil, 100), mpack.AppendArrayHeader(nil, 100)
		for range 100 {
			var d datum.Datum
			for j := range 30 {
				d.AddString(fmt.Sprintf("category%d", j), fmt.Sprintf("value%d", r.IntN(1000)))
			}
			t = mpack.AppendArrayHeader(t, 2)
			t = mpack.AppendRaw(t, fmt.Sprintf("label%d", r.IntN(10)))
			t, c = d.Append(t), d.Append(c)
		}
		train, classify = append(train, t), append(classify, c)
	}
	return train, classify
}

// BenchmarkCategories is per hundred data.
func BenchmarkCategories(b *testing.B) {
	train, classify := categories(300)
	for _, m := range []struct {
		method string
		lock   service.Lock
		inputs [][]byte
	}{{"train", service.Update, train}, {"classify", service.Analysis, classify}} {
		b.Run(m.method, func(b *testing.B) {
			c := newBare(build(b, arowConfig, false))
			for _, args := range train {
				if err := c.do(c.handlers["train"], service.Update, args, 1); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := c.do(c.handlers[m.method], m.lock, m.inputs[i%len(m.inputs)], 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// words makes n calls to train and to classify, each with one datum of so many
// strings and numbers that depend a little on its label, which is one of ten.
func words(n, strings, nums int) (train, classify [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		var d datum.Datum
		label := i % 10
		for j := range strings {
			d.AddString(fmt.Sprintf("key%02d", j), fmt.Sprintf("word%d", (r.IntN(50)+label*7)%100))
		}
		for j := range nums {
			d.AddNum(fmt.Sprintf("num%02d", j), r.NormFloat64()+float64(label%3))
		}
		train = append(train, labeled(fmt.Sprintf("label%d", label), &d))
		classify = append(classify, d.Append(mpack.AppendArrayHeader(nil, 1)))
	}
	return train, classify
}

func benchmark(b *testing.B, cfg, method string, lock service.Lock, strings, nums int) {
	e := build(b, cfg, false)
	train, classify := words(2000, strings, nums)
	c := newBare(e)
	for _, args := range train {
		if err := c.do(c.handlers["train"], service.Update, args, 1); err != nil {
			b.Fatal(err)
		}
	}
	inputs := train
	if method == "classify" {
		inputs = classify
	}
	handler := c.handlers[method]
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := c.do(handler, lock, inputs[i%len(inputs)], 1); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

const arowConfig = `{"method":"AROW","parameter":{"regularization_weight":1.0},"converter":` + plainConverter + `}`

func BenchmarkTrainAROW30x10(b *testing.B) {
	benchmark(b, arowConfig, "train", service.Update, 30, 0)
}

func BenchmarkTrainPA30x10(b *testing.B) {
	benchmark(b, `{"method":"PA","converter":`+plainConverter+`}`, "train", service.Update, 30, 0)
}

func BenchmarkClassify30x10(b *testing.B) {
	benchmark(b, arowConfig, "classify", service.Analysis, 30, 0)
}

func BenchmarkTrain64num(b *testing.B) {
	benchmark(b, arowConfig, "train", service.Update, 0, 64)
}
