package dbscan

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
)

// on is points on a line.
func on(xs ...float64) *sparse.Sample {
	k := sparse.NewKeys()
	var stored []sparse.Vector
	for _, x := range xs {
		var b sparse.Batch
		b.AddUnsorted([][]byte{[]byte("x")}, []float64{x})
		stored = append(stored, k.Intern(&b, 0))
	}
	s := sparse.NewSample(k, sparse.ByEuclid, len(xs))
	for _, v := range stored {
		s.Add(v, 1)
	}
	return s
}

func TestScan(t *testing.T) {
	for _, c := range []struct {
		xs   []float64
		eps  float64
		core int
		want string
	}{
		{nil, 1, 1, "[]"},
		{[]float64{1}, 1, 1, "[[0]]"},
		{[]float64{1}, 1, 2, "[]"},
		{[]float64{0, 1, 2}, 1, 2, "[]"},                        // eps itself is too far
		{[]float64{0, 1, 2}, 1.1, 2, "[[0 1 2]]"},               //
		{[]float64{0, 1, 2, 1.5, 9}, 1.1, 4, "[[1 0 2 3]]"},     // 0 is taken for noise first
		{[]float64{2, 0, 1, 1.5}, 1.1, 3, "[[0 2 3 1]]"},        // what is reached later comes later
		{[]float64{0, 2, 1, 4, 3}, 1.1, 3, "[[1 2 0 4 3]]"},     // noise is taken in on the way
		{[]float64{0, 5, 0.5, 5.5, 9}, 1, 2, "[[0 2] [1 3]]"},   //
		{[]float64{7, 7, 7, 7}, 0.5, 4, "[[0 1 2 3]]"},          //
		{[]float64{0, 1, 2, 10, 3, 4}, 1.1, 3, "[[1 0 2 4 5]]"}, // 0 was noise, 3 is
	} {
		if got := fmt.Sprint(Scan(on(c.xs...), c.eps, c.core)); got != c.want {
			t.Errorf("%v within %v: %s, want %s", c.xs, c.eps, got, c.want)
		}
	}
}

// plain is the algorithm as one would write it down, with frontiers in which
// points may be several times.
func plain(s *sparse.Sample, eps float64, minCore int) [][]int32 {
	around := func(i int32) (list []int32) {
		for j := range int32(s.Len()) {
			if s.Distance(int(j), int(i)) < eps {
				list = append(list, j)
			}
		}
		return list
	}
	const isNoise, isMember = -1, 1
	states := make([]int, s.Len())
	var clusters [][]int32
	for i := range int32(s.Len()) {
		frontier := around(i)
		if states[i] != 0 {
			continue
		}
		if len(frontier) < minCore {
			states[i] = isNoise
			continue
		}
		states[i] = isMember
		cluster := []int32{i}
		for len(frontier) > 0 {
			var next []int32
			for _, j := range frontier {
				if states[j] == isMember {
					continue
				}
				states[j] = isMember
				cluster = append(cluster, j)
				if n := around(j); len(n) >= minCore {
					for _, m := range n {
						if states[m] == 0 {
							next = append(next, m)
						} else if states[m] == isNoise {
							states[m] = isMember
							cluster = append(cluster, m)
						}
					}
				}
			}
			frontier = next
		}
		if len(cluster) >= minCore {
			clusters = append(clusters, cluster)
		}
	}
	return clusters
}

func TestScanIsPlain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := on(rapid.SliceOfN(rapid.Float64Range(0, 10), 0, 30).Draw(rt, "xs")...)
		eps, core := rapid.Float64Range(0.1, 2).Draw(rt, "eps"), rapid.IntRange(1, 6).Draw(rt, "core")
		got, want := Scan(s, eps, core), plain(s, eps, core)
		if !slices.EqualFunc(got, want, slices.Equal) {
			rt.Fatalf("%v, want %v", got, want)
		}
	})
}

func BenchmarkScan1000(b *testing.B) {
	xs := make([]float64, 1000)
	for i := range xs {
		xs[i] = float64(i * i % 997)
	}
	s := on(xs...)
	b.ReportAllocs()
	for b.Loop() {
		Scan(s, 1.5, 3)
	}
}
