package lshindex

import (
	"math"

	"github.com/jubatus/jubatus-go/learner/storage/signature"
	"github.com/jubatus/jubatus-go/learner/storage/topk"
)

// Neighbor is a row and its similarity.
type Neighbor struct {
	Row   int
	Score float64
}

// search is the memory of one search.
type search struct {
	record []uint64  // of what is searched for
	base   []int32   // its bins, by hash function
	rest   []float32 // how far it is from the lower end of each
	probes probes

	marks []uint32 // by row, whether it was found in this epoch
	epoch uint32
	found []uint32
	top   topk.Smallest[float64]
	turn  uint64 // equally far rows come in the order of their numbers modulo this
}

// turns are how many places a hash table of the TR1 C++ library has, out of
// which the original takes rows that are equally far, if there are not many.
var turns = [...]int{11, 23, 47, 97}

func turn(found int) uint64 {
	for _, n := range turns {
		if found <= n {
			return uint64(n)
		}
	}
	return math.MaxUint64
}

func (x *Index) borrow() *search {
	if q, ok := x.searches.Get().(*search); ok {
		return q
	}
	q := &search{}
	q.top.Tie = func(a, b uint32) bool {
		// Serial numbers begin at 1.
		m, n := x.Serial(int(a))-1, x.Serial(int(b))-1
		if i, j := m%q.turn, n%q.turn; i != j {
			return i < j
		}
		return m > n
	}
	return q
}

// Similar returns at most limit rows by how far they are estimated to be from
// a vector: the nearest first, and those equally far in an order that does not
// change. Their similarity is the distance's negative. Only rows are seen that
// lie in the buckets of the vector, table by table, or, if those are less than
// the limit, in some more that are close by. The result is in dst if there is
// room.
func (x *Index) Similar(s *Signature, limit int, dst []Neighbor) []Neighbor {
	dst = dst[:0]
	limit = min(limit, x.Len())
	if limit <= 0 {
		return dst
	}
	q := x.borrow()
	defer x.searches.Put(q)
	x.place(q, s)
	x.start(q)
	if !x.collectOwn(q, limit) {
		q.probes.start(q.rest, x.options.Hashes)
		for range x.options.Probes {
			key, table, ok := q.probes.next(q.base)
			if !ok || x.collect(q, bucketOf(key, table), limit) {
				break
			}
		}
	}
	return x.rank(q, limit, dst)
}

// SimilarTo is Similar for what a row is. It sees only the row's own buckets.
func (x *Index) SimilarTo(row, limit int, dst []Neighbor) []Neighbor {
	dst = dst[:0]
	limit = min(limit, x.Len())
	if limit <= 0 {
		return dst
	}
	q := x.borrow()
	defer x.searches.Put(q)
	q.record = append(q.record[:0], x.Record(row)...)
	x.start(q)
	x.collectOwn(q, limit)
	return x.rank(q, limit, dst)
}

// start makes the set of found rows empty.
func (x *Index) start(q *search) {
	q.found = q.found[:0]
	if n := x.Len(); len(q.marks) < n {
		q.marks = append(q.marks, make([]uint32, n-len(q.marks))...)
	}
	if q.epoch++; q.epoch == 0 {
		clear(q.marks)
		q.epoch = 1
	}
}

// collectOwn finds the rows in the record's buckets, table by table, and
// reports whether there were enough.
func (x *Index) collectOwn(q *search, limit int) bool {
	for _, bucket := range x.layout().buckets(q.record) {
		if x.collect(q, bucket, limit) {
			return true
		}
	}
	return false
}

// collect finds the rows in a bucket, and reports whether there are enough
// now.
func (x *Index) collect(q *search, bucket uint64, limit int) bool {
	b := x.Watcher().(*buckets)
	for s := b.first(bucket); s != 0; s = b.links[s-1].next {
		q.find(b.row(s - 1))
	}
	for _, f := range x.formers.again[bucket] {
		if row, ok := x.Find(f.id); ok {
			q.find(uint32(row))
		}
	}
	return len(q.found) >= limit
}

// find adds a row to those that were found.
func (q *search) find(row uint32) {
	if q.marks[row] != q.epoch {
		q.marks[row] = q.epoch
		q.found = append(q.found, row)
	}
}

// rank returns the best of the rows that were found.
func (x *Index) rank(q *search, limit int, dst []Neighbor) []Neighbor {
	l := x.layout()
	words, length := l.words(q.record), norm(q.record)
	q.top.Reset(limit)
	q.turn = turn(len(q.found))
	for _, row := range q.found {
		record := x.Record(int(row))
		h := signature.Hamming(words, l.words(record))
		q.top.Add(x.distance(h, length, norm(record)), row)
	}
	for _, item := range q.top.Sorted() {
		dst = append(dst, Neighbor{int(item.Row), -item.X})
	}
	return dst
}

// distance estimates the distance of two vectors by the number of bits in
// which their signatures differ, and their norms.
func (x *Index) distance(h int, a, b float64) float64 {
	if h == 0 {
		return math.Abs(a - b)
	}
	dot := float64(float64(b*a) * x.cosines.At(h))
	return math.Sqrt((float64(a*a) + float64(b*b)) - float64(2*dot))
}
