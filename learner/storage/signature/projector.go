package signature

import (
	"math"
	"sync"

	"github.com/jubatus/jubatus-go/learner/fv"
)

// Projector projects vectors on n random directions. The component of a
// feature in each is a normal deviate that depends on nothing but its key.
// A Projector is safe for concurrent use.
type Projector struct {
	n       int
	threads int
	cache   *cache
	scratch sync.Pool // of *[]float32, n long
}

// NewProjector returns a projector on n directions, at least 1. With more than
// one thread it sums up the features in so many blocks, one after another:
// that changes the last bits of the sums and nothing else.
func NewProjector(n, threads int) *Projector { return NewProjectorCache(n, threads, 0) }

// NewProjectorCache is NewProjector for one that remembers the deviates of at
// least so many features. It remembers as many as little memory holds anyway.
func NewProjectorCache(n, threads, features int) *Projector {
	p := &Projector{n: n, threads: threads, cache: newCache(n, features)}
	p.scratch.New = func() any { s := make([]float32, n); return &s }
	return p
}

// Len is the number of directions.
func (p *Projector) Len() int { return p.n }

// Project returns the projections of a vector, in dst if there is room. The
// features are added in their order, in single precision.
func (p *Projector) Project(v *fv.Vector, dst []float32) []float32 {
	dst = resize(dst, p.n)
	size := v.Len()
	if p.threads > 1 {
		size = int(math.Ceil(float64(float32(v.Len()) / float32(p.threads))))
	}
	if size >= v.Len() {
		p.sum(v, 0, v.Len(), dst)
		return dst
	}
	block := p.scratch.Get().(*[]float32)
	defer p.scratch.Put(block)
	for from := 0; from < v.Len(); from += size {
		clear(*block)
		p.sum(v, from, min(from+size, v.Len()), *block)
		for j, x := range *block {
			dst[j] += x
		}
	}
	return dst
}

// sum adds the features from one up to another to the projections.
func (p *Projector) sum(v *fv.Vector, from, to int, dst []float32) {
	i := from
	for ; i+4 <= to; i += 4 {
		add4(dst,
			p.deviates(v, i), p.deviates(v, i+1), p.deviates(v, i+2), p.deviates(v, i+3),
			float32(v.Value(i)), float32(v.Value(i+1)), float32(v.Value(i+2)), float32(v.Value(i+3)))
	}
	for ; i < to; i++ {
		g, x := p.deviates(v, i)[:len(dst)], float32(v.Value(i))
		for j := range dst {
			dst[j] += float32(x * g[j])
		}
	}
}

// add4 adds four features, each projection in the order of the features.
func add4(dst, g0, g1, g2, g3 []float32, x0, x1, x2, x3 float32) {
	g0, g1, g2, g3 = g0[:len(dst)], g1[:len(dst)], g2[:len(dst)], g3[:len(dst)]
	for j, p := range dst {
		p += float32(x0 * g0[j])
		p += float32(x1 * g1[j])
		p += float32(x2 * g2[j])
		dst[j] = p + float32(x3*g3[j])
	}
}

func (p *Projector) deviates(v *fv.Vector, i int) []float32 {
	return p.cache.get(uint32(Hash(v.Key(i))))
}

// LSH returns the signature of a vector, in dst if there is room: bit j tells
// whether projection j is positive. The share of bits in which two signatures
// differ estimates the angle between the vectors.
func (p *Projector) LSH(v *fv.Vector, dst []uint64) []uint64 {
	projected := p.scratch.Get().(*[]float32)
	defer p.scratch.Put(projected)
	return Signs(p.Project(v, *projected), dst)
}

// Signs returns which numbers are positive, in dst if there is room.
func Signs(numbers []float32, dst []uint64) []uint64 {
	dst = resize(dst, Words(len(numbers)))
	for w := range dst {
		var word uint64
		for j, x := range numbers[64*w : min(64*w+64, len(numbers))] {
			if x > 0 {
				word |= 1 << j
			}
		}
		dst[w] = word
	}
	return dst
}

// resize returns n zeros, in s if there is room.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}
