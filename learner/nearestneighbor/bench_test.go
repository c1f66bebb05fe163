package nearestneighbor

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

func (b *bare) do(tb testing.TB, method string, lock service.Lock, args []byte, n int) {
	b.call = engine.Call{Context: context.Background(), Args: mpack.NewReader(args), N: n, Out: b.call.Out[:0]}
	b.call.Begin(&b.model, lock)
	err := b.handlers[method](&b.call)
	b.call.Unlock()
	if err != nil {
		tb.Fatal(err)
	}
}

// rows are arguments of set_row, each with 64 numbers.
func rows(n int) (list [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		b := mpack.AppendRaw(nil, fmt.Sprint("row", i))
		list = append(list, numbers64(r, b))
	}
	return list
}

func numbers64(r *rand.Rand, b []byte) []byte {
	var d datum.Datum
	for j := range 64 {
		d.AddNum(fmt.Sprintf("num%02d", j), r.NormFloat64())
	}
	return d.Append(b)
}

func benchmark(b *testing.B, cfg string, bits int) {
	c := &bare{handlers: build(b, cfg, fmt.Sprintf(`{"hash_num":%d}`, bits)).Handlers()}
	set := rows(20000)
	for _, args := range set {
		c.do(b, "set_row", service.Update, args, 2)
	}
	r := rand.New(rand.NewPCG(3, 4))
	var ids, data [][]byte
	for i := range 100 {
		ids = append(ids, append(mpack.AppendRaw(nil, fmt.Sprint("row", i*100)), 10))
		data = append(data, append(numbers64(r, nil), 10))
	}
	for _, m := range []struct {
		method string
		lock   service.Lock
		args   [][]byte
	}{
		{"set_row", service.Update, set},
		{"similar_row_from_id", service.Analysis, ids},
		{"similar_row_from_datum", service.Analysis, data},
	} {
		b.Run(m.method, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.do(b, m.method, m.lock, m.args[i%len(m.args)], 2)
			}
		})
	}
}

func BenchmarkLSH64of20000(b *testing.B)        { benchmark(b, "lsh", 64) }
func BenchmarkMinHash64of20000(b *testing.B)    { benchmark(b, "minhash", 64) }
func BenchmarkEuclidLSH128of20000(b *testing.B) { benchmark(b, "euclid_lsh", 128) }
