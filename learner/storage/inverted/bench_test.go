package inverted

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/jubatus/jubatus-go/learner/fv"
)

// texts are vectors of 30 words each of 5,000.
func texts(n int) (list []*fv.Vector) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		v := &fv.Vector{}
		for range 30 {
			v.AppendString(fmt.Sprintf("word%d$str@str#bin/bin", r.IntN(5000)), 1)
		}
		list = append(list, v)
	}
	return list
}

func filled(b *testing.B) (*Index, []*fv.Vector) {
	b.Helper()
	x, list := New(), texts(10000)
	for i, v := range list {
		x.Set(fmt.Append(nil, "row", i), v)
	}
	b.ReportAllocs()
	return x, list
}

func BenchmarkSet(b *testing.B) {
	x, list := filled(b)
	var id []byte
	for i := 0; b.Loop(); i++ {
		id = fmt.Append(id[:0], "row", i%len(list))
		x.Set(id, list[(i*7)%len(list)])
		if i%100000 == 0 {
			x.Clear()
		}
	}
}

func BenchmarkCosine(b *testing.B) {
	x, list := filled(b)
	var found []Neighbor
	for i := 0; b.Loop(); i++ {
		found = x.Cosine(list[i%len(list)], 10, found)
	}
}

func BenchmarkEuclid(b *testing.B) {
	x, list := filled(b)
	var found []Neighbor
	for i := 0; b.Loop(); i++ {
		found = x.Euclid(list[i%len(list)], 10, AllRows, found)
	}
}
