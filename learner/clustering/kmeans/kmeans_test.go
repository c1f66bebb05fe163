package kmeans

import (
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/mt19937"
)

// features is a vector in its plainest form.
type features map[string]float64

func (f features) names() []string     { return slices.Sorted(maps.Keys(f)) }
func (f features) Len() int            { return len(f) }
func (f features) Key(i int) []byte    { return []byte(f.names()[i]) }
func (f features) Value(i int) float64 { return f[f.names()[i]] }

func distance(a, b features) float64 {
	all := maps.Clone(a)
	maps.Copy(all, b)
	sum := 0.0
	for _, name := range all.names() {
		d := a[name] - b[name]
		sum += d * d
	}
	return math.Sqrt(sum)
}

func nearest(p features, centers []features) (int, float64) {
	best, least := 0, math.Inf(1)
	for i, c := range centers {
		if d := distance(p, c); d < least {
			best, least = i, d
		}
	}
	return best, least
}

// plain is k-means as one would write it down.
func plain(points []features, weights []float64, k int, random *mt19937.Source) []features {
	centers := []features{points[0]}
	for len(centers) < k {
		masses := make([]float64, len(points))
		for i, p := range points {
			_, d := nearest(p, centers)
			masses[i] = d * weights[i]
		}
		d := mt19937.NewDiscrete(masses)
		centers = append(centers, points[d.Draw(mt19937.New(random.Uint32()))])
	}
	for moved := true; moved; {
		sums, totals := make([]features, k), make([]float64, k)
		for i := range sums {
			sums[i] = features{}
		}
		for i, p := range points {
			c, _ := nearest(p, centers)
			for name, x := range p {
				sums[c][name] += x * weights[i]
			}
			totals[c] += weights[i]
		}
		moved = false
		for c, sum := range sums {
			if totals[c] == 0 {
				continue
			}
			scale := 1 / totals[c]
			for name := range sum {
				sum[name] *= scale
			}
			if distance(sum, centers[c]) > still {
				moved = true
			}
			centers[c] = sum
		}
	}
	return centers
}

// Runs one after another come to the same centres as the plain form, to the
// last bit.
func TestRun(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := rapid.IntRange(1, 4).Draw(rt, "k")
		seed := rapid.Uint32().Draw(rt, "seed")
		m, random := New(k, sparse.ByEuclid, seed), mt19937.New(seed)
		dense := rapid.Bool().Draw(rt, "dense")
		vector := rapid.Custom(func(rt *rapid.T) features {
			f := features{}
			for _, name := range []string{"a", "b", "c", "d"} {
				if dense || rapid.Bool().Draw(rt, "has") {
					f[name] = rapid.Float64Range(-5, 5).Draw(rt, name)
				}
			}
			return f
		})
		keys := sparse.NewKeys()
		for range 2 {
			points := rapid.SliceOfN(vector, k, 25).Draw(rt, "points")
			var weights []float64
			var stored []sparse.Vector
			for _, p := range points {
				var b sparse.Batch
				b.Add(p)
				stored = append(stored, keys.Intern(&b, 0))
				weights = append(weights, rapid.SampledFrom([]float64{0, 0.5, 1, 3}).Draw(rt, "weight"))
			}
			s := sparse.NewSample(keys, sparse.ByEuclid, len(points))
			for i, v := range stored {
				s.Add(v, weights[i])
			}
			m.Run(s)
			want := plain(points, weights, k, random)
			for c, v := range m.Centers() {
				got := features{}
				for i, key := range v.Keys {
					got[keys.Name(key)] = v.Values[i]
				}
				if !maps.Equal(got, want[c]) {
					rt.Fatalf("centre %d is %v, want %v", c, got, want[c])
				}
			}
			for i, p := range points {
				c, _ := nearest(p, want)
				if got := m.Nearest(s.Row(i)); got != c {
					rt.Fatalf("%v is nearest to %d, want %d", p, got, c)
				}
			}
		}
	})
}

// Under the cosine distance the mean need not be the best centre: the run ends
// all the same.
func TestCosineEnds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := rapid.IntRange(1, 4).Draw(rt, "k")
		keys := sparse.NewKeys()
		var stored []sparse.Vector
		for range rapid.IntRange(k, 20).Draw(rt, "n") {
			var b sparse.Batch
			b.Add(features{"a": float64(rapid.IntRange(-2, 2).Draw(rt, "a")), "b": float64(rapid.IntRange(-2, 2).Draw(rt, "b"))})
			stored = append(stored, keys.Intern(&b, 0))
		}
		s := sparse.NewSample(keys, sparse.ByCosine, len(stored))
		for _, v := range stored {
			s.Add(v, 1)
		}
		m := New(k, sparse.ByCosine, 1)
		m.Run(s)
		if len(m.Centers()) != k {
			rt.Fatalf("%d centres", len(m.Centers()))
		}
	})
}

// blobs is a sample of n points of 16 numbers around 10 centres.
func blobs(n int) *sparse.Sample {
	keys, random := sparse.NewKeys(), mt19937.New(1)
	var stored []sparse.Vector
	for i := range n {
		var b sparse.Batch
		f := features{}
		for j := range 16 {
			f[string(rune('a'+j))] = random.Gauss() + float64(i%10*(j%3))
		}
		b.Add(f)
		stored = append(stored, keys.Intern(&b, 0))
	}
	s := sparse.NewSample(keys, sparse.ByEuclid, n)
	for _, v := range stored {
		s.Add(v, 1)
	}
	return s
}

func BenchmarkRun1000x16(b *testing.B) {
	s, m := blobs(1000), New(10, sparse.ByEuclid, 0)
	b.ReportAllocs()
	for b.Loop() {
		m.Run(s)
	}
}

func BenchmarkNearest16(b *testing.B) {
	s, m := blobs(1000), New(10, sparse.ByEuclid, 0)
	m.Run(s)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		m.Nearest(s.Row(i % 1000))
		i++
	}
}
