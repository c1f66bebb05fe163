package topk

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// rank orders what is not a number last.
func rank(a, b Item[float64]) int {
	switch {
	case a.X < b.X:
		return -1
	case a.X > b.X:
		return 1
	case math.IsNaN(a.X) && !math.IsNaN(b.X):
		return 1
	case !math.IsNaN(a.X) && math.IsNaN(b.X):
		return -1
	}
	return cmp.Compare(a.Row, b.Row)
}

func same(a, b Item[float64]) bool {
	return a.Row == b.Row && math.Float64bits(a.X) == math.Float64bits(b.X)
}

func TestSmallestAndLargest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1, 2, 2.5, -1, math.Inf(1), math.Inf(-1), math.NaN()}), 0, 60).Draw(t, "scores")
		limit := rapid.SampledFrom([]int{0, 1, 2, 3, 10, 59, 60, 61, math.MaxInt}).Draw(t, "limit")
		var s Smallest[float64]
		var l Largest
		s.Reset(limit)
		l.Reset(limit)
		var want, top []Item[float64]
		for i, x := range scores {
			want = append(want, Item[float64]{x, uint32(i)})
			s.Add(x, uint32(i))
			l.Add(x, uint32(i))
		}
		top = slices.Clone(want)
		slices.SortFunc(want, rank)
		slices.SortFunc(top, func(a, b Item[float64]) int { return rank(Item[float64]{-a.X, ^a.Row}, Item[float64]{-b.X, ^b.Row}) })
		n := min(limit, len(scores))
		if got := s.Sorted(); !slices.EqualFunc(got, want[:n], same) {
			t.Fatalf("smallest %v, want %v", got, want[:n])
		}
		if got := l.Sorted(); !slices.EqualFunc(got, top[:n], func(a, b Item[float64]) bool { return a.Row == b.Row && (a.X == b.X || a.X != a.X) }) {
			t.Fatalf("largest %v, want %v", got, top[:n])
		}
	})
}

func TestTie(t *testing.T) {
	s := Smallest[uint32]{Tie: func(a, b uint32) bool { return a > b }}
	s.Reset(2)
	for i := range uint32(5) {
		s.Add(7, i)
	}
	got := s.Sorted()
	if len(got) != 2 || got[0].Row != 4 || got[1].Row != 3 {
		t.Errorf("got %v", got)
	}
	s.Reset(1)
	if _, full := s.Last(); full || s.Len() != 0 {
		t.Error("full after Reset")
	}
}

func BenchmarkSmallest(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	scores := make([]float64, 10000)
	for i := range scores {
		scores[i] = r.Float64()
	}
	var s Smallest[float64]
	b.ReportAllocs()
	for b.Loop() {
		s.Reset(10)
		for i, x := range scores {
			s.Add(x, uint32(i))
		}
		s.Sorted()
	}
}
