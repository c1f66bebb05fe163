package knn

import (
	"math"
	"math/bits"

	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/learner/storage/topk"
)

// Rankings keeps for rows of an index which rows are nearest to them. When a
// row is added, one search brings all of them up to date, for who asks for
// those of many rows again and again. What they hold is what NearestOf answers,
// to the bit: distances are the same from both sides. They need the index
// alone.
type Rankings struct {
	index *Index
	limit int

	// By row. Lists lie one after another, limit places each.
	items  []entry
	sizes  []int32
	bounds []float64 // from which distance on nothing new is listed; below 0 if there is no list, NaN if it has room

	distances []float64 // from the row that was added
	shares    []float64 // distances by the number of bits that differ
	top       topk.Smallest[float64]
	query     Signature
	missing   []int
	found     Lists
}

// entry is a Neighbor in less memory.
type entry struct {
	distance float64
	row      uint32
}

// NewRankings returns rankings of at most limit rows, at least 1.
func NewRankings(x *Index, limit int) *Rankings {
	k := &Rankings{index: x, limit: limit}
	if x.method != euclid {
		for h := range x.bits + 1 {
			k.shares = append(k.shares, float64(h)/float64(x.bits))
		}
	}
	return k
}

// Invalidate forgets all rankings: anything may have changed.
func (k *Rankings) Invalidate() {
	k.items, k.sizes, k.bounds = k.items[:0], k.sizes[:0], k.bounds[:0]
}

// grow makes room for all rows.
func (k *Rankings) grow() {
	for len(k.sizes) < k.index.table.Len() {
		for range k.limit {
			k.items = append(k.items, entry{})
		}
		k.sizes = append(k.sizes, 0)
		k.bounds = append(k.bounds, -1)
	}
}

func (k *Rankings) list(row int) []entry {
	return k.items[row*k.limit:][:k.sizes[row]:k.limit]
}

// Deleted takes into account that a row has been deleted, and that the last
// one, which may be the same, has taken its number.
func (k *Rankings) Deleted(row, last int) {
	if len(k.sizes) != last+1 {
		k.Invalidate()
		return
	}
	k.items, k.sizes, k.bounds = k.items[:last*k.limit], k.sizes[:last], k.bounds[:last]
	if row != last {
		// The row that has moved is in front of others now that are as far.
		k.bounds[row] = -1
		k.index.Of(row, &k.query)
		k.measure()
		for other, d := range k.distances {
			if !(d > k.bounds[other]) {
				k.bounds[other] = -1
			}
		}
	}
	for other, bound := range k.bounds {
		if bound < 0 {
			continue
		}
		for _, e := range k.list(other) {
			if int(e.row) == row || int(e.row) == last {
				k.bounds[other] = -1
				break
			}
		}
	}
}

// Changed takes a row into account that has just been set, and returns at most
// limit rows that are nearest to it, in dst if there is room. Rankings survive
// if the row is new.
func (k *Rankings) Changed(row, limit int, dst []Neighbor) []Neighbor {
	fresh := row == len(k.sizes)
	if !fresh {
		k.Invalidate()
	}
	k.grow()
	k.index.Of(row, &k.query)
	k.measure()
	dst = k.nearest(limit, dst)
	if fresh {
		k.enter(uint32(row))
	}
	if limit >= k.limit {
		k.keep(row, dst[:min(k.limit, len(dst))])
	}
	return dst
}

// measure computes the distances of all rows from k.query.
func (k *Rankings) measure() {
	x, n := k.index, k.index.table.Len()
	if cap(k.distances) < n {
		k.distances = make([]float64, n+n/4)
	}
	k.distances = k.distances[:n]
	words, w := x.table.Words(0), signature.Words(x.bits)
	hamming := func(row int) int {
		if w == 1 {
			return bits.OnesCount64(words[row] ^ k.query.words[0])
		}
		return signature.Hamming(k.query.words, words[row*w:row*w+w])
	}
	if x.method != euclid {
		for row := range k.distances {
			k.distances[row] = k.shares[hamming(row)]
		}
		return
	}
	norms := x.table.Doubles(1)
	square, twice := float64(k.query.norm*k.query.norm), 2*k.query.norm
	for row := range k.distances {
		norm := norms[row]
		h := hamming(row)
		if h == 0 {
			k.distances[row] = math.Abs(k.query.norm - norm)
			continue
		}
		k.distances[row] = math.Sqrt((square + float64(norm*norm)) - float64(float64(twice*norm)*x.cosines.At(h)))
	}
}

func (k *Rankings) nearest(limit int, dst []Neighbor) []Neighbor {
	dst = dst[:0]
	limit = min(limit, len(k.distances))
	if limit <= 0 {
		return dst
	}
	k.top.Reset(limit)
	bound := math.NaN()
	for row, d := range k.distances {
		if d >= bound {
			continue
		}
		if k.top.Add(d, uint32(row)) {
			if last, full := k.top.Last(); full {
				bound = last.X
			}
		}
	}
	for _, item := range k.top.Sorted() {
		dst = append(dst, Neighbor{int(item.Row), item.X})
	}
	return dst
}

// enter puts the new row, which is the last, into the rankings to which it
// belongs.
func (k *Rankings) enter(row uint32) {
	for other, d := range k.distances[:len(k.bounds)] {
		if d >= k.bounds[other] {
			continue
		}
		if d != d { // not to be kept in order
			k.bounds[other] = -1
			continue
		}
		k.insert(other, entry{d, row})
	}
}

// insert puts the last row into a ranking, behind those that are as far.
func (k *Rankings) insert(other int, e entry) {
	list := k.list(other)
	at := len(list)
	for at > 0 && list[at-1].distance > e.distance {
		at--
	}
	if len(list) < k.limit {
		list = append(list, e)
		k.sizes[other]++
	}
	copy(list[at+1:], list[at:])
	list[at] = e
	if len(list) == k.limit {
		k.bounds[other] = list[k.limit-1].distance
	}
}

// keep keeps the ranking of a row, unless there is a distance in it that
// cannot be kept in order.
func (k *Rankings) keep(row int, list []Neighbor) {
	k.sizes[row] = int32(len(list))
	k.bounds[row] = math.NaN()
	for i, n := range list {
		k.items[row*k.limit+i] = entry{n.Distance, uint32(n.Row)}
		if n.Distance != n.Distance {
			k.bounds[row] = -1
			return
		}
	}
	if len(list) == k.limit {
		k.bounds[row] = list[k.limit-1].Distance
	}
}

// Of ranks what is nearest to each of several rows: list i is that of rows[i].
func (k *Rankings) Of(rows []int, lists *Lists) {
	k.grow()
	k.missing = k.missing[:0]
	for _, row := range rows {
		if k.bounds[row] < 0 {
			k.missing = append(k.missing, row)
		}
	}
	k.index.NearestOf(k.missing, k.limit, &k.found)
	lists.Reset()
	next := 0
	for _, row := range rows {
		if k.bounds[row] < 0 {
			list := k.found.At(next)
			next++
			lists.Append(list)
			continue
		}
		for _, e := range k.list(row) {
			lists.items = append(lists.items, Neighbor{int(e.row), e.distance})
		}
		lists.ends = append(lists.ends, len(lists.items))
	}
	for i, row := range k.missing {
		k.keep(row, k.found.At(i))
	}
}
