package storage

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jubatus/jubatus-go/learner/fv"
)

// large makes a table of n features, each with up to ten labels, and vectors
// of 150 of them.
func large(o Options, n int) (*Linear, []fv.Vector) {
	r := rand.New(rand.NewPCG(1, 2))
	table := NewLinear(o)
	key := func(i int) string { return fmt.Sprintf("message-detagged$word%d@space#bin/bin", i) }
	for l := range 10 {
		table.Register(fmt.Append(nil, "label", l))
	}
	var s Scores
	for i := range n {
		v := vector(key(i), 1.0)
		for range 1 + r.IntN(3) {
			table.Score(v, &s)
			table.Move(v, &s, Label(r.IntN(10)), NoLabel, 1)
		}
	}
	vectors := make([]fv.Vector, 200)
	for i := range vectors {
		for range 150 {
			vectors[i].Append([]byte(key(r.IntN(n))), 1)
		}
	}
	return table, vectors
}

func BenchmarkScore(b *testing.B) {
	for _, n := range []int{2000, 200000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			table, vectors := large(Options{}, n)
			var s Scores
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				table.Score(&vectors[i%len(vectors)], &s)
			}
		})
	}
}

func BenchmarkIntern(b *testing.B) {
	b.ReportAllocs()
	t := newRows(Options{})
	var key []byte
	for i := 0; b.Loop(); i++ {
		key = fmt.Appendf(key[:0], "message$word%d@space#bin/bin", i)
		t.intern(t.index.Print(key), key, 1)
	}
}

func BenchmarkDiff(b *testing.B) {
	table, vectors := large(Options{Shared: true}, 200000)
	put(b, table, table.Diff(nil))
	var s Scores
	table.Score(&vectors[0], &s)
	table.Move(&vectors[0], &s, 0, NoLabel, 1)
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out = table.Diff(out[:0])
	}
}
