// Package coreset stands few weighted vectors for many, such that clusters
// come out about the same: coresets by Feldman, Faulkner and Krause (NIPS
// 2011). A rough solution is sampled first (bicriteria), then more vectors, by
// how much they matter to that solution. Distances are euclidean.
package coreset

import (
	"math"
	"slices"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/mt19937"
)

// Kind says for which method vectors are chosen.
type Kind uint8

// The kinds.
const (
	ForMeans    Kind = iota // k-means
	ForMixtures             // mixtures of normal distributions
)

// Member is a chosen vector.
type Member struct {
	Index  int // in the sample; it may be chosen several times
	Weight float64
}

// Compressor chooses vectors. Its generator goes on from call to call.
type Compressor struct {
	kind   Kind
	random *mt19937.Source
}

// New returns a compressor.
func New(kind Kind, seed uint32) *Compressor {
	return &Compressor{kind: kind, random: mt19937.New(seed)}
}

// Compress chooses size vectors of a sample that has more than that; base is
// how many are drawn at a time for the rough solution, between 1 and size. The
// sample must be by euclidean distance.
func (c *Compressor) Compress(s *sparse.Sample, base, size int) []Member {
	x := &compression{Compressor: c, sample: s}
	rough := x.bicriteria(base, size)
	var chosen []Member
	if len(rough) < size {
		chosen = x.draw(rough, size-len(rough))
	}
	return x.balance(chosen, rough[:min(len(rough), size-len(chosen))])
}

// compression is one call of Compress.
type compression struct {
	*Compressor
	sample *sparse.Sample
}

// fresh is a generator seeded by the compressor's.
func (x *compression) fresh() *mt19937.Source { return mt19937.New(x.random.Uint32()) }

// bicriteria draws vectors, drops those of the others that are near them, and
// begins again with what is left.
func (x *compression) bicriteria(base, size int) []int {
	n, b := float64(x.sample.Len()), float64(base)
	rate := max(0.1, (1-math.Exp(float64(b*(math.Log(b)-math.Log(n)))/float64(size)))/2)
	left := make([]candidate, x.sample.Len())
	for i := range left {
		left[i] = candidate{i, math.Inf(1)}
	}
	var rough []int
	for m := base; len(left) > 1 && len(rough) < size; {
		drawn := x.drawDistinct(left, m)
		m = len(drawn) // it never grows back
		targets := make([]sparse.Normed, len(drawn))
		for i, at := range drawn {
			rough = append(rough, left[at].index)
			targets[i] = x.sample.At(left[at].index)
		}
		for i := range left {
			_, d := sparse.ByEuclid.Nearest(x.sample.At(left[i].index), targets)
			if d < left[i].distance {
				left[i].distance = d
			}
		}
		keep := max(1, int(float64(float64(len(left))*rate)))
		farthestFirst(left, keep)
		left = left[:keep]
	}
	return rough
}

// drawDistinct draws m of the candidates by weight, and returns their places
// in the list, ascending, each once.
func (x *compression) drawDistinct(from []candidate, m int) []int {
	weights := make([]float64, len(from))
	for i, c := range from {
		weights[i] = x.sample.Weights[c.index]
	}
	d, random := mt19937.NewDiscrete(weights), x.fresh()
	drawn := make([]int, m)
	for i := range drawn {
		drawn[i] = d.Draw(random)
	}
	slices.Sort(drawn)
	return slices.Compact(drawn)
}

// draw draws vectors by how much they matter, and gives them weights that make
// up for it.
func (x *compression) draw(rough []int, n int) []Member {
	targets := x.targets(rough)
	scores := make([]float64, len(rough))
	nearest := make([]int, x.sample.Len())
	costs := make([]float64, x.sample.Len())
	cost, weight := 0.0, 0.0
	for i, w := range x.sample.Weights {
		at, d := sparse.ByEuclid.Nearest(x.sample.At(i), targets)
		nearest[i] = at
		costs[i] = float64(float64(d*d) * w)
		scores[at] += w
		cost += costs[i]
		weight += w
	}
	const smallest = 2.2250738585072014e-308 // the smallest normal number
	cost = max(cost, smallest)
	for i := range costs {
		share := costs[i] / cost
		if x.kind == ForMeans {
			costs[i] = math.Ceil(float64(weight*share)) + 1
		} else {
			costs[i] = math.Ceil(float64(weight * (5/scores[nearest[i]] + share)))
		}
	}
	masses := slices.Clone(costs)
	d, random := mt19937.NewDiscrete(costs), x.fresh()
	chosen := make([]Member, n)
	for i := range chosen {
		at := d.Draw(random)
		chance := masses[at] / d.Total()
		chosen[i] = Member{at, float64(x.sample.Weights[at] * (1 / float64(n) / chance))}
	}
	return chosen
}

// balance adds the rough solution to the chosen vectors, with the weights that
// are missing around each.
func (x *compression) balance(chosen []Member, rough []int) []Member {
	if len(rough) == 0 {
		return chosen
	}
	targets, weights := x.targets(rough), make([]float64, len(rough))
	nearest := func(index int) int {
		at, _ := sparse.ByEuclid.Nearest(x.sample.At(index), targets)
		return at
	}
	for _, m := range chosen {
		weights[nearest(m.Index)] -= m.Weight
	}
	for i, w := range x.sample.Weights {
		weights[nearest(i)] += w
	}
	for i, index := range rough {
		w := weights[i]
		if w < 0 {
			w = 0
		}
		chosen = append(chosen, Member{index, w})
	}
	return chosen
}

func (x *compression) targets(indices []int) []sparse.Normed {
	t := make([]sparse.Normed, len(indices))
	for i, index := range indices {
		t[i] = x.sample.At(index)
	}
	return t
}
