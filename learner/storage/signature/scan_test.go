package signature

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/jubatus/jubatus-go/learner/storage/topk"
)

func TestScan(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for w := range 6 {
		rows, q := make([]uint64, 300*w), make([]uint64, w)
		for i := range rows {
			rows[i] = r.Uint64() & 0xf00f // many of the same distance
		}
		for _, limit := range []int{0, 1, 7, 300, 1000} {
			for _, tie := range []func(a, b uint32) bool{nil, func(a, b uint32) bool { return a > b }} {
				got, want := topk.Smallest[uint32]{Tie: tie}, topk.Smallest[uint32]{Tie: tie}
				got.Reset(limit)
				want.Reset(limit)
				Scan(rows, q, 5, &got)
				for i := range 300 {
					if w > 0 {
						want.Add(uint32(Hamming(q, rows[i*w:][:w])), 5+uint32(i))
					}
				}
				if g, w := got.Sorted(), want.Sorted(); !slices.Equal(g, w) {
					t.Errorf("%v, want %v", g, w)
				}
			}
		}
	}
}

func BenchmarkScan(b *testing.B) {
	for _, w := range []int{1, 2, 8} {
		b.Run(strconv.Itoa(64*w), func(b *testing.B) {
			r := rand.New(rand.NewPCG(3, 4))
			rows, q := make([]uint64, 1000000*w), make([]uint64, w)
			for i := range rows {
				rows[i] = r.Uint64()
			}
			var top topk.Smallest[uint32]
			b.ReportAllocs()
			for b.Loop() {
				top.Reset(10)
				Scan(rows, q, 0, &top)
				top.Sorted()
			}
		})
	}
}
