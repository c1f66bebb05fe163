package knn

import (
	"math"
	"math/bits"
	"runtime"
	"sync"

	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/learner/storage/topk"
)

// search is the memory of one search.
type search struct {
	hamming []topk.Smallest[uint32]
	euclid  []topk.Smallest[float64]
}

// worthSplitting is how many words a part of a table must have to be worth a
// processor of its own.
const worthSplitting = 1 << 18

// parts is in how many parts a table is searched at a time. The result does
// not depend on it.
func (x *Index) parts() int {
	n := min(x.threads, runtime.GOMAXPROCS(0), len(x.table.Words(0))/worthSplitting)
	return max(n, 1)
}

// split calls search for so many parts of the table, the last in this
// goroutine, and returns when all have ended.
func (x *Index) split(parts int, search func(part, from, to int)) {
	n := x.table.Len()
	var others sync.WaitGroup
	for p := range parts - 1 {
		others.Go(func() { search(p, n*p/parts, n*(p+1)/parts) })
	}
	search(parts-1, n*(parts-1)/parts, n)
	others.Wait()
}

// nearestHamming ranks by the share of bits that differ.
func (x *Index) nearestHamming(q *search, s *Signature, limit int, dst []Neighbor) []Neighbor {
	words, w := x.table.Words(0), len(s.words)
	parts := x.parts()
	tops := reset(&q.hamming, parts, limit)
	if parts == 1 {
		signature.Scan(words, s.words, 0, &tops[0])
	} else {
		x.split(parts, func(part, from, to int) {
			signature.Scan(words[from*w:to*w], s.words, uint32(from), &tops[part])
		})
	}
	for _, item := range merge(tops) {
		dst = append(dst, Neighbor{int(item.Row), float64(item.X) / float64(x.bits)})
	}
	return dst
}

// nearestEuclid ranks by the estimate of the Euclidean distance.
func (x *Index) nearestEuclid(q *search, s *Signature, limit int, dst []Neighbor) []Neighbor {
	parts := x.parts()
	tops := reset(&q.euclid, parts, limit)
	if parts == 1 {
		x.scanEuclid(s, 0, x.table.Len(), &tops[0])
	} else {
		x.split(parts, func(part, from, to int) { x.scanEuclid(s, from, to, &tops[part]) })
	}
	for _, item := range merge(tops) {
		dst = append(dst, Neighbor{int(item.Row), item.X})
	}
	return dst
}

// reset readies so many selections.
func reset[X uint32 | float64](tops *[]topk.Smallest[X], parts, limit int) []topk.Smallest[X] {
	for len(*tops) < parts {
		*tops = append(*tops, topk.Smallest[X]{})
	}
	t := (*tops)[:parts]
	for i := range t {
		t[i].Reset(limit)
	}
	return t
}

// merge makes one selection of those of all parts.
func merge[X uint32 | float64](tops []topk.Smallest[X]) []topk.Item[X] {
	for i := range tops[1:] {
		for _, item := range tops[i+1].Sorted() {
			tops[0].Add(item.X, item.Row)
		}
	}
	return tops[0].Sorted()
}

// scanEuclid adds rows to a selection.
func (x *Index) scanEuclid(s *Signature, from, to int, top *topk.Smallest[float64]) {
	if len(s.words) == 1 {
		x.scanEuclid1(s, from, to, top)
		return
	}
	norms := x.table.Doubles(1)[from:to]
	square, twice := float64(s.norm*s.norm), 2*s.norm
	cosines := x.cosines.Table()
	w := len(s.words)
	words := x.table.Words(0)[from*w : to*w]
	bound := squareBound(top) // on the square of the distance
	for i, norm := range norms {
		h := 0
		if w == 2 {
			h = bits.OnesCount64(s.words[0]^words[2*i]) + bits.OnesCount64(s.words[1]^words[2*i+1])
		} else {
			h = signature.Hamming(s.words, words[i*w:i*w+w])
		}
		var distance float64
		if h == 0 {
			distance = math.Abs(s.norm - norm)
		} else {
			var cos float64
			if h < len(cosines) {
				cos = cosines[h]
			} else {
				cos = x.cosines.At(h)
			}
			d2 := (square + float64(norm*norm)) - float64(float64(twice*norm)*cos)
			if d2 > bound {
				continue
			}
			distance = math.Sqrt(d2)
		}
		if top.Add(distance, uint32(from+i)) {
			bound = squareBound(top)
		}
	}
}

// scanEuclid1 is scanEuclid for signatures of one word.
func (x *Index) scanEuclid1(s *Signature, from, to int, top *topk.Smallest[float64]) {
	norms := x.table.Doubles(1)[from:to]
	words := x.table.Words(0)[from:to]
	words = words[:len(norms)]
	word, square, twice := s.words[0], float64(s.norm*s.norm), 2*s.norm
	var cosines [128]float64 // of which the compiler knows that all are there
	copy(cosines[:], x.cosines.Table())
	bound := squareBound(top)
	for i, norm := range norms {
		h := bits.OnesCount64(word ^ words[i])
		d2 := (square + float64(norm*norm)) - float64(float64(twice*norm)*cosines[h&127])
		if d2 > bound && h != 0 {
			continue
		}
		distance := math.Abs(s.norm - norm)
		if h != 0 {
			distance = math.Sqrt(d2)
		}
		if top.Add(distance, uint32(from+i)) {
			bound = squareBound(top)
		}
	}
}

// squareBound is above which square of a distance no row can be selected.
func squareBound(top *topk.Smallest[float64]) float64 {
	last, full := top.Last()
	if !full || last.X != last.X {
		return math.Inf(1)
	}
	return float64(last.X*last.X) * (1 + 1e-15)
}
