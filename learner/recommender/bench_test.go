package recommender

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

// thirty are data of 30 texts out of 1,000 each under 30 keys, behind something.
func thirty(r *rand.Rand, b []byte) []byte {
	var d datum.Datum
	for j := range 30 {
		d.AddString(fmt.Sprintf("key%02d", j), fmt.Sprintf("value%d", r.IntN(1000)))
	}
	return d.Append(b)
}

func benchmark(b *testing.B, method, parameter string) {
	c := &bare{handlers: build(b, method, parameter).Handlers()}
	r := rand.New(rand.NewPCG(1, 2))
	var updates, ids, data, completions [][]byte
	for i := range 10000 {
		args := thirty(r, mpack.AppendRaw(nil, fmt.Sprint("row", i)))
		updates = append(updates, args)
		c.do(b, "update_row", service.Update, args, 2)
	}
	for i := range 100 {
		ids = append(ids, append(mpack.AppendRaw(nil, fmt.Sprint("row", i*100)), 10))
		d := thirty(r, nil)
		completions = append(completions, d)
		data = append(data, append(d[:len(d):len(d)], 10))
	}
	for _, m := range []struct {
		method string
		lock   service.Lock
		args   [][]byte
		n      int
	}{
		{"update_row", service.Update, updates, 2},
		{"similar_row_from_id", service.Analysis, ids, 2},
		{"similar_row_from_datum", service.Analysis, data, 2},
		{"complete_row_from_datum", service.Analysis, completions, 1},
	} {
		b.Run(m.method, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.do(b, m.method, m.lock, m.args[i%len(m.args)], m.n)
			}
		})
	}
}

func BenchmarkInvertedIndex(b *testing.B)       { benchmark(b, "inverted_index", "{}") }
func BenchmarkInvertedIndexEuclid(b *testing.B) { benchmark(b, "inverted_index_euclid", "{}") }
func BenchmarkLSH64(b *testing.B)               { benchmark(b, "lsh", `{"hash_num":64}`) }
func BenchmarkMinHash64(b *testing.B)           { benchmark(b, "minhash", `{"hash_num":64}`) }
func BenchmarkEuclidLSH(b *testing.B) {
	benchmark(b, "euclid_lsh", `{"hash_num":64,"table_num":4,"seed":1091,"probe_num":64,"bin_width":100}`)
}
func BenchmarkTableLSH64(b *testing.B) {
	benchmark(b, "nearest_neighbor_recommender", `{"method":"lsh","parameter":{"hash_num":64}}`)
}
