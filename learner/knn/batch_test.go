package knn

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jubatus/jubatus-go/learner/storage/signature"
)

// Rows that are asked for together get what each gets alone.
func TestNearestOf(t *testing.T) {
	for _, method := range []string{"lsh", "minhash", "euclid_lsh"} {
		for _, bits := range []int{7, 64, 130} {
			x := build(t, method, fmt.Sprintf(`{"hash_num":%d,"threads":2}`, bits))
			rng := rand.New(rand.NewPCG(1, 2))
			fill(t, x, rng, bits, 3000)
			var rows []int
			for range 40 {
				rows = append(rows, rng.IntN(3000))
			}
			var lists Lists
			var s Signature
			for _, limit := range []int{-1, 0, 1, 10, 4000} {
				x.NearestOf(rows, limit, &lists)
				if lists.Len() != len(rows) {
					t.Fatalf("%d lists of %d rows", lists.Len(), len(rows))
				}
				for i, row := range rows {
					x.Of(row, &s)
					if want := x.Nearest(&s, limit, nil); !slices.Equal(lists.At(i), want) {
						t.Fatalf("%s, %d bits, limit %d, row %d: %v, want %v", method, bits, limit, row, lists.At(i), want)
					}
				}
			}
		}
	}
}

func fill(t testing.TB, x *Index, rng *rand.Rand, bits, rows int) {
	t.Helper()
	s := Signature{words: make([]uint64, signature.Words(bits))}
	for i := range rows {
		for j := range s.words {
			s.words[j] = rng.Uint64()
		}
		if n := bits % 64; n != 0 {
			s.words[len(s.words)-1] &= 1<<n - 1
		}
		s.norm = 5 + rng.Float64()
		if _, err := x.Set(fmt.Append(nil, i), &s); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkNearestOf30of2000(b *testing.B) {
	for _, method := range []string{"lsh", "euclid_lsh"} {
		b.Run(method, func(b *testing.B) {
			x := build(b, method, `{"hash_num":64}`)
			fill(b, x, rand.New(rand.NewPCG(1, 2)), 64, 2000)
			rows := make([]int, 30)
			for i := range rows {
				rows[i] = 60 * i
			}
			var lists Lists
			b.ReportAllocs()
			for b.Loop() {
				x.NearestOf(rows, 10, &lists)
			}
		})
	}
}
