package coreset

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
)

// vector is a dense vector as a source of features.
type vector []float64

func (v vector) Len() int            { return len(v) }
func (v vector) Key(i int) []byte    { return fmt.Appendf(nil, "f%02d", i) }
func (v vector) Value(i int) float64 { return v[i] }

func sampleOf(weights []float64, vectors ...vector) *sparse.Sample {
	k := sparse.NewKeys()
	var stored []sparse.Vector
	for _, v := range vectors {
		var b sparse.Batch
		b.Add(v)
		stored = append(stored, k.Intern(&b, 0))
	}
	s := sparse.NewSample(k, sparse.ByEuclid, len(vectors))
	for i, v := range stored {
		s.Add(v, weights[i])
	}
	return s
}

// There are as many as asked for, each of the sample, none with a negative
// weight, and together they weigh as much as all did, or a little more where a
// weight would have been negative.
func TestCompress(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 60).Draw(rt, "n")
		weights, vectors, total := make([]float64, n), make([]vector, n), 0.0
		for i := range vectors {
			vectors[i] = rapid.SliceOfN(rapid.Float64Range(-9, 9), 2, 2).Draw(rt, "vector")
			weights[i] = rapid.Float64Range(0.1, 3).Draw(rt, "weight")
			total += weights[i]
		}
		size := rapid.IntRange(1, n-1).Draw(rt, "size")
		base := rapid.IntRange(1, size).Draw(rt, "base")
		kind := Kind(rapid.IntRange(0, 1).Draw(rt, "kind"))
		s := sampleOf(weights, vectors...)
		chosen := New(kind, 7).Compress(s, base, size)
		if len(chosen) != size {
			rt.Fatalf("%d chosen, want %d", len(chosen), size)
		}
		sum := 0.0
		for _, m := range chosen {
			if m.Index < 0 || m.Index >= n || !(m.Weight >= 0) {
				rt.Fatalf("chosen %v of %d", m, n)
			}
			sum += m.Weight
		}
		if sum < total-1e-9 {
			rt.Fatalf("the chosen weigh %v, all %v", sum, total)
		}
		if again := New(kind, 7).Compress(s, base, size); !slices.Equal(again, chosen) {
			rt.Fatal("the same seed chooses others")
		}
	})
}

// Clusters keep their means, about, and their weight; where more of it was drawn
// than there is, it grows.
func TestCompressKeepsClusters(t *testing.T) {
	var vectors []vector
	var weights []float64
	for i := range 300 {
		angle := float64(i)
		center := []float64{0, 100, 200}[i%3]
		vectors = append(vectors, vector{center + math.Sin(angle), math.Cos(angle)})
		weights = append(weights, 1)
	}
	s := sampleOf(weights, vectors...)
	for _, kind := range []Kind{ForMeans, ForMixtures} {
		var sums, masses [3]float64
		for _, m := range New(kind, 1).Compress(s, 5, 40) {
			sums[m.Index%3] += m.Weight * vectors[m.Index][0]
			masses[m.Index%3] += m.Weight
		}
		for i := range sums {
			if mean := sums[i] / masses[i]; math.Abs(mean-float64(100*i)) > 1 || masses[i] < 99.999 {
				t.Errorf("kind %d, cluster %d: mean %v, weight %v", kind, i, mean, masses[i])
			}
		}
	}
}

func TestFarthestFirst(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		distances := rapid.SliceOfNDistinct(rapid.Float64Range(0, 100), 1, 40, rapid.ID).Draw(rt, "distances")
		n := rapid.IntRange(1, len(distances)).Draw(rt, "n")
		c := make([]candidate, len(distances))
		for i, d := range distances {
			c[i] = candidate{i, d}
		}
		farthestFirst(c, n)
		slices.SortFunc(distances, func(a, b float64) int {
			if a > b {
				return -1
			}
			return 1
		})
		seen := map[int]bool{}
		for i, x := range c {
			if i < n && x.distance != distances[i] {
				rt.Fatalf("place %d: %v, want %v", i, x.distance, distances[i])
			}
			seen[x.index] = true
		}
		if len(seen) != len(distances) {
			rt.Fatal("candidates were lost")
		}
	})
}

// Equals come out as from the C++ library's partial_sort, with its heap: these
// are what GCC 12 makes of it.
func TestFarthestFirstOfEquals(t *testing.T) {
	for _, x := range []struct {
		all, period int // candidate i is at distance 7i modulo the period
		want        []int
	}{
		{8, 2, []int{3, 1, 7, 5, 4}},
		{30, 5, []int{7, 27, 17, 22, 2, 12, 24, 14, 9, 4, 29, 19}},
	} {
		c := make([]candidate, x.all)
		for i := range c {
			c[i] = candidate{i, float64(7 * i % x.period)}
		}
		farthestFirst(c, len(x.want))
		var got []int
		for _, x := range c[:len(x.want)] {
			got = append(got, x.index)
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%v, want %v", got, x.want)
		}
	}
}

func BenchmarkCompress1000(b *testing.B) {
	var vectors []vector
	var weights []float64
	for i := range 1000 {
		v := make(vector, 16)
		for j := range v {
			v[j] = math.Sin(float64(i*16 + j))
		}
		vectors, weights = append(vectors, v), append(weights, 1)
	}
	s, c := sampleOf(weights, vectors...), New(ForMeans, 0)
	b.ReportAllocs()
	for b.Loop() {
		c.Compress(s, 10, 100)
	}
}
