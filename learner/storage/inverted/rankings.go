package inverted

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/fv"
)

// Rankings keeps for rows of an index which rows are nearest to them, by their
// Euclidean distance. When a row is added, one search brings all of them up to
// date, for who asks for those of many rows again and again. What they hold is
// what Euclid answers, to the bit. They need the index alone.
//
// Only those of rows are kept which are searched for by all that they have:
// then a product is the same from both sides.
type Rankings struct {
	index  *Index
	limit  int
	vector func(id string, v *fv.Vector)

	// By row. Lists lie one after another, limit places each.
	items   []Neighbor
	sizes   []int32
	bounds  []float64 // above which square of a distance nothing is listed; below 0 if there is no list
	squares []float64 // squared lengths as of the vector that is searched for

	query  fv.Vector
	search search // of the row that was added
}

// NewRankings returns rankings of at most limit rows. vector fills in what a
// row is searched for by.
func NewRankings(x *Index, limit int, vector func(id string, v *fv.Vector)) *Rankings {
	return &Rankings{index: x, limit: limit, vector: vector}
}

// Find returns the number of the row of an id, if there is one.
func (k *Rankings) Find(id []byte) (row int, ok bool) { return k.index.Find(id) }

// Invalidate forgets all rankings: anything may have changed.
func (k *Rankings) Invalidate() {
	k.items, k.sizes, k.bounds, k.squares = k.items[:0], k.sizes[:0], k.bounds[:0], k.squares[:0]
}

// grow makes room for all rows.
func (k *Rankings) grow() {
	for len(k.sizes) < len(k.index.norms) {
		for range k.limit {
			k.items = append(k.items, Neighbor{})
		}
		k.sizes = append(k.sizes, 0)
		k.bounds = append(k.bounds, -1)
		k.squares = append(k.squares, 0)
	}
}

func (k *Rankings) list(row int) []Neighbor {
	return k.items[row*k.limit:][:k.sizes[row]:k.limit]
}

// Removed takes a row into account that is about to be removed.
func (k *Rankings) Removed(id []byte) {
	number, ok := k.index.rows.Find(id)
	if !ok || int(number) >= len(k.sizes) {
		return
	}
	row := int(number)
	k.bounds[row] = -1
	for other, bound := range k.bounds {
		if bound < 0 {
			continue
		}
		for _, n := range k.list(other) {
			if n.Row == row {
				k.bounds[other] = -1
				break
			}
		}
	}
}

// Changed takes a row into account that has just been set, and returns at most
// limit rows that are nearest to it, in dst if there is room. Rankings survive
// if the row is new. There must be such a row.
func (k *Rankings) Changed(row, limit int, dst []Neighbor) []Neighbor {
	x := k.index
	if row < len(k.sizes) {
		k.Invalidate()
	}
	fresh := row >= len(k.sizes) && row == len(x.norms)-1
	k.grow()
	k.vector(x.ID(row), &k.query)
	k.products()
	dst = x.nearest(&k.search, limit, dst)
	whole := k.whole(row)
	switch {
	case fresh && whole:
		k.enter(row)
	case fresh:
		k.Invalidate()
		k.grow()
	}
	if whole && limit >= k.limit {
		k.keep(row, dst[:min(k.limit, len(dst))])
	}
	return dst
}

// products multiplies all rows with k.query.
func (k *Rankings) products() {
	k.index.look(&k.search, &k.query)
	k.index.products(&k.search)
	k.search.forget()
}

// enter puts a new row into the rankings to which it belongs.
func (k *Rankings) enter(row int) {
	norm, dots := k.index.norms[row], k.search.dots[:len(k.bounds)]
	squares := k.squares[:len(k.bounds)]
	for other, bound := range k.bounds {
		if bound < 0 {
			continue
		}
		if d2 := (squares[other] + norm) - 2*dots[other]; !(d2 > bound) {
			k.insert(other, Neighbor{row, math.Sqrt(clip(d2))})
		}
	}
}

// insert puts the newest row into a ranking, before those that are as far.
func (k *Rankings) insert(other int, n Neighbor) {
	list := k.list(other)
	at := len(list)
	for at > 0 && !(list[at-1].Score < n.Score) {
		at--
	}
	if at == k.limit {
		return
	}
	if len(list) < k.limit {
		list = append(list, n)
		k.sizes[other]++
	}
	copy(list[at+1:], list[at:])
	list[at] = n
	k.bounds[other] = k.bound(list)
}

// whole reports whether k.query is all that a row has.
func (k *Rankings) whole(row int) bool {
	x := k.index
	if k.query.Len() != int(x.infos[row].live) {
		return false
	}
	for i := range k.query.Len() {
		f, ok := x.features.Find(k.query.Key(i))
		if !ok {
			return false
		}
		l := &x.postings[f]
		if at := l.find(uint32(row)); at < 0 || !l.live(at) || l.values[at] != k.query.Value(i) {
			return false
		}
	}
	return true
}

// keep keeps the ranking of a row.
func (k *Rankings) keep(row int, list []Neighbor) {
	k.sizes[row] = int32(copy(k.items[row*k.limit:][:k.limit], list))
	k.bounds[row] = k.bound(list)
	k.squares[row] = k.search.square
	for _, n := range list {
		if n.Score != n.Score { // not to be kept in order
			k.bounds[row] = -1
		}
	}
}

func (k *Rankings) bound(list []Neighbor) float64 {
	if len(list) < k.limit {
		return math.Inf(1)
	}
	last := list[len(list)-1].Score
	return float64(last*last) * (1 + 1e-14)
}

// Of returns the rows that are nearest to a row, valid until the next change.
func (k *Rankings) Of(row int) []Neighbor {
	k.grow()
	if k.bounds[row] < 0 {
		x := k.index
		k.vector(x.ID(row), &k.query)
		k.products()
		list := k.items[row*k.limit:][:0:k.limit]
		k.keep(row, x.nearest(&k.search, k.limit, list))
		if !k.whole(row) {
			k.bounds[row] = -1
		}
	}
	return k.list(row)
}
