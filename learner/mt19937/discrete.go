package mt19937

import "sort"

// Discrete draws indices with given probabilities.
type Discrete struct{ sums []float64 }

// NewDiscrete returns the distribution in which the probability of an index is
// its share of the weights, which must not be negative. It keeps the slice and
// writes their running sums into it. There must be at least one.
func NewDiscrete(weights []float64) Discrete {
	sum := 0.0
	for i, w := range weights {
		sum += w
		weights[i] = sum
	}
	return Discrete{weights}
}

// Total is the sum of the weights.
func (d Discrete) Total() float64 { return d.sums[len(d.sums)-1] }

// Draw returns an index, made of two outputs: the first whose running sum
// reaches the share of the total that was drawn, the last if none does.
func (d Discrete) Draw(s *Source) int {
	x := float64(s.Float64() * d.Total())
	i := sort.Search(len(d.sums), func(i int) bool { return d.sums[i] >= x })
	return min(i, len(d.sums)-1)
}
