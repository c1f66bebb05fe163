// Package gmm fits a mixture of k normal distributions to weighted vectors by
// expectation maximisation (Dempster, Laird and Rubin, Journal of the Royal
// Statistical Society B 39(1), 1977). All components are taken to be equally
// likely, and their covariances are kept from collapsing.
package gmm

import (
	"errors"
	"math"

	"github.com/jubatus/jubatus-go/learner/clustering/sparse"
	"github.com/jubatus/jubatus-go/learner/mt19937"
)

const (
	// still is by how much means may move that stay where they are.
	still = 1e-9
	// maxRounds bounds the iteration.
	maxRounds = 100_000
	// ridge is added to every variance.
	ridge = 0.1
	// maxCells bounds the memory of the covariances, and with it the time
	// that a run takes.
	maxCells = 1 << 24
)

// ErrTooLarge says that the vectors have more features than k covariances can
// be kept for.
var ErrTooLarge = errors.New("too many different features for gmm")

// GMM is the method and the mixture that it fitted last.
type GMM struct {
	k      int
	seed   uint32
	random *mt19937.Source

	dims  []uint32 // the feature of every dimension, in the order of appearance
	index []int32  // the dimension of every feature, -1 for none
	kept  []int32  // the dimensions that the vectors had values of
	parts []component
}

// New returns the method without a mixture. It is to have k components, at
// least one.
func New(k int, seed uint32) *GMM {
	return &GMM{k: k, seed: seed, random: mt19937.New(seed)}
}

// Reset forgets the mixture, and starts the generator anew.
func (g *GMM) Reset() {
	g.random.Seed(g.seed)
	g.dims, g.index, g.kept, g.parts = nil, nil, nil, nil
}

// Run fits the mixture anew. If that would take too much memory it stays as it
// is, and the error is ErrTooLarge.
func (g *GMM) Run(s *sparse.Sample) error {
	if s.Len() == 0 {
		g.Reset()
		return nil
	}
	p := place(s)
	const fixed = 16 // the numbers of a component without dimensions
	if d := len(p.dims); g.k > maxCells/(d*d+fixed) {
		return ErrTooLarge
	}
	parts := make([]component, g.k)
	for c := range parts {
		parts[c] = newComponent(len(p.dims))
		parts[c].start(p.vectors[g.random.IntRange(0, max(s.Len()-1, 0))])
	}
	g.dims, g.index, g.kept, g.parts = p.dims, p.index, p.kept, parts
	g.fit(p.vectors, s.Weights)
	return nil
}

// fit repeats expectation and maximisation until the means stand still, or
// the mixture is one that has been there before.
func (g *GMM) fit(vectors []vector, weights []float64) {
	var q Query
	q.fit(g)
	next := make([]component, len(g.parts))
	for c := range next {
		next[c] = newComponent(len(g.dims))
	}
	seen := map[uint64]struct{}{}
	for range maxRounds {
		for c := range next {
			next[c].clear()
		}
		for i, v := range vectors {
			q.responsibilities(g.parts, v)
			for c, r := range q.probs {
				next[c].add(v, weights[i]*r)
			}
		}
		moved := 0.0
		for c := range next {
			next[c].finish()
			// A distance that is no number counts for none.
			if d := next[c].distance(&g.parts[c]); d > moved {
				moved = d
			}
		}
		g.parts, next = next, g.parts
		if moved < still {
			return
		}
		h := hash(g.parts)
		if _, ok := seen[h]; ok {
			return
		}
		seen[h] = struct{}{}
	}
}

func hash(parts []component) uint64 {
	h := uint64(14695981039346656037)
	for c := range parts {
		for _, xs := range [][]float64{parts[c].mean, parts[c].factor.cells} {
			for _, x := range xs {
				b := math.Float64bits(x)
				h = (h ^ b ^ h>>29) * 0x9e3779b97f4a7c15
			}
		}
	}
	return h
}

// Performed reports whether there is a mixture.
func (g *GMM) Performed() bool { return g.parts != nil }

// Len is the number of components of the mixture.
func (g *GMM) Len() int { return len(g.parts) }

// Mean is the mean of a component, its features in the order in which they
// appeared.
func (g *GMM) Mean(c int) sparse.Vector {
	v := sparse.Vector{Keys: make([]uint32, len(g.kept)), Values: make([]float64, len(g.kept))}
	for i, dim := range g.kept {
		v.Keys[i], v.Values[i] = g.dims[dim], g.parts[c].mean[dim]
	}
	return v
}

// Query is memory for asking a mixture.
type Query struct {
	v     vector
	probs []float64 // of every component
	rest  []float64 // a number for every dimension
}

// fit makes the memory as large as the mixture needs it.
func (q *Query) fit(g *GMM) {
	if len(q.probs) != len(g.parts) || len(q.rest) != len(g.dims) {
		q.probs, q.rest = make([]float64, len(g.parts)), make([]float64, len(g.dims))
	}
}

// responsibilities finds the probabilities that v is of each component.
func (q *Query) responsibilities(parts []component, v vector) {
	total, first := math.NaN(), true
	for c := range parts {
		p := parts[c].logDensity(v, q.rest)
		q.probs[c] = p
		switch {
		case p != p:
			// A component without members is none.
		case first:
			total, first = p, false
		default:
			low, high := min(total, p), max(total, p)
			total = high
			if !math.IsInf(high, 0) {
				total += math.Log(1 + math.Exp(low-high))
			}
		}
	}
	for c, p := range q.probs {
		q.probs[c] = math.Exp(p - total)
	}
}

// Nearest is the index of the component that a vector most probably is of; 0
// if it is none's. Features that the mixture does not know do not count. There
// must be a mixture. It changes nothing but the query.
func (g *GMM) Nearest(v sparse.Vector, q *Query) int {
	q.v = q.v[:0]
	for i, key := range v.Keys {
		if int(key) < len(g.index) && g.index[key] >= 0 {
			q.v = append(q.v, cell{g.index[key], v.Values[i]})
		}
	}
	q.fit(g)
	q.responsibilities(g.parts, q.v)
	best, most := 0, 0.0
	for c, p := range q.probs {
		if p > most {
			best, most = c, p
		}
	}
	return best
}

// Rekey follows the features to another numbering.
func (g *GMM) Rekey(from, to *sparse.Keys) {
	g.dims = to.Adopt(sparse.Vector{Keys: g.dims}, from).Keys
	g.index = make([]int32, to.Len())
	for i := range g.index {
		g.index[i] = -1
	}
	for dim, key := range g.dims {
		g.index[key] = int32(dim)
	}
}
