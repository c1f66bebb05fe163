package sparse

import (
	"math"
	"slices"
)

// Sample is a list of weighted vectors, ready to be computed with: located,
// with their values side by side.
type Sample struct {
	Weights []float64

	metric Metric
	starts []int
	places []uint32
	values []float64
	norms  []float64 // for metrics that need them
	width  int       // of the vectors, if all have the same features; else -1
	keys   *Keys
}

// NewSample ranks the keys and returns a sample without vectors, with room for
// n.
func NewSample(k *Keys, m Metric, n int) *Sample {
	k.Rank()
	s := &Sample{Weights: make([]float64, 0, n), metric: m, starts: make([]int, 1, n+1), keys: k}
	if m == ByCosine {
		s.norms = make([]float64, 0, n)
	}
	return s
}

// Add adds a vector of the keys.
func (s *Sample) Add(v Vector, weight float64) {
	n := len(s.Weights)
	start := len(s.values)
	s.values = append(s.values, v.Values...)
	switch {
	case n == 0:
		s.width = len(v.Keys)
		s.locate(v)
	case s.width >= 0 && s.sameAsFirst(v):
	case s.width >= 0:
		s.unshare(n)
		fallthrough
	default:
		s.locate(v)
	}
	s.starts = append(s.starts, len(s.values))
	s.Weights = append(s.Weights, weight)
	if s.metric == ByCosine {
		s.norms = append(s.norms, Row{Values: s.values[start:]}.Norm())
	}
}

func (s *Sample) locate(v Vector) {
	for _, id := range v.Keys {
		s.places = append(s.places, s.keys.places[id])
	}
}

// sameAsFirst reports whether the vector has the features that all have had.
func (s *Sample) sameAsFirst(v Vector) bool {
	if len(v.Keys) != s.width {
		return false
	}
	for i, id := range v.Keys {
		if s.keys.places[id] != s.places[i] {
			return false
		}
	}
	return true
}

// unshare gives each of n vectors places of its own.
func (s *Sample) unshare(n int) {
	shared := slices.Clone(s.places)
	for range n - 1 {
		s.places = append(s.places, shared...)
	}
	s.width = -1
}

// Len is the number of vectors.
func (s *Sample) Len() int { return len(s.Weights) }

// Metric is what the sample was made for.
func (s *Sample) Metric() Metric { return s.metric }

// Keys is the numbering of the features.
func (s *Sample) Keys() *Keys { return s.keys }

// Dense reports whether all vectors have the same features.
func (s *Sample) Dense() bool { return s.width >= 0 }

// Row is vector i.
func (s *Sample) Row(i int) Row {
	from, to := s.starts[i], s.starts[i+1]
	if s.width >= 0 {
		return Row{Places: s.places[:s.width:s.width], Values: s.values[from:to:to]}
	}
	return Row{Places: s.places[from:to:to], Values: s.values[from:to:to]}
}

// At is vector i, ready for Distance.
func (s *Sample) At(i int) Normed {
	n := Normed{Row: s.Row(i)}
	if s.metric == ByCosine {
		n.norm = s.norms[i]
	}
	return n
}

// Distance is the distance of vector i from vector j.
func (s *Sample) Distance(i, j int) float64 { return s.metric.Distance(s.At(i), s.At(j)) }

// Vector returns a row of the sample's ranking as a vector of the keys; it
// keeps the row's values.
func (s *Sample) Vector(r Row) Vector {
	keys := make([]uint32, len(r.Places))
	for i, place := range r.Places {
		keys[i] = s.keys.order[place/2]
	}
	return Vector{Keys: keys, Values: r.Values}
}

// Within appends the indices of the vectors that are nearer than eps to vector
// i, ascending; itself is among them.
func (s *Sample) Within(i int, eps float64, to []int32) []int32 {
	center := s.At(i)
	if s.metric == ByEuclid && s.width >= 0 {
		return s.withinDense(center.Values, eps, to)
	}
	for j := range s.Len() {
		if s.metric.Distance(s.At(j), center) < eps {
			to = append(to, int32(j))
		}
	}
	return to
}

func (s *Sample) withinDense(center []float64, eps float64, to []int32) []int32 {
	// A sum beyond the limit has a root that is too large, however it is
	// rounded; the root of others decides.
	limit := max(float64(eps*eps), 1e-300) * (1 + 1e-9)
	width := len(center)
	for j, start := range s.starts[:s.Len()] {
		sum := 0.0
		for i, x := range s.values[start : start+width] {
			d := x - center[i]
			sum += float64(d * d)
		}
		if sum <= limit && math.Sqrt(sum) < eps {
			to = append(to, int32(j))
		}
	}
	return to
}
